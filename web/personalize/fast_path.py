"""POST /v1/personalize without Flask, whose requests and responses cost as much as the answer itself, and without a
thread that waits for another: what takes time runs in one, and the event loop goes on meanwhile.

Only what is plainly right is answered here. Whatever is not (another method, a body that does not fit, an unknown
key) goes on to the application, which says what is wrong: refusals have one place.
"""

import time
from typing import Any

import msgspec

from tracker.http.request import header_key
from tracker.http.responses import Response
from tracker.sites import Site
from web.http.cors import readable_by
from web.http.json_body import encoded
from web.http.metrics import Metrics
from web.http.problem import Problem
from web.http.site_keys import Keys
from web.personalize.deadline import Deadline
from web.personalize.personalizer import Personalizer
from web.personalize.request import BODY_LIMIT, PersonalizeBody, PersonalizeRequest, request_of

PATH = "/v1/personalize"
ENDPOINT = "personalize.personalize"

_asked = msgspec.json.Decoder(PersonalizeBody)


class FastPath:
    """Answers a request, given as its environ and body, in place of the application: or None, then it should."""

    def __init__(
        self, personalizer: Personalizer, keys: Keys, metrics: Metrics, seconds: float, proxies: int = 0
    ) -> None:
        self._personalizer, self._keys, self._seconds = personalizer, keys, seconds
        self._proxies = proxies
        self._count = metrics.requests.labels(ENDPOINT, 200)
        self._took = metrics.seconds.labels(ENDPOINT)

    async def __call__(self, environ: dict[str, Any], body: bytes) -> Response | None:
        if environ["PATH_INFO"] != PATH or environ["REQUEST_METHOD"] != "POST" or environ["QUERY_STRING"]:
            return None
        begin, budget = time.perf_counter(), Deadline(self._seconds)
        asked = self._request(environ, body)
        if asked is None:
            return None
        site, request = asked
        headers, text = encoded(await self._personalizer.soon(site, request, budget))
        headers |= readable_by(self._keys, site, environ.get("HTTP_ORIGIN", ""))
        headers["Content-Length"] = str(len(text))
        self._count.inc()
        self._took.observe(time.perf_counter() - begin)
        return Response(200, list(headers.items()), text)

    def _request(self, environ: dict[str, Any], body: bytes) -> tuple[Site, PersonalizeRequest] | None:
        if not 0 < len(body) <= BODY_LIMIT:
            return None
        try:
            asked = _asked.decode(body)
            given = header_key(environ.get("HTTP_AUTHORIZATION", "")) or asked.writeKey or asked.write_key
            site = self._keys.site_of(given)
            if site is None:
                return None
            return site, request_of(asked, site, self._keys.trusted(site, given), environ, self._proxies)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError, Problem):
            return None
