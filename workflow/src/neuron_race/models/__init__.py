"""Networks: weights drawn at init, deep models and their hidden units, losses and residuals.

May import data and what is above it.
"""
