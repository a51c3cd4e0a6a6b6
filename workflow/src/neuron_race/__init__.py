"""How gradient descent adapts a network's capacity: one neuron at a time.

Modules follow the flow of the data, and each imports only from those before it:
datasets -> networks -> training -> dynamics, clusters -> merging, pruning, tickets
-> statistics -> evidence -> claims -> plots.
"""

__version__ = "0.1.0"
