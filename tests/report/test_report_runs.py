"""Claims about the section that tells where the time of the runs went."""

from report_summaries import make_summary
from test_report_html import page

from tuner.report.runs import MAX_RUNS, runs_section
from tuner.study.summary import RunRecord
from tuner.timing import Span, account

SPANS = (
    Span("start", 1, 0.0, 1.0),
    Span("import", 1, 1.0, 4.0),
    Span("train", 2, 4.0, 14.0),
    Span("train", 3, 4.0, 13.0),
    Span("metrics", 3, 13.0, 13.5),
    Span("tell", 1, 14.0, 14.01),
)


def make_run(number=0):
    time = account(SPANS, began=0.0, ended=16.0, threads=2, since="process")
    stamp = f"2026-01-{number + 1:02d}T10:20:30.400Z"
    return RunRecord(started_at=stamp, finished_at=stamp, host="h", pid=7, n_trials=1_234, time=time)


def test_a_run_is_a_row_and_a_bar_whose_parts_make_it_whole():
    section = runs_section(make_summary(runs=(make_run(),)))
    assert dict(zip(section["head"], section["runs"][0]["cells"], strict=True)) == {
        "run": "2026-01-01 10:20 UTC",
        "trials": "1,234",
        "seconds": "16.0",
        "training": "10.0",
        "outside training": "38 %",
        "threads": "2",
        "idle": "2 %",
    }
    parts = section["runs"][0]["parts"]
    assert [(part["phase"], part["seconds"], part["percent"]) for part in parts] == [
        ("train", "10.0", "62.50"),
        ("import", "3.0", "18.75"),
        ("start", "1.0", "6.25"),
        ("other", "2.0", "12.44"),
    ]
    assert section["phases"] == ["train", "import", "start", "other"]


def test_report_says_that_it_does_not_count_itself():
    words = page(make_summary(runs=(make_run(),))).words
    assert "Where the time went run trials seconds training" in words
    assert "Seconds of the wall clock without writing this report;" in words


def test_only_the_last_runs_are_listed_and_the_others_are_counted():
    runs = tuple(make_run(number) for number in range(MAX_RUNS + 3))
    section = runs_section(make_summary(runs=runs))
    assert [run["cells"][0][:10] for run in section["runs"]] == [run.started_at[:10] for run in runs[3:]]
    assert f"The last {MAX_RUNS} of {MAX_RUNS + 3} runs." in page(make_summary(runs=runs)).words


def test_study_without_recorded_runs_has_no_section():
    assert runs_section(make_summary()) is None
    assert "Where the time went" not in page(make_summary()).words


def test_every_phase_that_is_drawn_has_a_color():
    summary = make_summary(runs=(make_run(),))
    style = "".join(part for part in page(summary).text.split("\n") if part.startswith("i."))
    for phase in summary.runs[0].time.wall:
        assert f"i.{phase} {{ background: #" in style
