"""Keras on TensorFlow, set up once: import `keras` and `tf` from here.

Stacks run on threads of our own, one on each core, so TensorFlow's operators get one thread each; with that, a core
adds floating-point numbers in one order whatever the machine.
"""

from __future__ import annotations

import contextlib
import os
import sys
import tempfile
from collections.abc import Iterator

os.environ["KERAS_BACKEND"] = "tensorflow"
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")


@contextlib.contextmanager
def _quiet_start() -> Iterator[None]:
    """Hold back what the C++ runtime writes to standard error while it starts; show it when the start fails.

    It writes there before any log level of its own applies: which instructions it uses, which GPU it does not find.
    """
    sys.stderr.flush()
    before = os.dup(2)
    with tempfile.TemporaryFile() as held:
        os.dup2(held.fileno(), 2)
        try:
            yield
        except BaseException:
            held.seek(0)
            os.write(before, held.read())
            raise
        finally:
            os.dup2(before, 2)
            os.close(before)


with _quiet_start():
    import keras
    import tensorflow as tf
    from tensorflow.compiler.tf2xla.python.xla import dynamic_update_slice, optimization_barrier

    with contextlib.suppress(RuntimeError):  # a caller who has used TensorFlow before us has settled this
        tf.config.threading.set_intra_op_parallelism_threads(1)
    tf.config.list_logical_devices()  # start the runtime here, in the quiet

if keras.backend.backend() != "tensorflow":
    raise ImportError(
        f"Keras was imported with the {keras.backend.backend()} backend before tuner; the stacked trainer needs "
        "TensorFlow. Import tuner first, or set KERAS_BACKEND=tensorflow."
    )

__all__ = ["dynamic_update_slice", "keras", "optimization_barrier", "tf"]
