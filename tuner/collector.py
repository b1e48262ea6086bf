"""Python's garbage collector, kept from searching what imports leave behind.

The libraries of a run are about 700,000 objects that live until the process ends. By default the collector searches
them again and again: while they are imported, whenever a run has made as many objects, and once more at exit.
"""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def at_rest() -> Iterator[None]:
    """Import within the block without collecting; what lives at its end is searched no more until `thaw`."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        if was_enabled:
            gc.enable()


@contextmanager
def thawed_afterwards() -> Iterator[None]:
    """Let the collector search everything again after the block, unless some of it was frozen before."""
    n_frozen = gc.get_freeze_count()
    try:
        yield
    finally:
        if n_frozen == 0:
            gc.unfreeze()
