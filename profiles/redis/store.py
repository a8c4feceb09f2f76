"""Profiles in Redis: one key each, an 8-byte version followed by the profile, or by ``@`` and another id. ``~``
precedes the profile of a browser that feeds a customer, and of a customer merged into another; ``#`` what is
known of an order (``profiles.orders.shared``): ``count`` leaves both out.

``redis://``, ``rediss://`` and ``unix://`` as redis-py reads them; ``redis+cluster://`` for Redis Cluster.
No command spans two keys, so that a cluster may keep each in another slot.
"""

import os
import random
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import msgspec

from profiles.encoding import codec
from profiles.ids import order_id, user_id, visitor_id
from profiles.model import Profile
from profiles.orders.shared import SharedOrder, without
from profiles.redis.commands import RedisCommands
from profiles.redis.indexing import Indexing
from profiles.redis.person_index import PersonIndex
from profiles.sansio import Call, Steps, run_sync
from profiles.store.person import person_of
from profiles.store.port import (
    LONGEST_CHAIN,
    NOTHING,
    Alias,
    ProfilesUnavailable,
    Stored,
    UpdateConflict,
    Write,
)
from tracker.durations import DAY_SECONDS
from tracker.redis_connection import NoScriptError, connect, redis_errors

SAVE = Path(__file__).with_name("save.lua").read_text()
DAYS_KEPT = 400
TRIES = 16
CHUNK = 500  # keys of one round trip
SAVED_TOGETHER = 100  # keys of one script: some 2 ms during which Redis serves nobody else
VERSION_BYTES = 8
_ALIAS, _PART, _ORDER = ord("@"), ord("~"), ord("#")
_alias = msgspec.msgpack.Decoder(Alias)
_order = msgspec.msgpack.Decoder(SharedOrder)


