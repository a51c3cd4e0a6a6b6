"""What a run costs, what it is archived as.

May import everything above.
"""
