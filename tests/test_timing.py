"""Claims about where the time goes: the wall clock adds up, cores are counted once, a clock is safe on threads."""

import json
import subprocess
import sys
import threading
import time
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tuner import timing
from tuner.timing import PHASES, TRAINING, Account, Clock, Span, account, process_start

END = 40


@st.composite
def whole_spans(draw):
    """Spans with whole ends, those of one thread one after the other, some beyond the run."""
    spans = []
    for thread in range(draw(st.integers(0, 4))):
        ends = sorted(draw(st.sets(st.integers(-5, END + 5), max_size=12)))
        phases = st.sampled_from(PHASES)
        spans += [Span(draw(phases), thread, *pair) for pair in zip(ends[::2], ends[1::2], strict=False)]
    return tuple(draw(st.permutations(spans)))


def second_by_second(spans, threads):
    """Return wall, cores, window and idle by looking at every second alone: the specification."""
    wall, cores = dict.fromkeys((*PHASES, "other"), 0), dict.fromkeys(PHASES, 0)
    used = []
    for second in range(END):
        phases = [s.phase for s in spans if s.began <= second < s.ended]
        wall[min(phases, key=PHASES.index, default="other")] += 1
        for phase in phases:
            cores[phase] += 1
        used.append(min(threads, sum(phase in TRAINING for phase in phases)))
    busy = [second for second in range(END) if used[second]]
    window = busy[-1] + 1 - busy[0] if busy else 0
    return wall, cores, window, threads * window - sum(used)


@given(spans=whole_spans(), threads=st.integers(1, 4))
def test_both_views_are_those_of_looking_at_every_second(spans, threads):
    found = account(spans, began=0, ended=END, threads=threads)
    assert (found.wall, found.cores, found.window, found.idle) == second_by_second(spans, threads)


times = st.floats(0, 1e5, allow_nan=False)


@given(
    spans=st.lists(st.builds(Span, st.sampled_from(PHASES), st.integers(0, 3), times, times), max_size=30),
    ended=times,
    threads=st.integers(1, 64),
)
def test_seconds_add_up_shares_are_shares_and_json_gives_them_back(spans, ended, threads):
    found = account(tuple(spans), began=0.0, ended=ended, threads=threads)
    assert found.total == pytest.approx(ended)
    assert 0.0 <= found.window <= ended
    assert 0.0 <= found.idle <= threads * found.window
    shares = found.share_outside_training, found.idle_share, found.idle_share_of_run
    assert all(-1e-9 <= share <= 1.0 + 1e-9 for share in shares)
    stored = json.loads(json.dumps(found.as_dict(), allow_nan=False))
    total = stored["wall"].pop("total")
    assert total == pytest.approx(sum(stored["wall"].values()), abs=1e-6)
    assert Account.from_dict(found.as_dict()).as_dict()["wall"] == found.as_dict()["wall"]


def test_training_hides_what_goes_on_beside_it_and_idle_cores_are_told():
    spans = (
        Span("start", 1, 0.0, 2.0),
        Span("import", 1, 2.0, 5.0),
        Span("compile", 2, 5.0, 6.0),
        Span("train", 2, 6.0, 14.0),
        Span("train", 3, 6.0, 10.0),
        Span("metrics", 3, 10.0, 10.5),
        Span("ask", 1, 9.0, 11.0),
        Span("outputs", 1, 15.0, 17.0),
    )
    found = account(spans, began=0.0, ended=20.0, threads=2, since="process")
    assert found.as_dict() == {
        "since": "process",
        "wall": {
            "total": 20.0, "train": 8.0, "compile": 1.0, "metrics": 0.0, "import": 3.0, "start": 2.0, "data": 0.0,
            "ask": 0.0, "tell": 0.0, "evidence": 0.0, "outputs": 2.0, "other": 4.0,
        },
        "cores": {
            "threads": 2, "train": 12.0, "compile": 1.0, "metrics": 0.5, "import": 3.0, "start": 2.0, "data": 0.0,
            "ask": 2.0, "tell": 0.0, "evidence": 0.0, "outputs": 2.0,
            "window": 9.0, "idle": 4.5, "idle_share": 0.25, "idle_share_of_run": 0.6625,
        },
        "share_outside_training": 0.6,
    }  # fmt: skip


def test_run_that_trained_nothing_has_no_window_and_no_idle_core():
    found = account((Span("data", 1, 0.0, 1.0),), began=0.0, ended=2.0, threads=2)
    assert (found.window, found.idle, found.idle_share) == (0.0, 0.0, 0.0)
    assert (found.share_outside_training, found.idle_share_of_run) == (1.0, 1.0)


def test_phase_inside_another_interrupts_it(monkeypatch):
    moments = iter(range(100))
    monkeypatch.setattr(timing.time, "perf_counter", lambda: float(next(moments)))
    clock = Clock()
    with clock.phase("train"), clock.phase("compile"):
        pass
    with pytest.raises(ValueError, match="on purpose"), clock.phase("ask"):
        raise ValueError("on purpose")
    with clock.phase("tell"):
        pass
    assert [(span.phase, span.began, span.ended) for span in clock.spans] == [
        ("train", 1, 2), ("compile", 2, 3), ("train", 3, 4), ("ask", 5, 6), ("tell", 7, 8),
    ]  # fmt: skip


def test_threads_are_told_apart_and_none_is_lost():
    clock, together = Clock(), threading.Barrier(8)

    def work():
        together.wait()
        for _ in range(200):
            with clock.phase("train"), clock.phase("compile"):
                pass

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(clock.spans) == 8 * 200 * 3
    of_threads = {}
    for span in clock.spans:
        of_threads.setdefault(span.thread, []).append(span)
    for spans in of_threads.values():
        assert all(a.ended <= b.began for a, b in pairwise(spans))


def test_process_counts_from_its_start_not_from_its_first_import():
    program = "import time; time.sleep(0.3); from tuner.timing import Clock; c = Clock.of_process(); print(c.since, c.account(threads=1).total, c.account(threads=1).wall['start'])"
    began = time.perf_counter()
    answer = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    whole = time.perf_counter() - began
    since, total, start = answer.stdout.split()
    assert since == "process"
    assert 0.3 < float(start) <= float(total) < whole + 0.02


@pytest.mark.parametrize("text", ["", "7 (python) S 1", "7 (a) b) S " + "0 " * 18 + "x"])
def test_where_the_kernel_does_not_tell_a_process_counts_from_the_import(monkeypatch, text):
    monkeypatch.setattr(Path, "read_text", lambda _: text)
    assert process_start() == (timing._IMPORTED, "import")


def test_start_that_lies_behind_the_import_is_not_believed(monkeypatch):
    ticks = int(time.clock_gettime(time.CLOCK_BOOTTIME) * 100)
    monkeypatch.setattr(Path, "read_text", lambda _: "7 (python) S " + "0 " * 18 + f"{ticks + 10_000} 0")
    assert process_start() == (timing._IMPORTED, "import")


def test_name_of_the_process_may_hold_blanks_and_parentheses(monkeypatch):
    text = Path("/proc/self/stat").read_text()
    expected = process_start()
    monkeypatch.setattr(Path, "read_text", lambda _: text.replace("(", "(a) (b ", 1))
    assert process_start() == (pytest.approx(expected[0], abs=0.02), "process")
