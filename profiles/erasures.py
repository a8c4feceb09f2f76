"""Erased persons, and how they are kept from coming back through events that were received earlier.

When a person is erased, their events may still be in the log, in a tracker's spool or in a worker's memory. A mark
for each of their ids says up to which time events are dropped. Workers check the marks before they save a profile and
again before they append to the warehouse. A mark holds a digest of the id, not the id. Requests that are not done yet
are kept as well; they hold the ids.

Imports bring events of any age. They ask ``forgotten``, which has no end: digests of the ids and e-mails of whoever was
ever erased, and when.

``dg:erased:{site}`` is a hash, digest → ms, field "" a version; ``dg:erasures`` a hash, request → JSON;
``dg:forgotten:{site}`` a hash, digest → ms.
"""

import logging
import os
import time
from collections.abc import Collection, Iterable, Mapping
from contextlib import AbstractContextManager
from hashlib import blake2b
from typing import Any, Protocol

import msgspec

from profiles.store.port import ProfilesUnavailable
from tracker.durations import DAY_SECONDS
from tracker.redis_connection import ResponseError, is_cluster, redis_errors

logger = logging.getLogger(__name__)

KEPT_SECONDS = 30 * DAY_SECONDS
"""How long a mark stays: longer than Kafka keeps an event by default (7 days), or a spool waits for its machine."""
REWRITE_SECONDS = 120.0
_REQUESTS = "dg:erasures"


class Request(msgspec.Struct, frozen=True):
    """A request to erase a person: all that was received until ``at`` (ms) under any of ``ids``.

    ``fed`` are customers that one of these browsers claimed to be: only the browser's own events are removed from
    their history. ``marked`` (ms) is when the newest of the ids got its mark. Without ids, only the append-only file
    of Redis is left to rewrite.
    """

    id: str
    site: str
    at: int
    marked: int
    ids: tuple[str, ...]
    fed: tuple[str, ...] = ()


class Cutoffs:
    """One site's marks."""

    __slots__ = ("_marks", "newest")

    def __init__(self, marks: Mapping[bytes, int]) -> None:
        self._marks = marks
        self.newest = max(marks.values(), default=-1)

    def cover(self, site: str, ids: Iterable[str], received: int) -> bool:
        """Whether an event received at ``received`` (ms) with these ids must be dropped."""
        # Live events are newer than every mark: no id of theirs is hashed.
        return received <= self.newest and any(
            received <= self._marks.get(digest(site, name), -1) for name in ids
        )


class Erased(Protocol):
    def cutoffs(self, site: str) -> Cutoffs:
        """The marks as they are now. Raises ProfilesUnavailable."""


class NobodyErased:
    """No erasures: for installations in memory."""

    def cutoffs(self, site: str) -> Cutoffs:  # noqa: ARG002
        return Cutoffs({})


class RedisErased:
    """Marks and requests in the Redis of the profiles, through its client. Every method raises ProfilesUnavailable."""

    def __init__(self, client: Any) -> None:
        self._client = client
        self._known: dict[str, tuple[bytes, Cutoffs]] = {}

    def cutoffs(self, site: str) -> Cutoffs:
        with _errors("look who was erased"):
            version = self._client.hget(_key(site), "") or b""
            known = self._known.get(site)
            if known is None or known[0] != version:
                marks = self._client.hgetall(_key(site)) if version else {}
                version = marks.pop(b"", b"")
                known = version, Cutoffs({name: int(at) for name, at in marks.items()})
                self._known[site] = known
            return known[1]

    def mark(self, site: str, ids: Collection[str], at: int) -> None:
        """Drop events of these ids that were received until ``at`` (ms), and remove marks that are too old."""
        fields: dict[bytes, bytes | int] = {digest(site, name): at for name in ids}
        with _errors("mark who is erased"):
            marks = self._client.hgetall(_key(site))
            old = [name for name, then in marks.items() if name and int(then) < at - KEPT_SECONDS * 1000]
            self._client.hset(_key(site), mapping={**fields, b"": os.urandom(8)})
            if old:
                self._client.hdel(_key(site), *old)
            self._client.expire(_key(site), KEPT_SECONDS)
        self.forget(site, ids, at)

    def forget(self, site: str, ids: Iterable[str], at: int) -> None:
        """Let no import bring back what was before ``at`` (ms) under any of ``ids``."""
        fields: dict[bytes, bytes | int] = {digest(site, name): at for name in ids}
        if fields:
            with _errors("mark who is erased"):
                self._client.hset(_forgotten(site), mapping=fields)

    def forgotten(self, site: str, names: Collection[str]) -> dict[str, int]:
        """Those of ``names`` that were erased, and when (ms): what they did until then is not imported."""
        if not names:
            return {}
        with _errors("look who was erased"):
            found = self._client.hmget(_forgotten(site), [digest(site, name) for name in names])
        return {name: int(at) for name, at in zip(names, found, strict=True) if at is not None}

    def put(self, request: Request) -> None:
        """Keep a request until it is done."""
        with _errors("keep a request"):
            self._client.hset(_REQUESTS, request.id, msgspec.json.encode(request))
            self._client.expire(_REQUESTS, KEPT_SECONDS)

    def pending(self) -> list[Request]:
        """The requests that are not done, oldest first."""
        with _errors("read the requests"):
            raw = self._client.hvals(_REQUESTS)
        found = [msgspec.json.decode(each, type=Request) for each in raw]
        return sorted(found, key=lambda request: (request.at, request.id))

    def drop(self, request: Request) -> None:
        """Remove a request that is done."""
        with _errors("drop a request"):
            self._client.hdel(_REQUESTS, request.id)

    def rewrite(self) -> None:
        """Make Redis write its append-only file anew: the old one holds every earlier value of a key.

        Returns when that is done. Raises ProfilesUnavailable, also when it takes too long.
        """
        with _errors("rewrite its append-only file"):
            client, cluster = self._client, is_cluster(self._client)
            for node in client.get_nodes() if cluster else ():
                _rewrite(client.get_redis_connection(node))
            if not cluster:
                _rewrite(client)


def _rewrite(node: Any) -> None:
    if not node.info("persistence")["aof_enabled"]:
        return
    _settled(node)  # a rewrite that runs already may have read the old values
    try:
        node.bgrewriteaof()
    except ResponseError as error:
        if "in progress" in str(error):
            raise
        # Hosted Redis often forbids it, and does it itself in time.
        logger.warning("Redis keeps erased values in its files until it rewrites them: %s", error)
    _settled(node)


def _settled(node: Any) -> None:
    deadline = time.monotonic() + REWRITE_SECONDS
    while time.monotonic() < deadline:
        state = node.info("persistence")
        if not state["aof_rewrite_in_progress"] and not state["aof_rewrite_scheduled"]:
            return
        time.sleep(0.05)
    raise ProfilesUnavailable("Redis has not rewritten its append-only file yet", retry_after=60.0)


def digest(site: str, name: str) -> bytes:
    """The digest of an id that its mark holds."""
    return blake2b(f"{site}\0{name}".encode("utf-8", "replace"), digest_size=16).digest()


def _errors(what: str) -> AbstractContextManager[None]:
    return redis_errors(f"Redis cannot {what}", ProfilesUnavailable)


def _forgotten(site: str) -> str:
    return f"dg:forgotten:{site}"


def _key(site: str) -> str:
    return f"dg:erased:{site}"
