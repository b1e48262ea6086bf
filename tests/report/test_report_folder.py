"""Claims about the folder of outputs that `write_report` makes."""

import csv
import subprocess
import sys
from pathlib import Path

import pytest
from report_summaries import failed_trial, make_data, make_summary

from tuner.errors import StudyError
from tuner.report import write_report


def files_in(folder):
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


def test_report_tables_and_plots_are_written_and_named_by_kind(tmp_path):
    folder = tmp_path / "studies" / "default"
    written = write_report(make_summary(n_trials=12), folder)
    assert written == {
        "report": str(folder / "report.html"),
        "trials": str(folder / "trials.csv"),
        "folds": str(folder / "folds.csv"),
        "plots": str(folder / "plots"),
    }
    pictures = ["class_counts", "data", "history", "learning_curves", "weight_score"]
    assert files_in(folder) == ["folds.csv", *(f"plots/{name}.png" for name in pictures), "report.html", "trials.csv"]
    with Path(written["trials"]).open(newline="") as file:
        assert len(list(csv.reader(file))) == 13
    assert Path(written["report"]).read_text(encoding="utf-8").count("data:image/png;base64,") == len(pictures)


def test_writing_twice_gives_the_same_bytes(tmp_path):
    for name in ("a", "b"):
        write_report(make_summary(n_trials=8), tmp_path / name)
    assert files_in(tmp_path / "a") == files_in(tmp_path / "b")
    for name in files_in(tmp_path / "a"):
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()


def test_study_without_a_complete_trial_still_gets_a_report(tmp_path):
    written = write_report(make_summary(trials=(failed_trial(0),)), tmp_path)
    assert "No trial completed" in Path(written["report"]).read_text(encoding="utf-8")


def test_pictures_that_no_longer_hold_are_removed_and_files_of_others_kept(tmp_path):
    write_report(make_summary(n_trials=8), tmp_path)
    (tmp_path / "plots" / "mine.png").write_bytes(b"kept")
    without_rows = make_data(points=(), point_classes=())
    write_report(make_summary(trials=(failed_trial(0),), data=without_rows), tmp_path)
    names = [path.name for path in (tmp_path / "plots").iterdir()]
    assert sorted(names) == ["class_counts.png", "history.png", "mine.png"]


def test_plots_are_not_written_through_a_link_to_elsewhere(tmp_path):
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "study").mkdir()
    (tmp_path / "study" / "plots").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(StudyError, match="plots is a symbolic link"):
        write_report(make_summary(n_trials=3), tmp_path / "study")
    assert list((tmp_path / "elsewhere").iterdir()) == []


def test_report_is_made_without_numerics_or_a_database(tmp_path):
    code = (
        "import sys\n"
        f"sys.path.insert(0, {str(Path(__file__).parent)!r})\n"
        "from pathlib import Path\n"
        "from report_summaries import make_summary\n"
        "from tuner.report import write_report\n"
        f"write_report(make_summary(n_trials=4), Path({str(tmp_path)!r}))\n"
        "heavy = {'tensorflow', 'keras', 'optuna', 'sklearn', 'matplotlib.pyplot'}\n"
        "print(sorted(heavy & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
