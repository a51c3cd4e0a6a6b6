"""Pages to look at: the site, its explorer, lectures and their notebooks.

May import figures and what is above it.
"""
