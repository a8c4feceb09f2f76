"""The spool: events on local disk while the log is down, in order, fsynced, bounded, also after a restart.

A folder of append-only segments, ``00000001.spool`` and so on. A frame is three big-endian numbers (bytes of the
payload, its CRC-32, bytes of the key) and the payload: the key, then the value. ``head`` says how far the oldest
segment has been drained: ``<segment> <offset>``. A process never writes to the segment of an earlier life, so a
write that a crash tore apart is always the end of its segment; nobody was told that it was durable.
"""

import fcntl
import logging
import os
import struct
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path
from zlib import crc32

from tracker.log import LogUnavailable, Record

SEGMENT_BYTES = 8 * 1024 * 1024
DEFAULT_LIMIT = 1024 * 1024 * 1024
RETRY_AFTER_FULL = 30.0
RECORD_LIMIT = 16 * 1024 * 1024

_FRAME = struct.Struct(">III")
_logger = logging.getLogger(__name__)


class Spool:
    """One process's spool. One thread may write while another reads and drops.

    ``limit`` is in bytes of disk. Raises BlockingIOError where another process holds ``folder``.
    """

    def __init__(self, folder: Path, limit: int = DEFAULT_LIMIT) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder, self.limit = folder, limit
        self._held = os.open(folder / "lock", os.O_CREAT | os.O_RDWR, 0o600)
        try:
            fcntl.flock(self._held, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(self._held)
            raise
        self._lock = threading.Lock()
        self._segments = {int(path.stem): path.stat().st_size for path in sorted(folder.glob("*.spool"))}
        self._next = max(self._segments, default=0) + 1
        self._writing: int | None = None
        self._busy = False  # a write to the segment is under way
        self._file = -1
        self._head = self._read_head()
        self._read_to: tuple[int, int] | None = None

    @property
    def size(self) -> int:
        """Bytes on disk."""
        return sum(self._segments.values())

    @property
    def empty(self) -> bool:
        with self._lock:
            return not any(size > self._start(number) for number, size in self._segments.items())

    def full(self) -> bool:
        return self.size + RECORD_LIMIT // 16 > self.limit

    def write(self, records: Sequence[Record]) -> None:
        """Durable on return. Raises LogUnavailable when there is no room, or the disk fails."""
        frames = b"".join(_frame(record) for record in records)
        if self.size + len(frames) > self.limit:
            raise LogUnavailable("the log is down and the spool is full", retry_after=RETRY_AFTER_FULL)
        try:
            self._write(frames)
        except OSError as error:
            raise LogUnavailable(
                f"the spool cannot be written: {error}", retry_after=RETRY_AFTER_FULL
            ) from error

    def read(self, limit: int = 2_000) -> list[Record]:
        """The oldest records, at most ``limit``, in order. The same again until ``drop`` is called."""
        while (number := self._oldest()) is not None:
            start = self._start(number)
            size = self._segments[number]
            records, end = [], start
            for record, after in _frames(self._path(number), start, size):
                records.append(record)
                end = after
                if len(records) >= limit:
                    break
            if records:
                self._read_to = (number, end)
                return records
            self._set_aside(number, size - start)
        return []

    def drop(self) -> None:
        """What ``read`` gave last is in the log: forget it."""
        assert self._read_to is not None
        number, offset = self._read_to
        with self._lock:
            done = offset >= self._segments[number] and not (number == self._writing and self._busy)
            if done and number == self._writing:
                # What visitors sent does not stay on disk once the log has it.
                os.close(self._file)
                self._file, self._writing = -1, None
        if done:
            self._remove(number)
        else:
            self._head = (number, offset)
            draft = self.folder / "head.tmp"
            draft.write_text(f"{number} {offset}")
            draft.replace(self.folder / "head")
        self._read_to = None

    def keep(self, record: Record) -> Path:
        """Put a record aside for good, as a frame in a file that nobody drains. Raises OSError."""
        path = self.folder / "refused.bad"
        with path.open("ab") as file:
            file.write(_frame(record))
            file.flush()
            os.fsync(file.fileno())
        return path

    def close(self) -> None:
        with self._lock:
            if self._file >= 0:
                os.close(self._file)
                self._file, self._writing = -1, None
            os.close(self._held)

    def _write(self, frames: bytes) -> None:
        with self._lock:
            if self._writing is None or self._segments[self._writing] >= SEGMENT_BYTES:
                self._open_segment()
            number = self._writing
            assert number is not None
            before = self._segments[number]
            self._busy = True
        try:
            view = memoryview(frames)
            while view:
                view = view[os.write(self._file, view) :]
            os.fdatasync(self._file)
        except OSError:
            self._abandon_segment(before)
            raise
        with self._lock:
            self._segments[number] = before + len(frames)  # only now may a reader see them
            self._busy = False

    def _open_segment(self) -> None:
        if self._file >= 0:
            os.close(self._file)
        self._file = os.open(
            self._path(self._next), os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_APPEND, 0o600
        )
        folder = os.open(self.folder, os.O_RDONLY)
        try:
            os.fsync(folder)  # the name must survive a crash, too
        finally:
            os.close(folder)
        self._writing = self._next
        self._segments[self._next] = 0
        self._next += 1

    def _abandon_segment(self, good: int) -> None:
        """After a failed write: what is half written must not stand in the way of what follows."""
        with self._lock:
            try:
                os.ftruncate(self._file, good)
            except OSError:
                _logger.exception("spool segment not truncated")
            os.close(self._file)
            self._file, self._writing, self._busy = -1, None, False

    def _oldest(self) -> int | None:
        with self._lock:
            for number in sorted(self._segments):
                if self._segments[number] > self._start(number):
                    return number
            drained = [number for number in self._segments if number != self._writing]
            for number in drained:
                del self._segments[number]
        for number in drained:
            self._path(number).unlink(missing_ok=True)
        return None

    def _start(self, number: int) -> int:
        """Where the undrained part begins: segments before the head's are drained, those behind it are not."""
        segment, offset = self._head
        return offset if number == segment else self._segments[number] if number < segment else 0

    def _remove(self, number: int) -> None:
        self._path(number).unlink(missing_ok=True)
        with self._lock:
            self._segments.pop(number, None)

    def _set_aside(self, number: int, unread: int) -> None:
        """The rest of a segment cannot be read: a torn last write, or a damaged disk. Kept, and said."""
        _logger.error("spool segment %s: %s bytes cannot be read, kept as .bad", number, unread)
        self._path(number).replace(self._path(number).with_suffix(".bad"))
        with self._lock:
            if self._writing == number:
                os.close(self._file)
                self._file, self._writing = -1, None
            self._segments.pop(number, None)

    def _read_head(self) -> tuple[int, int]:
        try:
            number, offset = (self.folder / "head").read_text().split()
            return int(number), int(offset)
        except (OSError, ValueError):
            return (0, 0)

    def _path(self, number: int) -> Path:
        return self.folder / f"{number:08d}.spool"


def _frame(record: Record) -> bytes:
    key = record.key.encode()
    payload = key + record.value
    return _FRAME.pack(len(payload), crc32(payload), len(key)) + payload


def _frames(path: Path, start: int, size: int) -> Iterator[tuple[Record, int]]:
    """The records from byte ``start``, each with the offset behind it; ends at the first that is not whole."""
    with path.open("rb") as file:
        file.seek(start)
        at = start
        while at < size:
            header = file.read(_FRAME.size)
            if len(header) < _FRAME.size:
                return
            length, checksum, key_length = _FRAME.unpack(header)
            payload = file.read(length) if length <= RECORD_LIMIT else b""
            if len(payload) != length or crc32(payload) != checksum or key_length > length:
                return
            at += _FRAME.size + length
            yield Record(payload[:key_length].decode(errors="replace"), payload[key_length:]), at


def claim(root: Path, limit: int = DEFAULT_LIMIT) -> list[Spool]:
    """The spools this process holds below ``root``: first what dead processes left behind, last its own to write to.

    Each server process has a folder of its own (``0``, ``1``, …), so ``limit`` counts for each.
    """
    root.mkdir(parents=True, exist_ok=True)
    left: list[Spool] = []
    for folder in sorted(path for path in root.iterdir() if path.is_dir()):
        try:
            spool = Spool(folder, limit)
        except BlockingIOError:
            continue
        left.append(spool)
    for number in range(len(list(root.iterdir())) + 64):
        if left:
            break
        try:
            left.append(Spool(root / str(number), limit))
        except BlockingIOError:
            continue
    *others, own = left
    for spool in [other for other in others if other.empty]:
        spool.close()
    return [*(other for other in others if not other.empty), own]
