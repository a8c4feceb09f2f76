"""The event log on Redis Streams, for sites that need no Kafka."""

import logging
import threading
from collections.abc import Iterator, Sequence
from itertools import chain
from zlib import crc32

from tracker.log.port import Backlog, Message, Record
from tracker.log.redis.consumer import RedisConsumer
from tracker.log.redis.streams import RedisStreams, position_of

logger = logging.getLogger(__name__)

RECORDS_PER_SCRIPT = 1_000  # some 10 ms during which Redis serves nobody else


class RedisLog:
    """Records are routed by the CRC-32 of their key. Durable as far as Redis' append-only file is: see durability()."""

    def __init__(self, url: str) -> None:
        self._redis = RedisStreams(url)
        self._checked = threading.Event()

    def append(self, records: Sequence[Record]) -> None:
        """One script per thousand records; Redis fsyncs before it answers (appendfsync always)."""
        if not self._checked.is_set():
            self._warn_once()
        shards, keys = self._redis.shards, [*self._redis.streams, *self._redis.counts]
        with self._redis.errors("append"):
            for start in range(0, len(records), RECORDS_PER_SCRIPT):
                routed: list[list[bytes]] = [[] for _ in range(shards)]
                for record in records[start : start + RECORDS_PER_SCRIPT]:
                    key = record.key.encode("utf-8", "replace")
                    routed[crc32(key) % shards] += (key, record.value)
                counts = [len(shard) // 2 for shard in routed]
                self._redis.run("append", keys, *counts, *chain.from_iterable(routed))

    def consumer(self, group: str, member: str) -> RedisConsumer:
        return RedisConsumer(self._redis, group, member)

    def lag(self, group: str) -> int:
        return sum(end - done for end, done in self.backlog(group).values())

    def backlog(self, group: str) -> dict[int, Backlog]:
        found = {}
        with self._redis.errors("count"):
            pipe = self._redis.client.pipeline(transaction=True)  # one moment for all counts
            for stream, counts in zip(self._redis.streams, self._redis.counts, strict=True):
                pipe.xlen(stream)
                pipe.hmget(counts, ["trimmed", f"group:{group}"])
            replies = pipe.execute()
        for partition, (length, (trimmed, done)) in enumerate(zip(replies[::2], replies[1::2], strict=True)):
            gone = int(trimmed or 0)
            found[partition] = Backlog(length + gone, gone if done is None else int(done))
        return found

    def reread(self) -> Iterator[Message]:
        for partition, stream in enumerate(self._redis.streams):
            after = "-"
            while True:
                with self._redis.errors("read"):
                    entries = self._redis.entries(stream, after, RECORDS_PER_SCRIPT)
                for entry, fields in entries:
                    yield Message(
                        partition, position_of(entry), fields[b"k"].decode("utf-8", "replace"), fields[b"v"]
                    )
                if len(entries) < RECORDS_PER_SCRIPT:
                    break
                after = f"({entries[-1][0].decode()}"

    def ping(self) -> None:
        """A write, since a Redis that is full, read-only or out of disk still answers PING."""
        with self._redis.errors("write"):
            self._redis.client.set(f"{self._redis.name}:ping", 1, px=1000)

    def durability(self) -> str | None:
        with self._redis.errors("show its settings"):
            found = self._redis.settings()
        if found.get("aof_enabled") == "0":
            return "Redis keeps no append-only file: a crash loses events (set appendonly yes, appendfsync always)"
        if found.get("appendfsync", "always") != "always":
            return f"Redis has appendfsync {found['appendfsync']}: a crash loses the last events (set it to always)"
        policy = found.get("maxmemory_policy", "")
        if found.get("maxmemory", "0") != "0" and policy.startswith("allkeys"):
            return (
                f"Redis has maxmemory-policy {policy}: when full it throws events away (set it to noeviction)"
            )
        return None

    def _warn_once(self) -> None:
        weakness = self.durability()
        self._checked.set()
        if weakness:
            logger.warning(weakness)

    def close(self) -> None:
        self._redis.client.close()
