"""Headless Chromium, one visit at a time: the page after its scripts ran, what it logged, what it asked for."""

import json
import re
import subprocess
from dataclasses import dataclass
from pathlib import Path

FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--allow-file-access-from-files",  # so that a page of ours can measure a file in a frame
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",  # whatever a page asks for, nothing leaves this machine
    "--enable-logging=stderr",
)


@dataclass(frozen=True)
class Visit:
    """What a visit to a page left behind.

    `text` is what the page shows or hides, without tags; `requests` are the addresses that the page itself asked for,
    whether an answer came or not; files are not among them, nor is what the browser asks for on its own account.
    """

    html: str
    text: str
    console: list[str]
    requests: list[str]


def visit(chromium: str, url: str, folder: Path) -> Visit:
    """Open a page and wait until its scripts have nothing to do, at most ten seconds of their own time.

    Args:
        chromium: path of the browser.
        url: of the page, http: or file:.
        folder: an empty place for the browser's profile and log.
    """
    log = folder / "net.json"
    where = (f"--user-data-dir={folder / 'profile'}", f"--log-net-log={log}")
    command = [chromium, *FLAGS, *where, "--virtual-time-budget=10000", "--dump-dom", url]
    answer = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
    console = [line for line in answer.stderr.splitlines() if ":CONSOLE:" in line]
    shown = re.sub(r"<(style|script)\b.*?</\1>", " ", answer.stdout, flags=re.DOTALL)
    return Visit(answer.stdout, " ".join(re.sub(r"<[^>]*>", " ", shown).split()), console, _requests(log))


def _requests(log: Path) -> list[str]:
    record = json.loads(log.read_text())
    start = record["constants"]["logEventTypes"]["URL_REQUEST_START_JOB"]
    params = [event["params"] for event in record["events"] if event["type"] == start and "params" in event]
    return [each["url"] for each in params if each.get("initiator", "not an origin") != "not an origin"]