class RedisProfiles:
    """The profile store on Redis. Safe from many threads; one object for each process.

    ``redis+cluster://`` connects at once and may raise ProfilesUnavailable.
    """

    def __init__(self, url: str, days_kept: int = DAYS_KEPT, timeout: float = 3.0) -> None:
        self.ttl = days_kept * DAY_SECONDS
        self.cluster = url.startswith("redis+cluster://")
        with self._errors("connect"):  # a cluster is asked at once who holds what
            self.client: Any = connect(url, timeout)
        self._commands = RedisCommands(self.client)
        self.index = PersonIndex(self.client)
        self._indexing = Indexing(self.index)
        self._digest = ""

    def find(self, site: str, visitor: str | None = None, user: str | None = None) -> Profile | None:
        return run_sync(self.finding(site, visitor, user))

    def finding(
        self, site: str, visitor: str | None = None, user: str | None = None
    ) -> Steps[Profile | None]:
        ids = [user_id(user)] if user else []
        ids += [visitor_id(visitor)] if visitor else []
        found = yield from self._loading(site, ids, NOTHING)
        for profile_id in ids:
            stored = _follow(found, profile_id)
            if stored.profile is not None:
                return (yield from self._person(site, stored.profile))
        return None

    def _person(self, site: str, profile: Profile) -> Steps[Profile]:
        return person_of(lambda ids: self._loading(site, ids, NOTHING), profile)

    def load(self, site: str, ids: Iterable[str], known: Mapping[str, Stored] = NOTHING) -> dict[str, Stored]:
        return run_sync(self._loading(site, ids, known))

    def _loading(
        self, site: str, ids: Iterable[str], known: Mapping[str, Stored]
    ) -> Steps[dict[str, Stored]]:
        found: dict[str, Stored] = {}
        wanted = list(dict.fromkeys(ids))
        for _ in range(LONGEST_CHAIN):
            if not wanted:
                break
            for start in range(0, len(wanted), CHUNK):
                some = wanted[start : start + CHUNK]
                values = yield from self._getting([_key(site, i) for i in some])
                for profile_id, raw in zip(some, values, strict=True):
                    found[profile_id] = _decoded(raw, known.get(profile_id))
            targets = {found[profile_id].target for profile_id in wanted}
            wanted = [target for target in targets if target is not None and target not in found]
        return found

    def save(self, site: str, writes: Sequence[Write]) -> dict[str, bytes]:
        announced = self._indexing.announce(site, writes)
        saved = self._saved(site, writes)
        self._indexing.settle(site, announced, saved)
        return saved

    def _saved(self, site: str, writes: Sequence[Write]) -> dict[str, bytes]:
        fresh = os.urandom(VERSION_BYTES * len(writes))
        versions = [fresh[at : at + VERSION_BYTES] for at in range(0, len(fresh), VERSION_BYTES)]
        saved: list[int] = []
        together = 1 if self.cluster else SAVED_TOGETHER
        for start in range(0, len(writes), CHUNK):
            scripts: list[list[Any]] = []
            for first in range(start, min(start + CHUNK, len(writes)), together):
                some = range(first, min(first + together, start + CHUNK, len(writes)))
                script: list[Any] = [len(some), *(_key(site, writes[at].id) for at in some), self.ttl]
                for at in some:
                    script += (writes[at].version, versions[at] + _encoded(writes[at].value))
                scripts.append(script)
            saved += self._run_save(scripts)
        return {write.id: version for write, version, yes in zip(writes, versions, saved, strict=True) if yes}

    def update(self, site: str, profile_id: str, change: Callable[[Profile], Profile]) -> Profile | None:
        for attempt in range(TRIES):
            if attempt:  # writers that met once would meet again
                time.sleep(random.uniform(0, 0.002 * attempt))
            stored = _follow(self.load(site, [profile_id]), profile_id)
            if stored.profile is None:
                return None
            changed = change(stored.profile)
            if self.save(site, [Write(changed.id, stored.version, changed)]):
                return changed
        raise UpdateConflict(f"profile {profile_id} of {site} changed {TRIES} times while it was updated")

    def touch(self, site: str, ids: Iterable[str]) -> None:
        with self._errors("touch"):
            pipe = self.client.pipeline(transaction=False)
            for profile_id in ids:
                pipe.expire(_key(site, profile_id), self.ttl)
            pipe.execute()

    def erase(self, site: str, profile_id: str) -> list[str]:
        found = self.load(site, [profile_id])
        removed = [name for name, stored in found.items() if stored.version]
        profile = _follow(found, profile_id).profile
        if profile is not None:
            ids = [visitor_id(visitor) for visitor in profile.visitors]
            for name, stored in self.load(site, ids).items():
                if stored.target == profile.id and name not in removed:
                    removed.append(name)
        if profile is not None:
            self._erase_orders(site, profile, {*removed, profile_id, profile.id})
        self._indexing.forget(site, [profile_id, *removed])
        with self._errors("erase"):
            for name in removed:
                self.client.delete(_key(site, name))
        return removed

    def _erase_orders(self, site: str, profile: Profile, ids: set[str]) -> None:
        """Orders that were theirs, and what they told of others."""
        for _ in range(TRIES):
            found = self.load(site, [order_id(key) for key in profile.orders])
            told = [(name, one, without(one.shared, ids)) for name, one in found.items() if one.shared]
            with self._errors("erase"):
                for name, _, left in told:
                    if left is None:
                        self.client.delete(_key(site, name))
            writes = [
                Write(name, one.version, left) for name, one, left in told if left and left != one.shared
            ]
            if len(self.save(site, writes)) == len(writes):
                return
        raise UpdateConflict(f"orders of {profile.id} of {site} kept changing while they were erased")

    def scan(self, site: str) -> Iterator[Profile]:
        for keys in self._keys(site):
            for raw in run_sync(self._getting(keys)):
                if raw and (profile := _decoded(raw).profile):
                    person = run_sync(self._person(site, profile))
                    if person.id == profile.id:
                        yield person

    def accounts(self, site: str) -> Iterator[Profile]:
        """Every stored profile as it is, accounts that were merged one by one."""
        for keys in self._keys(site):
            for raw in run_sync(self._getting(keys)):
                if raw and (profile := _decoded(raw).profile):
                    yield profile

    def people(self, site: str) -> Iterator[Profile]:
        return (profile for profile in self.scan(site) if not profile.feeds_customer)

    def count(self, site: str) -> int:
        total = 0
        for keys in self._keys(site):
            with self._errors("count"):
                pipe = self.client.pipeline(transaction=False)
                for key in keys:
                    pipe.getrange(key, VERSION_BYTES, VERSION_BYTES)
                total += sum(
                    1 for first in pipe.execute() if first and first[0] not in (_ALIAS, _PART, _ORDER)
                )
        return total

    def ping(self) -> None:
        """Raise ProfilesUnavailable when Redis does not answer."""
        with self._errors("ping"):
            self.client.ping()

    def close(self) -> None:
        self.client.close()

    def _keys(self, site: str) -> Iterator[list[bytes]]:
        """The site's keys, in portions."""
        escaped = "".join(f"\\{c}" if c in "*?[]\\^-" else c for c in site)
        portion: list[bytes] = []
        keys = self.client.scan_iter(match=f"p:{escaped}:*", count=1000)
        while True:
            with self._errors("scan"):
                key = next(keys, None)
            if key is None:
                break
            portion.append(key)
            if len(portion) == CHUNK:
                yield portion
                portion = []
        if portion:
            yield portion

    def _getting(self, keys: Sequence[str | bytes]) -> Steps[list[bytes | None]]:
        result: list[bytes | None]
        with self._errors("load"):
            if self.cluster:
                result = yield Call(lambda: self.client.mget_nonatomic(keys))
            else:
                (result,) = yield from self._commands.sending(("MGET", *keys))
        return result

    def _run_save(self, scripts: list[list[Any]]) -> list[int]:
        with self._errors("save"):
            for _ in range(2):
                if not self._digest:
                    self._digest = str(self.client.script_load(SAVE))
                pipe = self.client.pipeline(transaction=False)
                for script in scripts:
                    pipe.execute_command("EVALSHA", self._digest, *script)
                try:
                    return [yes for reply in pipe.execute() for yes in reply]
                except NoScriptError:  # Redis was started again
                    self._digest = ""
        raise ProfilesUnavailable("Redis forgets its scripts")

    def _errors(self, what: str) -> AbstractContextManager[None]:
        return redis_errors(f"profile store cannot {what}", ProfilesUnavailable)


