"""The commands of every request, each thread's on a connection of its own: what a pool and its client do around a
command takes three times as long as the command. On an event loop all of them share one, a ``Wire``."""

import asyncio
import threading
from collections.abc import Sequence
from hashlib import sha1
from typing import Any

import redis

from profiles.redis.pipelined import Wire, address_of
from profiles.sansio import Elsewhere, Steps

Command = tuple[Any, ...]


class Line:
    """To the Redis of ``client``, as ``client`` would reach it. On a cluster it is ``client`` that asks."""

    def __init__(self, client: Any) -> None:
        self._client = client
        self._cluster = isinstance(client, redis.RedisCluster)
        self._address = None if self._cluster else address_of(client)
        self._own = threading.local()
        self._wire: Wire | None = None

    def ask(self, *command: Any) -> Any:
        """The answer to one command, sent once. Raises redis.RedisError."""
        return self.all([command])[0]

    def all(self, commands: Sequence[Command]) -> list[Any]:
        """The answers to several, sent together. Raises redis.RedisError: the first that is an error."""
        if self._cluster:
            return [self._client.execute_command(*command) for command in commands]
        if not hasattr(self._own, "held"):
            self._own.held = _Held(self._client.connection_pool)
        connection = self._own.held.connection
        if _stale(connection):
            connection.disconnect()
        connection.send_packed_command(connection.pack_commands(commands))
        return _whole([_answer(connection) for _ in commands])

    async def soon(self, commands: Sequence[Command], elsewhere: Elsewhere) -> list[Any]:
        """As ``all``, on an event loop."""
        if self._address is None:
            answers: list[Any] = await elsewhere(lambda: self.all(commands))
            return answers
        if self._wire is None or self._wire.loop is not asyncio.get_running_loop():
            self._wire = Wire(self._address)
        return await self._wire.ask(commands)

    def asking(self, *commands: Command) -> Steps[list[Any]]:
        """The answers, in order. Raises redis.RedisError."""
        answers: list[Any] = yield _Commands(self, commands)
        return answers

    def running(self, script: "Script", keys: Sequence[str], arguments: Sequence[Any]) -> Steps[Any]:
        """What a script answers; a Redis that does not know it yet learns it. Raises redis.RedisError."""
        rest = (len(keys), *keys, *arguments)
        try:
            (answer,) = yield _Commands(self, (("EVALSHA", script.digest, *rest),))
        except redis.exceptions.NoScriptError:
            (answer,) = yield _Commands(self, (("EVAL", script.text, *rest),))
        return answer


class _Commands:
    """Commands to be sent together; the answers are a list."""

    __slots__ = ("_commands", "_line")

    def __init__(self, line: Line, commands: Sequence[Command]) -> None:
        self._line, self._commands = line, commands

    def now(self) -> list[Any]:
        return self._line.all(self._commands)

    async def soon(self, elsewhere: Elsewhere) -> list[Any]:
        return await self._line.soon(self._commands, elsewhere)


def _answer(connection: Any) -> Any:
    """An error that is the answer to one command, as a value: the answers after it are still to be read."""
    try:
        return connection.read_response()
    except redis.ResponseError as error:
        return error


def _whole(answers: list[Any]) -> list[Any]:
    for answer in answers:
        if isinstance(answer, redis.ResponseError):
            raise answer
    return answers


class _Held:
    """A connection of the pool for as long as a thread lives."""

    def __init__(self, pool: Any) -> None:
        self._pool, self.connection = pool, pool.get_connection()

    def __del__(self) -> None:
        if hasattr(self, "connection"):
            self._pool.release(self.connection)


class Script:
    """A Lua script, known to Redis by its digest."""

    def __init__(self, text: str) -> None:
        self.text, self.digest = text, sha1(text.encode(), usedforsecurity=False).hexdigest()


def _stale(connection: Any) -> bool:
    """Whether Redis has hung up since, or something was left to read."""
    try:
        return bool(connection.can_read())
    except redis.ConnectionError:
        return True
