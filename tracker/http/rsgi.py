"""The RSGI protocol: a request's headers as a WSGI environ, and its body, read within limits of size and time."""

import asyncio
from collections.abc import AsyncIterator, Iterable
from typing import Any, Protocol

from tracker.refusal import Refusal

BODY_SECONDS = 10.0
"""The time for a whole body. A client that is slower is refused."""
DRAIN_LIMIT = 8 * 1024 * 1024
"""Bytes of a refused body that are still read. A client that is cut off while it writes would see a broken connection
instead of the refusal, and would send everything again."""
SMALL_BODY = 32 * 1024
BODIES_LIMIT = 256 * 1024 * 1024
"""Bytes of all bodies over SMALL_BODY that may be read at one time, by the lengths that their clients announce. Small
bodies, which nearly all are, are never refused: else a few hundred slow clients could block everybody's events."""
BUSY = Refusal("busy", "too many bodies are on their way", status=503, retry_after=2.0)
SLOW = Refusal("slow_body", f"the body did not arrive within {BODY_SECONDS:.0f} seconds", status=408)
INCOMPLETE = Refusal("incomplete", "the connection ended before the body did")
_PLAIN = {"content-type": "CONTENT_TYPE", "content-length": "CONTENT_LENGTH"}


class Headers(Protocol):
    def items(self) -> Iterable[tuple[str, str]]: ...


class Scope(Protocol):
    """One request without its body."""

    http_version: str
    client: str
    scheme: str
    method: str
    path: str
    query_string: str

    @property
    def headers(self) -> Headers: ...


class Body(Protocol):
    """A body that is still arriving: read whole, or by chunks. Raises RuntimeError when the client is gone."""

    def __call__(self) -> asyncio.Future[bytes]: ...

    def __aiter__(self) -> AsyncIterator[bytes]: ...


class Exchange(Body, Protocol):
    """The request's body, and the method that sends the answer."""

    def response_bytes(self, status: int, headers: list[tuple[str, str]], body: bytes) -> None: ...


def environ(scope: Scope) -> dict[str, Any]:
    """The request as a WSGI environ, without its input.

    A header whose name has an underscore is left out: it would look like the one with a hyphen that a proxy set.
    """
    made: dict[str, Any] = {
        "REQUEST_METHOD": scope.method,
        "PATH_INFO": scope.path,
        "QUERY_STRING": scope.query_string,
        "SERVER_PROTOCOL": f"HTTP/{scope.http_version}",
        "REMOTE_ADDR": scope.client.rpartition(":")[0].strip("[]"),
        "wsgi.url_scheme": scope.scheme,
    }
    for name, value in scope.headers.items():
        key = _NAMES.get(name) or _name(name)
        if key in made:
            value = f"{made[key]}{'; ' if name == 'cookie' else ', '}{value}"
        if key:
            made[key] = value
    return made


def _name(header: str) -> str:
    return "" if "_" in header else "HTTP_" + header.upper().replace("-", "_")


_NAMES = {
    **{
        name: _name(name)
        for name in (
            "accept",
            "accept-encoding",
            "accept-language",
            "authorization",
            "connection",
            "cookie",
            "host",
            "origin",
            "referer",
            "user-agent",
            "x-forwarded-for",
            "x-forwarded-proto",
        )
    },
    **_PLAIN,
}


class _BodiesInMemory:
    """How much of BODIES_LIMIT is in use. Only the event loop's thread changes it."""

    bytes = 0


async def read_body(body: Body, length: str, limit: int, too_large: Refusal) -> bytes | Refusal:
    """All of ``body``, of which the client says it has ``length`` bytes; at most ``limit`` are ever held.

    Large bodies beyond BODIES_LIMIT are refused with 503.
    """
    known = int(length[:10]) if length.isdecimal() else -1
    if known == 0:
        return b""
    if known > DRAIN_LIMIT:
        return too_large
    share = 0 if 0 < known <= SMALL_BODY else min(known, limit) if known > 0 else limit
    if _BodiesInMemory.bytes + share > BODIES_LIMIT:
        return BUSY
    _BodiesInMemory.bytes += share
    try:
        if 0 < known <= limit:
            return await _whole(body())
        async with asyncio.timeout(BODY_SECONDS):
            return await _chunks(body, limit, too_large)
    except TimeoutError:
        return SLOW
    except RuntimeError:  # what the server's own errors are derived from
        return INCOMPLETE
    finally:
        _BodiesInMemory.bytes -= share


async def _whole(coming: asyncio.Future[bytes]) -> bytes:
    """As asyncio.timeout, at a third of its cost: every event takes this path."""
    timer = asyncio.get_running_loop().call_later(BODY_SECONDS, coming.cancel)
    try:
        return await coming
    except asyncio.CancelledError:
        if asyncio.current_task().cancelling():  # type: ignore[union-attr]
            raise
        raise TimeoutError from None
    finally:
        timer.cancel()


async def _chunks(body: Body, limit: int, too_large: Refusal) -> bytes | Refusal:
    chunks: list[bytes] = []
    size = 0
    async for chunk in body:
        size += len(chunk)
        if size > DRAIN_LIMIT:
            return too_large
        if size <= limit:
            chunks.append(chunk)
        else:
            chunks.clear()
    return b"".join(chunks) if size <= limit else too_large
