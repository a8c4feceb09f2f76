"""Fetches a feed over HTTP into a file: bounded in size and time, and from no internal address.

A name is resolved once for each request, every address that it has is checked, and the connection is made to one of
those: a name that means something else a moment later leads nowhere. Redirects are checked in the same way.
"""

import base64
import http.client
import socket
import ssl
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple
from urllib.parse import SplitResult, unquote, urljoin, urlsplit

from recommender.feeds.addresses import is_internal

SIZE_LIMIT = 1 << 30
SECONDS, CONNECT_SECONDS = 600.0, 10.0
REDIRECTS = 5
CHUNK = 1 << 16
_PORTS = {"http": 80, "https": 443}


class FetchFailed(Exception):
    """The feed could not be fetched; the message says why, without the password of the address."""


class Validators(NamedTuple):
    """What the server said of the version that was fetched: sent back, so that an unchanged feed is not sent again."""

    etag: str = ""
    modified: str = ""


class Fetched(NamedTuple):
    """``changed`` False: the server says that it is the version known already, and nothing was written."""

    changed: bool
    validators: Validators
    bytes: int = 0


Resolve = Callable[[str, int], Sequence[str]]


def addresses(host: str, port: int) -> list[str]:
    """The IP addresses of a host. Raises OSError."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(each[4][0]) for each in found))


class Fetcher:
    """``internal`` allows addresses of private networks and of this machine, for shops that are tried out there."""

    def __init__(
        self,
        internal: bool = False,
        resolve: Resolve = addresses,
        size_limit: int = SIZE_LIMIT,
        seconds: float = SECONDS,
    ) -> None:
        self._internal, self._resolve = internal, resolve
        self._size_limit, self._seconds = size_limit, seconds

    def fetch(self, url: str, into: Path, known: Validators = Validators()) -> Fetched:  # noqa: B008
        """Write what ``url`` gives into a file, unless it is the version ``known``. Raises FetchFailed."""
        end = time.monotonic() + self._seconds
        try:
            for _ in range(REDIRECTS + 1):
                connection, response, parts = self._asked(url, known, end)
                try:
                    if response.status not in (301, 302, 303, 307, 308):
                        return self._kept(response, into, known, end)
                    url = _redirected(url, parts, response.headers.get("Location", ""))
                finally:
                    connection.close()
        except (OSError, http.client.HTTPException) as error:
            raise FetchFailed(f"{shown(url)}: {error or type(error).__name__}") from error
        raise FetchFailed(f"{shown(url)}: more than {REDIRECTS} redirects")

    def _asked(
        self, url: str, known: Validators, end: float
    ) -> tuple[http.client.HTTPConnection, http.client.HTTPResponse, SplitResult]:
        parts, port = _parts(url)
        host = parts.hostname or ""
        connection = _connection(parts.scheme, host, self._address(host, port, url), port, self._left(end))
        path = parts._replace(scheme="", netloc="", fragment="", path=parts.path or "/").geturl()
        try:
            connection.request("GET", _escaped(path), headers=_headers(parts, known))
            return connection, connection.getresponse(), parts
        except BaseException:
            connection.close()
            raise

    def _address(self, host: str, port: int, url: str) -> str:
        """One address of the host, all of which have been checked."""
        found = self._resolve(host, port)
        inside = [each for each in found if is_internal(each)]
        if inside and not self._internal:
            raise FetchFailed(
                f"{shown(url)}: {inside[0]} is an address of an internal network (DANGOL_FEED_INTERNAL allows it)"
            )
        if not found:
            raise FetchFailed(f"{shown(url)}: the name has no address")
        return found[0]

    def _kept(self, response: http.client.HTTPResponse, into: Path, known: Validators, end: float) -> Fetched:
        if response.status == 304:
            return Fetched(False, known)
        if response.status != 200:
            raise FetchFailed(f"the server answers {response.status} {response.reason}")
        size, declared = 0, response.length
        with into.open("wb") as file:
            while chunk := response.read1(CHUNK):
                self._left(end)
                size += len(chunk)
                if size > self._size_limit:
                    raise FetchFailed(f"more than {self._size_limit:,} bytes")
                file.write(chunk)
        if declared is not None and size < declared:
            raise FetchFailed(f"the server broke off {declared - size:,} bytes before the end")
        headers = response.headers
        return Fetched(True, Validators(headers.get("ETag", ""), headers.get("Last-Modified", "")), size)

    def _left(self, end: float) -> float:
        """Seconds until the time is up, at most those of one step. Raises FetchFailed."""
        left = end - time.monotonic()
        if left <= 0:
            raise FetchFailed(f"it takes longer than {self._seconds:g} s")
        return min(left, CONNECT_SECONDS)


def shown(url: str) -> str:
    """The address without its user and password, for people."""
    parts = urlsplit(url)
    return parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl()[:300]


def _parts(url: str) -> tuple[SplitResult, int]:
    try:
        parts = urlsplit(url)
        port = parts.port or _PORTS.get(parts.scheme, 0)
    except ValueError as error:
        raise FetchFailed(f"{url[:300]!r} is no address: {error}") from None
    if parts.scheme not in _PORTS or not parts.hostname:
        raise FetchFailed(f"{shown(url)!r}: only http:// and https:// are fetched")
    return parts, port


def _connection(
    scheme: str, host: str, address: str, port: int, seconds: float
) -> http.client.HTTPConnection:
    """A connection to the address, which asks for the host."""
    raw = socket.create_connection((address, port), timeout=seconds)
    connection = http.client.HTTPConnection(host, port, timeout=seconds)
    try:
        connection.sock = (
            ssl.create_default_context().wrap_socket(raw, server_hostname=host) if scheme == "https" else raw
        )
    except BaseException:
        raw.close()
        raise
    connection.auto_open = 0  # never to another address
    return connection


def _headers(parts: SplitResult, known: Validators) -> dict[str, str]:
    host = f"[{parts.hostname}]" if ":" in (parts.hostname or "") else parts.hostname or ""
    named = f":{parts.port}" if parts.port and parts.port != _PORTS[parts.scheme] else ""
    headers = {"Host": host + named, "User-Agent": "Dangol", "Accept-Encoding": "identity", "Accept": "*/*"}
    if parts.username:
        pair = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
        headers["Authorization"] = f"Basic {base64.b64encode(pair.encode()).decode()}"
    if known.etag:
        headers["If-None-Match"] = known.etag
    if known.modified:
        headers["If-Modified-Since"] = known.modified
    return headers


def _redirected(url: str, parts: SplitResult, location: str) -> str:
    """Where a redirect leads; never from https to http, nor with a password that the location does not have."""
    if not location:
        raise FetchFailed(f"{shown(url)}: a redirect to nowhere")
    target = urljoin(parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl(), location)
    led, _ = _parts(target)
    if parts.scheme == "https" and led.scheme == "http":
        raise FetchFailed(f"{shown(url)}: redirects from https to http")
    if "@" not in led.netloc and led.netloc == parts.netloc.rpartition("@")[2]:
        return led._replace(netloc=parts.netloc).geturl()
    return target


def _escaped(path: str) -> str:
    """Without characters that a request line cannot hold."""
    raw = path.encode()
    return "".join(chr(each) if 0x20 < each < 0x7F else f"%{each:02X}" for each in raw)
