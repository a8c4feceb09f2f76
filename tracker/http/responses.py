"""HTTP responses as values, and those that every path shares: refusals, preflight, CORS."""

import math
import re
from collections.abc import Sequence
from typing import NamedTuple

from tracker.refusal import Refusal

Headers = list[tuple[str, str]]

NO_STORE = ("Cache-Control", "no-store")
IMAGE = [("Content-Type", "image/gif"), ("Cache-Control", "no-store, private")]
JSON = ("Content-Type", "application/json")
_ORIGIN = re.compile(r"[a-z][a-z0-9+.-]{1,20}://[A-Za-z0-9.\-:\[\]]{1,255}|null")
_ALLOWED_HEADERS = (
    "Authorization, Content-Encoding, Content-Type, SP-Anonymous, X-Requested-With, X-Retry-Count"
)


class Response(NamedTuple):
    status: int
    headers: Headers
    body: bytes = b""


def refused(refusal: Refusal, *headers: tuple[str, str]) -> Response:
    return Response(refusal.status, [JSON, NO_STORE, *headers, *_extra_headers(refusal)], refusal.body())


def refused_image(refusal: Refusal, gif: bytes, *headers: tuple[str, str]) -> Response:
    """A refusal that is still an image, so that a page or mail shows no broken one. The reason is in a header."""
    reason = ("X-Dangol-Refused", refusal.code)
    return Response(refusal.status, [*IMAGE, reason, *headers, *_extra_headers(refusal)], gif)


def _extra_headers(refusal: Refusal) -> Headers:
    if refusal.status == 408:
        return [("Connection", "close")]  # what it may still send is not the next request
    return [("Retry-After", str(math.ceil(refusal.retry_after)))] if refusal.retry_after else []


def preflight(methods: Sequence[str]) -> Response:
    headers = [
        ("Access-Control-Allow-Methods", ", ".join([*methods, "OPTIONS"])),
        ("Access-Control-Allow-Headers", _ALLOWED_HEADERS),
        ("Access-Control-Max-Age", "86400"),
    ]
    return Response(204, headers)


def cors(origin: str) -> Headers:
    """CORS headers that let any page send; the write key names the site. With credentials, for first-party cookies."""
    if not _ORIGIN.fullmatch(origin):
        return [("Access-Control-Allow-Origin", "*")]
    return [
        ("Access-Control-Allow-Origin", origin),
        ("Access-Control-Allow-Credentials", "true"),
        ("Vary", "Origin"),
    ]
