"""What the tables hold is on disk before anybody relies on it: data files, the commits that name them, their folders.

Delta's library writes to the page cache and returns; a power cut then leaves files without bytes. So whoever commits,
and whoever reads positions that another process committed, first has everything up to that version written out.
On object storage a finished write is durable, and nothing is to do.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import unquote

from tracker.disk import flush

LOG = "_delta_log"


def on_disk(uri: str) -> Path | None:
    """The folder that ``uri`` names; None for object storage."""
    if uri.startswith("file://"):
        return Path(unquote(uri.removeprefix("file://")))
    return None if "://" in uri else Path(uri)


def commit_of(log: Path, version: int) -> Path:
    return log / f"{version:020}.json"


class Durable:
    """How far one table is on disk. Not thread-safe: the owner locks."""

    def __init__(self, uri: str) -> None:
        self._root = on_disk(uri)
        self._until = -1

    def up_to(self, version: int) -> None:
        """Return when every commit up to ``version`` is on disk, whoever made it: its files first. Raises OSError."""
        if self._root is None or version <= self._until:
            return
        log = self._root / LOG
        folders = {self._root.parent, self._root, log}
        for number in self._versions(log, version):
            commit, checkpoint = commit_of(log, number), log / f"{number:020}.checkpoint.parquet"
            for path in _added(self._root, commit):
                if _flushed(path):
                    folders |= {path.parent}
            _flushed(commit)
            _flushed(checkpoint)
        _flushed(log / "_last_checkpoint")
        for folder in folders:
            flush(folder)
        self._until = version

    def _versions(self, log: Path, version: int) -> Iterator[int]:
        """Those not seen yet; at first whatever is there, since a process that was killed may have made it."""
        if self._until >= 0:
            yield from range(self._until + 1, version + 1)
            return
        names = (path.name.partition(".")[0] for path in log.iterdir())
        yield from sorted({number for name in names if name.isdecimal() and (number := int(name)) <= version})


def _flushed(path: Path) -> bool:
    """Whether the file is there; it may have gone meanwhile, like any that a later commit removed."""
    try:
        flush(path)
    except FileNotFoundError:
        return False
    return True


def _added(root: Path, commit: Path) -> Iterator[Path]:
    try:
        lines = commit.read_bytes().splitlines()
    except FileNotFoundError:
        return
    for line in lines:
        if line.startswith(b'{"add"'):
            yield root / unquote(json.loads(line)["add"]["path"])
