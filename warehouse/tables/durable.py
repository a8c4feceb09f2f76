"""Durability: data files, the commits that name them and their folders are on disk before anybody relies on them.

Delta's library writes to the page cache and returns; a power cut then leaves files without bytes. So whoever commits,
and whoever reads positions that another process committed, first has everything up to that version written out.
On object storage a finished write is durable, and nothing is to do.

Beside the table's files lies ``_sums``: a line for each file that is on disk, with its checksum. It tells later that
a file is not what it was, or that the newest commits are gone (``warehouse.tables.integrity``).
"""

import json
import os
import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from urllib.parse import unquote

from crc32c import crc32c

from tracker.disk import flush, write

LOG = "_delta_log"
SUMS = "_sums"
DAMAGED = "_damaged"
"""Where a repair keeps what was damaged."""
_COMMIT = re.compile(LOG + r"/(\d{20})\.json")


class WentBack(OSError):
    """The table's newest commits are gone. To go on would write others in their place."""


def on_disk(uri: str) -> Path | None:
    """The folder that ``uri`` names; None for object storage."""
    if uri.startswith("file://"):
        return Path(unquote(uri.removeprefix("file://")))
    return None if "://" in uri else Path(uri)


def commit_of(version: int) -> str:
    """A commit's path within the table's folder."""
    return f"{LOG}/{version:020}.json"


def checkpoint_of(version: int) -> str:
    return f"{LOG}/{version:020}.checkpoint.parquet"


_CHECKSUM = re.compile("[0-9a-f]{8}")


def sums(root: Path) -> dict[str, int]:
    """The checksums of the table's files, by path within its folder."""
    found: dict[str, int] = {}
    try:
        lines = (root / SUMS).read_text(errors="replace").splitlines()
    except FileNotFoundError:
        return found
    for line in lines:
        checksum, _, path = line.partition(" ")
        # Else the power went during the write, or the line itself is damaged.
        if _CHECKSUM.fullmatch(checksum) and path:
            found.setdefault(path, int(checksum, 16))
    return found


def newest(known: Iterable[str]) -> int:
    """The newest commit among the paths, -1 without one."""
    return max((int(match[1]) for path in known if (match := _COMMIT.fullmatch(path))), default=-1)


def forget(root: Path) -> None:
    """Leave out of the checksums what is not there any more."""
    known = sums(root)
    last = commit_of(newest(known))
    replace_sums(root, {name: each for name, each in known.items() if name == last or (root / name).exists()})


def replace_sums(root: Path, known: Mapping[str, int]) -> None:
    write(root / SUMS, b"".join(_line(path, checksum) for path, checksum in known.items()))


class Durable:
    """How far one table is on disk. Not thread-safe: the owner locks."""

    def __init__(self, uri: str) -> None:
        self._root = on_disk(uri)
        self._until = -1

    @property
    def least(self) -> int:
        """The version that the table has at least, by what was on disk before."""
        if self._until < 0 and self._root is not None:
            return newest(sums(self._root))
        return self._until

    def up_to(self, version: int) -> None:
        """Return when every commit up to ``version`` is on disk, whoever made it: its files first.

        Raises OSError when the disk does not take it."""
        if self._root is None or version <= self._until:
            return
        known = sums(self._root) if self._until < 0 else {}
        written = {}
        for number in self._versions(version):
            for path in (*_added(self._root / commit_of(number)), commit_of(number), checkpoint_of(number)):
                if path not in known and (checksum := _flushed(self._root / path)) is not None:
                    written[path] = checksum
        if written:
            _flushed(self._root / LOG / "_last_checkpoint")
            for folder in {self._root, self._root.parent, *((self._root / path).parent for path in written)}:
                flush(folder)
            self._remember(written)
        self._until = version

    def _versions(self, version: int) -> Iterator[int]:
        """Those not seen yet; at first whatever is there, since a process that was killed may have made it."""
        assert self._root is not None
        if self._until >= 0:
            yield from range(self._until + 1, version + 1)
            return
        names = (path.name.partition(".")[0] for path in (self._root / LOG).iterdir())
        yield from sorted({number for name in names if name.isdecimal() and (number := int(name)) <= version})

    def _remember(self, written: Mapping[str, int]) -> None:
        assert self._root is not None
        with (self._root / SUMS).open("ab") as file:
            file.write(b"\n" * (not _ends_well(self._root / SUMS)))
            file.write(b"".join(_line(path, checksum) for path, checksum in written.items()))
            file.flush()
            os.fsync(file.fileno())


def checksum_of(path: Path) -> int:
    """Raises OSError."""
    found = 0
    with path.open("rb") as file:
        while portion := file.read(1 << 24):
            found = crc32c(portion, found)
    return found


def _flushed(path: Path) -> int | None:
    """The checksum; None where the file is gone, like any that a later commit removed."""
    try:
        flush(path)
        return checksum_of(path)
    except FileNotFoundError:
        return None


def _added(commit: Path) -> Iterator[str]:
    try:
        lines = commit.read_bytes().splitlines()
    except FileNotFoundError:
        return
    for line in lines:
        if line.startswith(b'{"add"'):
            with suppress(ValueError, KeyError, TypeError):  # damaged, which ``warehouse.integrity`` tells
                yield unquote(json.loads(line)["add"]["path"])


def _line(path: str, checksum: int) -> bytes:
    return f"{checksum:08x} {path}\n".encode()


def _ends_well(path: Path) -> bool:
    if not path.stat().st_size:
        return True
    with path.open("rb") as file:
        file.seek(-1, os.SEEK_END)
        return file.read(1) == b"\n"
