"""The verdict: class weights against what a careful person would try instead, by nested cross-validation.

arms.py          what competes, and the candidates of its searches
rules.py         how it is judged, and which verdicts are refused
outer_fold.py    one outer fold: every arm searches on inner folds, is trained again, and is scored on the test rows
comparison.py    all outer folds, stored one by one, and what they say together
"""
