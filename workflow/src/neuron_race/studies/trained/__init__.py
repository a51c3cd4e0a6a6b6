"""What is trained for each study, and what its run files keep; measuring is in the folder above.

A module ``<study>`` has ``train(target, name, options, data)``, which gives the arrays of a run
file, and a function that reads them back. Nothing here measures, so that a changed statistic
retrains nothing.
"""
