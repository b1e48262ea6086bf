"""Cross-validation: which columns may decide, and how often the rows are cut."""

import pytest

from tuner.config.cv import KFold
from tuner.config.schema import Config


@pytest.mark.parametrize("key", ["time", "fold"])
def test_order_of_time_and_a_column_of_folds_are_cut_once_unless_asked_otherwise(key):
    for section in (KFold(**{key: "day"}), KFold(**{key: "day", "n_repeats": 1})):
        assert section.n_repeats == 1
        assert section.one_way == key
        assert section.columns == {key: "day"}


def test_groups_are_repeated_like_rows():
    section = KFold(group="duplicates")
    assert section.n_repeats == KFold().n_repeats == 3
    assert section.one_way is KFold().one_way is None
    assert (section.columns, KFold().columns) == ({"group": "duplicates"}, {})


def test_keys_that_hold_nothing_are_as_if_they_were_not_there():
    assert KFold(group=None, time=None, fold=None) == KFold()


def test_what_a_study_keeps_of_its_config_reads_back_the_same():
    config = Config.model_validate({"cv": {"time": "day", "n_splits": 4}})
    assert Config.model_validate(config.model_dump(mode="json")).cv == config.cv
    assert config.cv.n_repeats == 1


def test_trials_may_race_over_repeats_of_groups():
    assert Config.model_validate({"cv": {"group": "user"}, "racing": {"enabled": True}}).racing.enabled
