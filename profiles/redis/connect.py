"""Redis for offers, as ``profiles/redis/store.py`` has it for profiles: one way to connect, and what it may throw."""

import time
from typing import Any

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

ResponseError, NoScriptError = redis.ResponseError, redis.exceptions.NoScriptError
RedisError = (redis.RedisError, redis.exceptions.RedisClusterException, OSError)


def connect(url: str, timeout: float) -> Any:
    """A client for ``redis://``, ``rediss://``, ``unix://`` or ``redis+cluster://``; waits ``timeout`` seconds at most.

    It never tries again by itself: a step that timed out may have counted, and must not count twice.
    """
    options: dict[str, Any] = {"socket_timeout": timeout, "protocol": 2}
    if not url.startswith("unix://"):
        options |= {"socket_connect_timeout": timeout, "socket_keepalive": True}
    if url.startswith("redis+cluster://"):
        return redis.RedisCluster.from_url(url.replace("redis+cluster", "redis", 1), **options)
    return redis.Redis.from_url(url, retry=Retry(NoBackoff(), 0), **options)


def number_change(pipe: Any, key: str) -> None:
    """Add the next number of a hash's changes, its field "", to a pipeline. A hash that is made anew begins at the
    microsecond: its numbers are none that a process has read up to before Redis lost its data."""
    pipe.hsetnx(key, "", time.time_ns() // 1_000)
    pipe.hincrby(key, "", 1)
