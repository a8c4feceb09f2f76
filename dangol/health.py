"""/healthz and /readyz of a process that serves collection alone."""

import json
from collections.abc import Callable, Iterable
from typing import Any

from tracker.log import EventLog, LogUnavailable


class Health:
    """A WSGI application: alive always, ready while the log can make events durable."""

    def __init__(self, log: EventLog) -> None:
        self._log = log

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        status, document = self._answer(environ["PATH_INFO"])
        body = json.dumps(document).encode()
        start_response(status, [("Content-Type", "application/json"), ("Content-Length", str(len(body)))])
        return [body]

    def _answer(self, path: str) -> tuple[str, dict[str, Any]]:
        if path == "/healthz":
            return "200 OK", {"status": "ok"}
        if path != "/readyz":
            error = {"code": "not_found", "message": "this process collects events only", "field": None}
            return "404 Not Found", {"error": error}
        try:
            self._log.ping()
        except LogUnavailable as unavailable:
            return "503 Service Unavailable", {"status": "unavailable", "checks": {"log": str(unavailable)}}
        return "200 OK", {"status": "ready", "checks": {"log": "ok"}}
