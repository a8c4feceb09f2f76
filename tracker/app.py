"""The tracker's application, for a server that speaks RSGI. It answers 200 only when the events are durable.

There is no framework on this path: a request is one route lookup, one call of a protocol, one wait for the group
commit. A slow client occupies no thread.
"""

import asyncio
import logging
import re
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from tracker import values
from tracker.admission.gate import Charge, Gate
from tracker.admission.limits import Limiter, Rate, Shared
from tracker.admission.privacy import DailySalt, opted_out
from tracker.browser import snippet
from tracker.delivery.delivery import Delivery
from tracker.delivery.spool import DEFAULT_LIMIT, claim
from tracker.delivery.spool_backlog import SpoolWatch
from tracker.event import Event, Source, encode
from tracker.http import request, responses, rsgi
from tracker.http.request import BODY_LIMIT, GZIP, TOO_LARGE, Request
from tracker.http.responses import IMAGE, JSON, NO_STORE, Headers, Response, refused, refused_image
from tracker.integrations import webhook
from tracker.log.port import EventLog, LogUnavailable, Record
from tracker.metrics import Metrics
from tracker.protocols import ga4, ga4_validation, matomo, pixel, segment, server_cookie, snowplow
from tracker.protocols.rejected_event import Collected, RejectedEvent, letters, named
from tracker.refusal import Refusal
from tracker.sites import Site, Sites

Environ = Mapping[str, Any]

_SEGMENT_PATHS = frozenset(f"/v1/{kind}" for kind in (*segment.KINDS, *segment.BATCHES))
_SETTINGS_PATH = re.compile(r"/v1/projects/[^/]{1,200}/settings")
SITES_REFRESH_SECONDS = 1.0
RECORD_LIMIT = 128 * 1024
REQUEST_LIMIT = 8 * 1024 * 1024
"""Bytes of one event, and of one request's events, as they go to the log: a batch's context is copied into each."""
TOO_LARGE_IN_LOG = Refusal("too_large", f"the event takes more than {RECORD_LIMIT} bytes in the log")
TOO_LARGE_TOGETHER = Refusal(
    "too_large", "the events are too large once the batch's context is in each of them"
)
QUICK_BODY = 32 * 1024
"""Bytes of a body that is decoded on the event loop. A larger or compressed body is decoded in a thread."""
_logger = logging.getLogger(__name__)


class _Answer(NamedTuple):
    """How a protocol answers: ``given`` once the events are durable, with what was left out; ``refused`` where nothing
    was taken, unless it ``counts``. ``browser``: a page waits for it. ``letters``: what is left out may be kept."""

    source: Source
    given: Callable[[Sequence[RejectedEvent]], Response]
    refused: Callable[[Refusal], Response]
    browser: bool = True
    letters: bool = True
    counts: bool = False


class _Accepted(msgspec.Struct):
    """Records to make durable, ``events`` of them events. ``response`` is the answer once they are; ``refused`` makes
    the answer of a failure."""

    records: list[Record]
    events: int
    source: Source
    browser: bool
    response: Response
    refused: Callable[[Refusal], Response]
    charges: list[Charge]
    dropped: int = 0


class _Route(NamedTuple):
    methods: tuple[str, ...]
    answer: Callable[[Environ, bytes | Refusal], Response | _Accepted]


