"""The largest plausible order of each site: computed from its history on a schedule, read by every worker.

On the hash ``dg:order-limits``: site → amount in its currency.
"""

import logging
import time
from collections.abc import Callable
from typing import Any, cast

from tracker.redis_connection import REDIS_ERRORS, RedisClient
from tracker.sites import Site

logger = logging.getLogger(__name__)

KEY = "dg:order-limits"
READ_SECONDS = 60.0


class OrderLimits:
    """The limit is 0 for a site whose history is too short. Limits are read every READ_SECONDS; while Redis does not
    answer, the last ones read are used."""

    def __init__(self, client: RedisClient, clock: Callable[[], float] = time.monotonic) -> None:
        self._client, self._clock = cast(Any, client), clock
        self._read: float | None = None
        self._limits: dict[str, float] = {}

    def __call__(self, site: Site) -> float:
        """The limit in the site's settings, else the computed one."""
        if site.order_limit:
            return site.order_limit
        now = self._clock()
        if self._read is None or now - self._read >= READ_SECONDS:
            self._read = now
            try:
                known = self._client.hgetall(KEY)
            except REDIS_ERRORS as error:
                logger.warning("plausible orders: %s", error)
            else:
                self._limits = {name.decode(): float(value) for name, value in known.items()}
        return self._limits.get(site.id, 0.0)

    def save(self, site: str, limit: float) -> None:
        """0 removes it. Raises one of REDIS_ERRORS."""
        if limit:
            self._client.hset(KEY, site, repr(limit))
        else:
            self._client.hdel(KEY, site)
