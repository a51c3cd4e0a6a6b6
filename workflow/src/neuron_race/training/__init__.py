"""Gradient descent: the recipe, the engines, what is kept of a run.

May import models and what is above it.
"""
