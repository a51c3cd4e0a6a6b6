"""The user's own network: watched while it trains, merged, pruned, inspected.

May import pages and what is above it.
"""
