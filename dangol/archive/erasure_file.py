"""``erasures.log`` beside the backups: a line for each erasure and each consent event, newest last."""

import fcntl
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec

from profiles.ids import user_id, visitor_id
from tracker import disk
from tracker.event import Event

MARGIN_MS = 600_000
"""What was noted so long before a backup is done again too: it may have been under way just then."""


class Erased(msgspec.Struct, frozen=True, tag="erased"):
    """All that was received until ``at`` (ms) under any of ``ids`` was erased."""

    at: int
    site: str
    ids: tuple[str, ...]

    def covers(self, line: "Line") -> bool:
        """Whether ``line`` is what one of them had said before."""
        return (
            isinstance(line, Consented)
            and line.event.site == self.site
            and line.at <= self.at
            and not line.ids.isdisjoint(self.ids)
        )


class Consented(msgspec.Struct, frozen=True, tag="consent"):
    """Somebody gave or withdrew consent, or was kept from being written to: the event that said so."""

    event: Event

    @property
    def at(self) -> int:
        return self.event.received

    @property
    def ids(self) -> set[str]:
        user, visitor = self.event.user, self.event.visitor
        return {*([user_id(user)] if user else ()), *([visitor_id(visitor)] if visitor else ())}


Line = Erased | Consented
decode = msgspec.json.Decoder(Erased | Consented).decode


def since(path: Path, at: int) -> list[Line]:
    """The lines of a file that a backup of ``at`` (ms) may not know. Raises OSError."""
    return unknown(parsed(path), at)


def unknown(lines: Iterable[Line], at: int) -> list[Line]:
    """Those that a backup of ``at`` (ms) may not know."""
    return [line for line in lines if line.at >= at - MARGIN_MS]


def pruned(lines: Iterable[Line]) -> list[Line]:
    """Each line once; without what people said who were erased afterwards: it must not tell of them."""
    once = {msgspec.json.encode(line): line for line in lines}
    gone: dict[tuple[str, str], int] = {}
    for line in once.values():
        if isinstance(line, Erased):
            for name in line.ids:
                gone[line.site, name] = max(line.at, gone.get((line.site, name), 0))
    return [
        line
        for line in once.values()
        if isinstance(line, Erased)
        or not any(line.at <= gone.get((line.event.site, name), -1) for name in line.ids)
    ]


def parsed(path: Path) -> Iterator[Line]:
    whole = path.read_bytes().rpartition(b"\n")[0]  # what follows was being written when the power went
    for number, raw in enumerate(whole.splitlines(), 1):
        try:
            yield decode(raw)
        except msgspec.DecodeError as error:
            raise OSError(f"{path}: line {number} cannot be read: {error}") from error


def append(path: Path, lines: Iterable[Line]) -> None:
    with path.open("r+b") as file:
        file.truncate(path.read_bytes().rfind(b"\n") + 1)
        file.seek(0, os.SEEK_END)
        file.writelines(msgspec.json.encode(line) + b"\n" for line in lines)
        file.flush()
        os.fsync(file.fileno())


def write(path: Path, lines: Iterable[Line]) -> None:
    """The whole file anew, durably: whoever reads it sees the old or the new one."""
    disk.write(path, b"".join(msgspec.json.encode(line) + b"\n" for line in lines))


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Nobody else writes the file of this folder meanwhile. Raises OSError."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)
