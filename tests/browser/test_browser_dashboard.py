"""The dashboard: for this machine only, in a browser, and beside a run that it must not disturb."""

import contextlib
import http.client
import json
import signal
import socket
import sqlite3
import struct
import subprocess
import sys
import threading
import time
from collections import Counter
from pathlib import Path
from urllib.parse import urlsplit

import optuna
import pytest
from browser_kit import visit
from sqlalchemy import text

import tuner
from tuner.study.storage import shared_storage

TUNER = (sys.executable, "-m", "tuner")
START_SECONDS = 60


@contextlib.contextmanager
def running(command, **options):
    """Run a command beside the block; kill it at the end if it still runs."""
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    with subprocess.Popen([*map(str, command)], **pipes | options) as process:
        try:
            yield process
        finally:
            process.kill()


@contextlib.contextmanager
def dashboard(study, *options):
    """Run our dashboard on a study's folder; yield its process and address."""
    with running([*TUNER, "dashboard", study, "--port", "0", *options]) as process:
        address = process.stdout.readline().strip()
        assert address, process.stderr.read()
        yield process, address


@contextlib.contextmanager
def stock_dashboard(database):
    """Run optuna-dashboard as its own manual says; yield its process and address."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    program = Path(sys.executable).with_name("optuna-dashboard")
    command = [program, f"sqlite:///{database}", "--port", port, "--server", "wsgiref"]
    with running(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:  # it logs every request
        address = f"http://127.0.0.1:{port}/"
        wait_until_it_answers(address)
        yield process, address


def wait_until_it_answers(address):
    end = time.monotonic() + START_SECONDS
    while time.monotonic() < end:
        with contextlib.suppress(ConnectionError):
            get(address, "/api/meta")
            return
        time.sleep(0.1)
    raise TimeoutError(address)


def get(address, path, *, method="GET", headers=None):
    """Return status, headers and body of one request."""
    connection = http.client.HTTPConnection(urlsplit(address).netloc, timeout=START_SECONDS)
    with contextlib.closing(connection):
        connection.request(method, path, headers=headers or {})
        response = connection.getresponse()
        return response.status, response.headers, response.read()


def trials_at(address):
    """Return the trials that a dashboard's API tells, number and state."""
    status, _, body = get(address, "/api/studies/1")
    assert status == 200, body
    return [(trial["number"], trial["state"]) for trial in json.loads(body)["trials"]]


def sockets_listening_on(port):
    """Return the local addresses of all sockets that listen on a port, as the kernel writes them."""
    tables = [Path("/proc/net/tcp"), Path("/proc/net/tcp6")]
    rows = [line.split() for table in tables if table.exists() for line in table.read_text().splitlines()[1:]]
    local = [row[1].split(":") for row in rows if row[3] == "0A"]
    return [address for address, number in local if int(number, 16) == port]


def integrity(database):
    with contextlib.closing(sqlite3.connect(database)) as connection:
        return connection.execute("PRAGMA integrity_check").fetchall()


@pytest.fixture(scope="module")
def served(finished):
    """Address of a dashboard on the finished study."""
    with dashboard(finished) as (_, address):
        yield address


def test_dashboard_answers_with_the_page_and_the_study(served):
    status, headers, _ = get(served, "/")
    assert (status, urlsplit(headers["Location"]).path) == (302, "/dashboard")
    status, headers, page = get(served, "/dashboard")
    assert status == 200
    assert b"<title>Optuna Dashboard</title>" in page
    assert "default-src 'self'" in headers["Content-Security-Policy"]
    status, _, body = get(served, "/api/studies")
    assert [study["study_name"] for study in json.loads(body)["study_summaries"]] == ["smoke"]
    assert trials_at(served) == [(number, "Complete") for number in range(6)]


def test_only_the_loopback_address_listens(served):
    port = urlsplit(served).port
    assert sockets_listening_on(port) == ["0100007F"]
    with pytest.raises(ConnectionRefusedError), socket.create_connection(("127.0.0.2", port), timeout=10):
        pass  # a socket on 0.0.0.0 would have accepted


@pytest.mark.parametrize("host", ["rebound.example", "rebound.example:{port}", "127.0.0.1.rebound.example", ""])
def test_a_request_under_the_name_of_another_host_is_refused(served, host):
    host = host.format(port=urlsplit(served).port)
    for method, path in [("GET", "/api/studies"), ("DELETE", "/api/studies/1")]:
        status, _, body = get(served, path, method=method, headers={"Host": host})
        assert (status, body) == (403, b"This dashboard answers only to 127.0.0.1 and localhost.\n")
    assert len(trials_at(served)) == 6


def test_a_request_by_the_name_localhost_on_a_forwarded_port_is_answered(served):
    assert get(served, "/api/studies", headers={"Host": "localhost:9"})[0] == 200


@pytest.mark.browser
def test_browser_shows_the_study_and_asks_no_other_host(chromium, served, tmp_path, finished):
    seen = visit(chromium, f"{served}dashboard/studies/1", tmp_path)
    best = tuner.load_summary(finished / "study.db", "smoke").best
    assert "smoke (id=1)" in seen.text
    assert f"Best Trial (number={best.number}) {best.value!r}" in seen.text
    assert f"minority_weight: {best.params['minority_weight']!r}" in seen.text
    assert "metric roc_auc" in seen.text
    assert seen.console == []
    assert {urlsplit(url).netloc for url in seen.requests} == {urlsplit(served).netloc}


@pytest.mark.browser
def test_browser_shows_every_trial(chromium, served, tmp_path):
    seen = visit(chromium, f"{served}dashboard/studies/1/trials", tmp_path)
    for number in range(6):
        assert f"Trial {number}" in seen.text
    assert seen.text.count("Complete") >= 6


