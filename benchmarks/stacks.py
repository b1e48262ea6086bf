"""Stacks of one shape, trained as `run` trains them: `python stacks.py SPEC`, asked as `turns.py` says.

SPEC is a JSON object: `shape`, the most `epochs` that are asked for, the least number of `trials` (null: what fills
every core), and where to write the `logits`, shape `(T, J, V)`; null: nowhere.
"""

from __future__ import annotations

import json
import sys

import numpy as np
from turns import serve


def main(spec: dict[str, object]) -> None:
    """Serve timings of training, orders of rows and scores left out."""
    from batches import full_batch, make_training
    from shapes import MODELS, Shape

    config = Shape(*spec["shape"]).config(spec["epochs"])
    n_trials = full_batch(config, at_least=spec["trials"] or 1)
    training = make_training(config, n_trials=n_trials)
    logits = np.empty(0)

    def train(epochs: int) -> None:
        nonlocal logits
        logits = training(epochs)

    def state() -> dict[str, object]:
        if spec["logits"]:
            np.save(spec["logits"], logits)
        return {"models": n_trials * MODELS}

    serve(train, state)


if __name__ == "__main__":
    main(json.loads(sys.argv[1]))
