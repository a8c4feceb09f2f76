"""Rows that wait for the warehouse, by partition, and one append that runs while the worker goes on folding."""

import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Executor, Future
from typing import NamedTuple
from zlib import crc32

from ingest.dead_letters import DeadLetter
from ingest.worker.log_generations import Generation
from ingest.worker.prefetch import Progress
from tracker.log.port import Extent, Message
from warehouse.tables.schema import AliasRow, EventRow

AppendRows = Callable[[Sequence[EventRow], Sequence[AliasRow], Mapping[tuple[str, int], int]], None]


class PartitionBuffer:
    """What one partition has brought since its last append. ``count`` says under which app positions are counted."""

    __slots__ = ("count", "extent", "last", "letters", "renames", "rows", "salt")

    def __init__(self, extent: Extent, count: Generation) -> None:
        self.extent, self.count = extent, count
        self.salt = (crc32(count.app.encode()) & 0xFFFF) << 16
        self.last = count.floor
        self.rows: list[tuple[Message, EventRow]] = []
        self.renames: set[AliasRow] = set()
        self.letters: list[DeadLetter] = []


class _BufferedRows(NamedTuple):
    """One partition's part of an append."""

    waiting: PartitionBuffer
    last: int
    rows: list[tuple[Message, EventRow]]
    renames: set[AliasRow]


class PendingAppend:
    """An append in another thread. Its rows are taken out of the buffers, and put back if it fails.

    ``recent`` are the profiles (site, id) of its rows; ``since`` is when the first of them came.
    """

    def __init__(
        self, waiting: Mapping[int, PartitionBuffer], recent: set[tuple[str, str]], since: float | None
    ) -> None:
        self.recent, self.since = recent, since
        self._loads: dict[int, _BufferedRows] = {}
        for partition, one in waiting.items():
            if one.last >= 0:
                self._loads[partition] = _BufferedRows(one, one.last, one.rows, one.renames)
                one.rows, one.renames = [], set()
        self.rows = sum(len(load.rows) for load in self._loads.values())
        self.started = 0.0
        self._future: Future[None] | None = None

    def start(self, executor: Executor, append: AppendRows) -> None:
        rows = [made for load in self._loads.values() for _, made in load.rows]
        renames = set().union(*(load.renames for load in self._loads.values()))
        positions = {
            (load.waiting.count.app, partition): load.last
            for partition, load in self._loads.items()
            if load.rows
        }
        self.started = time.perf_counter()
        self._future = executor.submit(append, rows, sorted(renames, key=lambda alias: alias.ts), positions)

    def done(self) -> bool:
        return self._future is not None and self._future.done()

    def wait(self) -> None:
        """Return when stored. Raises what the append raised."""
        if self._future is not None:
            self._future.result()

    def abandon(self) -> None:
        """Wait until the append has ended. The next owner finds out whether it was stored."""
        if self._future is not None:
            self._future.exception()

    def finished(self, waiting: Mapping[int, PartitionBuffer]) -> tuple[dict[int, Progress], dict[int, int]]:
        """Positions to commit, and those of them that the warehouse holds: of partitions that are still ours.

        One that was lost and won back has begun anew from its last commit.
        """
        ours = {
            partition: load
            for partition, load in self._loads.items()
            if waiting.get(partition) is load.waiting
        }
        stored = {partition: load.last for partition, load in ours.items() if load.rows}
        return {at: Progress(load.waiting.extent, load.last) for at, load in ours.items()}, stored

    def put_back(self) -> None:
        """Return the rows to their buffers, before those that came since. Buffers of lost partitions are not read."""
        for load in self._loads.values():
            load.waiting.rows = load.rows + load.waiting.rows
            load.waiting.renames |= load.renames
