"""The configuration and the claims register: read, checked, and refused with a reason.

May import common.
"""
