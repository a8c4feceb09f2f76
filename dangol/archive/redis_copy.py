"""Redis in a backup: the embedded one as a snapshot of one instant, one of your own key by key.

``CLIENT PAUSE … WRITE`` holds back writers (not readers) for the some ten milliseconds in which a snapshot begins and
the warehouse's version is noted: log, profiles and history are then of one moment.
"""

import struct
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from itertools import islice
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple, TypeVar

import msgspec

from tracker.log.port import LogUnavailable
from tracker.redis_connection import REDIS_ERRORS, ResponseError

PAUSE_SECONDS = 5.0
"""Redis lets writers go on after so long, should the backup die just then."""
PATIENCE = 600.0
BATCH = 200
SNAPSHOT = "dump.rdb"
"""What BGSAVE writes in the embedded Redis's folder; there is no other use of it."""

_LENGTH = struct.Struct(">I")
T = TypeVar("T")


class Key(NamedTuple):
    """``expires`` in ms since the epoch, 0: never; ``value`` as DUMP gives it."""

    name: bytes
    expires: int
    value: bytes


_keys = msgspec.msgpack.Decoder(Key)


def snapshot(client: Any, moment: Callable[[], T]) -> T:
    """Make the embedded Redis write SNAPSHOT; ``moment`` is called while nobody can write, at the instant that the
    snapshot shows. Raises LogUnavailable."""
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        _idle(client, deadline)
        with _still(client) as still:
            found = moment()
            try:
                client.bgsave(schedule=False)
            except ResponseError:  # the append-only file began to be rewritten
                continue
            if not still():
                continue
        _idle(client, deadline)
        if client.info("persistence")["rdb_last_bgsave_status"] != "ok":
            raise LogUnavailable(
                "the embedded Redis cannot write its snapshot: see redis.log (is the disk full?)"
            )
        return found
    raise LogUnavailable(f"the embedded Redis made no snapshot within {PATIENCE:.0f} s")


def log_keys(client: Any, pattern: str, moment: Callable[[], T]) -> tuple[list[Key], T]:
    """The keys of a log of your own, at one instant, and what ``moment`` finds at it."""
    with _still(client):
        found = moment()
        pipe = client.pipeline(transaction=True)
        names = sorted(client.scan_iter(match=pattern, count=1000))
        return _dumped(pipe, names), found


def keys(client: Any, patterns: Sequence[str]) -> Iterator[Key]:
    """Every key of these patterns, of a Redis or of a Cluster."""
    for pattern in patterns:
        names = iter(client.scan_iter(match=pattern, count=1000))
        while some := list(islice(names, BATCH)):
            yield from _dumped(client.pipeline(transaction=False), some)


def write(file: BinaryIO, found: Iterable[Key]) -> None:
    for key in found:
        raw = msgspec.msgpack.encode(key)
        file.write(_LENGTH.pack(len(raw)) + raw)


def read(file: BinaryIO) -> Iterator[Key]:
    while head := file.read(_LENGTH.size):
        yield _keys.decode(file.read(_LENGTH.unpack(head)[0]))


def restore(client: Any, found: Iterator[Key]) -> None:
    """Put the keys back; those that have expired meanwhile expire at once."""
    while some := list(islice(found, BATCH)):
        pipe = client.pipeline(transaction=False)
        for key in some:
            pipe.execute_command("RESTORE", key.name, key.expires, key.value, "REPLACE", "ABSTTL")
        pipe.execute()


def delete(client: Any, patterns: Sequence[str]) -> None:
    for pattern in patterns:
        for name in client.scan_iter(match=pattern, count=1000):
            client.delete(name)


def occupied(client: Any, patterns: Sequence[str]) -> bool:
    """Whether there is any key of these patterns."""
    return any(next(iter(client.scan_iter(match=pattern, count=1000)), None) for pattern in patterns)


def forget(folder: Path) -> None:
    """Remove the snapshot of a backup that was interrupted: it may hold somebody who is erased afterwards."""
    (folder / SNAPSHOT).unlink(missing_ok=True)
    for path in folder.glob("temp-*.rdb"):
        path.unlink(missing_ok=True)


def _dumped(pipe: Any, names: Sequence[bytes]) -> list[Key]:
    for name in names:
        pipe.pttl(name)
        pipe.dump(name)
    now = int(time.time() * 1000)
    replies = pipe.execute()
    pairs = zip(names, replies[::2], replies[1::2], strict=True)
    return [
        Key(name, now + left if left > 0 else 0, value) for name, left, value in pairs if value is not None
    ]


@contextmanager
def _still(client: Any) -> Iterator[Callable[[], bool]]:
    """Nobody writes meanwhile; what it gives says whether that still holds."""
    end = time.monotonic() + PAUSE_SECONDS
    client.client_pause(int(PAUSE_SECONDS * 1000), all=False)
    try:
        yield lambda: time.monotonic() < end
    finally:
        with suppress(*REDIS_ERRORS):
            client.client_unpause()


def _idle(client: Any, deadline: float) -> None:
    """Until Redis writes neither a snapshot nor its append-only file anew."""
    while time.monotonic() < deadline:
        state = client.info("persistence")
        if not any(state[f"{name}_in_progress"] for name in ("rdb_bgsave", "aof_rewrite")):
            return
        time.sleep(0.05)
