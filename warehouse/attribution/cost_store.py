"""The costs of sites in Redis: what is told again of a day, source and campaign takes the place of what was told."""

from collections.abc import Iterable, Sequence
from datetime import date
from itertools import islice
from typing import NamedTuple, Protocol

import msgspec

from tracker.redis_connection import connect, redis_errors
from tracker.unavailable import Unavailable
from warehouse.attribution.cost import Cost

MOST = 500_000
"""Entries (a day of a campaign of a source) of one site."""
BATCH = 1_000
_costs = msgspec.msgpack.Decoder(list[Cost])


class CostsUnavailable(Unavailable):
    """The store does not answer now."""


class TooManyCosts(Exception):
    """The site would have more entries than MOST. Import whole campaigns, not keywords or ads."""


class CostsKept(NamedTuple):
    """How many entries were new, had another content before, or the same."""

    new: int = 0
    changed: int = 0
    unchanged: int = 0


class CostStore(Protocol):
    """Raises CostsUnavailable."""

    def put(self, site: str, costs: Iterable[Cost]) -> CostsKept:
        """Keep the costs: all of one day, source and campaign together replace what was known of these three.
        Raises TooManyCosts."""
        ...

    def between(self, site: str, first: date, last: date) -> list[Cost]:
        """The costs of these days, both included."""
        ...

    def clear(self, site: str, first: date, last: date, source: str = "") -> int:
        """Forget the costs of these days, of one source or of all; how many entries."""
        ...


class RedisCosts:
    """On the hash ``dg:costs:{site}``: (day, source, campaign) → the costs."""

    def __init__(self, url: str, timeout: float = 5.0) -> None:
        self._redis = connect(url, timeout)

    def put(self, site: str, costs: Iterable[Cost]) -> CostsKept:
        key, groups = _key(site), _grouped(costs)
        counts = [0, 0, 0]
        with redis_errors("the store of costs", CostsUnavailable):
            if self._redis.hlen(key) + len(groups) > MOST and self._more(key, list(groups)) > MOST:
                raise TooManyCosts(f"more than {MOST:,} days of campaigns")
            entries = iter(groups.items())
            while some := dict(islice(entries, BATCH)):
                for before, now in zip(self._redis.hmget(key, list(some)), some.values(), strict=True):
                    counts[0 if before is None else 2 if before == now else 1] += 1
                self._redis.hset(key, mapping=some)
        return CostsKept(*counts)

    def between(self, site: str, first: date, last: date) -> list[Cost]:
        low, high = first.isoformat(), last.isoformat()
        with redis_errors("the store of costs", CostsUnavailable):
            entries = self._redis.hgetall(_key(site))
        found = [
            cost
            for field, raw in entries.items()
            if low <= _day(field) <= high
            for cost in _costs.decode(raw)
        ]
        return sorted(found, key=lambda each: (each.day, each.source, each.campaign, each.channel))

    def clear(self, site: str, first: date, last: date, source: str = "") -> int:
        low, high, key = first.isoformat(), last.isoformat(), _key(site)
        with redis_errors("the store of costs", CostsUnavailable):
            fields = [
                each
                for each in self._redis.hkeys(key)
                if low <= _day(each) <= high and (not source or msgspec.json.decode(each)[1] == source)
            ]
            gone = 0
            for at in range(0, len(fields), BATCH):
                gone += int(self._redis.hdel(key, *fields[at : at + BATCH]))
        return gone

    def _more(self, key: str, fields: Sequence[bytes]) -> int:
        known = 0
        for at in range(0, len(fields), BATCH):
            known += sum(1 for each in self._redis.hmget(key, fields[at : at + BATCH]) if each is not None)
        return int(self._redis.hlen(key)) + len(fields) - known


def _grouped(costs: Iterable[Cost]) -> dict[bytes, bytes]:
    """Entries: costs of one channel and currency are added up."""
    groups: dict[bytes, dict[tuple[str, str], Cost]] = {}
    for each in costs:
        field = msgspec.json.encode((each.day, each.source, each.campaign))
        group, kind = groups.setdefault(field, {}), (each.channel, each.currency)
        if known := group.get(kind):
            each = msgspec.structs.replace(
                known,
                amount=known.amount + each.amount,
                clicks=known.clicks + each.clicks,
                impressions=known.impressions + each.impressions,
            )
        group[kind] = each
    encode = msgspec.msgpack.encode
    return {field: encode([group[kind] for kind in sorted(group)]) for field, group in groups.items()}


def _day(field: bytes) -> str:
    return field[2:12].decode()


def _key(site: str) -> str:
    return f"dg:costs:{site}"
