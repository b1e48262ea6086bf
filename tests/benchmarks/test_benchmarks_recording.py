"""The page of benchmarks says what was measured, where and when, and nothing else."""

import dataclasses
import json

import pytest


@pytest.fixture
def taken(recording):
    return recording.Circumstances(
        measured_at="2026-02-03T04:05:06+00:00",
        cpu="Abacus 3",
        cores=2,
        memory_bytes=24 << 30,
        others=0.256,
        commit="0123456789ab",
        changed=False,
        versions={"python": "3.11.7", "tuner": "0.1.0"},
    )


def measurement(recording, name="growth"):
    return recording.Measurement(
        name=name,
        title=f"About {name}",
        method="Counted by hand.",
        columns=("rows", "seconds"),
        rows=[("10", "1.5"), ("20", "3.1")],
        figures={"seconds": [1.5, 3.1]},
    )


def test_result_reads_as_headline_method_table_and_circumstances(recording, taken, tmp_path):
    text = recording.record(measurement(recording), taken, results=tmp_path / "results", page=tmp_path / "page.md")
    assert text == (
        "## About growth\n\nCounted by hand.\n\n"
        "| rows | seconds |\n| --- | --: |\n| 10 | 1.5 |\n| 20 | 3.1 |\n\n"
        "2026-02-03, commit 0123456789ab. Abacus 3, 2 cores, 24 GiB; other programs took 26% of the cores.\n"
        "python 3.11.7, tuner 0.1.0.\n"
    )
    assert (tmp_path / "results" / "growth.md").read_text() == text
    assert (tmp_path / "page.md").read_text() == f"{recording.INTRODUCTION}\n{text}"


@pytest.mark.parametrize(
    ("commit", "changed", "words"),
    [("0123456789ab", True, "commit 0123456789ab with changes"), (None, False, "no commit")],
)
def test_code_that_no_commit_holds_is_said_to_be_so(recording, taken, tmp_path, commit, changed, words):
    taken = dataclasses.replace(taken, commit=commit, changed=changed)
    text = recording.record(measurement(recording), taken, results=tmp_path / "results", page=tmp_path / "page.md")
    assert f"2026-02-03, {words}. Abacus" in text


def with_picture(recording, name="growth"):
    from pictures import Line, Panel

    lines = [Line(label="seconds", x=[10, 20], y=[1.5, 3.1]), Line(label="asked", x=[10, 20], y=[2, 2], is_bound=True)]
    panels = (Panel(x_label="rows", y_label="seconds", lines=lines),)
    return dataclasses.replace(measurement(recording, name), panels=panels)


def test_picture_stands_between_the_table_and_the_circumstances_of_the_page_only(recording, taken, tmp_path):
    page = tmp_path / "page.md"
    text = recording.record(with_picture(recording), taken, results=tmp_path / "results", page=page)
    assert "![" not in text
    assert "| 20 | 3.1 |\n\n![About growth](./page/growth.svg)\n\n2026-02-03" in page.read_text()
    assert (tmp_path / "page" / "growth.svg").read_text().count("<text") > 4


def test_pages_written_again_are_the_same_to_the_byte(recording, taken, tmp_path):
    page, results = tmp_path / "page.md", tmp_path / "results"
    recording.record(with_picture(recording), taken, results=results, page=page)
    written = [path.read_bytes() for path in (page, tmp_path / "page" / "growth.svg")]
    recording.write_pages(results, page)
    assert [path.read_bytes() for path in (page, tmp_path / "page" / "growth.svg")] == written


def test_page_holds_every_result_in_the_order_of_the_benchmarks(recording, taken, tmp_path):
    for name in reversed(recording.ORDER):
        recording.record(measurement(recording, name), taken, results=tmp_path / "results", page=tmp_path / "page.md")
    headlines = [line for line in (tmp_path / "page.md").read_text().splitlines() if line.startswith("## ")]
    assert headlines == [f"## About {name}" for name in recording.ORDER]


def test_raw_figures_are_kept_beside_the_table(recording, taken, tmp_path):
    recording.record(measurement(recording), taken, results=tmp_path / "results", page=tmp_path / "page.md")
    result = json.loads((tmp_path / "results" / "growth.json").read_text())
    assert result["figures"] == {"seconds": [1.5, 3.1]}
    assert result["circumstances"] == dataclasses.asdict(taken)


@pytest.mark.parametrize(
    ("seconds", "text"), [(0.01234, "0.0123"), (1.5, "1.5"), (99.94, "99.9"), (412.4, "412"), (1234.6, "1,235")]
)
def test_seconds_never_show_as_a_power_of_ten(recording, seconds, text):
    assert recording.seconds_text(seconds) == text


def test_others_are_given_as_a_share_of_the_time_meanwhile(recording, monkeypatch):
    seconds = iter([(100.0, 40.0), (108.0, 42.0)])
    monkeypatch.setattr(recording, "_core_seconds", lambda: next(seconds))
    assert recording.circumstances()().others == 0.25


def test_circumstances_are_those_of_this_machine(recording):
    taken = recording.circumstances()()
    assert 0 <= taken.others <= 1
    assert taken.cores >= 1
    assert taken.memory_bytes > 1 << 28
    assert taken.cpu
    assert set(taken.versions) == {"python", *recording.LIBRARIES}


def test_committed_page_is_what_the_committed_results_say(recording, tmp_path):
    copies, page = tmp_path / "results", tmp_path / recording.PAGE.name
    copies.mkdir()
    for result in recording.RESULTS.glob("*.json"):
        (copies / result.name).write_bytes(result.read_bytes())
    recording.write_pages(copies, page)
    assert page.read_text() == recording.PAGE.read_text()
    for table in copies.glob("*.md"):
        assert table.read_text() == (recording.RESULTS / table.name).read_text()
    drawn, committed = (
        {picture.name: picture.read_bytes() for picture in folder.with_suffix("").glob("*")}
        for folder in (page, recording.PAGE)
    )
    assert drawn == committed
    for picture in page.with_name("verdict").glob("*"):
        assert picture.read_bytes() == (recording.PAGE.with_name("verdict") / picture.name).read_bytes()
