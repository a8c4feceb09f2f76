"""Redis for the recommender: the items of a site, and the lock that lets one trainer run at a time."""

import secrets
from collections.abc import Iterable, Iterator, Mapping
from importlib import resources
from itertools import islice
from typing import Any, TypeVar, cast

import redis

from recommender.catalogue import CatalogueFull, Changes, Stored

BATCH = 500
ITEM_LIMIT = 1_000_000
LOCK_SECONDS = 90.0
CLOCKS_APART_MS = 60_000
"""More than any holder's term is longer than another's."""


class StoreUnavailable(Exception):
    """Redis cannot answer now. ``retry_after`` is in seconds."""

    def __init__(self, message: str, retry_after: float = 1.0) -> None:
        super().__init__(message)
        self.retry_after = retry_after


T = TypeVar("T")


def _batches(rows: Iterable[T]) -> Iterator[list[T]]:
    rest = iter(rows)
    while batch := list(islice(rest, BATCH)):
        yield batch


def script(name: str) -> str:
    """The text of a Lua script beside this file."""
    return resources.files("recommender").joinpath(name).read_text()


class RedisItems:
    """The items of one site: two hashes (put, learned) and a sorted set of id → version of its last change."""

    def __init__(self, client: redis.Redis, site: str, limit: int = ITEM_LIMIT) -> None:
        self._client, self._limit = client, limit
        root = f"dg:{{{site}}}:items"  # the braces keep a site's keys on one Cluster slot
        self._put, self._learned = f"{root}:put", f"{root}:learned"
        self._changes, self._version = f"{root}:changes", f"{root}:version"
        self._write = client.register_script(script("items.lua"))

    def put(self, items: Mapping[str, bytes]) -> None:
        self._save(self._put, items)

    def learn(self, items: Mapping[str, bytes]) -> None:
        self._save(self._learned, items)

    def _save(self, key: str, items: Mapping[str, bytes]) -> None:
        try:
            for batch in _batches(items.items()):
                arguments: list[Any] = [self._limit]
                for item_id, value in batch:
                    arguments += (item_id, value)
                if self._write(keys=[key, self._changes, self._version], args=arguments) == -1:
                    raise CatalogueFull(f"a site holds at most {self._limit} items")
        except redis.RedisError as error:
            raise StoreUnavailable(f"items: {error}") from error

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
        except redis.RedisError as error:
            raise StoreUnavailable(f"items: {error}") from error

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


class RedisLock:
    """A lock across processes that expires by itself when its holder dies. ``holder`` says who takes it."""

    def __init__(
        self, client: redis.Redis, name: str, seconds: float = LOCK_SECONDS, holder: str = ""
    ) -> None:
        self._client, self._key, self._ms = client, f"dg:lock:{name}", int(seconds * 1000)
        self._holder = holder or secrets.token_hex(8)
        self._script = client.register_script(script("unlock.lua"))

    def take(self) -> bool:
        """True when nobody else holds it. Raises StoreUnavailable."""
        try:
            if self._client.set(self._key, self._holder, nx=True, px=self._ms):
                return True
            # Redis keeps the moment of the end: after its clock was set back, a dead holder's would be far away.
            if self._client.pttl(self._key) > self._ms + CLOCKS_APART_MS:
                self._client.pexpire(self._key, self._ms)
            return False
        except redis.RedisError as error:
            raise StoreUnavailable(f"lock: {error}") from error

    def held_by(self) -> str:
        """Its holder now; "" while it is free. Raises StoreUnavailable."""
        try:
            return cast(bytes, self._client.get(self._key) or b"").decode()
        except redis.RedisError as error:
            raise StoreUnavailable(f"lock: {error}") from error

    def extend(self) -> bool:
        """Hold it for another term; False when it was lost."""
        return self._run(self._ms)

    def release(self) -> bool:
        return self._run(0)

    def _run(self, ms: int) -> bool:
        try:
            return bool(self._script(keys=[self._key], args=[self._holder, ms]))
        except redis.RedisError as error:
            raise StoreUnavailable(f"lock: {error}") from error
