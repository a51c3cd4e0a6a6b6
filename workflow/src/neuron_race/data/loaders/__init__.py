"""One module per format of image files: what it holds, and how it is read.

May import what :mod:`neuron_race.data` may.
"""
