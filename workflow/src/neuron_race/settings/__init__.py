"""The configuration and the claims register: read, checked, and refused with a reason.

May import training and what is above it: these say what settings may ask of them.
"""
