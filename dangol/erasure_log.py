"""What a restored backup does not know: who was erased since, and what was said about consent.

While there are backups, each erasure and each consent event is noted in Redis and in ``erasures.log`` in the folder of
every backup destination: should the data folder be lost, they lie beside the backups. A restore does them again. A line
goes when no backup is left that is older than it.

``dg:backups`` is a hash, destination → JSON; ``dg:erasure-log`` a stream of the
lines that some destination has not got yet.
"""

import fcntl
import logging
import os
import time
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec

from dangol.archive import ERASURES, finished, read, synced
from profiles.identity import user_id, visitor_id
from profiles.redis import RedisFailure
from profiles.store import StoreUnavailable
from tracker.event import Event

logger = logging.getLogger("dangol.erasure")

BATCH = 1000
MARGIN_MS = 600_000
"""What was noted so long before a backup is done again too: it may have been under way just then."""
MOST_WAITING = 1_000_000
"""Lines that wait for a destination that is away; beyond that the oldest go. The alarm has been on for long then."""
_DESTINATIONS, _LINES = "dg:backups", "dg:erasure-log"


class Destination(msgspec.Struct, frozen=True):
    """``oldest`` (ms) is its oldest backup; ``kept`` the last entry of the stream that its file holds; ``failing`` why
    the next ones could not be written there."""

    folder: str
    oldest: int
    kept: str = ""
    failing: str = ""


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
_line = msgspec.json.Decoder(Erased | Consented)


class ErasureLog:
    """In the Redis of the profiles, through its client. Every method raises StoreUnavailable."""

    def __init__(self, client: Any, clock: Callable[[], float] = time.time) -> None:
        self._client, self._clock = client, clock

    # What happens

    def erased(self, site: str, ids: Collection[str], at: int) -> None:
        """Note an erasure, here and in every destination that can be reached; what these people had said goes."""
        line = Erased(at, site, tuple(sorted(ids)))
        if self._note([line]):
            gone = [entry for entry, old in self._entries() if line.covers(old)]
            if gone:
                with _errors("drop lines"):
                    self._client.xdel(_LINES, *gone)
            self.mirror()

    def consents(self, events: Sequence[Event]) -> None:
        """Note consent events; ``mirror`` brings them to the destinations."""
        self._note([Consented(event) for event in events])

    def put(self, lines: Iterable[Line]) -> None:
        """Note what was noted before a restore."""
        with _errors("note an erasure"):
            for line in lines:
                self._client.xadd(
                    _LINES, {"line": msgspec.json.encode(line)}, maxlen=MOST_WAITING, approximate=True
                )

    def _note(self, lines: Sequence[Line]) -> bool:
        """Whether there is any destination: without a backup there is nothing to come back from one."""
        with _errors("note an erasure"):
            known = bool(lines) and bool(self._client.exists(_DESTINATIONS))
        if known:
            self.put(lines)
        return known

    def lines(self) -> list[Line]:
        """What not every destination has yet, oldest first."""
        return [line for _, line in self._entries()]

    def _entries(self, after: str = "") -> Iterator[tuple[str, Line]]:
        """Those behind the entry ``after``, with their ids."""
        while True:
            with _errors("read the erasures"):
                some = self._client.xrange(_LINES, f"({after}" if after else "-", "+", count=BATCH)
            for entry, fields in some:
                after = entry.decode()
                yield after, _line.decode(fields[b"line"])
            if len(some) < BATCH:
                return

    # The destinations

    def destinations(self) -> list[Destination]:
        with _errors("tell where backups are"):
            raw = self._client.hvals(_DESTINATIONS)
        return sorted((msgspec.json.decode(each, type=Destination) for each in raw), key=lambda d: d.folder)

    def remember(self, folder: Path) -> None:
        """A backup into ``folder`` is about to begin: from now on everything is noted. Raises OSError."""
        with _locked(folder):
            if not (folder / ERASURES).exists():
                _write(folder / ERASURES, [])
            if str(folder) not in {place.folder for place in self.destinations()}:
                self._save(Destination(str(folder), min([int(self._clock() * 1000), *_times(folder)])))
        self.mirror()

    def forget(self, folder: Path) -> bool:
        """Backups there count no more; False when it is none."""
        with _errors("forget a destination"):
            return bool(self._client.hdel(_DESTINATIONS, str(folder)))

    def trim(self, folder: Path) -> None:
        """After a backup: drop what is older than every backup. Raises OSError."""
        self.mirror()
        with _locked(folder):
            oldest = min(_times(folder), default=0)
            _write(folder / ERASURES, since(folder / ERASURES, oldest))
            for place in self.destinations():
                if place.folder == str(folder):
                    self._save(msgspec.structs.replace(place, oldest=oldest))

    def mirror(self) -> None:
        """Bring every destination's file up to date. One that cannot be reached is noted, and tried again next time."""
        for place in self.destinations():
            try:
                changed = self._mirror(place)
            except OSError as error:
                logger.error("backups in %s do not know of the newest erasures: %s", place.folder, error)
                changed = msgspec.structs.replace(place, failing=str(error))
            if changed != place:
                self._save(changed)
        self._drop_kept()

    def _drop_kept(self) -> None:
        """What every destination holds need not stay here."""
        kept = [place.kept for place in self.destinations()]
        if kept and all(kept):
            milliseconds, sequence = min(map(_order, kept))
            with _errors("drop lines"):
                self._client.xtrim(_LINES, minid=f"{milliseconds}-{sequence + 1}", approximate=False)

    def _mirror(self, place: Destination) -> Destination:
        """Raises OSError."""
        new = list(self._entries(place.kept))
        if not new:
            return place
        folder = Path(place.folder)
        path = folder / ERASURES
        if not path.is_file():  # not mounted, or another machine's: nothing is made there
            raise FileNotFoundError(f"there is no {path} here")
        with _locked(folder):
            # Lines that another process has brought meanwhile stand there twice: to erase twice is harmless.
            lines = [line for _, line in new]
            if any(isinstance(line, Erased) for line in lines):
                _write(path, pruned([*_parsed(path), *lines]))
            else:
                _append(path, lines)
        return msgspec.structs.replace(place, kept=new[-1][0], failing="")

    def _save(self, place: Destination) -> None:
        with _errors("keep where backups are"):
            self._client.hset(_DESTINATIONS, place.folder, msgspec.json.encode(place))


