"""Commands against Redis, written once (``profiles.sansio``) and run synchronously or on the event loop.

A thread has a connection of its own: what redis-py's pool and client do around a command takes three times as long as
the command. On an event loop all requests share one ``PipelinedConnection``.
"""

import asyncio
import threading
from collections.abc import Sequence
from hashlib import sha1
from typing import Any

import redis

from profiles.redis.pipelined import PipelinedConnection, address_of
from profiles.sansio import InThread, Steps

Command = tuple[Any, ...]


class RedisCommands:
    """Sends commands to the Redis that ``client`` is connected to; on a cluster, through ``client`` itself."""

    def __init__(self, client: Any) -> None:
        self._client = client
        self._cluster = isinstance(client, redis.RedisCluster)
        self._address = None if self._cluster else address_of(client)
        self._own = threading.local()
        self._pipelined: PipelinedConnection | None = None

    def execute(self, commands: Sequence[Command]) -> list[Any]:
        """The replies to commands that are sent together, each once. Raises redis.RedisError: the first error."""
        if self._cluster:
            return [self._client.execute_command(*command) for command in commands]
        if not hasattr(self._own, "held"):
            self._own.held = _ThreadConnection(self._client.connection_pool)
        connection = self._own.held.connection
        if _stale(connection):
            connection.disconnect()
        connection.send_packed_command(connection.pack_commands(commands))
        return _whole([_answer(connection) for _ in commands])

    async def execute_async(self, commands: Sequence[Command], in_thread: InThread) -> list[Any]:
        """As ``execute``, on an event loop."""
        if self._address is None:
            answers: list[Any] = await in_thread(lambda: self.execute(commands))
            return answers
        if self._pipelined is None or self._pipelined.loop is not asyncio.get_running_loop():
            self._pipelined = PipelinedConnection(self._address)
        return await self._pipelined.execute(commands)

    def sending(self, *commands: Command) -> Steps[list[Any]]:
        """The replies, in order. Raises redis.RedisError."""
        answers: list[Any] = yield _CommandsNeed(self, commands)
        return answers

    def running_script(self, script: "Script", keys: Sequence[str], arguments: Sequence[Any]) -> Steps[Any]:
        """The reply of a Lua script, which is loaded where Redis does not know it yet. Raises redis.RedisError."""
        rest = (len(keys), *keys, *arguments)
        try:
            (answer,) = yield _CommandsNeed(self, (("EVALSHA", script.digest, *rest),))
        except redis.exceptions.NoScriptError:
            (answer,) = yield _CommandsNeed(self, (("EVAL", script.text, *rest),))
        return answer


class _CommandsNeed:
    """Commands to be sent together; the answers are a list."""

    __slots__ = ("_commands", "_owner")

    def __init__(self, owner: RedisCommands, commands: Sequence[Command]) -> None:
        self._owner, self._commands = owner, commands

    def result(self) -> list[Any]:
        return self._owner.execute(self._commands)

    async def result_async(self, in_thread: InThread) -> list[Any]:
        return await self._owner.execute_async(self._commands, in_thread)


def _answer(connection: Any) -> Any:
    """The reply to one command. An error is returned as a value, because the replies after it must still be read."""
    try:
        return connection.read_response()
    except redis.ResponseError as error:
        return error


def _whole(answers: list[Any]) -> list[Any]:
    for answer in answers:
        if isinstance(answer, redis.ResponseError):
            raise answer
    return answers


class _ThreadConnection:
    """A connection of the pool that a thread holds until it ends."""

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
    """Whether Redis has closed the connection, or an earlier reply was left unread."""
    try:
        return bool(connection.can_read())
    except redis.ConnectionError:
        return True
