"""Data sets, one module per source, and the fetching of images.

May import common.
"""
