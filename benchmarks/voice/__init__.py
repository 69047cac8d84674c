"""Figures of spoken calls: gaps, cost, how many fit, and what is understood."""
