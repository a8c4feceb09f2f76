"""The spool: keeps events on local disk while the log is down: in order, fsynced, bounded, also over restarts.

A spool is a folder of append-only segments, ``00000001.spool`` and so on (``spool_segment.py`` defines their format).
Each segment has its own cursor and is deleted when it is drained, so the files in the folder alone say what waits. A
process never writes to a segment of an earlier process: a write that a crash interrupted is always the end of its
segment, and was never acknowledged.

Acknowledged records are read once and in order, over any restart. A crash during ``drop``, or between the log's append
and ``drop``, repeats some of them; ingest counts an event's id once.
"""

import errno
import fcntl
import logging
import os
import re
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from tracker import disk
from tracker.delivery.spool_segment import (
    HEADER_BYTES,
    RECORD_LIMIT,
    Damage,
    Segment,
    frame,
    make,
    segments_in,
)
from tracker.log.port import LogUnavailable, Record, RecordTooLarge

SEGMENT_BYTES = 8 * 1024 * 1024
DEFAULT_LIMIT = 1024 * 1024 * 1024
RETRY_AFTER_FULL = 30.0

_NUMBERED = re.compile(r"(\d+)\b.*\.(spool|bad)")
_logger = logging.getLogger(__name__)


class Spool:
    """One process's spool. One thread may write while another reads and drops.

    ``limit`` is in bytes of disk. Raises BlockingIOError where another process holds ``folder``.
    """

    def __init__(self, folder: Path, limit: int = DEFAULT_LIMIT) -> None:
        disk.make_folder(folder)
        self.folder, self.limit = folder, limit
        self._lock_file = _lock_folder(folder)
        self._lock = threading.Condition()
        self._segments = {segment.number: segment for segment in segments_in(folder)}
        # Above the numbers of files put aside, too: these are named after their segment.
        self._next = 1 + max(
            (int(name[1]) for name in map(_segment_name, folder.iterdir()) if name), default=0
        )
        self._writing: Segment | None = None
        self._file = -1
        self._busy = False  # a write to the segment is under way
        self._read_to: tuple[Segment, int] | None = None
        if not any(segment.first_layout for segment in self._segments.values()):
            (folder / "head").unlink(missing_ok=True)

    @property
    def size(self) -> int:
        """Bytes on disk."""
        return sum(segment.size for segment in tuple(self._segments.values()))

    @property
    def empty(self) -> bool:
        return all(segment.drained for segment in tuple(self._segments.values()))

    def full(self) -> bool:
        return self.size + RECORD_LIMIT // 16 > self.limit

    def write(self, records: Sequence[Record]) -> None:
        """Durable on return. Raises LogUnavailable when there is no room, or the disk fails; RecordTooLarge."""
        frames = b"".join(frame(record) for record in records)
        if self.size + len(frames) > self.limit:
            raise LogUnavailable("the log is down and the spool is full", retry_after=RETRY_AFTER_FULL)
        if len(frames) > RECORD_LIMIT and any(len(frame(record)) > RECORD_LIMIT for record in records):
            raise RecordTooLarge(f"a record in the spool has at most {RECORD_LIMIT} bytes")
        try:
            self._write(frames)
        except OSError as error:
            raise LogUnavailable(
                f"the spool cannot be written: {error}", retry_after=RETRY_AFTER_FULL
            ) from error

    def read(self, limit: int = 2_000) -> list[Record]:
        """The oldest records, at most ``limit``, in order; the same ones until ``drop`` is called. Raises OSError."""
        while (segment := self._oldest()) is not None:
            try:
                records, stop = segment.read(limit)
                if records:
                    self._read_to = segment, stop
                    return records
                self._skip_damage(segment, segment.damage())
            except OSError as error:
                if error.errno not in (errno.EIO, errno.ENOENT):
                    raise  # of the process or of the moment, not of this file
                self._set_aside(segment, error)
        return []

    def drop(self) -> None:
        """Remove the records of the last ``read``. Where the disk fails, a restart may read them again."""
        assert self._read_to is not None
        segment, stop = self._read_to
        self._read_to = None
        self._advance(segment, stop)

    def keep(self, record: Record) -> Path:
        """Append a record to ``refused.bad``, which is never drained. Raises OSError."""
        path = self.folder / "refused.bad"
        disk.append(path, frame(record))
        return path

    def close(self) -> None:
        with self._lock:
            self._stop_writing()
            os.close(self._lock_file)

    def _write(self, frames: bytes) -> None:
        with self._lock:
            if self._writing is None or self._writing.size >= SEGMENT_BYTES:
                self._stop_writing()
                self._start_writing()
            segment = self._writing
            assert segment is not None
            self._busy = True
        try:
            disk.write_all(self._file, frames)
            os.fdatasync(self._file)
        except OSError:
            self._abandon(segment)
            raise
        with self._lock:
            segment.size += len(frames)  # only now may a reader see them
            self._end_write()

    def _start_writing(self) -> None:
        number = self._next
        self._next += 1  # a name is used once, whatever becomes of it
        self._writing, self._file = make(number, self._path(number))
        self._segments[number] = self._writing

    def _stop_writing(self) -> None:
        file, self._file, self._writing = self._file, -1, None
        if file >= 0:
            with suppress(OSError):  # whatever is acknowledged has been synced
                os.close(file)

    def _abandon(self, segment: Segment) -> None:
        """After a failed write: truncate the incomplete frame, so that it does not block what follows."""
        with self._lock:
            try:
                os.ftruncate(self._file, segment.size)
            except OSError:
                _logger.exception("spool segment not truncated")
            self._end_write()
            self._stop_writing()
            if segment.size <= HEADER_BYTES:  # a full disk must not gather empty files
                self._remove(segment)

    def _end_write(self) -> None:
        self._busy = False
        self._lock.notify_all()

    def _oldest(self) -> Segment | None:
        """The first segment with something to read. Drained ones before it are deleted."""
        while True:
            with self._lock:
                segment = self._segments[min(self._segments)] if self._segments else None
                if segment is None or not segment.drained:
                    return segment
                if segment is self._writing:
                    return None  # numbers grow: it is the last
                self._remove(segment)

    def _advance(self, segment: Segment, cursor: int) -> None:
        """Move the cursor; a segment that is drained to its end is deleted."""
        with self._lock:
            segment.cursor = cursor
            if segment.drained and not (segment is self._writing and self._busy):
                # What visitors sent does not stay on disk once the log has it.
                self._remove(segment)
                return
        with _log_lost_progress():
            segment.save_cursor()

    def _remove(self, segment: Segment) -> None:
        self._forget(segment)
        with _log_lost_progress():
            segment.path.unlink(missing_ok=True)
            disk.flush(self.folder)

    def _forget(self, segment: Segment) -> None:
        with self._lock:
            if segment is self._writing:
                self._lock.wait_for(lambda: not self._busy)
                self._stop_writing()
            self._segments.pop(segment.number, None)

    def _skip_damage(self, segment: Segment, damage: Damage) -> None:
        """Copy the damaged bytes to a file and continue behind them. If that fails, the whole segment is set aside."""
        kind = "torn.bad" if damage.torn else "bad"
        path = self.folder / f"{segment.path.stem}-{damage.start}.{kind}"
        _logger.error(
            "%s: %s bytes cannot be read, kept as %s", segment.path, damage.stop - damage.start, path
        )
        try:
            with segment.path.open("rb") as file:
                file.seek(damage.start)
                disk.write(path, file.read(damage.stop - damage.start))
        except OSError as error:
            self._set_aside(segment, error)
        else:
            self._advance(segment, damage.stop)

    def _set_aside(self, segment: Segment, error: OSError) -> None:
        """Rename a segment that cannot be read to ``.bad``, so that the others can be drained."""
        _logger.error("%s cannot be read on and is kept as .bad: %s", segment.path, error)
        self._forget(segment)
        with suppress(FileNotFoundError):
            segment.path.replace(segment.path.with_suffix(".bad"))

    def _path(self, number: int) -> Path:
        return self.folder / f"{number:08d}.spool"


