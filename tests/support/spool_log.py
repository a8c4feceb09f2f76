"""A spool, and a log behind it to switch off or to let hang."""

import asyncio
import threading
from collections.abc import Sequence
from typing import Any

from tracker.delivery.delivery import Delivery
from tracker.delivery.spool import Spool
from tracker.log.port import LogUnavailable, Record


def records(first: int, count: int) -> list[Record]:
    return [Record(f"k{n % 3}", b"event %d " % n + b"x" * 40) for n in range(first, first + count)]


def submit(way: Delivery, records: list[Record], browser: bool = False) -> None:
    asyncio.run(way.submit(records, browser))


def drained(box: Spool) -> list[Record]:
    found: list[Record] = []
    while batch := box.read(7):
        found += batch
        box.drop()
    return found


class Log:
    """A log to switch off, or to let hang."""

    def __init__(self) -> None:
        self.records: list[Record] = []
        self.down = False
        self.open = threading.Event()
        self.open.set()

    def append(self, batch: Sequence[Record]) -> None:
        self.open.wait(20)
        self.ping()
        self.records += batch

    def ping(self) -> None:
        self.open.wait(20)
        if self.down:
            raise LogUnavailable("down", retry_after=0.05)

    def consumer(self, group: str, member: str) -> Any: ...

    def lag(self, group: str) -> int:
        return 0

    def durability(self) -> str | None: ...

    def close(self) -> None: ...