class Tracker:
    """Collects events over HTTP for ``sites`` into ``log``: an RSGI application.

    ``trust_proxy`` is the number of reverse proxies in front of this process whose X-Forwarded-For (and -Proto)
    entries are believed; True means one. ``spool``: the folder where events wait while the log is down, at most
    ``spool_bytes`` of them for each server process; None refuses events meanwhile. ``refused`` keeps
    what the log never takes (see Delivery). ``key_rate``, ``address_rate``:
    events a second, counted in ``shared`` (RedisBuckets) or else by each process alone.
    ``server_cookie``: remember visitors in a cookie of this server's too (see protocols/server_cookie.py).
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
        refused: Callable[[Record, str], object] | None = None,
        key_rate: Rate = Rate(),  # noqa: B008  frozen
        address_rate: Rate = Rate(),  # noqa: B008
        shared: Shared | None = None,
        server_cookie: bool = False,
    ) -> None:
        self._sites, self._clock, self._proxies = sites, clock, int(trust_proxy)
        self._server_cookie = server_cookie
        self.metrics = Metrics(SpoolWatch(spool, clock).look, clock)
        self._delivery = Delivery(log, claim(spool, spool_bytes) if spool else (), self.metrics, refused)
        self._salt = DailySalt(spool, clock)
        # An address is counted by each process for itself: to ask another for every visitor would cost too much.
        limiters = Limiter(key_rate, shared), Limiter(address_rate)
        self._gate = Gate(self._salt, *limiters, self.metrics, self._proxies)
        self._scripts = {path: snippet.load(name) for path, name in snippet.FILES.items()}
        self._pool = ThreadPoolExecutor(2, thread_name_prefix="tracker")
        matomo_route = _Route(("GET", "POST"), self._matomo)
        self._routes: dict[str, _Route] = {
            **dict.fromkeys(_SEGMENT_PATHS, _Route(("POST",), self._segment)),
            "/t.gif": _Route(("GET",), self._pixel),
            **dict.fromkeys(snippet.FILES, _Route(("GET",), self._script)),
            "/i": _Route(("GET",), self._snowplow),
            snowplow.POST_PATH: _Route(("POST",), self._snowplow),
            ga4.PATH: _Route(("POST",), self._ga4),
            ga4.DEBUG_PATH: _Route(("POST",), self._ga4_debug),
            "/matomo.php": matomo_route,
            "/piwik.php": matomo_route,
        }
        self._settings_route = _Route(("GET",), self._settings)
        self._webhook_route = _Route(("POST",), self._webhook)
        self._find_matomo = matomo.Finders(sites.by_any_name, self._cookieless)

    def owns(self, path: str) -> bool:
        """Whether ``path`` is answered here rather than by the web application."""
        return self._route(path) is not None

    def routes(self) -> dict[str, tuple[str, ...]]:
        """Every path that is answered here, with its methods; ``{key}`` stands for a site's write key."""
        paths = {**self._routes, "/v1/projects/{key}/settings": self._settings_route}
        paths["/integrations/{shop}/{site}"] = self._webhook_route
        return {path: route.methods for path, route in paths.items()}

    def close(self) -> None:
        """Make every accepted request durable, then refuse the rest."""
        self._pool.shutdown()
        self._delivery.close()

    def ready(self) -> bool:
        """Whether events can be made durable somewhere: in the log, or in the spool."""
        return self._delivery.ready()

    async def __call__(self, scope: rsgi.Scope, exchange: rsgi.Exchange) -> None:
        exchange.response_bytes(*await self.respond(rsgi.environ(scope), exchange))

    async def respond(self, environ: Environ, body: rsgi.Body) -> Response:
        """The answer to one request, given when its events are durable."""
        try:
            response = await self._answer(environ, body)
        except Exception:  # the last resort: a bug must not end the process
            _logger.exception("request failed")
            response = self._refused(Refusal("internal", "the tracker failed", status=500))
        response.headers.extend(responses.cors(environ.get("HTTP_ORIGIN", "")))
        return response

    def _route(self, path: str) -> _Route | None:
        route = self._routes.get(path)
        if route is None and path.startswith("/v1/projects/") and _SETTINGS_PATH.fullmatch(path):
            return self._settings_route
        if route is None and webhook.PATH.fullmatch(path):
            return self._webhook_route
        return route

    async def _answer(self, environ: Environ, body: rsgi.Body) -> Response:
        self._sites.refresh(SITES_REFRESH_SECONDS)
        route, method = self._route(environ["PATH_INFO"]), environ["REQUEST_METHOD"]
        if route is None:
            return self._refused(Refusal("not_found", "there is nothing at this path", status=404))
        if method not in route.methods and not (method == "HEAD" and "GET" in route.methods):
            return self._other_method(method, route)
        whole: bytes | Refusal = b""
        if method == "POST":
            whole = await rsgi.read_body(body, environ.get("CONTENT_LENGTH", ""), BODY_LIMIT, TOO_LARGE)
        if isinstance(whole, bytes) and (len(whole) > QUICK_BODY or whole.startswith(GZIP)):
            loop = asyncio.get_running_loop()
            result = await loop.run_in_executor(self._pool, route.answer, environ, whole)
        else:
            result = route.answer(environ, whole)
        return await self._deliver(result) if isinstance(result, _Accepted) else result

    def _other_method(self, method: str, route: _Route) -> Response:
        if method == "OPTIONS":
            return responses.preflight(route.methods)
        refusal = Refusal("method_not_allowed", f"this path takes {' or '.join(route.methods)}", status=405)
        return self._refused(refusal, ("Allow", ", ".join([*route.methods, "OPTIONS"])))

    async def _deliver(self, accepted: _Accepted) -> Response:
        """Makes the records durable, within the limits. A browser waits for the log only briefly."""
        for limiter, caller, events in accepted.charges:
            if refusal := await limiter.admit_shared(caller, events):
                return accepted.refused(refusal)
        try:
            await self._delivery.submit(accepted.records, accepted.browser)
        except LogUnavailable as error:
            refusal = Refusal("log_unavailable", str(error), status=503, retry_after=error.retry_after)
            return accepted.refused(refusal)
        self.metrics.accepted[accepted.source] += accepted.events
        self.metrics.dropped.inc(accepted.dropped)
        return accepted.response

    def _segment(self, environ: Environ, body: bytes | Refusal) -> Response | _Accepted:
        received = self._read(environ, body)
        collected = (
            received if isinstance(received, Refusal) else segment.collect(received, self._sites.by_key)
        )
        if isinstance(collected, Refusal):
            return self._refused(collected)
        assert isinstance(received, Request)
        headers, visitor, dropped = [JSON], "", server_cookie.dropped(collected.events)
        if self._server_cookie and not opted_out(environ):
            recognised = server_cookie.recognise(collected.events, received, self._https(environ))
            events = recognised.events
            if recognised.cookie:
                headers.append(("Set-Cookie", recognised.cookie))
            if recognised.visitor is not None:
                visitor = f', "visitor": "{recognised.visitor}"'
        else:
            events = server_cookie.unmarked(collected.events)

        def taken(rejected: Sequence[RejectedEvent]) -> Response:
            if not rejected and not visitor:
                return Response(200, headers, b'{"success": true}')
            return Response(200, headers, f'{{"success": true{visitor}{named(rejected)}}}'.encode())

        answer = _Answer("segment", taken, self._refused, "HTTP_ORIGIN" in environ)
        delivered = self._accept(Collected(events, collected.places, collected.rejected), environ, answer)
        if isinstance(delivered, _Accepted):
            delivered.dropped = dropped
        return delivered

    def _settings(self, environ: Environ, _: object) -> Response:
        answer = segment.settings(
            environ["PATH_INFO"], environ.get("HTTP_HOST", ""), self._sites.by_write_key
        )
        return (
            self._refused(answer) if isinstance(answer, Refusal) else Response(200, [JSON, NO_STORE], answer)
        )

    def _pixel(self, environ: Environ, body: bytes | Refusal) -> Response | _Accepted:
        received = self._read(environ, body)
        hit = received if isinstance(received, Refusal) else pixel.collect(received, self._sites.by_key)
        if isinstance(hit, Refusal):
            return self._refused_image(hit)
        cookies: Headers = []
        if hit.new and not opted_out(environ):
            cookies = [("Set-Cookie", pixel.set_cookie(hit.event.visitor or "", self._https(environ)))]
        response = Response(200, [*IMAGE, *cookies], pixel.GIF)
        answer = _Answer("pixel", lambda _: response, partial(self._refused_image, cookies=cookies))
        return self._accept(Collected([hit.event]), environ, answer)

    def _snowplow(self, environ: Environ, body: bytes | Refusal) -> Response | _Accepted:
        """A picture for GET, ``ok`` for POST. SP-Anonymous and opt-out signals: no cookie, no address."""
        received = self._read(environ, body)
        if isinstance(received, Refusal):
            return self._refused(received)
        anonymous = "HTTP_SP_ANONYMOUS" in environ or opted_out(environ)
        fallback = self._salt.visitor("", received.ip, received.ua) if anonymous else None
        collected = snowplow.collect(received, self._sites.by_any_name, anonymous, fallback)
        if isinstance(collected, Refusal):
            return self._refused(collected)
        image = received.method != "POST"
        headers = [*IMAGE] if image else [("Content-Type", "text/plain; charset=utf-8"), NO_STORE]
        if not anonymous:
            headers.append(("Set-Cookie", snowplow.set_cookie(collected.visitor, self._https(environ))))
        response = Response(200, headers, pixel.GIF if image else b"ok")
        browser = "HTTP_ORIGIN" in environ or received.method == "GET"
        answer = _Answer("snowplow", lambda _: response, self._refused, browser, letters=not anonymous)
        return self._accept(collected.collected, environ, answer)

    def _matomo(self, environ: Environ, body: bytes | Refusal) -> Response | _Accepted:
        received = self._read(environ, body)
        collected = received if isinstance(received, Refusal) else matomo.collect(received, self._find_matomo)
        if isinstance(collected, Refusal):
            return self._refused_image(collected)
        if not collected.bulk:
            response = Response(200, [*IMAGE], pixel.GIF) if collected.image else Response(204, [NO_STORE])
            answer = _Answer("matomo", lambda _: response, self._refused_image)
            return self._accept(collected.collected, environ, answer)

        def counted(rejected: Sequence[RejectedEvent]) -> Response:
            invalid = len({each.place for each in rejected})
            counts = f'"tracked": {collected.requests - invalid}, "invalid": {invalid}'
            return Response(200, [JSON, NO_STORE], f'{{"status": "success", {counts}}}'.encode())

        answer = _Answer("matomo", counted, self._refused, browser=False, counts=True)
        return self._accept(collected.collected, environ, answer)

    def _ga4(self, environ: Environ, body: bytes | Refusal) -> Response | _Accepted:
        """Nothing for every request that was read, as Google's server answers; the reason of a refusal in a header."""
        received = self._read(environ, body)
        collected = received if isinstance(received, Refusal) else ga4.collect(received, self._sites.by_key)
        if isinstance(collected, Refusal):
            return self._refused_silently(collected)
        response = Response(204, [NO_STORE])
        answer = _Answer("ga4", lambda _: response, self._refused_silently, "HTTP_ORIGIN" in environ)
        return self._accept(collected, environ, answer)

    def _webhook(self, environ: Environ, body: bytes | Refusal) -> Response | _Accepted:
        """200 for every webhook that is the shop's own: an unknown topic is no fault of the shop's."""
        received = self._read(environ, body)
        told = (
            received if isinstance(received, Refusal) else webhook.collect(received, environ, self._sites.get)
        )
        if isinstance(told, Refusal):
            return self._refused(told)
        self.metrics.webhooks.labels(told.shop, "taken" if told.understood else "unknown_topic").inc()
        response = Response(200, [JSON, NO_STORE], b'{"success": true}')
        answer = _Answer("api", lambda _: response, self._refused, browser=False)
        return self._accept(Collected(told.events, [0] * len(told.events)), environ, answer)

    def _refused_silently(self, refusal: Refusal) -> Response:
        """204, unless a repetition would help."""
        self._count([refusal])
        if refusal.retry_after or refusal.status in (408, 429) or refusal.status >= 500:
            return refused(refusal)
        return Response(204, [NO_STORE, ("X-Dangol-Refused", refusal.code)])

    def _ga4_debug(self, environ: Environ, body: bytes | Refusal) -> Response:
        received = self._read(environ, body)
        if isinstance(received, Refusal):
            return self._refused(received)
        return Response(200, [JSON, NO_STORE], ga4_validation.answer(ga4_validation.messages(received)))

    def _script(self, environ: Environ, _: object) -> Response:
        script = self._scripts[environ["PATH_INFO"]]
        headers = snippet.headers(script)
        if script.etag in environ.get("HTTP_IF_NONE_MATCH", ""):
            return Response(304, headers)
        encoding, body = script.encoded(environ.get("HTTP_ACCEPT_ENCODING", ""))
        return Response(200, [*headers, ("Content-Encoding", encoding)] if encoding else headers, body)

    def _read(self, environ: Environ, body: bytes | Refusal) -> Request | Refusal:
        if isinstance(body, Refusal):
            return body
        values.reasons_since()  # those of a request before
        return request.read(environ, body, int(self._clock() * 1000), self._proxies)

    def _accept(self, collected: Collected, environ: Environ, answer: _Answer) -> Response | _Accepted:
        """The events that the gate admits, and letters about those that are left out, to be made durable first."""
        admitted = self._gate.admit(collected, environ, self._sites.get)
        if isinstance(admitted, Refusal):
            return answer.refused(admitted)
        records, size, too_large = _records(admitted)
        if size > REQUEST_LIMIT:
            return answer.refused(TOO_LARGE_TOGETHER)
        source, taken = (admitted[0].source if admitted else answer.source), len(records)
        rejected = collected.rejected
        if too_large:
            rejected = [*rejected, *collected.left_out(too_large, TOO_LARGE_IN_LOG)]
        if rejected:
            nothing = len(too_large) == len(collected.events)
            response = self._without(rejected, answer, nothing)
            if answer.letters and not opted_out(environ):
                records += [Record(each.key, encode(each)) for each in letters(rejected, source, self._clock)]
        else:
            response = answer.given(())
        if not records:
            return response
        charges = self._gate.charges([*collected.events, *rejected], environ)
        return _Accepted(records, taken, source, answer.browser, response, answer.refused, charges)

    def _without(self, rejected: Sequence[RejectedEvent], answer: _Answer, nothing: bool) -> Response:
        """The answer that names what is left out; a refusal where ``nothing`` is left to be taken."""
        if nothing and not answer.counts:
            self._count(each.refusal for each in rejected[1:])
            return answer.refused(rejected[0].refusal)
        self._count(each.refusal for each in rejected)
        return answer.given(rejected)

    def _refused(self, refusal: Refusal, *headers: tuple[str, str]) -> Response:
        self._count([refusal])
        return refused(refusal, *headers)

    def _refused_image(self, refusal: Refusal, cookies: Headers = []) -> Response:  # noqa: B006  never changed
        self._count([refusal])
        return refused_image(refusal, pixel.GIF, *cookies)

    def _count(self, refusals: Iterable[Refusal]) -> None:
        for refusal in refusals:
            self.metrics.refused.labels(refusal.code).inc()

    def _cookieless(self, site: Site, ip: str, ua: str) -> str:
        return self._salt.visitor(site.id, ip, ua)

    def _https(self, environ: Environ) -> bool:
        forwarded = environ.get("HTTP_X_FORWARDED_PROTO", "") if self._proxies else ""
        return (forwarded or environ.get("wsgi.url_scheme", "")) == "https"


def _records(events: Iterable[Event]) -> tuple[list[Record], int, list[Event]]:
    """The events as they go to the log, their bytes, and those that are too large for it."""
    records, size, too_large = [], 0, []
    for event in events:
        value = encode(event)
        if len(value) > RECORD_LIMIT:
            too_large.append(event)
        else:
            size += len(value)
            records.append(Record(event.key, value))
    return records, size, too_large
