"""What a person, a log and a program see of a run, as whole texts."""

import io
import json
import re

import pytest

from tuner.cli import progress
from tuner.cli.progress import duration, make_listener
from tuner.events import BatchFinished, Notice, OutputsWritten, StudyOpened


def opened(**changes):
    fields = {
        "study": "fraud",
        "metric": "average_precision",
        "n_trials": 200,
        "n_finished": 0,
        "n_adopted": 0,
        "n_folds": 15,
        "seed": 7,
    }
    return StudyOpened(**{**fields, **changes})


def batch(n_finished, best=None, *, seconds=3.9, left=None, failed=0, pruned=0, n_trials=200):
    return BatchFinished(
        n_finished=n_finished,
        n_trials=n_trials,
        n_failed=failed,
        n_pruned=pruned,
        best=best,
        batch_seconds=seconds,
        left_seconds=left,
    )


def best(number, mean, half_width, weight, hidden, epochs):
    return number, mean, half_width, {"minority_weight": weight, "hidden_size": hidden, "epochs": epochs}


RUN = [
    opened(),
    batch(8, best(5, 0.8123, 0.0214, 14.23, 48, 20), left=94),
    Notice(text="baseline none is outside the range"),
    batch(16, best(12, 0.819, 0.019, 9.7, 96, 35), seconds=3.62, left=83.2, failed=1),
    OutputsWritten(files={"report": "studies/fraud/report.html"}),
]

TABLE = """\
fraud   200 trials, 15 models each, seed 7

 trials   best average precision       at weight  hidden  epochs    batch     left
  8/200   0.812 +- 0.021 (trial 5)          14.2      48      20    3.9 s   1m 34s
note: baseline none is outside the range
 16/200   0.819 +- 0.019 (trial 12)          9.7      96      35    3.6 s   1m 23s   1 failed
"""


def output(events, *, json=False, quiet=False, terminal=False):
    stream = io.StringIO()
    with make_listener(json=json, quiet=quiet, terminal=terminal, stream=stream) as listen:
        for event in events:
            listen(event)
    return stream.getvalue()


def screen(text):
    """Return what a terminal shows after `text`: carriage returns, cursor up and erased lines carried out."""
    lines, row, column = [""], 0, 0
    for part in re.findall(r"\x1b\[[0-9;?]*[A-Za-z]|\r|\n|[^\x1b\r\n]+", text):
        if part == "\r":
            column = 0
        elif part == "\n":
            row, column = row + 1, 0
            lines += [""] * (row + 1 - len(lines))
        elif part == "\x1b[2K":
            lines[row] = ""
        elif part == "\x1b[1A":
            row -= 1
        elif part.startswith("\x1b"):
            assert part[-1] in "mhl", f"the tests' terminal does not know {part!r}"
        else:
            lines[row] = lines[row][:column].ljust(column) + part + lines[row][column + len(part) :]
            column += len(part)
    return "\n".join(line.rstrip() for line in lines).rstrip("\n") + "\n"


@pytest.fixture(autouse=True)
def terminal_of_100_columns(monkeypatch):
    monkeypatch.setenv("COLUMNS", "100")
    monkeypatch.setenv("TERM", "xterm-256color")


def test_log_holds_the_table_as_plain_lines():
    assert output(RUN) == TABLE


def test_row_tells_how_many_were_pruned_and_how_many_failed():
    table = progress.Table(opened())
    assert table.row(batch(8, pruned=5, failed=1)).endswith("  3.9 s        -   5 pruned   1 failed")
    assert table.row(batch(8, pruned=5)).endswith("  3.9 s        -   5 pruned")


def test_terminal_ends_with_the_same_table_and_no_live_row():
    assert screen(output(RUN, terminal=True)) == TABLE.replace("seed 7", "seed 7      Ctrl-C keeps the study")


def test_live_row_counts_seconds_of_the_batch_and_of_what_is_left(monkeypatch):
    clock = iter([100.0] * 50)
    monkeypatch.setattr(progress, "monotonic", lambda: next(clock, 104.0))
    table = progress.TerminalTable(progress.Console(file=io.StringIO()))
    assert table.live_row().plain == ""
    table(opened())
    table(batch(8, best(5, 0.8123, 0.0214, 14.23, 48, 20), left=94))
    for _ in clock:
        pass
    assert table.live_row().plain == (
        "    ...                                                             4.0 s   1m 30s"
    )
    table(batch(200, best(5, 0.8123, 0.0214, 14.23, 48, 20), left=0))
    assert table.live_row().plain == ""


