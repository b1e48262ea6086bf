"""The same training under `jax.vmap`: `python vmapped.py SPEC`, asked as `turns.py` says.

One model's step is written down as if there were no other; `vmap` makes it a step of all folds of all trials, `scan`
an epoch of steps, `jit` one program that updates its weights in place. A fold reads its rows from one table by index,
once for all trials. SPEC is a JSON object: `problem`, an .npz by `shapes.py`; the `trials` of one program; how many
`programs` train at the same time, a thread each; the `axis` of the models, 0 or -1; and where to write the `logits`,
shape `(T, J, V)`.

Runs in an environment of its own: TensorFlow imports JAX wherever it finds it, and starts half a second later.

Axes    T trials, J folds, S steps, B rows in a batch, F features, H hidden units, V validation rows
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from turns import serve

Problem = Mapping[str, np.ndarray]


class Weights(NamedTuple):
    """Weights of one model, shapes `(F, H)`, `(H,)`, `(H,)`, `()`, or of all, with the axes of `vmap` beside these."""

    hidden_kernel: Array
    hidden_bias: Array
    output_kernel: Array
    output_bias: Array


def logits_of(weights: Weights, x: Array) -> Array:
    """Return the logits `(B,)` of rows `(B, F)`."""
    hidden = jax.nn.relu(x @ weights.hidden_kernel + weights.hidden_bias)
    return hidden @ weights.output_kernel + weights.output_bias


def loss(weights: Weights, x: Array, y: Array, class_weight: Array) -> Array:
    """Return sum(weight * binary cross-entropy) / rows of one batch."""
    logits = logits_of(weights, x)
    return jnp.mean(jnp.where(y > 0, class_weight, 1.0) * (jax.nn.softplus(logits) - y * logits))


def sgd_step(weights: Weights, x: Array, y: Array, class_weight: Array, *, learning_rate: float) -> Weights:
    """Return the weights of one model after one batch."""
    gradients = jax.grad(loss)(weights, x, y, class_weight)
    return jax.tree.map(lambda weight, gradient: weight - learning_rate * gradient, weights, gradients)


def make_program(problem: Problem, trials: slice, *, axis: int) -> Callable[[int], np.ndarray]:
    """Return what trains some trials from their initial weights for a number of epochs: logits `(T, J, V)`.

    Everything that it needs is on the device before it is called, the order of rows too.
    """
    table, mean, scale = (jnp.asarray(problem[name]) for name in ("table", "mean", "scale"))
    class_weights = jnp.asarray(problem["class_weights"][trials])
    orders = [jnp.asarray(_folds_at(order, axis)) for order in np.swapaxes(problem["orders"], 1, 2)]
    valid = jnp.asarray(_folds_at(problem["valid"][None], axis)[0])
    initial = Weights(*(_placed(problem[name], len(class_weights), axis) for name in Weights._fields))

    def standardized(rows: Array, mean: Array, scale: Array) -> tuple[Array, Array]:
        gathered = table[rows]
        return (gathered[:, :-1] - mean) / scale, gathered[:, -1]

    of_folds = jax.vmap(standardized, (axis, 0, 0), axis)
    step_of_one = partial(sgd_step, learning_rate=float(problem["learning_rate"]))
    over_folds = jax.vmap(step_of_one, (axis, axis, axis, None), axis)
    over_trials = jax.vmap(over_folds, (axis, None, None, 0), axis)
    logits = jax.jit(jax.vmap(jax.vmap(logits_of, (axis, axis)), (axis, None)))

    @partial(jax.jit, donate_argnums=0)
    def epoch(weights: Weights, order: Array) -> Weights:
        def step(weights: Weights, rows: Array) -> tuple[Weights, None]:
            return over_trials(weights, *of_folds(rows, mean, scale), class_weights), None

        return jax.lax.scan(step, weights, order)[0]

    def train(epochs: int) -> np.ndarray:
        weights = jax.tree.map(jnp.copy, initial)
        for order in orders[:epochs]:
            weights = epoch(weights, order)
        return np.asarray(logits(weights, of_folds(valid, mean, scale)[0]))

    return train


def _folds_at(rows: np.ndarray, axis: int) -> np.ndarray:
    """Return row numbers `(S, J, B)` with the folds first or last in each step."""
    return rows if axis == 0 else np.ascontiguousarray(np.swapaxes(rows, 1, 2))


def _placed(own: np.ndarray, n_trials: int, axis: int) -> Array:
    """Return the initial weights of every fold, `(J, ...)`, for all trials: `(T, J, ...)` or `(..., J, T)`."""
    stacked = np.tile(own, (n_trials, *[1] * own.ndim))
    return jnp.asarray(stacked if axis == 0 else np.moveaxis(stacked, (1, 0), (-2, -1)))


def main(spec: dict[str, Any]) -> None:
    """Serve timings of all programs together."""
    with np.load(spec["problem"]) as file:
        problem = dict(file)
    size, n_programs = spec["trials"], spec["programs"]
    starts = range(0, size * n_programs, size)
    programs = [make_program(problem, slice(start, start + size), axis=spec["axis"]) for start in starts]
    answers: list[np.ndarray] = []

    def train(epochs: int) -> None:
        with ThreadPoolExecutor(n_programs) as pool:
            answers[:] = pool.map(lambda program: program(epochs), programs)

    def state() -> dict[str, object]:
        logits = np.concatenate(answers)
        np.save(spec["logits"], logits)
        return {"models": logits.shape[0] * logits.shape[1], "jax": jax.__version__}

    serve(train, state)


if __name__ == "__main__":
    main(json.loads(sys.argv[1]))
