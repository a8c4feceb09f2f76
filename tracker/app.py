"""The tracker's WSGI application. It answers 200 only when the events are in the log.

No framework on this path: every request is one route lookup, one adapter, one wait for the group commit.
"""

import logging
import math
import re
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from tracker import pixel, request, segment, snippet
from tracker.delivery import Delivery
from tracker.event import Event, encode
from tracker.log import EventLog, LogUnavailable, Record
from tracker.request import Refusal, Request
from tracker.sites import Site, Sites, SitesInvalid
from tracker.spool import DEFAULT_LIMIT, claim

Headers = list[tuple[str, str]]
StartResponse = Callable[[str, Headers], Any]
Environ = Mapping[str, Any]

SITES_CHECKED_SECONDS = 1.0
NO_STORE = ("Cache-Control", "no-store")
JSON = ("Content-Type", "application/json")

_STATUS = {
    200: "200 OK",
    204: "204 No Content",
    304: "304 Not Modified",
    400: "400 Bad Request",
    401: "401 Unauthorized",
    403: "403 Forbidden",
    404: "404 Not Found",
    405: "405 Method Not Allowed",
    429: "429 Too Many Requests",
    500: "500 Internal Server Error",
    503: "503 Service Unavailable",
}
_SEGMENT_PATHS = frozenset(f"/v1/{kind}" for kind in (*segment.KINDS, *segment.BATCHES))
_SETTINGS_PATH = re.compile(r"/v1/projects/[^/]{1,200}/settings")
_ORIGIN = re.compile(r"[a-z][a-z0-9+.-]{1,20}://[A-Za-z0-9.\-:\[\]]{1,255}|null")
_ALLOWED_HEADERS = (
    "Authorization, Content-Encoding, Content-Type, SP-Anonymous, X-Requested-With, X-Retry-Count"
)

_logger = logging.getLogger(__name__)


class Response(NamedTuple):
    status: int
    headers: Headers
    body: bytes = b""


