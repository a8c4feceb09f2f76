"""Token buckets in Redis, shared by all tracker processes of an installation."""

import asyncio
import logging
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from importlib.resources import files
from typing import Any, NamedTuple

from tracker.redis_connection import REDIS_ERRORS, connect, is_cluster

TIMEOUT = 0.02
"""Seconds. A limit protects the service: it must not be what slows it down."""
PAUSE = 5.0
"""Seconds without asking a Redis that did not answer."""

_logger = logging.getLogger(__name__)


class _TokenRequest(NamedTuple):
    name: str
    wanted: float
    per_second: float
    burst: float
    granted: "asyncio.Future[float] | None" = None


class RedisBuckets:
    """Token buckets in Redis, called as ``limits.Shared`` on one event loop, which they never block.

    Requests that come while Redis works on earlier ones are sent to it together. When Redis does not answer, everything
    is allowed and a warning is logged.
    """

    def __init__(self, url: str, prefix: str = "dg:limit:") -> None:
        self._url, self._prefix = url, prefix
        self._client: Any = None
        self._script: Any = None
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="limits")
        self._pending: list[_TokenRequest] = []
        self._worker: asyncio.Task[None] | None = None
        self._paused_until = 0.0

    async def __call__(self, name: str, wanted: float, per_second: float, burst: float) -> float:
        if time.monotonic() < self._paused_until:
            return wanted
        loop = asyncio.get_running_loop()
        granted: asyncio.Future[float] = loop.create_future()
        self._pending.append(_TokenRequest(name, wanted, per_second, burst, granted))
        if self._worker is None:
            self._worker = loop.create_task(self._send_pending(loop))
        return await granted

    def take(self, name: str, wanted: float, per_second: float, burst: float) -> float:
        """The same, for a thread that may wait."""
        if time.monotonic() < self._paused_until:
            return wanted
        return self._take_all([_TokenRequest(name, wanted, per_second, burst)])[0]

    async def _send_pending(self, loop: asyncio.AbstractEventLoop) -> None:
        while self._pending:
            requests, self._pending = self._pending, []
            for request, taken in zip(
                requests, await loop.run_in_executor(self._thread, self._take_all, requests), strict=True
            ):
                if request.granted and not request.granted.done():  # its client may have gone
                    request.granted.set_result(taken)
        self._worker = None

    def _take_all(self, requests: Sequence[_TokenRequest]) -> list[float]:
        """The tokens that Redis grants to each request; all of them where Redis does not answer."""
        try:
            self._connect()
            if is_cluster(self._client):  # whose pipelines run no scripts
                return [float(self._run_script(request, self._client)) for request in requests]
            pipe = self._client.pipeline(transaction=False)
            for request in requests:
                self._run_script(request, pipe)
            return [float(taken) for taken in pipe.execute()]
        except REDIS_ERRORS:
            _logger.warning("rate limits are not shared: Redis does not answer")
            self._paused_until = time.monotonic() + PAUSE
            return [request.wanted for request in requests]

    def _connect(self) -> None:
        """At the first use: a cluster is asked for its nodes, and it may be away when the tracker starts."""
        if self._client is None:
            self._client = connect(self._url, TIMEOUT)
            script = files("tracker.admission").joinpath("buckets.lua").read_text()
            self._script = self._client.register_script(script)

    def _run_script(self, request: _TokenRequest, client: Any) -> Any:
        arguments = [request.wanted, request.per_second, request.burst]
        return self._script(keys=[self._prefix + request.name], args=arguments, client=client)
