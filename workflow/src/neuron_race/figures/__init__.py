"""One module per figure, and the style of all; they read tidy tables only.

May import evidence and what is above it.
"""