def folders(root: Path) -> list[Path]:
    """The folders of all spools below ``root``, whichever process holds them. Raises OSError."""
    return sorted((path for path in root.iterdir() if path.name.isdecimal()), key=lambda path: int(path.name))


def claim(root: Path, limit: int = DEFAULT_LIMIT) -> list[Spool]:
    """Lock spools below ``root`` for this process: first those of dead processes with events, last its own to write to.

    Each server process has a folder of its own (``0``, ``1``, …), so ``limit`` counts for each.
    """
    disk.make_folder(root)
    free = [spool for folder in folders(root) if (spool := _open_unheld(folder, limit))]
    number = 0
    while not free:
        if (own := _open_unheld(root / str(number), limit)) is not None:
            free.append(own)
        number += 1
    *others, own = free
    for spool in [other for other in others if other.empty]:
        spool.close()
    return [*(other for other in others if not other.empty), own]


def adopt(root: Path, limit: int = DEFAULT_LIMIT) -> list[Spool]:
    """Lock for this process the spools below ``root`` with events that no process holds."""
    waiting = [folder for folder in folders(root) if any(folder.glob("*.spool"))]
    free = [spool for folder in waiting if (spool := _open_unheld(folder, limit))]
    for spool in [each for each in free if each.empty]:
        spool.close()
    return [spool for spool in free if not spool.empty]


def held(folder: Path) -> bool:
    """Whether a process holds this spool, or we may not find out."""
    try:
        os.close(_lock_folder(folder))
    except OSError:
        return True
    return False


def _lock_folder(folder: Path) -> int:
    """Lock a spool until the returned file is closed. Raises BlockingIOError."""
    file = os.open(folder / "lock", os.O_CREAT | os.O_RDWR, 0o600)
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(file)
        raise
    return file


def _open_unheld(folder: Path, limit: int) -> Spool | None:
    try:
        return Spool(folder, limit)
    except BlockingIOError:
        return None


def _segment_name(path: Path) -> re.Match[str] | None:
    return _NUMBERED.fullmatch(path.name)


@contextmanager
def _log_lost_progress() -> Iterator[None]:
    try:
        yield
    except OSError:
        _logger.exception("the spool's progress is not on disk: after a restart events come again")
