"""What was learned from a table is kept with its study, once, and read back as it was."""

import sqlite3

import pytest
from study_kit import evaluate, make_plan, run

from tuner.errors import StudyError
from tuner.study.encoders import load_encoder_dict
from tuner.study.lifecycle import open_study


@pytest.fixture
def path(tmp_path):
    return tmp_path / "study.db"


ENCODER = {"schema": "tuner.encoder/1", "columns": [{"name": "größe"}], "constants": {"mean": [0.1, 1e-30]}}


def test_encoder_comes_back_as_it_was_kept_the_last_one_winning(path):
    with open_study(make_plan(n_trials=4), path) as study:
        study.keep_encoder({"schema": "older"})
        study.keep_encoder(ENCODER)
    assert load_encoder_dict(path, "fraud") == ENCODER


def test_study_from_before_encoders_says_how_to_get_one(path):
    run(make_plan(n_trials=4), path, evaluate)
    with pytest.raises(StudyError) as caught:
        load_encoder_dict(path, "fraud")
    assert str(caught.value) == (
        f'study "fraud" in {path} holds no encoder: it was made by an earlier version.\n'
        "Run `python -m tuner run CONFIG` once more; nothing is trained again."
    )


def test_new_database_has_no_table_of_encoders_until_one_is_kept(path):
    run(make_plan(n_trials=4), path, evaluate)
    query = "select name from sqlite_master where name = 'tuner_encoders'"
    with sqlite3.connect(path) as database:
        assert database.execute(query).fetchall() == []
