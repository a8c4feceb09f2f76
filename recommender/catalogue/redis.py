"""The items of a site in Redis."""

from collections.abc import Iterable, Iterator, Mapping
from itertools import islice
from pathlib import Path
from typing import Any, TypeVar, cast

from recommender.catalogue.catalogue import CatalogueFull, Changes, Stored
from tracker.redis_connection import REDIS_ERRORS, RedisClient
from tracker.unavailable import Unavailable

ITEMS_SCRIPT = Path(__file__).with_name("items.lua").read_text(encoding="utf-8")
BATCH = 500
ITEM_LIMIT = 1_000_000


class CatalogueUnavailable(Unavailable):
    """Redis cannot answer now."""


T = TypeVar("T")


def _batches(rows: Iterable[T]) -> Iterator[list[T]]:
    rest = iter(rows)
    while batch := list(islice(rest, BATCH)):
        yield batch


class RedisItems:
    """The items of one site: two hashes (put, learned) and a sorted set of id → version of its last change."""

    def __init__(self, client: RedisClient, site: str, limit: int = ITEM_LIMIT) -> None:
        self._client, self._limit = client, limit
        root = f"dg:{{{site}}}:items"  # the braces keep a site's keys on one Cluster slot
        self._put, self._learned = f"{root}:put", f"{root}:learned"
        self._changes, self._version = f"{root}:changes", f"{root}:version"
        self._write = client.register_script(ITEMS_SCRIPT)

    def put(self, items: Mapping[str, bytes]) -> None:
        self._save(self._put, items)

    def put_from_events(self, items: Mapping[str, bytes]) -> None:
        self._save(self._learned, items)

    def _save(self, key: str, items: Mapping[str, bytes]) -> None:
        try:
            for batch in _batches(items.items()):
                arguments: list[Any] = [self._limit]
                for item_id, value in batch:
                    arguments += (item_id, value)
                if self._write(keys=[key, self._changes, self._version], args=arguments) == -1:
                    raise CatalogueFull(f"a site holds at most {self._limit} items")
        except REDIS_ERRORS as error:
            raise CatalogueUnavailable(f"items: {error}") from error

    def changes(self, since: int) -> Changes:
        """Read the version first: a change that comes in between is read twice, never missed."""
        try:
            version = int(cast(Any, self._client.get(self._version)) or 0)
            if version == since:
                return Changes(version, {})
            # Nothing is as old as what was read: the store was emptied, and perhaps filled again.
            anew = since > 0 and not self._client.zcount(self._changes, "-inf", since)
            if version < since or anew:
                return Changes(version, self._read(self._ids(0)), complete=True)
            return Changes(version, self._read(self._ids(since)))
        except REDIS_ERRORS as error:
            raise CatalogueUnavailable(f"items: {error}") from error

    def _ids(self, since: int) -> list[bytes]:
        return cast(list[bytes], self._client.zrangebyscore(self._changes, f"({since}", "+inf"))

    def _read(self, ids: list[bytes]) -> dict[str, Stored]:
        found: dict[str, Stored] = {}
        for batch in _batches(ids):
            pipe = self._client.pipeline(transaction=False)
            pipe.hmget(self._put, batch)
            pipe.hmget(self._learned, batch)
            put, learned = pipe.execute()
            found.update((i.decode(), Stored(p, q)) for i, p, q in zip(batch, put, learned, strict=True))
        return found
