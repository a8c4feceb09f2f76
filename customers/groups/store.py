"""Where a site's groups are kept: in the Redis of the profiles."""

import msgspec

from customers.groups.groups import Groups
from profiles.store.port import ProfilesUnavailable
from tracker.durations import DAY_SECONDS
from tracker.redis_connection import connect, redis_errors

KEPT_SECONDS = 60 * DAY_SECONDS
"""Longer than between two runs that find groups."""


class GroupStore:
    """``dg:groups:{site}`` is the document. Raises ProfilesUnavailable."""

    def __init__(self, url: str, timeout: float = 1.0) -> None:
        self._client = connect(url, timeout)

    def load(self, site: str) -> Groups | None:
        """The groups as they were found last; None before the first run, and of a release that wrote others."""
        with redis_errors("Redis cannot read the groups", ProfilesUnavailable):
            raw = self._client.get(_key(site))
        try:
            return msgspec.json.decode(raw, type=Groups) if raw else None
        except msgspec.DecodeError:
            return None

    def save(self, site: str, groups: Groups) -> None:
        with redis_errors("Redis cannot keep the groups", ProfilesUnavailable):
            self._client.set(_key(site), msgspec.json.encode(groups), ex=KEPT_SECONDS)


def _key(site: str) -> str:
    return f"dg:groups:{site}"
