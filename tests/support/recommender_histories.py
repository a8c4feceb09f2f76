"""Histories with a known right answer, for the recommender's tests."""

import random
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

import pyarrow as pa

from recommender.catalogue.store import NEW, Change, Changes, Stored
from tracker.durations import DAY_MS

NOW = 1_795_000_000_000
CATEGORIES = ("shoes", "bags", "hats", "lamps", "books", "tea")
PER_CATEGORY = 7


class MemoryItems:
    """An item store in this process, for tests that are about something else."""

    def __init__(self) -> None:
        self._items: dict[str, Stored] = {}
        self._changed: dict[str, int] = {}
        self._version = 0
        self._whole = False

    def put(self, items: Mapping[str, bytes], seen: int) -> None:
        for item_id, value in items.items():
            self._write(item_id, self._stored(item_id)._replace(put=value), seen)

    def put_from_events(self, items: Mapping[str, bytes], seen: Mapping[str, int]) -> None:
        for item_id, value in items.items():
            self._write(item_id, self._stored(item_id)._replace(from_events=value), seen.get(item_id))

    def update(self, ids: Sequence[str], change: Change, seen: int) -> None:
        for item_id in ids:
            value = change(item_id, self._stored(item_id))
            if value is not None:
                self._write(item_id, self._stored(item_id)._replace(put=value), seen)

    def put_items(self) -> Iterator[tuple[str, bytes]]:
        return iter(
            [(item_id, stored.put) for item_id, stored in self._items.items() if stored.put is not None]
        )

    def mark_whole(self) -> None:
        self._whole = True
        self._version += 1

    def _stored(self, item_id: str) -> Stored:
        return self._items.get(item_id, NEW)

    def _write(self, item_id: str, stored: Stored, seen: int | None) -> None:
        self._version += 1
        times = [each for each in (stored.seen, seen) if each is not None]
        self._items[item_id] = stored._replace(seen=min(times, default=None))
        self._changed[item_id] = self._version

    def changes(self, since: int) -> Changes:
        changed = {i: self._items[i] for i, v in self._changed.items() if v > since}
        return Changes(self._version, changed, whole=self._whole)


class TableHistory:
    """A history that is the table given."""

    def __init__(self, table: pa.Table) -> None:
        self.table = table

    def interactions(self, site: str, days: int) -> pa.Table:
        return self.table


def history(rows: Iterable[tuple[str, str, str, int, str]]) -> pa.Table:
    """A table of (profile, product, event name, ts, session) rows."""
    profile, product, name, ts, session = zip(*rows, strict=True)
    return pa.table(
        {
            "profile": pa.array(profile, pa.string()),
            "product": pa.array(product, pa.string()),
            "name": pa.array(name, pa.string()),
            "ts": pa.array(ts, pa.int64()),
            "quantity": pa.nulls(len(ts), pa.float64()),
            "session": pa.array(session, pa.string()),
            "category": pa.nulls(len(ts), pa.string()),
        }
    )


def product(category: str, number: int) -> str:
    return f"{category}-{number}"


def shop_items() -> list[dict[str, object]]:
    return [
        {"id": product(c, n), "name": f"{c} {n}", "category": c, "price": 10.0 * (n + 1)}
        for c in CATEGORIES
        for n in range(PER_CATEGORY)
    ]


def shop_history(visitors: int, seed: int = 7, loyalty: float = 0.8) -> pa.Table:
    """Visitors with a taste for one category each, who stray now and then; some buy."""
    chance = random.Random(seed)
    rows = []
    for number in range(visitors):
        taste = chance.choice(CATEGORIES)
        ts = NOW - chance.randrange(20 * DAY_MS)
        for _ in range(chance.randint(2, 8)):
            category = taste if chance.random() < loyalty else chance.choice(CATEGORIES)
            item = product(category, min(int(chance.expovariate(0.4)), PER_CATEGORY - 1))
            rows.append((f"v:{number}", item, "Product Viewed", ts, f"s{number}"))
            ts += 20_000
            if chance.random() < 0.15:
                rows.append((f"v:{number}", item, "Product Added", ts, f"s{number}"))
                rows.append((f"v:{number}", item, "Order Completed", ts + 60_000, f"s{number}"))
    return history(rows)


def clicks(path: Path) -> pa.Table:
    """A YooChoose file as Dangol imports it."""
    lines = path.read_text().splitlines()[1:]
    return history(
        (session, item, "Product Viewed", round(float(seconds) * 1000), session)
        for session, item, seconds in (line.split("\t") for line in lines)
    )
