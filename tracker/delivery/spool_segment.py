"""One file of the spool: a header with the cursor, up to which the file is drained, then frames.

The cursor is in the file that it points into, so it never hides events of a later file with the same number.
Numbers are big-endian.

- Header: ``MAGIC``, the cursor (64 bits: the offset of the first frame that waits), the CRC-32 of both. If it cannot
  be read, the file is read from its first frame: events may come twice, with the same id, but none is lost.
- Frame: bytes of the payload, bytes of the key, the CRC-32 of these two numbers, the CRC-32 of the payload (each 32
  bits), and the payload: the key, then the value. A run of zeros is never a frame: file systems may leave
  zeros of a write that was not on disk when the power failed.
- A file of the first layout has no header, and frames of three numbers: bytes of the payload, its CRC-32, bytes of
  the key. It is read to its end; its cursor is kept in memory only.
"""

import os
import re
import struct
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, NamedTuple
from zlib import crc32

from tracker import disk
from tracker.log.port import Record

RECORD_LIMIT = 16 * 1024 * 1024

MAGIC = b"dngspool"
_CURSOR = struct.Struct(">8sQ")
_CHECK = struct.Struct(">I")
HEADER_BYTES = _CURSOR.size + _CHECK.size
_LENGTHS = struct.Struct(">II")
_FRAME = struct.Struct(">IIII")
_FIRST_FRAME = struct.Struct(">III")
_FRAME_START = re.compile(rb"(?s)(?=\0.{3}\0.{3})(?!\0{8})")
"""Lengths below 16 MiB. JSON has no zero bytes, so little else looks like them."""


class Damage(NamedTuple):
    """Bytes from ``start`` to ``stop`` that are no frame. ``torn``: an incomplete write, which was never
    acknowledged."""

    start: int
    stop: int
    torn: bool


class _Frame(NamedTuple):
    """A frame: ``stop`` is its end, None where its lengths are invalid; ``record`` is None where it is not whole."""

    stop: int | None
    record: Record | None


@dataclass(slots=True, eq=False)
class Segment:
    """One segment. ``size``: bytes that are durable; ``cursor``: bytes that are drained or hold no event."""

    number: int
    path: Path
    size: int
    cursor: int = HEADER_BYTES
    first_layout: bool = False

    @property
    def drained(self) -> bool:
        return self.cursor >= self.size

    def read(self, limit: int) -> tuple[list[Record], int]:
        """At most ``limit`` whole records from the cursor on, and where they end. Raises OSError."""
        records: list[Record] = []
        at = self.cursor
        with self.path.open("rb") as file:
            while len(records) < limit and (frame := self._frame(file, at)).record and frame.stop:
                records.append(frame.record)
                at = frame.stop
        return records, at

    def damage(self) -> Damage:
        """The damaged bytes at the cursor, up to the next whole frame or to the end. Raises OSError."""
        with self.path.open("rb") as file:
            stop = self._frame(file, self.cursor).stop
            if stop is not None and stop < self.size and self._frame(file, stop).record:
                return Damage(self.cursor, stop, torn=False)
            file.seek(self.cursor)
            rest = file.read(self.size - self.cursor)
            if (following := self._next_whole_frame(file, rest)) is not None:
                return Damage(self.cursor, following, torn=False)
            torn = len(rest) < _FRAME.size or not any(rest) or (stop is not None and stop > self.size)
            return Damage(self.cursor, self.size, torn)

    def frames(self) -> int:
        """The number of frames that wait, found by their lengths alone. Raises OSError."""
        count, at = 0, self.cursor
        with self.path.open("rb") as file:
            while (stop := self._frame(file, at, whole=False).stop) is not None and stop <= self.size:
                count, at = count + 1, stop
        return count

    def ends_at(self, offset: int) -> bool:
        """Whether a frame ends at ``offset``. Raises OSError."""
        at = self.cursor
        with self.path.open("rb") as file:
            while at < offset and (stop := self._frame(file, at, whole=False).stop) is not None:
                at = stop
        return at == offset

    def save_cursor(self) -> None:
        """Write the cursor; durable on return. Raises OSError."""
        if self.first_layout:
            return
        file = os.open(self.path, os.O_WRONLY)
        try:
            os.pwrite(file, _header(self.cursor), 0)
            os.fdatasync(file)
        finally:
            os.close(file)

    def holds_frames(self, file: BinaryIO) -> bool:
        """Whether it holds a whole frame of this layout, whatever its header says. Raises OSError."""
        this = Segment(self.number, self.path, self.size)
        return bool(this._frame(file, HEADER_BYTES).record) or (
            this._next_whole_frame(file, self.path.read_bytes()[HEADER_BYTES:]) is not None
        )

    def _next_whole_frame(self, file: BinaryIO, rest: bytes) -> int | None:
        """Where the first whole frame begins behind the cursor, of which ``rest`` is all that follows."""
        if self.first_layout:  # its lengths look like any other bytes
            return None
        places = (self.cursor + found.start() for found in _FRAME_START.finditer(rest, 1))
        return next((at for at in places if self._frame(file, at).record), None)

    def _frame(self, file: BinaryIO, at: int, whole: bool = True) -> _Frame:
        """The frame at ``at``; with ``whole`` False only its place."""
        layout = _FIRST_FRAME if self.first_layout else _FRAME
        file.seek(at)
        header = file.read(layout.size)
        if len(header) < layout.size or at >= self.size:
            return _Frame(None, None)
        if self.first_layout:
            length, checksum, key_length = layout.unpack(header)
            sound = any(header)
        else:
            length, key_length, check, checksum = layout.unpack(header)
            sound = check == crc32(header[: _LENGTHS.size])
        if not sound or length > RECORD_LIMIT or key_length > length:
            return _Frame(None, None)
        stop = at + layout.size + length
        if not whole or stop > self.size:
            return _Frame(stop, None)
        payload = file.read(length)
        if len(payload) < length or crc32(payload) != checksum:
            return _Frame(stop, None)
        return _Frame(stop, Record(payload[:key_length].decode(errors="replace"), payload[key_length:]))


