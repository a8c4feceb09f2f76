"""Events that are not in the reports, since they wait on this machine's disk or cannot be read: every page says so."""

from collections.abc import Callable
from typing import Any, NamedTuple

from flask import Flask

from tracker.metrics import Spooled
from web.health.warehouse_damage import Incomplete


class SpoolAlarm(NamedTuple):
    """``since`` (ms): events have waited since then. ``unreadable``: bytes that the disk did not give back."""

    since: int | None
    unreadable: int


def register_spool_banner(
    app: Flask,
    spooled: Callable[[], Spooled],
    incomplete: Callable[[], Incomplete | None],
    clock: Callable[[], float],
) -> None:
    """``spool_alarm()`` for every page; None when nothing is wrong."""

    def spool_alarm() -> SpoolAlarm | None:
        try:
            found: Spooled = spooled()
        except OSError:
            return None  # of this the doctor tells
        stuck = found.oldest is not None and found.stuck(clock())
        since = int(found.oldest * 1000) if stuck and found.oldest is not None else None
        return SpoolAlarm(since, found.unreadable) if since or found.unreadable else None

    @app.context_processor
    def trouble() -> dict[str, Any]:
        return {"spool_alarm": spool_alarm, "incomplete": incomplete}
