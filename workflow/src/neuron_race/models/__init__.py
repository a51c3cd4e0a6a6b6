"""Networks: weights drawn at init, deep models and their hidden units, losses and residuals,
clusters of neurons, and the smaller networks of some of them.

May import data and what is above it.
"""
