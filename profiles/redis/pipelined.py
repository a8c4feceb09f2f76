"""A pipelined Redis client for one event loop: the commands of many requests share one connection, go out together and
come back together, and none of them holds a thread.

It stays because redis.asyncio with hiredis costs 1.65 times as much CPU for a whole personalize request (307 against
186 µs) and 4.5 times as much for one command (58 against 13 µs): ``python -m bench.personalize --clients``, 2026-11-30.
Without a read timeout for redis.asyncio it was 1.43 times. Below 1.5 times, take redis.asyncio instead. Where redis-py
connects in other ways (TLS, a cluster), ``RedisCommands`` runs the commands in threads.
"""

import asyncio
from collections import deque
from collections.abc import Sequence
from typing import Any, NamedTuple

import hiredis
import redis
from redis.connection import Connection, UnixDomainSocketConnection

SILENT_SECONDS = 0.5
"""The connection is dropped when an answer is pending and nothing has arrived for this long."""
PAUSE_SECONDS = 1.0
"""After a failure, no connection is attempted for this long."""
CONNECT_SECONDS = 2.0
WAITING_MOST = 10_000
"""Commands under way at once."""


class Address(NamedTuple):
    """Where Redis is: a ``path``, or ``host`` and ``port``; and the commands that a connection begins with."""

    path: str
    host: str
    port: int
    greeting: tuple[tuple[Any, ...], ...]


def address_of(client: redis.Redis) -> Address | None:
    """The address of the client's Redis; None where a plain connection cannot reach it (TLS, a credential provider)."""
    pool = client.connection_pool
    if pool.connection_class not in (Connection, UnixDomainSocketConnection):
        return None
    options = pool.connection_kwargs
    if options.get("credential_provider"):
        return None
    greeting: list[tuple[Any, ...]] = []
    if options.get("password"):
        who = (options["username"],) if options.get("username") else ()
        greeting.append(("AUTH", *who, options["password"]))
    greeting.append(("SELECT", options.get("db") or 0))
    host, port = options.get("host", "localhost"), int(options.get("port", 6379))
    return Address(options.get("path", ""), host, port, tuple(greeting))


class PipelinedConnection(asyncio.Protocol):
    """One connection of one event loop. It connects when it is first used, and again after it broke.

    Answers come in the order of the commands. A caller that stops waiting does not disturb the others.
    """

    def __init__(self, address: Address) -> None:
        self.loop = asyncio.get_running_loop()
        self._address = address
        self._transport: asyncio.Transport | None = None
        self._reader: Any = None
        self._waiting: deque[_PendingReply] = deque()
        self._up: asyncio.Future[None] | None = None
        self._holding: asyncio.Task[None] | None = None
        self._watch: asyncio.TimerHandle | None = None
        self._heard = 0.0
        self._failed = False  # then nobody waits for the connection to be made again
        self._paused_until = float("-inf")

    async def execute(self, commands: Sequence[tuple[Any, ...]]) -> list[Any]:
        """The answers, in order; each command is sent once. Raises redis.RedisError: the first that is an error."""
        if self._up is None and self.loop.time() >= self._paused_until:
            self._up = self.loop.create_future()
            self._holding = self.loop.create_task(self._hold(self._up))
        if self._up is None or (self._failed and not self._up.done()):
            raise redis.ConnectionError("Redis failed a moment ago")
        if not self._up.done():
            await asyncio.shield(
                self._up
            )  # a caller that is cancelled must not cancel the connection of the others
        return await self._send(commands)

    async def _hold(self, up: "asyncio.Future[None]") -> None:
        """Connect. The task goes on as long as the connection: a loop that ends, ends both."""
        lost = self._lost = self.loop.create_future()
        try:
            async with asyncio.timeout(CONNECT_SECONDS):
                if self._address.path:
                    await self.loop.create_unix_connection(lambda: self, self._address.path)
                else:
                    await self.loop.create_connection(lambda: self, self._address.host, self._address.port)
                await self._send(self._address.greeting)
            self._failed = False
            up.set_result(None)
            await lost
        except Exception as error:  # whatever it is, no caller may wait for ever
            known = (
                error if isinstance(error, redis.RedisError) else redis.ConnectionError(f"no Redis: {error}")
            )
            self._hang_up(known)
        finally:
            if self._transport is not None:
                self._transport.abort()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport  # type: ignore[assignment]
        self._reader = hiredis.Reader(protocolError=redis.InvalidResponse, replyError=_refused)

    def data_received(self, data: bytes) -> None:
        self._heard = self.loop.time()
        self._reader.feed(data)
        try:
            while (answer := self._reader.gets()) is not False:
                if not self._waiting:
                    raise redis.InvalidResponse(
                        f"Redis sent a reply that no command waits for: {str(answer)[:100]}"
                    )
                pending = self._waiting[0]
                pending.answers.append(answer)
                if len(pending.answers) == pending.count:
                    self._waiting.popleft()
                    pending.tell()
        except redis.InvalidResponse as error:
            self._hang_up(error)

    def connection_lost(self, error: Exception | None) -> None:
        self._transport = None
        self._fail(redis.ConnectionError(f"the connection to Redis was lost: {error or 'closed'}"))
        if not self._lost.done():
            self._lost.set_result(None)

    def _send(self, commands: Sequence[tuple[Any, ...]]) -> "asyncio.Future[list[Any]]":
        if self._transport is None:
            raise redis.ConnectionError("the connection to Redis was lost")
        if len(self._waiting) >= WAITING_MOST:
            raise redis.ConnectionError(f"{WAITING_MOST:,} requests wait for Redis")
        if not self._waiting:
            self._heard = self.loop.time()
            if self._watch is None:
                self._watch = self.loop.call_later(SILENT_SECONDS, self._look)
        pending = _PendingReply(len(commands), self.loop.create_future())
        self._waiting.append(pending)
        self._transport.write(b"".join([hiredis.pack_command(command) for command in commands]))
        return pending.replied

    def _look(self) -> None:
        """Whether an answer is pending for too long."""
        self._watch = None
        if not self._waiting:
            return
        left = self._heard + SILENT_SECONDS - self.loop.time()
        if left > 0:
            self._watch = self.loop.call_later(left, self._look)
        else:
            self._hang_up(redis.TimeoutError("Redis does not answer"))

    def _hang_up(self, error: redis.RedisError) -> None:
        self._failed, self._paused_until = True, self.loop.time() + PAUSE_SECONDS
        if self._transport is not None:
            self._transport.abort()
        self._fail(error)

    def _fail(self, error: redis.RedisError) -> None:
        """End every pending call with the error."""
        up, self._up = self._up, None
        waiting, self._waiting = self._waiting, deque()
        for replied in (*([up] if up else ()), *(pending.replied for pending in waiting)):
            if not replied.done():
                replied.set_exception(error)
                replied.exception()  # marks it as retrieved: the caller may be gone


class _PendingReply:
    """The pending answers to commands that were sent together."""

    __slots__ = ("answers", "count", "replied")

    def __init__(self, count: int, replied: "asyncio.Future[list[Any]]") -> None:
        self.count, self.replied = count, replied
        self.answers: list[Any] = []

    def tell(self) -> None:
        if self.replied.done():  # the caller was cancelled
            return
        error = next((answer for answer in self.answers if isinstance(answer, Exception)), None)
        if error is None:
            self.replied.set_result(self.answers)
        else:
            self.replied.set_exception(error)


def _refused(text: str) -> redis.ResponseError:
    kind = redis.exceptions.NoScriptError if text.startswith("NOSCRIPT") else redis.ResponseError
    return kind(text)
