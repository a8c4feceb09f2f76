"""The backlog in all spools of this machine, whichever process holds them, read from their files."""

import time
from collections.abc import Callable
from pathlib import Path

import msgspec

from tracker.delivery.spool import folders, held
from tracker.delivery.spool_segment import Segment, segments_in
from tracker.log.port import Record
from tracker.metrics import Spooled


class SpoolWatch:
    """Measures the spools below ``root``; None means no spool. Safe from many threads."""

    def __init__(self, root: Path | None, clock: Callable[[], float] = time.time) -> None:
        self._root, self.clock = root, clock
        self._counts: dict[tuple[Path, int, int], int] = {}

    def look(self, count: bool = True) -> Spooled:
        """The backlog now. Without ``count`` no events are counted, which is always cheap. Raises OSError."""
        if self._root is None or not self._root.is_dir():
            return Spooled()
        found = [(folder, _waiting(folder)) for folder in folders(self._root)]
        waiting = [segment for _, segments in found for segment in segments]
        return Spooled(
            self._events(waiting) if count else 0,
            sum(segment.size - segment.cursor for segment in waiting),
            min((_received(segments[0]) for _, segments in found if segments), default=None),
            sum(bool(segments) and not held(folder) for folder, segments in found),
            sum(_size(path) for path in self._root.glob("*/[0-9]*.bad") if ".torn" not in path.suffixes),
            sum(_size(path) for path in self._root.glob("*/refused.bad")),
        )

    def _events(self, segments: list[Segment]) -> int:
        counts: dict[tuple[Path, int, int], int] = {}
        for segment in segments:
            place = segment.path, segment.cursor, segment.size
            known = self._counts.get(place)
            counts[place] = _frames(segment) if known is None else known
        self._counts = counts
        return sum(counts.values())


class _Received(msgspec.Struct):
    received: int


def _waiting(folder: Path) -> list[Segment]:
    """The segments with events, although another process may drain them meanwhile."""
    for _ in range(5):
        try:
            return [segment for segment in segments_in(folder) if not segment.drained]
        except FileNotFoundError:
            continue
    return []


def _received(segment: Segment) -> float:
    """When its first event was received; where that is unreadable, when the segment was last written."""
    try:
        records: list[Record] = segment.read(1)[0]
        return msgspec.json.decode(records[0].value, type=_Received).received / 1000
    except (IndexError, OSError, msgspec.MsgspecError):
        try:
            return segment.path.stat().st_mtime
        except FileNotFoundError:
            return time.time()


def _frames(segment: Segment) -> int:
    try:
        return segment.frames()
    except FileNotFoundError:
        return 0


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0