def frame(record: Record) -> bytes:
    key = record.key.encode()
    payload = key + record.value
    lengths = _LENGTHS.pack(len(payload), len(key))
    return lengths + _CHECK.pack(crc32(lengths)) + _CHECK.pack(crc32(payload)) + payload


def make(number: int, path: Path) -> tuple[Segment, int]:
    """A new segment, which must not exist, and the file to append to; durable on return. Raises OSError."""
    file = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_APPEND, 0o600)
    try:
        disk.write_all(file, _header(HEADER_BYTES))
        disk.flush(path.parent)
    except OSError:
        os.close(file)
        with suppress(OSError):
            path.unlink()
        raise
    return Segment(number, path, HEADER_BYTES), file


def _load(number: int, path: Path) -> Segment:
    """A segment that an earlier process wrote. Raises OSError."""
    segment = Segment(number, path, path.stat().st_size)
    with path.open("rb") as file:
        header = file.read(HEADER_BYTES)
        if header[: len(MAGIC)] != MAGIC:
            segment.first_layout = True
            first = segment._frame(file, 0)
            if first.record or (first.stop is not None and not segment.holds_frames(file)):
                segment.cursor = 0
                return segment
            segment.first_layout = False
    if len(header) == HEADER_BYTES and _CHECK.pack(crc32(header[: _CURSOR.size])) == header[_CURSOR.size :]:
        cursor = _CURSOR.unpack(header[: _CURSOR.size])[1]
        segment.cursor = cursor if HEADER_BYTES <= cursor <= segment.size else HEADER_BYTES
    return segment


def segments_in(folder: Path) -> list[Segment]:
    """The segments on disk, oldest first. Raises OSError."""
    found = [_load(int(path.stem), path) for path in folder.glob("*.spool") if path.stem.isdecimal()]
    for segment in found:
        if segment.first_layout:
            _restore_first_layout_cursor(folder / "head", segment)
    return sorted(found, key=lambda segment: segment.number)


def _restore_first_layout_cursor(head: Path, segment: Segment) -> None:
    """Read the cursor of a first-layout segment from the file ``head``.

    A later segment could get the number that ``head`` names, so it counts only if the segment was not written since.
    Otherwise drained events come again.
    """
    try:
        number, offset = map(int, head.read_text().split())
        older = segment.path.stat().st_mtime_ns <= head.stat().st_mtime_ns
        if number == segment.number and older and segment.ends_at(offset):
            segment.cursor = offset
    except (OSError, ValueError):
        return


def _header(cursor: int) -> bytes:
    cursor_bytes = _CURSOR.pack(MAGIC, cursor)
    return cursor_bytes + _CHECK.pack(crc32(cursor_bytes))
