"""The equations of paper_notes.md, the forecast from init, and checks of both.

May import settings and what is above it.
"""
