"""Dropout masks: the bits of the definition, and numbers that pass for random along every counter."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import chi2

from tuner.training.backend import tf
from tuner.training.dropout import CountedDropout, keep_factors, uniform_numbers
from tuner.training.seeds import dropout_key

KEY = dropout_key(seed=3, repeat=1, split=2)

KEYS = st.integers(0, 2**32 - 1).map(lambda seed: dropout_key(seed=seed, repeat=0, split=0))
PLACES = st.fixed_dictionaries(
    {"layer": st.integers(0, 1), "epoch": st.integers(0, 99_999), "step": st.integers(0, 999_999)}
)


def mixed(x):
    """The mixer, in NumPy and in three lines of its own."""
    x = (x ^ x >> np.uint32(16)) * np.uint32(0x7FEB352D)
    x = (x ^ x >> np.uint32(15)) * np.uint32(0x846CA68B)
    return x ^ x >> np.uint32(16)


def hashed(key, *counters, mixed=mixed):
    """The definition: counters, broadcast against each other, hashed into a key of two words one after the other."""
    first, second = (np.atleast_1d(word) for word in key)
    for counter in counters:
        first = mixed(first ^ np.asarray(counter, np.uint32))
        second = mixed(second ^ first)
    return second


def numbers(key, place, n_rows, n_units):
    """The numbers of one batch, by the definition."""
    counters = place["layer"], place["epoch"], place["step"], np.arange(n_rows)[:, None], np.arange(n_units)
    return (hashed(key, *counters) >> np.uint32(8)).astype(np.float32) / np.float32(2**24)


# --- bits


@given(key=KEYS, place=PLACES, n_rows=st.integers(1, 40), n_units=st.integers(1, 70))
@settings(max_examples=30, deadline=None)
def test_numbers_are_those_of_the_definition_bit_for_bit(key, place, n_rows, n_units):
    actual = uniform_numbers(tf.constant(key[None]), **place, n_rows=n_rows, n_units=n_units).numpy()
    assert actual.dtype == np.float32
    assert actual.tobytes() == numbers(key, place, n_rows, n_units).tobytes()


@pytest.mark.parametrize("jit_compile", [False, True])
def test_compiled_numbers_are_those_of_the_definition_bit_for_bit(jit_compile):
    keys = np.stack([dropout_key(seed=0, repeat=r, split=s) for r in range(2) for s in range(3)])

    @tf.function(jit_compile=jit_compile)
    def compiled(keys, epoch, step):
        return uniform_numbers(keys, layer=1, epoch=epoch, step=step, n_rows=32, n_units=16)

    actual = compiled(tf.constant(keys[:, None]), tf.constant(199.0), tf.constant(4321)).numpy()
    expected = [numbers(key, {"layer": 1, "epoch": 199, "step": 4321}, 32, 16) for key in keys]
    assert actual.tobytes() == np.stack(expected).tobytes()


@given(st.integers(0, 2**32 - 1))
def test_mixer_is_undone_by_the_inverse_that_its_author_gives(word):
    x = mixed(np.array([word], np.uint32))
    x = (x ^ x >> np.uint32(16)) * np.uint32(0x43021123)
    x = (x ^ x >> np.uint32(15) ^ x >> np.uint32(30)) * np.uint32(0x1D69E2A5)
    assert (x ^ x >> np.uint32(16))[0] == word


@given(key=KEYS, place=PLACES, small=st.tuples(st.integers(1, 8), st.integers(1, 20)))
@settings(max_examples=20, deadline=None)
def test_first_rows_and_units_keep_their_numbers_in_a_larger_batch_and_layer(key, place, small):
    n_rows, n_units = small
    there = tf.constant(np.stack([KEY, key])[:, None])
    large = uniform_numbers(there, **place, n_rows=50, n_units=64).numpy()[1, :n_rows, :n_units]
    own = uniform_numbers(tf.constant(key[None]), **place, n_rows=n_rows, n_units=n_units).numpy()
    assert large.tobytes() == own.tobytes()


# --- factors

HERE = {"layer": 0, "epoch": 4, "step": 7, "n_rows": 32, "n_units": 16}


def factors(rate):
    return keep_factors(tf.constant(rate, tf.float32), tf.constant(KEY[None]), **HERE).numpy()


def test_units_are_dropped_where_their_number_is_below_the_rate_and_scaled_up_elsewhere():
    is_dropped = uniform_numbers(tf.constant(KEY[None]), **HERE).numpy() < np.float32(0.3)
    assert is_dropped.any()
    np.testing.assert_allclose(factors(0.3), np.where(is_dropped, 0, 1 / 0.7), rtol=1e-6)


def test_a_higher_rate_drops_the_same_units_and_more():
    assert ((factors(0.2) == 0) <= (factors(0.6) == 0)).all()
    assert (factors(0.2) == 0).sum() < (factors(0.6) == 0).sum()


def test_rates_per_model_act_each_on_its_own_model():
    both = keep_factors(tf.constant([[[0.2]], [[0.6]]]), tf.constant(np.stack([KEY, KEY])[:, None]), **HERE).numpy()
    assert both.tobytes() == np.stack([factors(0.2), factors(0.6)]).tobytes()


def test_rate_zero_changes_no_bit():
    assert (factors(0.0) == 1.0).all()


def test_rate_that_rounds_to_one_drops_everything_and_divides_nothing_by_zero():
    assert np.float32(1 - 1e-12) == 1
    assert (factors(1 - 1e-12) == 0).all()


# --- the layer of the plain trainer


def ones(n_rows):
    return tf.ones((n_rows, 16))


def test_layer_counts_steps_in_training_begins_anew_with_each_epoch_and_takes_a_last_batch_of_any_size():
    layer = CountedDropout(0.3, KEY, layer=1)
    for epoch in (0, 5):
        layer.begin_epoch(epoch)
        for step, n_rows in enumerate((32, 32, 7)):
            place = {"layer": 1, "epoch": epoch, "step": step}
            expected = np.where(numbers(KEY, place, n_rows, 16) < np.float32(0.3), 0, np.float32(1) / np.float32(0.7))
            np.testing.assert_allclose(layer(ones(n_rows), training=True).numpy(), expected, rtol=1e-6)


def test_layer_changes_and_counts_nothing_outside_training():
    layer = CountedDropout(0.3, KEY, layer=0)
    layer.begin_epoch(2)
    assert (layer(ones(32)).numpy() == 1).all()
    first = layer(ones(32), training=True).numpy()
    assert (first == 0).tobytes() == (numbers(KEY, {"layer": 0, "epoch": 2, "step": 0}, 32, 16) < 0.3).tobytes()


# --- randomness
#
# Everything is a function of fixed keys, so a test passes always or never. Thresholds are for what the tests would do
# with truly random numbers: a false alarm in fewer than one of ten thousand runs of all of them. There are about 600
# normal statistics (of which |z| > 5.5 has probability 4e-8 each, 2e-5 in all) and 40 chi-square ones (1e-6 each).

AXES = {"fold": 6, "layer": 2, "epoch": 16, "step": 16, "row": 32, "unit": 32}
Z, P = 5.5, 1e-6


def sample(mixed=mixed):
    """Words of all counters below `AXES`, one dimension each: 3,145,728."""
    keys = np.array([dropout_key(seed=0, repeat=0, split=split) for split in range(AXES["fold"])])
    ranges = np.ix_(*(np.arange(n, dtype=np.uint32) for n in AXES.values()))
    keys = keys.T.reshape(2, -1, 1, 1, 1, 1, 1)
    return hashed(keys, *ranges[1:], mixed=mixed)


WORDS = sample()


def is_even(counts):
    """Whether counts that should be equal in expectation pass a chi-square test, neither too uneven nor too even."""
    expected = counts.mean()
    statistic, df = ((counts - expected) ** 2 / expected).sum(), counts.size - 1
    return P < chi2.cdf(statistic, df) < 1 - P


def neighbors(words, axis, distance):
    """Two views whose counters along one axis are `distance` apart."""
    i = list(AXES).index(axis)
    n = words.shape[i]
    return words.take(range(n - distance), i), words.take(range(distance, n), i)


def are_independent(first, second):
    """Whether pairs of words fill the 16 x 16 squares of their four highest bits evenly."""
    return is_even(np.bincount(((first >> 28) * 16 + (second >> 28)).ravel(), minlength=256))


DISTANCES = [(axis, 1 << k) for axis, n in AXES.items() for k in range((n - 1).bit_length())]


def test_words_are_uniform():
    for shift in (0, 8, 16, 24):
        assert is_even(np.bincount((WORDS >> shift & 255).ravel(), minlength=256))


@pytest.mark.parametrize("rate", [0.01, 0.1, 0.5, 0.9])
def test_share_dropped_is_the_rate_at_every_value_of_every_counter(rate):
    below = rate * 2**24
    is_dropped = below > WORDS >> 8
    for axis in range(WORDS.ndim):
        others = tuple(i for i in range(WORDS.ndim) if i != axis)
        n = WORDS.size // WORDS.shape[axis]
        z = (is_dropped.sum(others) - n * rate) / np.sqrt(n * rate * (1 - rate))
        assert np.abs(z).max() < Z


@pytest.mark.parametrize(("axis", "distance"), DISTANCES)
def test_neighbors_along_every_counter_are_independent(axis, distance):
    first, second = neighbors(WORDS, axis, distance)
    assert are_independent(first, second)
    u, v = (side.ravel() / 2.0**32 - 0.5 for side in (first, second))
    assert abs(12 * (u @ v) / np.sqrt(u.size)) < Z  # 1 / 12 is the variance of a uniform number


@pytest.mark.parametrize(("axis", "distance"), DISTANCES)
def test_one_bit_of_a_counter_turns_half_of_all_bits(axis, distance):
    first, second = neighbors(WORDS, axis, distance)
    turned = (first ^ second).ravel()
    counts = np.array([np.count_nonzero(turned & np.uint32(1 << bit)) for bit in range(32)])
    assert np.abs(2 * counts - turned.size).max() < Z * np.sqrt(turned.size)


def test_diagonal_neighbors_are_independent():
    """The same sum of row and unit, and of step and row: what adding counters instead of hashing them would confuse."""
    assert are_independent(WORDS[..., 1:, :-1], WORDS[..., :-1, 1:])
    assert are_independent(WORDS[..., 1:, :-1, :], WORDS[..., :-1, 1:, :])


def test_rows_of_a_batch_have_as_few_units_in_common_as_chance_gives():
    """At rate 1/2 two masks of 32 units agree in 16 of them on average, with variance 8."""
    masks = (WORDS >> 31).reshape(-1, 32, 32)
    for k in (1, 2, 16):
        more_than_half = (masks[:, :-k] == masks[:, k:]).sum(2) - 16.0
        assert abs(more_than_half.mean()) < Z * np.sqrt(8 / more_than_half.size)
        assert abs((more_than_half**2).mean() - 8) < Z * np.sqrt(2 * 8**2 / more_than_half.size)


@pytest.mark.parametrize(
    "weak", [lambda x: x * np.uint32(0x7FEB352D), lambda x: x ^ x >> np.uint32(16)], ids=["product", "shift"]
)
def test_half_a_mixer_would_be_found_out(weak):
    words = sample(weak)
    assert not all(are_independent(*neighbors(words, axis, distance)) for axis, distance in DISTANCES)
