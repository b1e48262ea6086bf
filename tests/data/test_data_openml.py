"""OpenML by number: what scikit-learn fetches becomes a frame, what it cannot fetch becomes one message."""

import gzip
import hashlib
import io
import json
from http.client import IncompleteRead
from urllib.error import HTTPError, URLError

import pandas as pd
import pytest
import sklearn.datasets._openml as fetching

from tuner.config.dataset import OpenMLDataset
from tuner.data import openml
from tuner.data.openml import read_openml
from tuner.data.raw import read_raw
from tuner.errors import DataError

ARFF = b"""@RELATION t
@ATTRIBUTE a REAL
@ATTRIBUTE color {red, green}
@ATTRIBUTE class {no, yes}
@DATA
1.5,red,no
?,green,no
3,?,yes
"""

FEATURES = [
    {"index": str(index), "name": name, "data_type": kind, "is_target": str(name == "class").lower()}
    | {"is_ignore": "false", "is_row_identifier": "false", "number_of_missing_values": missing}
    for index, (name, kind, missing) in enumerate(
        [("a", "numeric", "1"), ("color", "nominal", "1"), ("class", "nominal", "0")]
    )
]


@pytest.fixture
def server(tmp_path, monkeypatch):
    """Answer scikit-learn's requests from here, cache under a temporary folder; returns the paths asked for."""
    description = {
        "id": "7",
        "name": "t",
        "version": "1",
        "description": "three rows",
        "format": "ARFF",
        "file_id": "9",
        "url": fetching._DATA_INFO.format("t.arff"),
        "status": "active",
        "md5_checksum": hashlib.md5(ARFF, usedforsecurity=False).hexdigest(),
    }
    answers = {
        "/data/7": json.dumps({"data_set_description": description}).encode(),
        "/data/features/7": json.dumps({"data_features": {"feature": FEATURES}}).encode(),
        "/data/qualities/7": json.dumps({"data_qualities": {"quality": []}}).encode(),
        "t.arff": ARFF,
    }
    asked = []

    def urlopen(request, *_, **__):
        asked.append(request.full_url)
        answer = next(content for end, content in answers.items() if request.full_url.endswith(end))
        response = io.BytesIO(gzip.compress(answer))
        response.info = lambda: {"Content-Encoding": "gzip"}
        return response

    monkeypatch.setenv("SCIKIT_LEARN_DATA", str(tmp_path))
    monkeypatch.setattr(fetching, "urlopen", urlopen)
    return asked


def test_dataset_is_fetched_once_and_then_read_from_the_cache(server):
    section = OpenMLDataset(kind="openml", id=7, target="class")
    raw = read_raw(section)
    assert {column.name: column.cells.to_pylist() for column in raw.columns} == {
        "a": [1.5, None, 3.0],
        "color": ["red", "green", None],
        "class": ["no", "no", "yes"],
    }
    n_asked = len(server)
    assert n_asked >= 3
    assert read_raw(section).n_rows == 3
    assert len(server) == n_asked


@pytest.fixture
def message(monkeypatch):
    """Return the message where scikit-learn raises an error, or brings a frame."""

    def message(result):
        def fetch(**_):
            if isinstance(result, Exception):
                raise result
            return type("Bunch", (), {"frame": result})

        monkeypatch.setattr(openml, "fetch_openml", fetch)
        with pytest.raises(DataError) as caught:
            read_openml(7)
        return str(caught.value)

    return message


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (URLError("no route"), "<urlopen error no route>"),
        (TimeoutError("timed out"), "timed out"),
        (IncompleteRead(b"half"), "IncompleteRead(4 bytes read)"),
    ],
)
def test_dataset_out_of_reach_is_refused_with_what_to_do(message, error, reason):
    assert message(error) == (
        f"OpenML dataset 7 is not cached and cannot be fetched ({reason}).\n"
        "Check the network, or save the table as a file and use kind: table."
    )


def test_answer_of_the_server_is_passed_on(message):
    error = HTTPError("", 404, "Not Found", {}, io.BytesIO())
    assert message(error) == (
        "OpenML dataset 7 cannot be fetched (the server answers 404 Not Found).\n"
        "Check dataset.id on the page of the dataset, or try again later."
    )
    error.close()


@pytest.mark.parametrize(
    "error", [fetching.OpenMLError("Dataset with data_id 7 not found."), ValueError("Sparse\nARFF"), KeyError("name")]
)
def test_dataset_that_is_unknown_or_no_table_is_refused(message, error):
    reason = " ".join(str(error).split())
    assert message(error) == (
        f"OpenML dataset 7 cannot be used ({reason}).\n"
        "Check dataset.id on the page of the dataset; sparse tables are not read."
    )


def test_dataset_without_rows_is_refused(message):
    assert message(pd.DataFrame({"a": []})) == (
        "OpenML dataset 7 has no rows.\nCheck dataset.id on the page of the dataset."
    )


def test_unreachable_server_is_one_message_without_warnings(server, monkeypatch):
    def unreachable(*_, **__):
        raise URLError("no route")

    monkeypatch.setattr(fetching, "urlopen", unreachable)
    monkeypatch.setattr(fetching.time, "sleep", lambda _: None)
    with pytest.raises(DataError) as caught:
        read_openml(7)
    assert str(caught.value).startswith("OpenML dataset 7 is not cached and cannot be fetched (")
