"""The bandit's counts in Redis: written by the feedback job, read by every web worker every few seconds."""

import time
from collections.abc import Callable, Mapping

import msgspec

from offers.bandit.contexts import SlotCounts
from offers.bandit.thompson_sampling import Arm
from profiles.redis.refreshed import Refreshed
from tracker.durations import DAY_SECONDS
from tracker.redis_connection import REDIS_ERRORS, connect
from tracker.sites import Site
from tracker.unavailable import Unavailable

REFRESH_SECONDS = 5.0
KEEP_SECONDS = 90 * DAY_SECONDS

Learned = dict[str, dict[str, SlotCounts]]
"""Campaign → slot → counts."""

_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(dict[str, SlotCounts]).decode


class ArmStore:
    """Learned counts on the hash ``dg:arms:{site}``: campaign → counts, and field "" the time of publishing."""

    def __init__(self, url: str, clock: Callable[[], float] = time.monotonic, timeout: float = 0.5) -> None:
        self._redis = connect(url, timeout)
        self._cache: Refreshed[Learned] = Refreshed(self._load, {}, REFRESH_SECONDS, clock)

    def due(self, site: Site) -> bool:
        """Every REFRESH_SECONDS."""
        return self._cache.due(site.id)

    def refresh(self, site: Site) -> None:
        self._cache.get(site.id)

    def arms(self, site: str, campaign: str, slot: str, context: str, /) -> Mapping[str, Arm]:
        counts = self._cache.cached(site).get(campaign, {}).get(slot)
        return counts.arms(context) if counts else {}

    def learned(self, site: str) -> Learned:
        """Everything that is known, for the results page."""
        return self._cache.get(site)

    def publish(self, site: str, learned: Learned, now: int) -> None:
        """Replace what is known of the site. Raises Unavailable."""
        fields: dict[str, bytes] = {campaign: _encode(slots) for campaign, slots in learned.items()}
        fields[""] = str(now).encode()
        try:
            with self._redis.pipeline() as pipe:
                pipe.delete(_key(site)).hset(_key(site), mapping=fields).expire(
                    _key(site), KEEP_SECONDS
                ).execute()
        except REDIS_ERRORS as error:
            raise Unavailable(str(error)) from error

    def _load(self, site: str, stamp: bytes | None) -> tuple[bytes | None, Learned] | None:
        if self._redis.hget(_key(site), "") == stamp:
            return None
        found: dict[bytes, bytes] = self._redis.hgetall(_key(site))
        published = found.pop(b"", None)
        try:
            return published, {campaign.decode(): _decode(raw) for campaign, raw in found.items()}
        except (
            msgspec.DecodeError,
            UnicodeDecodeError,
        ):  # another version's: the next run replaces it
            return published, {}


def _key(site: str) -> str:
    return f"dg:arms:{site}"