def test_json_writes_one_object_per_event():
    assert output(RUN, json=True) == (
        '{"event": "study_opened", "study": "fraud", "metric": "average_precision", "n_trials": 200, "n_finished": 0,'
        ' "n_adopted": 0, "n_folds": 15, "seed": 7}\n'
        '{"event": "batch_finished", "n_finished": 8, "n_trials": 200, "n_failed": 0, "n_pruned": 0, "best": {"trial": 5,'
        ' "mean": 0.8123, "half_width": 0.0214, "params": {"minority_weight": 14.23, "hidden_size": 48, "epochs": 20}},'
        ' "batch_seconds": 3.9, "left_seconds": 94}\n'
        '{"event": "notice", "text": "baseline none is outside the range"}\n'
        '{"event": "batch_finished", "n_finished": 16, "n_trials": 200, "n_failed": 1, "n_pruned": 0, "best": {"trial": 12,'
        ' "mean": 0.819, "half_width": 0.019, "params": {"minority_weight": 9.7, "hidden_size": 96, "epochs": 35}},'
        ' "batch_seconds": 3.62, "left_seconds": 83.2}\n'
        '{"event": "outputs_written", "files": {"report": "studies/fraud/report.html"}}\n'
    )


def test_json_holds_null_where_a_single_fold_has_no_interval():
    line = output([batch(1, best(0, 0.5, float("inf"), 1.0, 4, 2))], json=True)
    assert json.loads(line)["best"]["half_width"] is None


def test_json_holds_null_until_a_trial_completed():
    assert json.loads(output([batch(1, failed=1)], json=True))["best"] is None


@pytest.mark.parametrize("json", [False, True])
@pytest.mark.parametrize("terminal", [False, True])
def test_quiet_shows_nothing(json, terminal):
    assert output(RUN, json=json, quiet=True, terminal=terminal) == ""


@pytest.mark.parametrize("mode", [{}, {"json": True}, {"terminal": True}])
def test_nothing_reaches_standard_output(mode, capsys):
    output(RUN, **mode)
    assert capsys.readouterr().out == ""


def test_no_trial_completed_yet_is_said():
    assert output([opened(metric="f1", n_trials=9), batch(8, n_trials=9, failed=8)]) == (
        "fraud   9 trials, 15 models each, seed 7\n"
        "\n"
        " trials   best f1                    at weight  hidden  epochs    batch     left\n"
        "    8/9   none yet                           -       -       -    3.9 s        -   8 failed\n"
    )


def test_resumed_study_says_what_was_there():
    assert output([opened(n_finished=40, n_adopted=3)]).splitlines()[0] == (
        "fraud   200 trials, 15 models each, seed 7, 40 finished before, 3 evaluated again"
    )


def test_one_trial_of_one_model_is_singular():
    assert output([opened(n_trials=1, n_folds=1)]).splitlines()[0] == "fraud   1 trial, 1 model each, seed 7"


def test_long_study_name_is_shortened():
    assert output([opened(study="x" * 100)]).startswith(f"{'x' * 37}...   200 trials")


def test_columns_keep_their_place_for_negative_scores_large_numbers_and_single_folds():
    events = [
        opened(metric="neg_log_loss", n_trials=10_000),
        batch(8, best(5, -0.0321, 0.001, 0.01, 4, 2), left=400_000, n_trials=10_000),
        batch(
            9_999, best(9_998, -0.0321, float("inf"), 12_345.6, 4096, 100_000), seconds=4000, left=5, n_trials=10_000
        ),
    ]
    assert output(events).split("\n", 2)[2] == (
        "     trials   best neg log loss              at weight  hidden  epochs    batch     left\n"
        "    8/10000   -0.032 +- 0.001 (trial 5)           0.01       4       2    3.9 s   4d 15h\n"
        " 9999/10000   -0.032 (trial 9998)                12346    4096  100000   1h 06m    5.0 s\n"
    )


def test_notice_cannot_steer_the_terminal():
    assert output([Notice(text="column \x1b[2J is constant")]) == "note: column \\x1b[2J is constant\n"


@pytest.mark.parametrize("terminal", [False, True])
def test_notice_of_several_lines_keeps_them_below_its_first_word(terminal):
    shown = screen(output([Notice(text="other versions:\n  keras 1 -> 2\n\x1b[2J")], terminal=terminal))
    assert shown == "note: other versions:\n        keras 1 -> 2\n      \\x1b[2J\n"


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0.0 s"),
        (3.94, "3.9 s"),
        (9.949, "9.9 s"),
        (9.951, "10 s"),
        (59.4, "59 s"),
        (59.6, "1m 00s"),
        (94, "1m 34s"),
        (3599.6, "1h 00m"),
        (7500, "2h 05m"),
        (86_399.9, "1d 00h"),
        (273_600, "3d 04h"),
    ],
)
def test_duration_reads_as_people_say_it(seconds, text):
    assert duration(seconds) == text


def test_weight_of_many_classes_is_the_largest():
    stream = io.StringIO()
    params = {"class_weights": [1.0, 31.64, 4.5], "hidden_size": 48, "epochs": 20}
    with make_listener(json=False, quiet=False, terminal=False, stream=stream) as listen:
        listen(opened())
        listen(batch(8, (5, 0.8123, 0.0214, params), left=94))
    assert stream.getvalue().splitlines()[-1].split("(trial 5)")[1].split()[:3] == ["31.6", "48", "20"]
