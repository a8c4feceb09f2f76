"""The commands of every request, each thread's on a connection of its own: what a pool and its client do around a
command takes three times as long as the command."""

import threading
from collections.abc import Sequence
from hashlib import sha1
from typing import Any

import redis


class Line:
    """To the Redis of ``client``, as ``client`` would reach it. On a cluster it is ``client`` that asks."""

    def __init__(self, client: Any) -> None:
        self._client = client
        self._cluster = isinstance(client, redis.RedisCluster)
        self._own = threading.local()

    def ask(self, *command: Any) -> Any:
        """The answer to one command, sent once. Raises redis.RedisError."""
        if self._cluster:
            return self._client.execute_command(*command)
        if not hasattr(self._own, "held"):
            self._own.held = _Held(self._client.connection_pool)
        connection = self._own.held.connection
        if _stale(connection):
            connection.disconnect()
        connection.send_command(*command)
        return connection.read_response()

    def run(self, script: "Script", keys: Sequence[str], arguments: Sequence[Any]) -> Any:
        """What a script answers; a Redis that does not know it yet learns it. Raises redis.RedisError."""
        rest = (len(keys), *keys, *arguments)
        try:
            return self.ask("EVALSHA", script.digest, *rest)
        except redis.exceptions.NoScriptError:
            return self.ask("EVAL", script.text, *rest)


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
