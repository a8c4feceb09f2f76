"""The erasures and consent events since the oldest backup, which a restore repeats.

While there are backups, each erasure and each consent event is noted in Redis and in ``erasures.log`` in the folder of
every backup destination: should the data folder be lost, they lie beside the backups. A restore does them again. A line
goes when no backup is left that is older than it.

``dg:backups`` is a hash, destination → JSON; ``dg:erasure-log`` a stream of the lines that
some destination has not got yet.
"""

import logging
import time
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import msgspec

from dangol.archive import erasure_file
from dangol.archive.archive import ERASURES, finished, read
from dangol.archive.erasure_file import Consented, Erased, Line
from profiles.store.port import ProfilesUnavailable
from tracker.event import Event
from tracker.redis_connection import redis_errors

logger = logging.getLogger("dangol.history.erasure")

BATCH = 1000
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


class ErasureLog:
    """In the Redis of the profiles, through its client. Every method raises ProfilesUnavailable."""

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
        """Record lines, if there is any backup; whether there is one."""
        with _errors("note an erasure"):
            known = bool(lines) and bool(self._client.exists(_DESTINATIONS))
        if known:
            self.put(lines)
        return known

    def lines(self) -> list[Line]:
        """The lines that some destination has not yet, oldest first."""
        return [line for _, line in self._entries()]

    def _entries(self, after: str = "") -> Iterator[tuple[str, Line]]:
        """Those behind the entry ``after``, with their ids."""
        while True:
            with _errors("read the erasures"):
                some = self._client.xrange(_LINES, f"({after}" if after else "-", "+", count=BATCH)
            for entry, fields in some:
                after = entry.decode()
                yield after, erasure_file.decode(fields[b"line"])
            if len(some) < BATCH:
                return

    # The destinations

    def destinations(self) -> list[Destination]:
        with _errors("tell where backups are"):
            raw = self._client.hvals(_DESTINATIONS)
        return sorted((msgspec.json.decode(each, type=Destination) for each in raw), key=lambda d: d.folder)

    def behind(self) -> bool:
        """Whether a destination lacks the newest erasures."""
        return any(place.failing for place in self.destinations())

    def remember(self, folder: Path) -> None:
        """A backup into ``folder`` is about to begin: from now on everything is noted. Raises OSError."""
        with erasure_file.locked(folder):
            if not (folder / ERASURES).exists():
                erasure_file.write(folder / ERASURES, [])
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
        with erasure_file.locked(folder):
            oldest = min(_times(folder), default=0)
            erasure_file.write(folder / ERASURES, erasure_file.since(folder / ERASURES, oldest))
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
        with erasure_file.locked(folder):
            # Lines that another process has brought meanwhile stand there twice: to erase twice is harmless.
            lines = [line for _, line in new]
            if any(isinstance(line, Erased) for line in lines):
                erasure_file.write(path, erasure_file.pruned([*erasure_file.parsed(path), *lines]))
            else:
                erasure_file.append(path, lines)
        return msgspec.structs.replace(place, kept=new[-1][0], failing="")

    def _save(self, place: Destination) -> None:
        with _errors("keep where backups are"):
            self._client.hset(_DESTINATIONS, place.folder, msgspec.json.encode(place))


def _errors(what: str) -> AbstractContextManager[None]:
    return redis_errors(f"Redis cannot {what}", ProfilesUnavailable)


def _order(entry: str) -> tuple[int, int]:
    milliseconds, _, sequence = entry.partition("-")
    return int(milliseconds), int(sequence)


def _times(folder: Path) -> list[int]:
    """When the backups in a folder were made, ms."""
    return [read(each).at for each in finished(folder)]
