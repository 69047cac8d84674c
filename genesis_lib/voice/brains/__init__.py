"""Brains: what a voice agent thinks with. A script, or a language model."""
