"""The principles beyond one hidden layer and plain gradient descent: one module per study.

Each has ``tables(target, conditions, data)``: it trains all conditions of a target and returns tidy
tables ``runs`` (one row per run and condition, what criteria read) and ``details`` (what figures
draw). Depth, residual paths, convolution and transformer are all studied by ``architectures``.
"""
