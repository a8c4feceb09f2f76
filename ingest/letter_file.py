"""One append-only file of JSON lines that several processes share: every line durable, the size bounded.

When the file is full, the older half moves to ``.1``; what was there is lost, and the log says so.
"""

import fcntl
import logging
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from tracker.disk import flush

logger = logging.getLogger(__name__)


class LetterFile:
    """The lines of ``path`` and its older half. ``limit`` in bytes, both together."""

    def __init__(self, path: Path, limit: int) -> None:
        self.path, self.limit = path, limit
        self.older = path.with_suffix(".jsonl.1")

    def lines(self) -> Iterator[bytes]:
        """The whole lines, oldest first."""
        for path in (self.older, self.path):
            yield from _whole_lines(path)

    def append(self, lines: Sequence[bytes]) -> None:
        """Return when the lines are durable. Raises OSError."""
        with self._locked() as file:
            fresh, torn = not file.tell(), file.tell() and not self._ends_well()
            file.write((b"\n" if torn else b"") + b"".join(line + b"\n" for line in lines))
            file.flush()
            os.fsync(file.fileno())
            if fresh:
                flush(self.path.parent)  # the name must survive a crash, too
            if file.tell() > self.limit // 2:
                if self.older.exists():
                    logger.warning(
                        "%s outgrew %d bytes: the oldest letters are gone", self.path.name, self.limit
                    )
                self.path.replace(self.older)
                flush(self.path.parent)

    def keep(self, kept: Callable[[bytes], bool]) -> int:
        """Write the files anew with the lines that are ``kept``; how many went. Raises OSError."""
        if not any(path.exists() for path in (self.path, self.older)):
            return 0
        with self._locked():
            return sum(_filter(path, kept) for path in (self.older, self.path))

    @contextmanager
    def _locked(self) -> Iterator[BinaryIO]:
        """The newer file, which nobody else writes to or replaces meanwhile."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        while True:
            with self.path.open("ab") as file:
                fcntl.flock(file, fcntl.LOCK_EX)
                # Else another process has just put a new file into its place.
                if self.path.exists() and os.path.samestat(os.fstat(file.fileno()), self.path.stat()):
                    yield file
                    return

    def _ends_well(self) -> bool:
        with self.path.open("rb") as file:
            file.seek(-1, os.SEEK_END)
            return file.read(1) == b"\n"


def _whole_lines(path: Path) -> Iterator[bytes]:
    if path.exists():
        with path.open("rb") as file:
            for line in file:
                if line.endswith(b"}\n"):  # else the power went during the write
                    yield line


def _filter(path: Path, kept: Callable[[bytes], bool]) -> int:
    """Replace the file by one with the lines that are kept, if any is not; how many went."""
    lines = list(_whole_lines(path))
    rest = [line for line in lines if kept(line)]
    if len(rest) < len(lines):
        draft = path.with_suffix(".tmp")
        with draft.open("wb") as file:
            file.writelines(rest)
            file.flush()
            os.fsync(file.fileno())
        draft.replace(path)
        flush(path.parent)
    return len(lines) - len(rest)
