"""What was learned from a table, applied to raw rows."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from tuner.config.dataset import MISSING, EncodingSection, TableDataset
from tuner.data.dataset import load_dataset, make_dataset
from tuner.data.encoder import Encoder, make_encoder
from tuner.data.encoding import encode_whole
from tuner.data.raw import read_raw
from tuner.errors import DataError

N_ROWS = 60


def raw_rows(seed=0):
    """Cells of a table with every kind of column, as text, and columns that are no features."""
    rng = np.random.default_rng(seed)
    words = ["cheap", "flight", "hotel", "sea", "snow"]
    return {
        "row": [str(row) for row in range(N_ROWS)],
        "number": [repr(value) for value in rng.lognormal(size=N_ROWS).tolist()],
        "gaps": [repr(v) if rng.random() < 0.8 else "?" for v in rng.normal(3, 2, N_ROWS).tolist()],
        "whole": [str(value) for value in rng.integers(-5, 6, N_ROWS).tolist()],
        "flag": rng.choice(["yes", "no", ""], N_ROWS, p=[0.6, 0.3, 0.1]).tolist(),
        "color": rng.choice(["red", "green", " blue ", "gold", "NA"], N_ROWS, p=[0.4, 0.3, 0.2, 0.05, 0.05]).tolist(),
        "when": [f"20{rng.integers(10, 24)}-0{rng.integers(1, 9)}-1{rng.integers(0, 9)}" for _ in range(N_ROWS)],
        "note": [" ".join([*rng.choice(words, 4).tolist(), f"n{row}"]) for row in range(N_ROWS)],
        "constant": ["x"] * N_ROWS,
        "y": [str(int(row % 3 == 0)) for row in range(N_ROWS)],
    }


def section_of(folder, columns, /, **options):
    path = Path(folder / "t.csv")
    separator = options.get("separator", ",")
    lines = [separator.join(columns), *(separator.join(row) for row in zip(*columns.values(), strict=True))]
    path.write_text("\n".join(lines) + "\n")
    return TableDataset(kind="table", path=path, target="y", **options)


def fitted(section, **encoding):
    """Return the table that a model is trained on and its encoder."""
    dataset = load_dataset(section)
    how = EncodingSection(**encoding)
    table = encode_whole(dataset, how)
    return table, make_encoder(dataset, table, how, missing=tuple(section.missing), decimal=section.decimal)


@pytest.fixture
def encoder(tmp_path):
    """The encoder of the table of `raw_rows`."""
    return fitted(section_of(tmp_path, raw_rows()))[1]


@pytest.mark.parametrize("scaling", ["standard", "robust", "power"])
@pytest.mark.parametrize("max_ngram", [1, 2])
def test_on_the_rows_it_was_fitted_on_it_gives_the_numbers_of_the_model_to_the_bit(tmp_path, scaling, max_ngram):
    section = section_of(tmp_path, raw_rows())
    table, encoder = fitted(section, scaling=scaling, max_ngram=max_ngram)
    assert {feature.kind for feature in encoder.features} == {"value", "missing", "level", "term"}
    raw = read_raw(section)
    np.testing.assert_array_equal(encoder.apply(raw), table.scaled.transform(table.X, 0))
    np.testing.assert_array_equal(encoder.apply(raw, standardize=False), table.unscaled.transform(table.X, 0))
    assert encoder.apply(raw).dtype == np.float32
    assert not np.isnan(encoder.apply(raw)).any()


@pytest.mark.parametrize("scaling", ["standard", "power"])
def test_it_goes_through_json_and_back_without_a_change(tmp_path, scaling):
    section = section_of(tmp_path, raw_rows(), missing=["", "?", "NA", "-999"])
    _, encoder = fitted(section, scaling=scaling, max_ngram=2)
    text = json.dumps(encoder.as_dict(), allow_nan=False)
    again = Encoder.from_dict(json.loads(text))
    assert json.dumps(again.as_dict()) == text
    assert (again.specs, again.missing, again.decimal, again.max_ngram, again.features) == (
        encoder.specs, encoder.missing, encoder.decimal, encoder.max_ngram, encoder.features,
    )  # fmt: skip
    raw = read_raw(section)
    for standardize in (True, False):
        own, other = (one.apply(raw, standardize=standardize) for one in (encoder, again))
        assert own.tobytes() == other.tobytes()


def test_its_plain_form_says_what_it_is(encoder):
    stored = encoder.as_dict()
    assert list(stored) == ["schema", "columns", "missing", "decimal", "max_ngram", "features", "constants"]
    assert stored["schema"] == "tuner.encoder/1"
    assert stored["columns"][0] == {
        "name": "number",
        "kind": "numeric",
        "evidence": stored["columns"][0]["evidence"],
        "n_missing": 0,
        "format": None,
        "is_given": False,
    }
    assert stored["features"][0] == {"column": "number", "kind": "value", "text": ""}
    assert list(stored["constants"]) == ["fill", "mean", "scale", "power"]
    assert len(stored["constants"]["fill"]) == len(stored["features"])


def test_another_version_is_refused(encoder):
    with pytest.raises(DataError) as caught:
        Encoder.from_dict({**encoder.as_dict(), "schema": "tuner.encoder/2"})
    assert str(caught.value) == (
        "the encoder is of the form 'tuner.encoder/2', expected 'tuner.encoder/1'.\n"
        "Read it with the version of tuner that wrote it."
    )


def frame_of(columns, **changes):
    return pd.DataFrame({**columns, **changes}).drop(columns=["y", "row", "constant"])


def test_rows_in_a_frame_of_text_give_the_numbers_of_the_file(tmp_path, encoder):
    expected = encoder.apply(read_raw(section_of(tmp_path, raw_rows())))
    np.testing.assert_array_equal(encoder.apply(frame_of(raw_rows())), expected)


def test_rows_in_a_frame_of_native_types_give_the_numbers_of_the_file(tmp_path, encoder):
    columns = raw_rows()
    expected = encoder.apply(read_raw(section_of(tmp_path, columns)))
    native = frame_of(
        columns,
        number=np.array(columns["number"], np.float64),
        gaps=[float("nan") if cell == "?" else float(cell) for cell in columns["gaps"]],
        whole=pd.array([int(cell) for cell in columns["whole"]], "Int16"),
        flag=pd.array([{"yes": True, "no": False, "": None}[cell] for cell in columns["flag"]], "boolean"),
        color=pd.Categorical([None if cell == "NA" else cell for cell in columns["color"]]),
        when=pd.to_datetime(columns["when"]).tz_localize("UTC"),
        note=pd.array(columns["note"], "string"),
    )
    np.testing.assert_array_equal(encoder.apply(native), expected)
    np.testing.assert_array_equal(encoder.apply(native.astype({"flag": object, "color": object})), expected)


def test_an_encoder_of_native_rows_reads_their_text(tmp_path):
    frame = pd.DataFrame({
        "when": pd.date_range("2020-01-01 10:30", periods=30, freq="31h"),
        "day": pd.date_range("2020-01-01", periods=30).date,
        "size": np.tile([1.0, 2.0, np.nan], 10),
        "y": np.arange(30) % 2,
    })  # fmt: skip
    path = tmp_path / "t.parquet"
    frame.to_parquet(path)
    section = TableDataset(kind="table", path=path, target="y", columns={"size": "categorical"})
    table, encoder = fitted(section)
    expected = table.scaled.transform(table.X, 0)
    np.testing.assert_array_equal(encoder.apply(frame), expected)
    texts = frame.astype(str).assign(size=["1", "2", ""] * 10)
    np.testing.assert_array_equal(encoder.apply(texts), expected)


def test_numbers_that_stand_for_a_missing_cell_do_so_in_native_rows(tmp_path):
    columns = {"a": ["1", "-999", "3.5"] * 10, "y": ["0", "1", "1"] * 10}
    table, encoder = fitted(section_of(tmp_path, columns, missing=["-999"]))
    assert [feature.kind for feature in encoder.features] == ["value", "missing"]
    frame = pd.DataFrame({"a": np.array(columns["a"], float)})
    np.testing.assert_array_equal(encoder.apply(frame), table.scaled.transform(table.X, 0))


def test_decimal_commas_are_read_in_new_rows_too(tmp_path):
    columns = {"a": ["1,5", "-2,25", "3"] * 10, "y": ["0", "1", "1"] * 10}
    table, encoder = fitted(section_of(tmp_path, columns, separator=";", decimal=","))
    for cells in (["1,5", "-2,25", "3"], ["1.5", "-2.25", "3.0"], [1.5, -2.25, 3.0]):
        found = encoder.apply(pd.DataFrame({"a": cells}))
        np.testing.assert_array_equal(found, table.scaled.transform(table.X, 0)[:3])


def one_row(**changes):
    return frame_of({name: cells[:1] for name, cells in raw_rows().items()}, **{k: [v] for k, v in changes.items()})


def numbers_by_name(encoder, row):
    found = encoder.apply(row, standardize=False)[0].tolist()
    return dict(zip([feature.name for feature in encoder.features], found, strict=True))


@pytest.mark.parametrize("cell", ["black", "gold", "RED", ""])
def test_an_unseen_a_rare_and_a_missing_category_have_no_category(encoder, cell):
    found = numbers_by_name(encoder, one_row(color=cell))
    assert [found[f"color = {name}"] for name in ("red", "green", "blue")] == [0, 0, 0]
    assert found["color is missing"] == (cell == "")
    assert numbers_by_name(encoder, one_row(color=" green "))["color = green"] == 1


def test_a_missing_cell_is_filled_and_said_to_be_missing(encoder):
    found = numbers_by_name(encoder, one_row(gaps="", flag="?"))
    names = [feature.name for feature in encoder.features]
    for name in ("gaps", "flag"):
        assert found[name] == encoder.constants.fill[0, names.index(name)]
        assert found[f"{name} is missing"] == 1
    scaled = dict(zip(names, encoder.apply(one_row(gaps="", flag="?"))[0].tolist(), strict=True))
    assert scaled["gaps"] == scaled["flag"] == 0


def test_a_missing_cell_in_a_column_that_never_lacked_one_is_filled(encoder):
    found = numbers_by_name(encoder, one_row(number=None, when=None, note=""))
    names = [feature.name for feature in encoder.features]
    assert "number is missing" not in names
    for name in ("number", "when: days", "when: day of week cos"):
        assert found[name] == encoder.constants.fill[0, names.index(name)]
    assert not any(value for name, value in found.items() if name.startswith("note: "))


def test_unseen_words_are_no_terms_but_take_their_share_of_the_text(encoder):
    known = numbers_by_name(encoder, one_row(note="cheap"))["note: cheap"]
    beside = numbers_by_name(encoder, one_row(note="cheap unheard"))["note: cheap"]
    assert (known, beside) == (1, pytest.approx(0.5**0.5))


def test_columns_may_come_in_any_order_and_further_ones_are_ignored(encoder):
    frame = frame_of(raw_rows())
    expected = encoder.apply(frame)
    more = frame.assign(extra=[[1, 2]] * N_ROWS, y="?")[[*reversed(frame.columns), "extra", "y"]]
    more[7] = 1
    np.testing.assert_array_equal(encoder.apply(more.set_index(np.arange(N_ROWS) * 3)), expected)


def test_no_row_gives_no_number(encoder):
    for empty in (frame_of(raw_rows())[:0], frame_of(raw_rows()).astype({"number": float})[:0]):
        assert encoder.apply(empty).shape == (0, len(encoder.features))


def test_rows_are_encoded_alike_alone_and_together(encoder):
    frame = frame_of(raw_rows())
    whole = encoder.apply(frame)
    for row in (0, 17, 59):
        np.testing.assert_array_equal(encoder.apply(frame[row : row + 1])[0], whole[row])


def test_a_column_that_is_not_there_is_named(encoder):
    with pytest.raises(DataError) as caught:
        encoder.apply(pd.DataFrame({"number": [1], "other": [2]}))
    assert str(caught.value) == (
        'the frame lacks columns "gaps", "whole", "flag", "color", "when" and 1 more, which the encoder was fitted on; '
        'it has "number", "other".\nAdd what is not there, with empty cells where nothing is known.'
    )
    with pytest.raises(DataError) as caught:
        encoder.apply(frame_of(raw_rows()).drop(columns="flag"))
    assert str(caught.value) == (
        'the frame lacks column "flag", which the encoder was fitted on; it has "number", "gaps", "whole", "color", '
        '"when" and 1 more.\nAdd what is not there, with empty cells where nothing is known.'
    )


def test_a_column_of_a_file_that_is_not_there_is_named(tmp_path, encoder):
    columns = raw_rows()
    del columns["when"]
    section = section_of(tmp_path, columns)
    with pytest.raises(DataError) as caught:
        encoder.apply(read_raw(section))
    assert str(caught.value) == (
        f'{section.path} lacks column "when", which the encoder was fitted on; it has "row", "number", "gaps", "whole", '
        '"flag" and 4 more.\nAdd what is not there, with empty cells where nothing is known.'
    )


def test_every_cell_that_cannot_be_read_is_in_one_message(encoder):
    frame = frame_of(raw_rows())
    frame.loc[[2, 5], "number"] = ["many", "few"]
    frame.loc[7, "flag"] = "maybe"
    frame.loc[0, "when"] = "yesterday"
    frame.loc[9, "whole"] = "-1e39"
    with pytest.raises(DataError) as caught:
        encoder.apply(frame)
    assert str(caught.value) == (
        "the frame has 4 problems\n"
        "\n"
        '  "number"   2 cells are not a number ("many" in row 3)\n'
        '  "whole"    1 cell infinite or beyond 1.7e+38, the first "-1e39" in row 10; correct them or name them in '
        "dataset.missing\n"
        '  "flag"     1 cell is not true or false ("maybe" in row 8)\n'
        '  "when"     1 cell is not a date ("yesterday" in row 1)\n'
        "\n"
        "Correct the cells; those without a value may be empty. Row 1 is the first."
    )


def test_cells_of_another_native_type_are_no_such_cells(encoder):
    frame = frame_of(raw_rows()).assign(when=2020, number=pd.Timestamp("2020-01-01"))
    with pytest.raises(DataError) as caught:
        encoder.apply(frame)
    assert str(caught.value) == (
        "the frame has 2 problems\n"
        "\n"
        '  "number"   60 cells are not a number ("2020-01-01 00:00:00" in row 1)\n'
        '  "when"     60 cells are not a date ("2020" in row 1)\n'
        "\n"
        "Correct the cells; those without a value may be empty. Row 1 is the first."
    )


def test_names_that_repeat_are_refused(encoder):
    frame = frame_of(raw_rows())
    with pytest.raises(DataError, match=r'^the frame has column names that are more than once: "flag"\.'):
        encoder.apply(pd.concat([frame, frame[["flag"]]], axis=1))


def test_a_table_made_of_numbers_has_an_encoder_of_numbers():
    X = np.random.default_rng(0).normal(size=(20, 2)).astype(np.float32)
    dataset = make_dataset(
        X,
        np.arange(20) % 2,
        feature_names=("a", "b"),
        target="y",
        classes=("0", "1"),
        label_type="int",
        source="a table",
    )
    table = encode_whole(dataset, EncodingSection())
    encoder = make_encoder(dataset, table, EncodingSection(), missing=MISSING, decimal=".")
    assert [(spec.name, spec.kind, spec.evidence) for spec in encoder.specs] == [
        ("a", "numeric", "made as a number"),
        ("b", "numeric", "made as a number"),
    ]
    found = encoder.apply(pd.DataFrame(X, columns=["a", "b"]))
    np.testing.assert_array_equal(found, table.scaled.transform(table.X, 0))


def test_a_column_without_a_value_is_no_feature_whatever_the_config_calls_it(tmp_path):
    columns = {"a": ["1", "2"] * 10, "b": [""] * 20, "y": ["0", "1"] * 10}
    _, encoder = fitted(section_of(tmp_path, columns, columns={"b": "numeric"}))
    assert [feature.name for feature in encoder.features] == ["a"]
    assert encoder.apply(pd.DataFrame({"a": [1, 2]}), standardize=False).tolist() == [[1], [2]]


def test_categories_written_as_numbers_are_the_same_in_a_frame_that_read_them_as_numbers(tmp_path):
    columns = {"a": ["0.0", "1.0", "2.0", "1.0"] * 10, "y": ["0", "1"] * 20}
    table, encoder = fitted(section_of(tmp_path, columns, columns={"a": "categorical"}))
    found = encoder.apply(pd.DataFrame({"a": [0.0, 1.0, 2.0, 1.0] * 10}))
    np.testing.assert_array_equal(found, table.scaled.transform(table.X, 0))


def test_numbers_in_the_place_of_categories_with_leading_zeros_are_refused(tmp_path):
    columns = {"zip": ["01", "02"] * 20, "y": ["0", "1"] * 20}
    _, encoder = fitted(section_of(tmp_path, columns, columns={"zip": "categorical"}))
    with pytest.raises(DataError) as caught:
        encoder.apply(pd.DataFrame({"zip": [1, 2]}))
    assert str(caught.value) == (
        "the frame has 1 problem\n\n"
        '  "zip"   holds numbers, but its categories begin with zeros, such as "01"; read it as text\n\n'
        "Correct the cells; those without a value may be empty. Row 1 is the first."
    )


def test_on_every_real_table_it_gives_the_numbers_of_the_model_to_the_bit_after_json_too(shared_data):
    for known in json.loads((shared_data / "manifest.json").read_text()):
        path = shared_data / known["file"]
        section = TableDataset(kind="table", path=path, target=known["target"], drop=known["drop"])
        table, encoder = fitted(section)
        again = Encoder.from_dict(json.loads(json.dumps(encoder.as_dict())))
        found = again.apply(read_raw(section))
        assert np.isfinite(found).all(), known["name"]
        np.testing.assert_array_equal(found, table.scaled.transform(table.X, 0), err_msg=known["name"])


def test_rows_without_names_of_columns_are_refused(tmp_path):
    _, encoder = fitted(section_of(tmp_path, {"a": ["1", "2"] * 10, "y": ["0", "1"] * 10}))
    with pytest.raises(TypeError, match="rows must be a pandas DataFrame with the columns by name, got ndarray"):
        encoder.apply(np.zeros((3, 1)))
    assert repr(encoder) == "Encoder(1 columns -> 1 numbers)"
