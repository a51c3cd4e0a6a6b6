"""Figures, one module per claim: each draws tidy tables and returns the numbers drawn."""
