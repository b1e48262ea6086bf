"""A plain Keras loop over the folds of a config: `python keras_fold.py CONFIG`, asked as `turns.py` says.

One model on the first fold; what its loop takes for all models is extrapolated by who asks.
"""

from __future__ import annotations

import sys
from pathlib import Path

from contenders import keras_fit
from turns import serve

from tuner.config.load import load_config

if __name__ == "__main__":
    train, n_models = keras_fit(load_config(Path(sys.argv[1])).config)
    serve(train, lambda: {"models": n_models})