class Tracker:
    """Collects events over HTTP for ``sites`` into ``log``; safe from many threads.

    ``trust_proxy`` is the number of reverse proxies in front of this process whose X-Forwarded-For (and -Proto)
    entries are believed; True means one. ``spool``: the folder where events wait while the log is down, at most
    ``spool_bytes`` of them for each server process; None refuses events meanwhile.
    """

    def __init__(
        self,
        sites: Sites,
        log: EventLog,
        *,
        clock: Callable[[], float] = time.time,
        trust_proxy: int = 0,
        spool: Path | None = None,
        spool_bytes: int = DEFAULT_LIMIT,
    ) -> None:
        self._sites, self._clock, self._proxies = sites, clock, int(trust_proxy)
        self._sites_checked = 0.0
        self._delivery = Delivery(log, claim(spool, spool_bytes) if spool else ())
        self._snippet = snippet.load()
        self._routes: dict[str, tuple[str, Callable[[Environ], Response]]] = {
            **dict.fromkeys(_SEGMENT_PATHS, ("POST", self._segment)),
            "/t.gif": ("GET", self._pixel),
            "/dangol.js": ("GET", self._serve_snippet),
        }

    def owns(self, path: str) -> bool:
        """Whether ``path`` is answered here rather than by the web application."""
        return self._route(path) is not None

    def close(self) -> None:
        """Let every accepted request become durable, then refuse the rest."""
        self._delivery.close()

    def ready(self) -> bool:
        """Whether events can be made durable somewhere: in the log, or in the spool."""
        return self._delivery.ready()

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        try:
            response = self._answer(environ)
        except Exception:  # the last resort: a fault of ours must not take the process down
            _logger.exception("request failed")
            response = _refused(Refusal("internal", "the tracker failed", status=500))
        headers = response.headers + _cors(environ.get("HTTP_ORIGIN", ""))
        start_response(_STATUS[response.status], headers)
        return [response.body]

    def _route(self, path: str) -> tuple[str, Callable[[Environ], Response]] | None:
        route = self._routes.get(path)
        if route is None and path.startswith("/v1/projects/") and _SETTINGS_PATH.fullmatch(path):
            return "GET", self._settings
        return route

    def _answer(self, environ: Environ) -> Response:
        route = self._route(environ["PATH_INFO"])
        if route is None:
            return _refused(Refusal("not_found", "there is nothing at this path", status=404))
        expected, answer = route
        method = environ["REQUEST_METHOD"]
        if method == expected or (method == "HEAD" and expected == "GET"):
            return answer(environ)
        if method == "OPTIONS":
            return _preflight(expected)
        refusal = Refusal("method_not_allowed", f"this path takes {expected}", status=405)
        return _refused(refusal, [("Allow", f"{expected}, OPTIONS")])

    def _segment(self, environ: Environ) -> Response:
        taken = self._read(environ)
        if isinstance(taken, Refusal):
            return _refused(taken)
        events = segment.collect(taken, self._find_site)
        if isinstance(events, Refusal):
            return _refused(events)
        unavailable = self._append(events, browser="HTTP_ORIGIN" in environ)
        return _refused(unavailable) if unavailable else Response(200, [JSON], b'{"success": true}')

    def _settings(self, environ: Environ) -> Response:
        answer = segment.settings(environ["PATH_INFO"], environ.get("HTTP_HOST", ""), self._find_site)
        return _refused(answer) if isinstance(answer, Refusal) else Response(200, [JSON, NO_STORE], answer)

    def _pixel(self, environ: Environ) -> Response:
        """Always the image: a page or mail must not show a broken one."""
        headers = [("Content-Type", "image/gif"), ("Cache-Control", "no-store, private")]
        taken = self._read(environ)
        hit = taken if isinstance(taken, Refusal) else pixel.collect(taken, self._find_site)
        if isinstance(hit, pixel.Hit) and hit.new:
            headers.append(("Set-Cookie", pixel.set_cookie(hit.event.visitor or "", self._https(environ))))
        refusal = hit if isinstance(hit, Refusal) else self._append([hit.event], browser=True)
        if refusal:
            return Response(refusal.status, [*headers, ("X-Dangol-Refused", refusal.code)], pixel.GIF)
        return Response(200, headers, pixel.GIF)

    def _serve_snippet(self, environ: Environ) -> Response:
        headers = snippet.headers(self._snippet)
        if self._snippet.etag in environ.get("HTTP_IF_NONE_MATCH", ""):
            return Response(304, headers)
        if "gzip" in environ.get("HTTP_ACCEPT_ENCODING", ""):
            return Response(200, [*headers, ("Content-Encoding", "gzip")], self._snippet.gzipped)
        return Response(200, headers, self._snippet.plain)

    def _read(self, environ: Environ) -> Request | Refusal:
        return request.read(environ, int(self._clock() * 1000), self._proxies)

    def _append(self, events: Sequence[Event], browser: bool) -> Refusal | None:
        """Durable on return, or the reason why not. A browser is not kept waiting."""
        if not events:
            return None
        try:
            self._delivery.submit([Record(event.key, encode(event)) for event in events], browser)
        except LogUnavailable as error:
            return Refusal("log_unavailable", str(error), status=503, retry_after=error.retry_after)
        return None

    def _find_site(self, key: str) -> Site | None:
        now = time.monotonic()
        if now - self._sites_checked > SITES_CHECKED_SECONDS:
            self._sites_checked = now
            try:
                self._sites.reload_if_changed()
            except (SitesInvalid, OSError):  # half an edit: go on with the sites we know
                _logger.exception("sites not reloaded")
        return self._sites.by_write_key(key)

    def _https(self, environ: Environ) -> bool:
        forwarded = environ.get("HTTP_X_FORWARDED_PROTO", "") if self._proxies else ""
        return (forwarded or environ.get("wsgi.url_scheme", "")) == "https"


def _refused(refusal: Refusal, headers: Sequence[tuple[str, str]] = ()) -> Response:
    extra = [("Retry-After", str(math.ceil(refusal.retry_after)))] if refusal.retry_after else []
    return Response(refusal.status, [JSON, NO_STORE, *headers, *extra], refusal.body())


def _preflight(expected: str) -> Response:
    headers = [
        ("Access-Control-Allow-Methods", f"{expected}, OPTIONS"),
        ("Access-Control-Allow-Headers", _ALLOWED_HEADERS),
        ("Access-Control-Max-Age", "86400"),
    ]
    return Response(204, headers)


def _cors(origin: str) -> Headers:
    """Any page may send: the write key says for whom. Credentials, so that a first-party cookie can travel."""
    if not _ORIGIN.fullmatch(origin):
        return [("Access-Control-Allow-Origin", "*")]
    return [
        ("Access-Control-Allow-Origin", origin),
        ("Access-Control-Allow-Credentials", "true"),
        ("Vary", "Origin"),
    ]
