"""One module per kind of data set: how it is drawn, its options, and what is refused of them.

May import what :mod:`neuron_race.data` may.
"""
