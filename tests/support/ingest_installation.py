"""A log, a store, a warehouse and workers on them that may die at any write or store their rows late."""

import random
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import Executor, Future
from itertools import count
from pathlib import Path
from typing import Any

from ingest.worker.worker import Bounds, Worker
from profiles.model import Profile
from profiles.store.memory import MemoryProfiles
from profiles.store.port import Write
from tests.support.ingest_streams import (
    MemoryIngest,
    MemoryWarehouse,
)
from tracker.sites import Sites
from tracker.standard_events.deeds import is_deed
from warehouse.delta import PositionsMoved, WarehouseUnavailable


class Crash(BaseException):
    """The process is gone at this point."""


class MortalStore:
    """A store whose client dies after so many single writes: between any two keys of one save, too."""

    def __init__(self, store: MemoryProfiles) -> None:
        self.store, self.left = store, 1 << 30

    def save(self, site: str, writes: Sequence[Write]) -> dict[str, bytes]:
        saved: dict[str, bytes] = {}
        for write in writes:
            if self.left <= 0:
                raise Crash
            self.left -= 1
            saved |= self.store.save(site, [write])
        return saved

    def __getattr__(self, name: str) -> Any:
        return getattr(self.store, name)


class LateFuture(Future[None]):
    """An append that happens when somebody waits for it, or by chance when somebody looks; or fails by then."""

    def __init__(self, warehouse: MemoryWarehouse, portion: tuple[Any, ...], draw: random.Random) -> None:
        super().__init__()
        self.warehouse, self.portion, self.draw = warehouse, portion, draw

    def done(self) -> bool:
        if self.draw.random() < 0.3:
            self.happen()
        return super().done()

    def result(self, timeout: float | None = None) -> None:
        self.happen()
        return super().result()

    def exception(self, timeout: float | None = None) -> BaseException | None:
        self.happen()
        return super().exception()

    def happen(self) -> None:
        if super().done():
            return
        fate, known = self.draw.random(), dict(self.warehouse.known)
        try:
            if fate > 0.1:
                self.warehouse.append(*self.portion)
            if fate < 0.2:
                self.warehouse.known = known  # whoever gets no answer does not know
                raise WarehouseUnavailable("not stored" if fate <= 0.1 else "stored, but the answer was lost")
            self.set_result(None)
        except (WarehouseUnavailable, PositionsMoved) as error:
            self.set_exception(error)


class Late(Executor):
    def __init__(self, draw: random.Random) -> None:
        self.draw = draw

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        return LateFuture(fn.__self__, args, self.draw)  # type: ignore[attr-defined]  # a warehouse's append


class Installation(MemoryIngest):
    def __init__(self, sites: Sites, folder: Path, partitions: int) -> None:
        super().__init__(folder, sites, partitions)
        self.clock = count().__next__
        self.late: random.Random | None = None  # workers store in another thread, and not always at once

    def worker(self, batch: int, store: Any = None, flush_rows: int = 1 << 30) -> Worker:
        return self.worker_with(
            Bounds(batch=batch, poll_seconds=0.0, flush_rows=flush_rows, flush_seconds=1e9),
            store=store or self.store,
            clock=self.clock,
            flusher=Late(self.late) if self.late else None,
        )

    def run(self, batch: int, store: MortalStore | None = None, flush_rows: int = 1 << 30) -> None:
        worker = self.worker(batch, store, flush_rows)
        try:
            while worker.step():
                pass
            worker.flush()
        except Crash:
            self.bury(worker)
        finally:
            worker.close()

    def bury(self, worker: Worker) -> None:
        """What a worker was storing when it died may have been stored or not."""
        if self.late and self.late.random() < 0.5:
            worker.outbox._pending = None

    def all_profiles(self) -> list[Profile]:
        return sorted(self.store.scan("default"), key=lambda profile: profile.id)

    def sessions(self) -> dict[str, str]:
        """The row of a deed → its session's id as the aliases have it now."""
        deeds = [row for row in self.warehouse.rows if is_deed(row.type, row.name)]
        return {row.id: self.warehouse.session_of(row) for row in deeds}

    def joined(self) -> set[str]:
        """The sessions of all other rows. Which they are may depend on when they were read: a visit is joined once a
        deed of it is known."""
        others = [row for row in self.warehouse.rows if not is_deed(row.type, row.name)]
        return {self.warehouse.session_of(row) for row in others} - {""}

    def counted(self) -> dict[str, Counter[str]]:
        """Profile → its rows' ids, profile ids as the aliases have them now."""
        counted: dict[str, Counter[str]] = {}
        for row in self.warehouse.rows:
            counted.setdefault(self.warehouse.profile_of(row.profile), Counter())[row.id] += 1
        return counted
