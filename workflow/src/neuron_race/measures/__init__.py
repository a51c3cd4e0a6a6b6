"""What a trained network is asked: ranks, clusters, alignment, merging, pruning, races.

May import theory and what is above it.
"""
