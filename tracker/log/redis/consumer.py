"""One member of a consumer group on Redis Streams: leases shards, reads them, acknowledges."""

import secrets
import threading
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from tracker.log.port import Extent, LogUnavailable, Message
from tracker.log.redis.streams import RedisStreams, entry_id, position_of

MAX_POLL_SECONDS = 300.0  # a member that has not polled for so long is taken for hung: its leases run out
RECORDS_PER_READ = 2_000  # some 10 ms during which Redis serves nobody else
CLAIM_CHUNK = 5_000
POLL_SECONDS = 0.5  # how long to wait for records before looking whether the shards have changed


@dataclass(slots=True)
class _Shard:
    """A leased shard; ``delivered`` is the last position given to the caller, ``seen`` the last one the group read."""

    lease: str
    extent: Extent
    delivered: int = 0
    seen: int = 0
    rereading: bool = True
    """First read again what was read but never committed."""
    doubtful: bool = False
    """Take it over anew before it is read again."""

    @property
    def cursor(self) -> str:
        return entry_id(self.delivered) if self.rereading else ">"


class RedisConsumer:
    """Every read and commit checks its lease in the same Redis script, so a member that lost a shard cannot change it.

    A member with the name of an earlier one replaces it at once; others wait until a dead member's lease runs out.
    """

    def __init__(self, streams: RedisStreams, group: str, member: str) -> None:
        self._redis, self._group, self._member = streams, group, member
        self._token = f"{member}|{secrets.token_hex(4)}"
        self._shards: dict[int, _Shard] = {}  # touched by the caller's thread only
        self._granted: dict[int, str] = {}  # replaced whole by each heartbeat
        self._regranted, self._closed, self._beating = threading.Event(), threading.Event(), threading.Lock()
        self._joined = False
        self._rotation = 0
        self._polled = time.monotonic()
        with suppress(LogUnavailable):  # poll will say so, and the thread tries again
            self._heartbeat()
        self._thread = threading.Thread(target=self._keep_alive, name=f"log-{member}", daemon=True)
        self._thread.start()

    def poll(self, limit: int, timeout: float) -> list[Message]:
        deadline, woken = time.monotonic() + timeout, False
        while True:
            self._polled = time.monotonic()
            if self._closed.is_set():
                raise LogUnavailable("this consumer is closed")
            if not self._joined:
                self._heartbeat()
            with self._redis.errors("read"):
                self._take_over()
                messages = self._read(limit)
                left = deadline - time.monotonic()
                if messages or left <= 0:
                    return messages
                if woken:  # by a record that is not for us: no hurry
                    time.sleep(0.01)
                woken = self._wait(min(left, POLL_SECONDS))

    def commit(self, positions: Mapping[int, int]) -> None:
        numbers = [number for number in positions if number in self._shards]
        keys, arguments = (
            [],
            [],
        )  # what was not delivered since the shard was taken over may be a former stream's
        for number in numbers:
            keys += [self._redis.streams[number], self._lease_key(number), self._redis.counts[number]]
            done = min(positions[number], self._shards[number].delivered)
            arguments += [self._shards[number].lease, self._shards[number].extent.identity, entry_id(done)]
        if numbers:
            with self._redis.errors("commit"):
                held = self._redis.run("commit", keys, self._group, self._token, *arguments)
            for number, found in zip(numbers, held, strict=True):
                if found == 0:
                    self._lose(number)
                elif found == -1:
                    self._shards[number].doubtful = True

    def owned(self) -> frozenset[int]:
        return frozenset(self._shards)

    def taken(self) -> Mapping[int, Extent]:
        return {number: shard.extent for number, shard in self._shards.items()}

    def close(self) -> None:
        if self._closed.is_set():
            return
        self._closed.set()
        self._regranted.set()
        self._thread.join(self._redis.timeout * 2)
        self._shards = {}
        with suppress(LogUnavailable):  # else the leases run out by themselves
            self._balance("leave")

    def _lease_key(self, shard: int) -> str:
        return self._redis.lease_key(self._group, shard)

    # Membership: on the heartbeat's thread.

    def _keep_alive(self) -> None:
        while not self._closed.wait(self._redis.lease / 3):
            if time.monotonic() - self._polled < MAX_POLL_SECONDS:
                with suppress(LogUnavailable):
                    self._heartbeat()

    def _heartbeat(self) -> None:
        """Renew the leases and balance them. Joins first, which makes the group where it is new."""
        with self._beating:
            if not self._joined:
                with self._redis.errors("join"):
                    for keys in zip(self._redis.streams, self._redis.counts, strict=True):
                        self._redis.run("group", list(keys), self._group)
            granted = self._balance("stay" if self._joined else "join")
            self._joined = True
            changed, self._granted = granted != self._granted, granted
        if changed:
            self._regranted.set()

    def _balance(self, mode: str) -> dict[int, str]:
        keys = [self._redis.members_key(self._group), self._redis.epoch_key]
        keys += [self._lease_key(shard) for shard in range(self._redis.shards)]
        milliseconds = int(self._redis.lease * 1000)
        with self._redis.errors("keep its leases"):
            flat = self._redis.run("balance", keys, self._token, self._member, milliseconds, mode)
        return {int(shard): lease.decode() for shard, lease in zip(flat[::2], flat[1::2], strict=True)}

    # Reading: on the caller's thread.

    def _take_over(self) -> None:
        """Forget shards that are leased no more, make ready those that are new."""
        self._regranted.clear()
        granted = self._granted
        kept = {
            n: shard
            for n, shard in self._shards.items()
            if granted.get(n) == shard.lease and not shard.doubtful
        }
        self._shards = kept
        for number in granted.keys() - kept.keys():
            shard = self._claim(number, granted[number])
            if shard is not None:
                self._shards[number] = shard

    def _claim(self, number: int, lease: str) -> _Shard | None:
        stream, counts = self._redis.streams[number], self._redis.counts[number]
        self._redis.run("group", [stream, counts], self._group)  # once more: it may have been deleted since
        keys, cursor = [stream, self._lease_key(number), counts], b"0-0"
        while True:
            reply = self._redis.run("claim", keys, lease, self._group, self._token, cursor, CLAIM_CHUNK)
            if not reply:
                return None
            cursor, delivered, identity, last, lost = reply
            if cursor == b"0-0":
                extent = Extent(identity.decode(), position_of(last), int(lost))
                return _Shard(lease, extent, seen=position_of(delivered))

    def _read(self, limit: int) -> list[Message]:
        """What there is now: first, on a shard taken over, what its former owner left; then what is new."""
        leftovers = any(shard.rereading for shard in self._shards.values())
        messages = self._read_once(limit)
        return messages if messages or not leftovers else self._read_once(limit)

    def _read_once(self, limit: int) -> list[Message]:
        numbers = sorted(self._shards)
        if not numbers:
            return []
        self._rotation += 1  # each shard comes first in turn, so that none can starve another
        numbers = numbers[self._rotation % len(numbers) :] + numbers[: self._rotation % len(numbers)]
        keys, arguments = [], []
        for number in numbers:
            shard = self._shards[number]
            keys += [self._lease_key(number), self._redis.streams[number], self._redis.counts[number]]
            arguments += [shard.lease, shard.extent.identity, shard.cursor]
        most = min(limit, RECORDS_PER_READ)
        try:
            replies = self._redis.run("read", keys, self._group, self._token, most, *arguments)
        except BaseException:
            # Redis may have given us entries whose reply was lost, have been started again with less than it had, or
            # have no such stream or group any more: take everything over anew.
            for shard in self._shards.values():
                shard.doubtful = True
            raise
        messages: list[Message] = []
        for number, reply in zip(numbers, replies, strict=True):
            if reply == 0:
                self._lose(number)
            elif reply == -1 or self._went_back(number, reply):
                del self._shards[number]
            elif reply is not None:
                messages += self._received(number, reply)
        return messages

    def _went_back(self, number: int, entries: list[Any] | None) -> bool:
        """Whether the group is given as new what it was given before: Redis was started with an older state."""
        shard = self._shards[number]
        return (
            not shard.rereading
            and entries is not None
            and any(position_of(e[0]) <= shard.seen for e in entries[:1])
        )

    def _received(self, number: int, entries: list[Any]) -> list[Message]:
        shard = self._shards[number]
        if not entries:
            shard.rereading = False
            return []
        shard.delivered = position_of(entries[-1][0])
        shard.seen = max(shard.seen, shard.delivered)
        return [
            Message(number, position_of(entry), fields[1].decode("utf-8", "replace"), fields[3])
            for entry, fields in entries
            if fields  # None: deleted by hand
        ]

    def _lose(self, number: int) -> None:
        lease = self._shards.pop(number).lease
        if self._granted.get(number) == lease:  # else the heartbeat has already won it back
            self._granted = {n: granted for n, granted in self._granted.items() if n != number}

    def _wait(self, seconds: float) -> bool:
        """Until a record may have come; True when one has."""
        if not self._shards:
            self._regranted.wait(seconds)
            return False
        return self._redis.wait({n: shard.seen for n, shard in self._shards.items()}, seconds)
