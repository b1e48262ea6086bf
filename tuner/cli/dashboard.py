"""optuna-dashboard on a study: loopback only, because it asks nobody for a password."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from socketserver import ThreadingMixIn
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

from tuner.errors import EngineError
from tuner.study.storage import shared_storage

HOST = "127.0.0.1"


class _Server(ThreadingMixIn, WSGIServer):
    daemon_threads = True


class _Silent(WSGIRequestHandler):
    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name is the base class's
        """Log nothing: the page asks for news every few seconds."""


def serve(database: Path, *, port: int, announce: Callable[[str], None]) -> None:
    """Serve the dashboard until Ctrl-C; a run may go on beside it.

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
            server = make_server(HOST, port, wsgi(storage), server_class=_Server, handler_class=_Silent)
        except OSError as error:
            raise EngineError(
                f"port {port} on {HOST} cannot be used: {error.strerror}.\nChoose another with --port."
            ) from error
        with server:
            announce(f"http://{HOST}:{server.server_port}/")
            server.serve_forever()
