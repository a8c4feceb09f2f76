"""One HTTP request as the protocols see it: decompressed, with the address truncated; and checks that they share."""

import re
import zlib
from base64 import b64decode
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any

import msgspec

from tracker.http import address
from tracker.refusal import Refusal

BODY_LIMIT = 500 * 1024
"""Bytes in a body, after decompression: Segment's limit for a batch."""

ID_CHARACTERS = 255
"""Characters in a visitor or user id."""

GZIP = b"\x1f\x8b"
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")


class Request(msgspec.Struct, frozen=True):
    """What a protocol sees of an HTTP request. ``ip`` is truncated already; ``received`` is in ms since the epoch.

    ``body`` is decompressed. Header values are "" where the client sent none.
    """

    method: str
    path: str
    query: str
    body: bytes
    received: int
    ip: str = ""
    ua: str = ""
    authorization: str = ""
    origin: str = ""
    host: str = ""
    referer: str = ""
    language: str = ""
    cookie: str = ""


def read(environ: Mapping[str, Any], body: bytes, received: int, proxies: int = 0) -> Request | Refusal:
    """The request of a WSGI environ and its ``body`` as it was sent, or why it cannot be read."""
    # Some clients send gzip without its header, others the header without gzip: the bytes decide.
    plain = gunzip(body, BODY_LIMIT) if body.startswith(GZIP) else body
    if isinstance(plain, Refusal):
        return plain
    get: Callable[..., Any] = environ.get
    peer = address.client(get("REMOTE_ADDR", ""), get("HTTP_X_FORWARDED_FOR", ""), proxies)
    return Request(
        environ["REQUEST_METHOD"],
        environ["PATH_INFO"],
        get("QUERY_STRING", ""),
        plain,
        received,
        address.truncate(peer),
        get("HTTP_USER_AGENT", "")[:512],
        get("HTTP_AUTHORIZATION", ""),
        get("HTTP_ORIGIN", ""),
        get("HTTP_HOST", ""),
        get("HTTP_REFERER", ""),
        get("HTTP_ACCEPT_LANGUAGE", ""),
        get("HTTP_COOKIE", ""),
    )


def caller(environ: Mapping[str, Any], proxies: int = 0) -> str:
    """The full address of the client, to count requests by. It is never stored."""
    return address.client(environ.get("REMOTE_ADDR", ""), environ.get("HTTP_X_FORWARDED_FOR", ""), proxies)


PROXIED = ("HTTP_X_FORWARDED", "HTTP_FORWARDED", "HTTP_VIA", "HTTP_X_REAL_IP")
"""Prefixes of the headers in which a proxy names its client."""
_OWN_HOST = re.compile(r"(localhost|127\.\d+\.\d+\.\d+|\[::1\])?(:\d+)?", re.IGNORECASE)


def from_this_machine(environ: Mapping[str, Any], proxies: int = 0) -> bool:
    """Whether a program on this machine sent the request itself, rather than a proxy on this machine for a client
    elsewhere. A proxy that sends no header about its client keeps the client's Host, or speaks HTTP/1.0 as nginx does
    by default."""
    passed_on = proxies or environ.get("SERVER_PROTOCOL") == "HTTP/1" or any(map(_names_a_client, environ))
    peer = environ.get("REMOTE_ADDR", "").removeprefix("::ffff:")
    local = peer == "::1" or peer.startswith("127.")
    return local and not passed_on and _OWN_HOST.fullmatch(environ.get("HTTP_HOST", "")) is not None


def _names_a_client(name: str) -> bool:
    return name.startswith(PROXIED)


@lru_cache(maxsize=1024)
def header_key(authorization: str) -> str:
    """The key in an Authorization header: a Bearer token, or the user name of Basic; "" for neither."""
    scheme, _, value = authorization.partition(" ")
    if scheme.lower() == "bearer":
        return value.strip()
    if scheme.lower() != "basic":
        return ""
    try:
        return b64decode(value).decode().partition(":")[0]
    except ValueError:
        return ""


TOO_LARGE = Refusal("too_large", f"a body may have at most {BODY_LIMIT} bytes, decompressed")


GZIP_MEMBERS = 16
"""Gzip members that one body may have; clients send one."""


def gunzip(body: bytes, limit: int) -> bytes | Refusal:
    """``body`` decompressed, stopping at ``limit`` bytes so that a bomb stays small."""
    out = b""
    for _ in range(GZIP_MEMBERS):
        stream = zlib.decompressobj(wbits=31)
        try:
            out += stream.decompress(body, limit + 1 - len(out))
        except zlib.error:
            return Refusal("bad_gzip", "the body is not valid gzip")
        if len(out) > limit:
            return TOO_LARGE
        if not stream.eof:
            return Refusal("bad_gzip", "the gzip body is cut short")
        body = stream.unused_data
        if not body.startswith(GZIP):
            return out
    return Refusal("bad_gzip", f"a gzip body has at most {GZIP_MEMBERS} parts")


def checked_id(value: str | None, field: str, limit: int = ID_CHARACTERS) -> str | Refusal | None:
    """The id, if it may go into a log key; None when it is absent or empty; a refusal when it is invalid."""
    if not value:
        return None
    if len(value) <= limit and value.isprintable():
        return value
    if len(value) > limit:
        return Refusal("too_long", f"an id may have at most {limit} characters", field)
    if _CONTROL.search(value):
        return Refusal("bad_id", "an id may not contain control characters", field)
    return value
