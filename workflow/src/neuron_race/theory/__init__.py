"""The equations of paper_notes.md, the forecast from init, and checks of both.

May import training and what is above it.
"""
