"""Pages to look at: scorecard, explorer, lectures and their notebooks.

May import figures and what is above it.
"""
