"""What is trained for one purpose and compared: tickets, and targets beyond one hidden layer.

May import measures and what is above it.
"""
