"""Token buckets in Redis, shared by all tracker processes of an installation."""

import logging
import time
from importlib.resources import files

import redis

TIMEOUT = 0.02
"""Seconds. A limit protects the service: it must not be what slows it down."""
PAUSE = 5.0
"""Seconds without asking a Redis that did not answer."""

_logger = logging.getLogger(__name__)


class RedisBuckets:
    """Callable as ``limits.Shared``. When Redis does not answer, everything is allowed and the log says so."""

    def __init__(self, url: str, prefix: str = "dangol:limit:") -> None:
        self._client = redis.Redis.from_url(url, socket_timeout=TIMEOUT, socket_connect_timeout=TIMEOUT)
        self._take = self._client.register_script(files("tracker").joinpath("redis_buckets.lua").read_text())
        self._prefix = prefix
        self._asleep_until = 0.0

    def __call__(self, name: str, wanted: float, per_second: float, burst: float) -> float:
        if time.monotonic() < self._asleep_until:
            return wanted
        try:
            return float(self._take(keys=[self._prefix + name], args=[wanted, per_second, burst]))
        except redis.RedisError:
            _logger.warning("rate limits are not shared: Redis does not answer")
            self._asleep_until = time.monotonic() + PAUSE
            return wanted
