"""What stored predictions and fold scores say beyond a mean: pure functions from arrays to records of `evidence.py`.

winners_curse.py    bootstrap bias-corrected score of a whole search
counted_rows.py     scores where every row counts several times or not at all
counted_views.py    the same of many classes, and of labels, as views of two classes each
band.py             which weights are as good as the best one
crossfit.py         who judges what was chosen on out-of-fold predictions, and who chooses
probabilities.py    undoing the weight, calibration
thresholds.py       the threshold to recommend, and what it achieves
noise.py            folds and seeds in a paired difference
verdict.py          arms of a verdict compared: contrasts, conclusion, sentence

Axes    T trials, R repeats, N scored rows, J = R x n_splits folds (repeat-major)
"""
