"""optuna-dashboard on a study: for this machine only, because it asks nobody for a password.

Only 127.0.0.1 listens, and only requests addressed to this machine by name are answered: else a web page elsewhere
could have its own host name resolve to 127.0.0.1 and then read or delete studies (DNS rebinding).
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from socketserver import ThreadingMixIn
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

from tuner.errors import EngineError
from tuner.study.storage import shared_storage

HOST = "127.0.0.1"
NAMES = frozenset({HOST, "localhost"})
"""Names by which a browser on this machine may ask; any port, so that a forwarded one works."""


class _Server(ThreadingMixIn, WSGIServer):
    daemon_threads = True

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing of a browser that hung up; it does so whenever a tab is closed."""
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)


class _Silent(WSGIRequestHandler):
    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name is the base class's
        """Log nothing: the page asks for news every few seconds."""


def serve(database: Path, *, port: int, announce: Callable[[str], None]) -> None:
    """Serve the dashboard until Ctrl-C, which ends the command with code 130; a run may go on beside it.

    Args:
        database: the study's database.
        port: on 127.0.0.1; 0 takes a free one.
        announce: called with the address once it answers.

    Raises:
        StudyError: there is no such database, or it is not ours.
        EngineError: the port is taken.
    """
    from optuna_dashboard import wsgi

    with shared_storage(database) as storage:
        try:
            server = make_server(HOST, port, _guarded(wsgi(storage)), server_class=_Server, handler_class=_Silent)
        except OSError as error:
            raise EngineError(
                f"port {port} on {HOST} cannot be used: {error.strerror}.\nChoose another with --port."
            ) from error
        with server:
            announce(f"http://{HOST}:{server.server_port}/")
            server.serve_forever()


def _guarded(app: WSGIApplication) -> WSGIApplication:
    def answer(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        name = environ.get("HTTP_HOST", "").rsplit(":", 1)[0]
        if name in NAMES:
            return app(environ, start_response)
        start_response("403 Forbidden", [("Content-Type", "text/plain; charset=utf-8")])
        return [f"This dashboard answers only to {' and '.join(sorted(NAMES))}.\n".encode()]

    return answer
