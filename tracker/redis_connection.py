"""Connections to Redis: the only module that makes Redis clients and knows the errors of redis-py."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, TypeAlias

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from tracker.unavailable import Unavailable

CONNECT_SECONDS = 2.0
"""The longest time to connect, however long commands may take."""

RedisClient: TypeAlias = redis.Redis
REDIS_ERRORS = (redis.RedisError, redis.exceptions.RedisClusterException, OSError)
"""A cluster without a reachable node raises an error that is no RedisError."""
ResponseError, NoScriptError = redis.ResponseError, redis.exceptions.NoScriptError


def connect(url: str, timeout: float) -> Any:
    """A client for ``redis://``, ``rediss://``, ``unix://`` or ``redis+cluster://`` that waits ``timeout`` seconds at
    most. A cluster is asked for its nodes at once, the others are connected at the first command.

    A command is sent once: one that timed out may have counted, and must not count twice.
    """
    options: dict[str, Any] = {"socket_timeout": timeout, "protocol": 2}
    if not url.startswith("unix://"):
        options |= {"socket_connect_timeout": min(timeout, CONNECT_SECONDS), "socket_keepalive": True}
    if url.startswith("redis+cluster://"):
        return redis.RedisCluster.from_url(url.replace("redis+cluster", "redis", 1), **options)
    return redis.Redis.from_url(url, retry=Retry(NoBackoff(), 0), **options)


def is_cluster(client: Any) -> bool:
    """Whether it talks to a Redis Cluster: there each key has its own node."""
    return isinstance(client, redis.RedisCluster)


@contextmanager
def redis_errors(doing: str, kind: type[Unavailable] = Unavailable) -> Iterator[None]:
    """Turn what redis-py raises into ``kind``, whose message begins with ``doing``."""
    try:
        yield
    except redis.DataError:
        raise  # a value that Redis can never store
    except REDIS_ERRORS as error:
        raise kind(f"{doing}: {error}") from error
