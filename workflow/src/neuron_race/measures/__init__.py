"""What a trained network is asked: alignment, merging, pruning, races.

May import theory and what is above it.
"""
