"""Agents ready to run."""
