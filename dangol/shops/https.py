"""Requests over https to a host of the internet, within limits. Addresses inside of our own network are never asked.

The host's address is looked up once, checked, and connected to: a second look-up could give another one.
"""

import socket
import ssl
from collections.abc import Callable, Mapping
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from ipaddress import IPv6Address, ip_address, ip_network
from typing import NamedTuple, Protocol
from urllib.parse import SplitResult, urlsplit

from tracker.unavailable import Unavailable

BYTES_LIMIT = 16 * 1024 * 1024
TIMEOUT_SECONDS = 20.0
_TRANSLATED = ip_network("64:ff9b::/96")
"""Addresses that a gateway translates into IPv4: which ones, it alone knows."""


class ShopUnavailable(Unavailable):
    """The shop did not answer as it should; the message says how."""


class Ask(Protocol):
    """Asks an address: see ``ask``."""

    def __call__(self, url: str, headers: Mapping[str, str], body: bytes | None = None) -> "ShopAnswer": ...


class ShopAnswer(NamedTuple):
    """Header names are in lower case."""

    headers: Mapping[str, str]
    body: bytes


def ask(
    url: str,
    headers: Mapping[str, str],
    body: bytes | None = None,
    connect: Callable[[SplitResult], HTTPConnection] | None = None,
) -> ShopAnswer:
    """What ``url`` answers with 200 to GET, or to POST of ``body``. No redirect is followed. Raises ShopUnavailable."""
    parts = urlsplit(url)
    path = f"{parts.path or '/'}{'?' + parts.query if parts.query else ''}"
    try:
        connection = (connect or to_the_internet)(parts)
        try:
            method = "GET" if body is None else "POST"
            connection.request(method, path, body, {"Accept": "application/json", **headers})
            answer = connection.getresponse()
            given = answer.read(BYTES_LIMIT + 1)
        finally:
            connection.close()
    except (OSError, HTTPException, ValueError) as error:
        raise ShopUnavailable(f"{parts.netloc} cannot be asked: {error}", retry_after=60.0) from error
    if answer.status != 200:
        raise ShopUnavailable(
            f"{parts.netloc} answers with {answer.status} {answer.reason}", retry_after=60.0
        )
    if len(given) > BYTES_LIMIT:
        raise ShopUnavailable(f"{parts.netloc} answers with more than {BYTES_LIMIT} bytes", retry_after=60.0)
    return ShopAnswer({name.lower(): value for name, value in answer.getheaders()}, given)


def to_the_internet(parts: SplitResult) -> HTTPConnection:
    """A connection to a public address of the host. Raises OSError and ValueError."""
    if parts.scheme != "https" or not parts.hostname or parts.username is not None:
        raise ValueError("a shop's address begins with https:// and names no user")
    port = parts.port or 443
    return _Pinned(parts.hostname, port, public_address(parts.hostname, port))


def public_address(host: str, port: int) -> str:
    """The host's address; all that it has must be public. Raises OSError and ValueError."""
    found = [str(info[4][0]) for info in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)]
    for address in found:
        if not is_public(address):
            raise ValueError("its address is not one of the internet")
    return found[0]


def is_public(address: str) -> bool:
    """Whether an IP address is one of the internet."""
    parsed = ip_address(address.partition("%")[0])
    if isinstance(parsed, IPv6Address):
        if parsed in _TRANSLATED or parsed.sixtofour or parsed.teredo:
            return False
        parsed = parsed.ipv4_mapped or parsed
    return parsed.is_global and not parsed.is_multicast


class _Pinned(HTTPSConnection):
    """Connects to ``address``, and checks the certificate of ``host``."""

    def __init__(self, host: str, port: int, address: str) -> None:
        context = ssl.create_default_context()
        super().__init__(host, port, timeout=TIMEOUT_SECONDS, context=context)
        self._pinned, self._tls = address, context

    def connect(self) -> None:
        plain = socket.create_connection((self._pinned, self.port), TIMEOUT_SECONDS)
        self.sock = self._tls.wrap_socket(plain, server_hostname=self.host)
