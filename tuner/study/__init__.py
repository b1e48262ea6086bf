"""Bookkeeping: what is asked, what was scored, kept in one SQLite file beside Optuna's own tables.

space       what may be searched, resolved to numbers
distributions, points, weighting
            ranges and lists, trials known beforehand, the weights of many classes or labels
sampling    parameters of trial n, a pure function of the study's seed, n and the trials before it
database    the file: reading it unchanged, recognizing what is not ours, errors in words
lock        one driver per database
storage     Optuna's tables, many writes in one transaction
records     our tables: studies, trials, folds, predictions
drift       what a study was made with, part by part; what changed since
lifecycle   create, resume or refuse
racing      losers of a batch are spared the rest of their repeats
progress    which numbers come next, the best so far, the time left
loop        ask one batch ahead, evaluate, store and tell
summary     the database as plain data
"""
