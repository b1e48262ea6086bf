"""Trials of a config, a batch as `run` trains it: `python stacked_trials.py CONFIG`, asked as `turns.py` says."""

from __future__ import annotations

import sys
from pathlib import Path

from batches import full_batch, make_batch
from turns import serve

from tuner.config.load import load_config

if __name__ == "__main__":
    config = load_config(Path(sys.argv[1])).config
    train, n_models = make_batch(config, n_trials=full_batch(config, at_least=config.study.batch_size))
    serve(train, lambda: {"models": n_models})