def since(path: Path, at: int) -> list[Line]:
    """The lines of a file that a backup of ``at`` (ms) may not know. Raises OSError."""
    return unknown(_parsed(path), at)


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


def _order(entry: str) -> tuple[int, int]:
    milliseconds, _, sequence = entry.partition("-")
    return int(milliseconds), int(sequence)


def _times(folder: Path) -> list[int]:
    """When the backups in a folder were made, ms."""
    return [read(each).at for each in finished(folder)]


def _parsed(path: Path) -> Iterator[Line]:
    whole = path.read_bytes().rpartition(b"\n")[0]  # what follows was being written when the power went
    for number, raw in enumerate(whole.splitlines(), 1):
        try:
            yield _line.decode(raw)
        except msgspec.DecodeError as error:
            raise OSError(f"{path}: line {number} cannot be read: {error}") from error


def _append(path: Path, lines: Iterable[Line]) -> None:
    with path.open("r+b") as file:
        file.truncate(path.read_bytes().rfind(b"\n") + 1)
        file.seek(0, os.SEEK_END)
        file.writelines(msgspec.json.encode(line) + b"\n" for line in lines)
        file.flush()
        os.fsync(file.fileno())


def _write(path: Path, lines: Iterable[Line]) -> None:
    """The whole file anew, durably: whoever reads it sees the old or the new one."""
    draft = path.with_name(f".{path.name}-{os.getpid()}")
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
        file.writelines(msgspec.json.encode(line) + b"\n" for line in lines)
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)
    synced(path.parent)


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """Nobody else writes the file of this folder meanwhile. Raises OSError."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


@contextmanager
def _errors(what: str) -> Iterator[None]:
    try:
        yield
    except RedisFailure as error:
        raise StoreUnavailable(f"Redis cannot {what}: {error}") from error
