"""/healthz, /readyz and /metrics of a process that serves collection alone."""

import json
from collections.abc import Callable, Iterable
from typing import Any

from tracker.app import Tracker

JSON = "application/json"


class Health:
    """A WSGI application: alive always, ready while events can be made durable somewhere."""

    def __init__(self, tracker: Tracker) -> None:
        self._tracker = tracker

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        status, kind, body = self._answer(environ["PATH_INFO"])
        start_response(status, [("Content-Type", kind), ("Content-Length", str(len(body)))])
        return [body]

    def _answer(self, path: str) -> tuple[str, str, bytes]:
        if path == "/healthz":
            return "200 OK", JSON, json.dumps({"status": "ok"}).encode()
        if path == "/readyz":
            if self._tracker.ready():
                return "200 OK", JSON, json.dumps({"status": "ready"}).encode()
            return "503 Service Unavailable", JSON, json.dumps({"status": "unavailable"}).encode()
        if path == "/metrics":
            return "200 OK", "text/plain; version=0.0.4", self._tracker.metrics.text()
        error = {"code": "not_found", "message": "this process collects events only", "field": None}
        return "404 Not Found", JSON, json.dumps({"error": error}).encode()
