"""/healthz, /readyz and /metrics of a process that serves collection alone."""

import json
from collections.abc import Callable, Iterable
from typing import Any

from tracker.app import Tracker
from tracker.http.request import from_this_machine, header_key
from tracker.sites import Sites

JSON = "application/json"


class Health:
    """A WSGI application: alive always, ready while events can be made durable somewhere."""

    def __init__(self, tracker: Tracker, sites: Sites, proxies: int = 0) -> None:
        self._tracker, self._sites, self._proxies = tracker, sites, proxies

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        status, kind, body = self._answer(environ["PATH_INFO"], environ)
        start_response(status, [("Content-Type", kind), ("Content-Length", str(len(body)))])
        return [body]

    def _answer(self, path: str, environ: dict[str, Any]) -> tuple[str, str, bytes]:
        if path == "/healthz":
            return "200 OK", JSON, json.dumps({"status": "ok"}).encode()
        if path == "/readyz":
            if self._tracker.ready():
                return "200 OK", JSON, json.dumps({"status": "ready"}).encode()
            return "503 Service Unavailable", JSON, json.dumps({"status": "unavailable"}).encode()
        if path == "/metrics" and not self._may_scrape(environ):
            return "401 Unauthorized", JSON, _error("unauthorized", "metrics are read with a secret key")
        if path == "/metrics":
            return "200 OK", "text/plain; version=0.0.4", self._tracker.metrics.text()
        return "404 Not Found", JSON, _error("not_found", "this process collects events only")

    def _may_scrape(self, environ: dict[str, Any]) -> bool:
        if from_this_machine(environ, self._proxies):
            return True
        self._sites.refresh()
        return self._sites.by_secret_key(header_key(environ.get("HTTP_AUTHORIZATION", ""))) is not None


def _error(code: str, message: str) -> bytes:
    return json.dumps({"error": {"code": code, "message": message, "field": None}}).encode()
