"""What every room uses: files written whole or not at all, fingerprints, seeds, progress,
terminals.

May import nothing of the package.
"""
