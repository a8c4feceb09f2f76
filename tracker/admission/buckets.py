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


class _Ask(NamedTuple):
    name: str
    wanted: float
    per_second: float
    burst: float
    answer: "asyncio.Future[float] | None" = None


class RedisBuckets:
    """Callable as ``limits.Shared``, on one event loop, which it never holds up: what requests ask while an answer is
    on its way goes to Redis together. When Redis does not answer, everything is allowed and the log says so."""

    def __init__(self, url: str, prefix: str = "dg:limit:") -> None:
        self._url, self._prefix = url, prefix
        self._client: Any = None
        self._take: Any = None
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="limits")
        self._asked: list[_Ask] = []
        self._asking: asyncio.Task[None] | None = None
        self._asleep_until = 0.0

    async def __call__(self, name: str, wanted: float, per_second: float, burst: float) -> float:
        if time.monotonic() < self._asleep_until:
            return wanted
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[float] = loop.create_future()
        self._asked.append(_Ask(name, wanted, per_second, burst, answer))
        if self._asking is None:
            self._asking = loop.create_task(self._work(loop))
        return await answer

    def take(self, name: str, wanted: float, per_second: float, burst: float) -> float:
        """The same, for a thread that may wait."""
        if time.monotonic() < self._asleep_until:
            return wanted
        return self._ask([_Ask(name, wanted, per_second, burst)])[0]

    async def _work(self, loop: asyncio.AbstractEventLoop) -> None:
        while self._asked:
            asked, self._asked = self._asked, []
            for ask, taken in zip(
                asked, await loop.run_in_executor(self._thread, self._ask, asked), strict=True
            ):
                if ask.answer and not ask.answer.done():  # its client may have gone
                    ask.answer.set_result(taken)
        self._asking = None

    def _ask(self, asked: Sequence[_Ask]) -> list[float]:
        """How much of each Redis allows; all of it where it does not answer."""
        try:
            self._connect()
            if is_cluster(self._client):  # whose pipelines run no scripts
                return [float(self._take_of(ask, self._client)) for ask in asked]
            pipe = self._client.pipeline(transaction=False)
            for ask in asked:
                self._take_of(ask, pipe)
            return [float(taken) for taken in pipe.execute()]
        except REDIS_ERRORS:
            _logger.warning("rate limits are not shared: Redis does not answer")
            self._asleep_until = time.monotonic() + PAUSE
            return [ask.wanted for ask in asked]

    def _connect(self) -> None:
        """At the first use: a cluster is asked for its nodes, and it may be away when the tracker starts."""
        if self._client is None:
            self._client = connect(self._url, TIMEOUT)
            script = files("tracker.admission").joinpath("buckets.lua").read_text()
            self._take = self._client.register_script(script)

    def _take_of(self, ask: _Ask, client: Any) -> Any:
        arguments = [ask.wanted, ask.per_second, ask.burst]
        return self._take(keys=[self._prefix + ask.name], args=arguments, client=client)