def test_ctrl_c_ends_the_dashboard_at_once_with_130_and_without_a_word(finished):
    with dashboard(finished) as (process, address):
        trials_at(address)
        began = time.monotonic()
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=30)
    assert (process.returncode, out, err) == (130, "", "")
    assert time.monotonic() - began < 10


def test_json_tells_the_address_as_one_object(finished):
    with dashboard(finished, "--json") as (_, line):
        assert get(json.loads(line)["url"], "/api/meta")[0] == 200


def test_a_browser_that_hangs_up_leaves_no_traceback(finished):
    with dashboard(finished) as (process, address):
        at = ("127.0.0.1", urlsplit(address).port)
        page = b"GET /static/bundle.js HTTP/1.1\r\nHost: localhost\r\nAccept-Encoding: gzip\r\n\r\n"
        for request in (b"", b"GET /api/stu", page):
            with socket.create_connection(at, timeout=10) as connection:
                connection.sendall(request)
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))  # close by reset
        assert len(trials_at(address)) == 6
        process.send_signal(signal.SIGINT)
        assert process.communicate(timeout=30) == ("", "")


def test_a_taken_port_is_one_message(finished):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        command = [*TUNER, "dashboard", finished, "--port", str(port)]
        answer = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    message = f"port {port} on 127.0.0.1 cannot be used: Address already in use.\nChoose another with --port.\n"
    assert (answer.returncode, answer.stdout, answer.stderr) == (5, "", message)


def test_no_study_is_one_message_and_leaves_no_file(tmp_path):
    config = tmp_path / "never_run.yaml"
    config.write_text("study: {name: never_run}\n")
    command = [*TUNER, "dashboard", config, "--port", "0"]
    answer = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60, cwd=tmp_path)
    message = "no study at studies/never_run/study.db: run `python -m tuner run CONFIG` first\n"
    assert (answer.returncode, answer.stdout, answer.stderr) == (4, "", message)
    assert [path.name for path in tmp_path.iterdir()] == ["never_run.yaml"]


def test_what_the_dashboard_writes_is_kept_whole_or_not_at_all(study):
    rename = text("UPDATE studies SET study_name = 'half'")
    with shared_storage(study / "study.db") as storage:
        with contextlib.suppress(KeyboardInterrupt), storage.engine.begin() as connection:
            connection.execute(rename)
            raise KeyboardInterrupt
        assert [each.study_name for each in storage.get_all_studies()] == ["smoke"]


def test_an_open_dashboard_that_reads_holds_no_lock(study):
    with shared_storage(study / "study.db") as storage, storage.engine.begin() as connection:
        connection.execute(text("SELECT * FROM trials")).all()
        with contextlib.closing(sqlite3.connect(study / "study.db", timeout=0)) as writer:
            writer.execute("BEGIN IMMEDIATE")


def test_optuna_reads_the_study_without_us(study):
    loaded = optuna.load_study(study_name="smoke", storage=f"sqlite:///{study / 'study.db'}")
    best = tuner.load_summary(study / "study.db", "smoke").best
    assert (loaded.best_trial.number, loaded.best_value, loaded.best_params) == (best.number, best.value, best.params)
    assert [trial.state.name for trial in loaded.trials] == ["COMPLETE"] * 6
    assert set(loaded.best_params) == {"minority_weight", "hidden_size", "epochs"}


def test_stock_dashboard_reads_the_study_without_us(finished):
    with stock_dashboard(finished / "study.db") as (_, address):
        assert trials_at(address) == [(number, "Complete") for number in range(6)]


def poll(address, enough, answers):
    """Ask for the whole study again and again; put the HTTP status and the number of trials told into `answers`."""
    while not enough.is_set():
        for path in ("/api/studies", "/api/studies/1/param_importances", "/api/studies/1"):
            status, _, body = get(address, path)
        answers.append((status, len(json.loads(body)["trials"])))
        time.sleep(0.2)


@pytest.mark.slow
def test_dashboards_polling_all_along_do_not_disturb_a_run(study):
    n_trials = 60
    database = study / "study.db"
    with dashboard(study) as (ours, our_address), stock_dashboard(database) as (stock, stock_address):
        enough, answers = threading.Event(), ([], [])
        pollers = [
            threading.Thread(target=poll, args=(address, enough, told))
            for address, told in zip((our_address, stock_address), answers, strict=True)
        ]
        for poller in pollers:
            poller.start()
        command = [*TUNER, "run", study, "--json", "--set", f"study.n_trials={n_trials}"]
        answer = subprocess.run(command, capture_output=True, text=True, check=False, timeout=300)
        time.sleep(3)  # both keep what they read for two seconds
        enough.set()
        for poller in pollers:
            poller.join()
        assert (ours.poll(), stock.poll()) == (None, None)
        told_at_the_end = [Counter(state for _, state in trials_at(each)) for each in (our_address, stock_address)]
        ours.send_signal(signal.SIGINT)
        assert ours.communicate(timeout=30) == ("", "")

    assert answer.returncode == 0, answer.stderr
    result = json.loads(answer.stdout)
    assert (result["complete"], result["failed"], result["running"]) == (n_trials, 0, 0)
    for told in answers:
        assert {status for status, _ in told} == {200}
        assert len(told) >= 10
        assert {6, n_trials} <= {count for _, count in told}  # as it was before, and as it is at the end
    assert told_at_the_end == [Counter(Complete=n_trials)] * 2
    assert integrity(database) == [("ok",)]
