"""Generations of the event log: one that was made again, or lost its end, counts its positions under a new name.

PositionReader live in the warehouse (app transactions, per partition) and, as a number made of their app's name, in the
profiles. Of an app ``group@log`` the warehouse also keeps, written like positions and so in one commit with them:

- ``group@log:log IDENTITY``: the generation that the positions in the log of this identity are counted in
- ``group@log:log``: the newest generation. 0 is counted under the app's own name, as before there were identities; a
  later one is named by the time (ms) at which it began: ``group@log#1764500000000``
- ``group@log:lost`` and ``group@log:lost at``: how many records were lost unread, and when (ms) the last of them
"""

import logging
import time
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple, Protocol

from tracker.log.port import Extent
from warehouse.delta import PositionsMoved
from warehouse.tables.schema import AliasRow, EventRow

logger = logging.getLogger(__name__)


REPLACED = (
    "the event log was made anew or went back (partitions %s): what it had acknowledged and ingest had not read is "
    "lost; what it takes from now on is read"
)
GONE = (
    "the event log removed %d events of partition %d that ingest had not read: they are lost; let it keep events "
    "longer than ingest may stand still"
)


class PositionReader(Protocol):
    """What reads the positions of an app; ``warehouse.delta.Warehouse`` does."""

    def positions(self, app: str) -> dict[int, int]: ...


class WarehouseWriter(PositionReader, Protocol):
    def append(
        self,
        rows: Sequence[EventRow],
        aliases: Sequence[AliasRow],
        positions: Mapping[tuple[str, int], int],
    ) -> None: ...


class Generation(NamedTuple):
    """The app that a partition's positions are counted under. What is at or before ``floor`` was read already."""

    app: str
    floor: int = -1


class Incident(NamedTuple):
    """Events were lost in the log, or may be: ``at`` is in ms.

    ``partitions`` were made anew or went back; ``lost`` records are known to be gone unread.
    """

    at: int
    partitions: int
    lost: int


class Generations:
    """The generations of one app. ``replaced`` is called with the number of partitions that were made again or lost
    their end, ``lost`` with the number of lost records."""

    def __init__(
        self,
        app: str,
        warehouse: WarehouseWriter,
        replaced: Callable[[int], object] = lambda _: None,
        lost: Callable[[int], object] = lambda _: None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.app, self.warehouse, self.clock = app, warehouse, clock
        self._replaced, self._lost = replaced, lost
        self._gone: dict[int, int] = {}  # lost records that the warehouse does not know of yet

    def of(self, taken: Mapping[int, Extent]) -> dict[int, Generation]:
        """The count of each partition, begun where the log is another one or ends before its positions.

        Raises WarehouseUnavailable.
        """
        for partition, extent in taken.items():
            if extent.lost:
                self._gone[partition] = self._gone.get(partition, 0) + extent.lost
                self._lost(extent.lost)
                logger.error(GONE, extent.lost, partition)
        while True:
            try:
                return self._of(taken)
            except PositionsMoved:  # another worker was faster: what it began is known now
                continue

    def _of(self, taken: Mapping[int, Extent]) -> dict[int, Generation]:
        now = int(self.clock() * 1000)
        moves: dict[tuple[str, int], int] = {}
        newest = self.warehouse.positions(_log(self.app))
        numbers = self._numbers(taken, newest, now, moves)
        counts = {partition: self.named(number) for partition, number in numbers.items()}
        for app in {count.app for count in counts.values()}:
            stored = self.warehouse.positions(app)
            for partition, extent in taken.items():
                if counts[partition].app == app and stored.get(partition, -1) > extent.last:
                    counts[partition] = self._begin(partition, extent, stored[partition], now, moves)
        self._count_gone(now, moves)
        if moves:
            self.warehouse.append([], [], moves)
        self._gone.clear()
        replaced = sorted(at for app, at in moves if app == _log(self.app) and at in newest)
        if replaced:
            self._replaced(len(replaced))
            logger.error(REPLACED, ", ".join(map(str, replaced)))
        return counts

    def _numbers(
        self,
        taken: Mapping[int, Extent],
        newest: Mapping[int, int],
        now: int,
        moves: dict[tuple[str, int], int],
    ) -> dict[int, int]:
        """The generation of each partition by its identity; of an identity never seen, a new one."""
        numbers = {}
        for identity in {extent.identity for extent in taken.values()}:
            known = self.warehouse.positions(_log(self.app, identity))
            for partition in (at for at, extent in taken.items() if extent.identity == identity):
                number = known.get(partition)
                if number is None:  # the first one takes over what was counted before there were identities
                    number = now if partition in newest else 0
                    moves[_log(self.app, identity), partition] = number
                if newest.get(partition) != number:
                    moves[_log(self.app), partition] = number
                numbers[partition] = number
        return numbers

    def _begin(
        self, partition: int, extent: Extent, position: int, now: int, moves: dict[tuple[str, int], int]
    ) -> Generation:
        """A log that ends before what was read of it has lost that: what comes gets the same positions again."""
        logger.error(
            "partition %d of the event log ends at %d, but was read up to %d: it lost what it had acknowledged",
            partition,
            extent.last,
            position,
        )
        app = self.named(now).app
        self.warehouse.positions(app)  # none, which the append builds on
        moves[_log(self.app, extent.identity), partition] = moves[_log(self.app), partition] = now
        if extent.last >= 0:
            moves[app, partition] = extent.last
        return Generation(app, extent.last)

    def _count_gone(self, now: int, moves: dict[tuple[str, int], int]) -> None:
        if not self._gone:
            return
        before = self.warehouse.positions(f"{self.app}:lost")
        self.warehouse.positions(f"{self.app}:lost at")
        for partition, number in self._gone.items():
            moves[f"{self.app}:lost", partition] = before.get(partition, 0) + number
            moves[f"{self.app}:lost at", partition] = now

    def named(self, number: int) -> Generation:
        """The count of a generation."""
        return Generation(_named(self.app, number))


def incident(warehouse: PositionReader, app: str, since: int) -> Incident | None:
    """What happened to the log of ``app`` since a moment in ms, as one. Raises WarehouseUnavailable."""
    replaced = [at for at in warehouse.positions(_log(app)).values() if at and at >= since]
    lost_at, lost = warehouse.positions(f"{app}:lost at"), warehouse.positions(f"{app}:lost")
    gone = {partition: at for partition, at in lost_at.items() if at >= since}
    if not replaced and not gone:
        return None
    at = max([*replaced, *gone.values()])
    return Incident(at, len(replaced), sum(lost.get(partition, 0) for partition in gone))


def stored(warehouse: PositionReader, app: str, identity: str) -> dict[int, int]:
    """The position up to which everything of a log is stored, of each partition that anything is stored of.

    Raises WarehouseUnavailable.
    """
    numbers = warehouse.positions(_log(app, identity))
    if not warehouse.positions(_log(app)):  # nothing was read since there are identities
        return warehouse.positions(app)
    found = {number: warehouse.positions(_named(app, number)) for number in set(numbers.values())}
    return {at: found[number][at] for at, number in numbers.items() if at in found[number]}


def _named(app: str, number: int) -> str:
    return f"{app}#{number}" if number else app


def _log(app: str, identity: str | None = None) -> str:
    return f"{app}:log" if identity is None else f"{app}:log {identity}"
