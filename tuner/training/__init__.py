"""Training of small MLPs: stacked (fast) and sequential (the specification).

Axes used in every module of this package

    T   trials in a stack                J   folds in all = n_repeats x n_splits, repeat-major
    M   models in a stack = T x J; model m trains trial m // J on fold m % J
    S   steps in an epoch                B   rows in a batch
    F   features                         H   width: hidden units of the widest model of the stack, padded
    V   validation rows of the largest fold          C   checkpoints
    O   outputs: 1 logit of two classes, K of more classes, L of several labels

A trainer answers `stacks(batch)`, which trials train together, and `train(stack)`, their validation logits at the
checkpoints. Both trainers start from the same initial weights and see the same batches (`seeds.py`).
"""
