"""Redis for offers, as ``profiles/redis.py`` has it for profiles: one way to connect, and what it may throw."""

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
