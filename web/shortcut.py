"""POST /v1/personalize without Flask, whose requests and responses cost half as much as the answer itself.

Only what is plainly right is answered here. Whatever is not (another method, a body that does not fit, an unknown
key) goes on to the application, which says what is wrong: refusals have one place.
"""

import base64
import binascii
import time
from collections.abc import Callable, Iterable
from io import BytesIO
from typing import Any

import msgspec

from web.answers import encoded
from web.auth import Keys
from web.budget import Budget
from web.cors import readable_by
from web.metrics import Metrics
from web.personalize import BODY_LIMIT, Asked, Personalizer, plan_of
from web.problem import Problem

PATH = "/v1/personalize"
ENDPOINT = "personalize.personalize"

Start = Callable[..., Any]
Wsgi = Callable[[dict[str, Any], Start], Iterable[bytes]]

_asked = msgspec.json.Decoder(Asked)


class Shortcut:
    """A WSGI application in front of ``rest``."""

    def __init__(
        self, rest: Wsgi, personalizer: Personalizer, keys: Keys, metrics: Metrics, seconds: float
    ) -> None:
        self._rest, self._personalizer, self._keys, self._seconds = rest, personalizer, keys, seconds
        self._count = metrics.requests.labels(ENDPOINT, 200)
        self._took = metrics.seconds.labels(ENDPOINT)

    def __call__(self, environ: dict[str, Any], start_response: Start) -> Iterable[bytes]:
        if environ["PATH_INFO"] != PATH or environ["REQUEST_METHOD"] != "POST" or environ.get("QUERY_STRING"):
            return self._rest(environ, start_response)
        begin = time.perf_counter()
        length = environ.get("CONTENT_LENGTH") or "0"
        if not length.isdigit() or not 0 < int(length) <= BODY_LIMIT:
            return self._rest(environ, start_response)
        raw = environ["wsgi.input"].read(int(length))
        answered = self._answer(environ, raw)
        if answered is None:
            environ["wsgi.input"] = BytesIO(raw)
            return self._rest(environ, start_response)
        headers, text = answered
        start_response("200 OK", headers)
        self._count.inc()
        self._took.observe(time.perf_counter() - begin)
        return [text]

    def _answer(self, environ: dict[str, Any], raw: bytes) -> tuple[list[tuple[str, str]], bytes] | None:
        budget = Budget(self._seconds)
        try:
            asked = _asked.decode(raw)
            given = _key(environ.get("HTTP_AUTHORIZATION", "")) or asked.writeKey or asked.write_key
            site = self._keys.site_of(given)
            if site is None:
                return None
            plan = plan_of(asked, self._keys.trusted(site, given))
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError, Problem):
            return None
        headers, text = encoded(self._personalizer.answer(site, plan, budget))
        headers |= readable_by(self._keys, site, environ.get("HTTP_ORIGIN", ""))
        headers["Content-Length"] = str(len(text))
        return list(headers.items()), text


def _key(authorization: str) -> str:
    """The Bearer token, or Basic's user name; "" for neither."""
    kind, _, rest = authorization.partition(" ")
    if kind.lower() == "bearer":
        return rest.strip()
    if kind.lower() == "basic":
        try:
            return base64.b64decode(rest, validate=True).decode().partition(":")[0]
        except (binascii.Error, UnicodeDecodeError):
            return ""
    return ""