def _key(site: str, profile_id: str) -> str:
    return f"p:{site}:{profile_id}"


def _encoded(value: Profile | Alias | SharedOrder) -> bytes:
    if isinstance(value, SharedOrder):
        return b"#" + msgspec.msgpack.encode(value)
    if isinstance(value, Alias):
        return b"@" + msgspec.msgpack.encode(value)
    shown_elsewhere = value.feeds_customer or value.merged.into
    return b"~" + codec.encode(value) if shown_elsewhere else codec.encode(value)


def _decoded(raw: bytes | None, known: Stored | None = None) -> Stored:
    if raw is None:
        return Stored()
    if known is not None and raw.startswith(known.version):
        return known
    version, body = raw[:VERSION_BYTES], memoryview(raw)[VERSION_BYTES:]
    if body[0] == _ALIAS:
        return Stored(version, _alias.decode(body[1:]))
    if body[0] == _ORDER:
        return Stored(version, _order.decode(body[1:]))
    return Stored(version, codec.decode(body[1:] if body[0] == _PART else body))


def _follow(found: dict[str, Stored], profile_id: str) -> Stored:
    stored = found.get(profile_id, Stored())
    for _ in range(LONGEST_CHAIN):
        if stored.target is None:
            break
        stored = found.get(stored.target, Stored())
    return stored
