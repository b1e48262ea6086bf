"""Tables and folds: everything a trainer sees, frozen and hashed.

load     dataset.py dispatches to synthetic.py, bundled.py, table.py (delimited.py reads, labels.py binarizes)
split    folds.py
scale    preprocessing.py, fitted on training rows only
explain  summary.py (what a report may draw), checks.py (what a person should know before training)
"""
