"""The items of a site in Redis."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple, TypeVar, cast

from recommender.catalogue.store import CatalogueFull, Change, Changes, Stored
from tracker.redis_connection import REDIS_ERRORS, RedisClient
from tracker.unavailable import Unavailable

ITEMS_SCRIPT = Path(__file__).with_name("items.lua").read_text(encoding="utf-8")
BATCH = 500
ITEM_LIMIT = 1_000_000
ANYTHING = "*"


class CatalogueUnavailable(Unavailable):
    """Redis cannot answer now."""


T = TypeVar("T")


def _batches(rows: Iterable[T]) -> Iterator[list[T]]:
    rest = iter(rows)
    while batch := list(islice(rest, BATCH)):
        yield batch


class _Entry(NamedTuple):
    """One item to write, if its last change is still ``expected``."""

    id: str
    value: bytes
    seen: int | None
    expected: int | str = ANYTHING


class RedisItems:
    """The items of one site: three hashes (put, learned, seen), and a sorted set of id → version of its last change."""

    def __init__(self, client: RedisClient, site: str, limit: int = ITEM_LIMIT) -> None:
        self._client, self._limit = client, limit
        root = f"dg:{{{site}}}:items"  # the braces keep a site's keys on one Cluster slot
        self._put, self._learned, self._seen = f"{root}:put", f"{root}:learned", f"{root}:seen"
        self._changes, self._version, self._whole = f"{root}:changes", f"{root}:version", f"{root}:whole"
        self._write = client.register_script(ITEMS_SCRIPT)

    def put(self, items: Mapping[str, bytes], seen: int) -> None:
        self._save(self._put, (_Entry(*each, seen) for each in items.items()))

    def put_from_events(self, items: Mapping[str, bytes], seen: Mapping[str, int]) -> None:
        self._save(self._learned, (_Entry(*each, seen.get(each[0])) for each in items.items()))

    def update(self, ids: Sequence[str], change: Change, seen: int) -> None:
        for batch in _batches(ids):
            while batch:
                try:
                    batch = self._update(batch, change, seen)
                except REDIS_ERRORS as error:
                    raise CatalogueUnavailable(f"items: {error}") from error

    def _update(self, ids: list[str], change: Change, seen: int) -> list[str]:
        """Write what ``change`` makes of the items; those that others changed meanwhile come back."""
        pipe = self._client.pipeline(transaction=False)
        for item_id in ids:
            pipe.zscore(self._changes, item_id)
        # Before the values: what comes between is noticed.
        expected = [int(score or 0) for score in pipe.execute()]
        stored = self._read([item_id.encode() for item_id in ids])
        entries = [
            _Entry(item_id, value, seen, version)
            for item_id, version in zip(ids, expected, strict=True)
            if (value := change(item_id, stored[item_id])) is not None
        ]
        return [entries[number - 1].id for number in self._write_batch(self._put, entries)] if entries else []

    def put_items(self) -> Iterator[tuple[str, bytes]]:
        try:
            for item_id, value in self._client.hscan_iter(self._put, count=BATCH):
                yield cast(bytes, item_id).decode(), cast(bytes, value)
        except REDIS_ERRORS as error:
            raise CatalogueUnavailable(f"items: {error}") from error

    def mark_whole(self) -> None:
        try:
            if not self._client.exists(self._whole):
                self._client.set(self._whole, 1)
                self._client.incr(self._version)
        except REDIS_ERRORS as error:
            raise CatalogueUnavailable(f"items: {error}") from error

    def _save(self, key: str, entries: Iterable[_Entry]) -> None:
        try:
            for batch in _batches(entries):
                self._write_batch(key, batch)
        except REDIS_ERRORS as error:
            raise CatalogueUnavailable(f"items: {error}") from error

    def _write_batch(self, key: str, entries: Sequence[_Entry]) -> list[int]:
        arguments: list[Any] = [self._limit]
        for item_id, value, seen, expected in entries:
            arguments += (item_id, value, expected, "" if seen is None else seen)
        conflicts = self._write(keys=[key, self._changes, self._version, self._seen], args=arguments)
        if conflicts == -1:
            raise CatalogueFull(f"a site holds at most {self._limit} items")
        return cast(list[int], conflicts)

    def changes(self, since: int) -> Changes:
        """Read the version first: a change that comes in between is read twice, never missed."""
        try:
            version = int(cast(Any, self._client.get(self._version)) or 0)
            if version == since:
                return Changes(version, {})
            whole = bool(self._client.exists(self._whole))
            # Nothing is as old as what was read: the store was emptied, and perhaps filled again.
            anew = since > 0 and not self._client.zcount(self._changes, "-inf", since)
            if version < since or anew:
                return Changes(version, self._read(self._ids(0)), complete=True, whole=whole)
            return Changes(version, self._read(self._ids(since)), whole=whole)
        except REDIS_ERRORS as error:
            raise CatalogueUnavailable(f"items: {error}") from error

    def _ids(self, since: int) -> list[bytes]:
        return cast(list[bytes], self._client.zrangebyscore(self._changes, f"({since}", "+inf"))

    def _read(self, ids: Sequence[bytes]) -> dict[str, Stored]:
        found: dict[str, Stored] = {}
        for batch in _batches(ids):
            pipe = self._client.pipeline(transaction=False)
            for key in (self._put, self._learned, self._seen):
                pipe.hmget(key, batch)
            for item_id, put, learned, seen in zip(batch, *pipe.execute(), strict=True):
                found[item_id.decode()] = Stored(put, learned, int(seen) if seen else None)
        return found
