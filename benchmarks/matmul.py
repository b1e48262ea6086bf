"""How fast this machine multiplies: `python matmul.py LIBRARY`, asked as `turns.py` says for a number of products.

LIBRARY is "numpy" or "tensorflow". Answers with the fewest seconds, `best`, of one float32 product of two matrices.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable

import numpy as np
from turns import serve

SIZE = 2048
OPERATIONS = 2 * SIZE**3


def main(library: str) -> None:
    """Serve timings of products."""
    multiply = _multiply(library)
    best = float("inf")

    def products(number: int) -> None:
        nonlocal best
        for _ in range(number):
            began = time.perf_counter()
            multiply()
            best = min(best, time.perf_counter() - began)

    serve(products, lambda: {"best": best})


def _multiply(library: str) -> Callable[[], object]:
    a, b = np.random.default_rng(0).normal(size=(2, SIZE, SIZE)).astype(np.float32)
    if library == "numpy":
        return lambda: a @ b
    os.environ["TF_CPP_MIN_LOG_LEVEL"] = "2"
    import tensorflow as tf

    left, right = tf.constant(a), tf.constant(b)
    return lambda: tf.matmul(left, right).numpy()


if __name__ == "__main__":
    main(sys.argv[1])
