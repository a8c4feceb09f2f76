"""Runs a WSGI application behind an RSGI server. The body is read first; then a thread of a bounded pool does the
request."""

import asyncio
import logging
import sys
from collections.abc import Awaitable, Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from io import BytesIO
from typing import Any

from tracker.http import responses, rsgi
from tracker.http.responses import Response
from tracker.refusal import Refusal

Wsgi = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]
Short = Callable[[dict[str, Any], bytes], Awaitable[Response | None]]
"""Answers a request, given as its environ and body, on the event loop; or None."""

BODY_LIMIT = 2 << 20
"""Bytes of a body here; each application has a smaller limit of its own."""
WAITING_PER_THREAD = 8
"""Requests that may wait for a thread, for each thread there is; beyond them it answers 503."""
TOO_LARGE = Refusal("too_large", f"a body may have at most {BODY_LIMIT} bytes", status=413)
BUSY = Refusal("busy", "too many requests at once", status=503, retry_after=1.0)

_logger = logging.getLogger(__name__)


class Bridge:
    """Serves ``application`` in ``threads`` threads, but for what ``short`` answers. An answer is sent when it is
    complete: none here is a stream."""

    def __init__(self, application: Wsgi, threads: int, short: Short | None = None) -> None:
        self._application, self._short = application, short
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="web")
        self._waiting, self._most = 0, threads * (1 + WAITING_PER_THREAD)

    async def __call__(self, scope: rsgi.Scope, exchange: rsgi.Exchange) -> None:
        exchange.response_bytes(*await self._answer(scope, exchange))

    def close(self) -> None:
        self._pool.shutdown()

    async def _answer(self, scope: rsgi.Scope, exchange: rsgi.Exchange) -> Response:
        environ = rsgi.environ(scope)
        length = environ.get("CONTENT_LENGTH", "")
        body: bytes | Refusal = b""
        if length or "HTTP_TRANSFER_ENCODING" in environ:
            body = await rsgi.read_body(exchange, length, BODY_LIMIT, TOO_LARGE)
        if isinstance(body, Refusal):
            return responses.refused(body)
        if self._waiting >= self._most:
            return responses.refused(BUSY)
        self._waiting += 1
        try:
            if self._short and (answer := await self._short(environ, body)):
                return answer
            return await asyncio.get_running_loop().run_in_executor(self._pool, self._run, environ, body)
        except Exception:
            _logger.exception("request failed")
            return responses.refused(Refusal("internal", "the application failed", status=500))
        finally:
            self._waiting -= 1

    def _run(self, environ: dict[str, Any], body: bytes) -> Response:
        """One request, as PEP 3333 has it."""
        host, _, port = environ.get("HTTP_HOST", "localhost").partition(":")
        environ |= {
            "PATH_INFO": environ["PATH_INFO"].encode().decode("latin-1"),
            "SCRIPT_NAME": "",
            "SERVER_NAME": host,
            "SERVER_PORT": port or ("443" if environ["wsgi.url_scheme"] == "https" else "80"),
            "CONTENT_LENGTH": str(len(body)),
            "wsgi.version": (1, 0),
            "wsgi.input": BytesIO(body),
            "wsgi.input_terminated": True,
            "wsgi.errors": sys.stderr,
            "wsgi.multithread": True,
            "wsgi.multiprocess": True,
            "wsgi.run_once": False,
        }
        started: list[tuple[int, list[tuple[str, str]]]] = []
        written: list[bytes] = []

        def start_response(
            status: str, headers: list[tuple[str, str]], _: object = None
        ) -> Callable[[bytes], None]:
            started.append((int(status[:3]), headers))
            return written.append

        chunks = self._application(environ, start_response)
        try:
            written += chunks
        finally:
            if close := getattr(chunks, "close", None):
                close()
        return Response(*started[-1], b"".join(written))
