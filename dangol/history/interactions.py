"""The interactions of a site in the last days, for training and scoring."""

import time
from collections.abc import Callable

from pyarrow import Table

from tracker.durations import DAY_MS
from warehouse.delta import Warehouse
from warehouse.feeds.interactions import interactions, newest


class InteractionHistory:
    """Reads from the warehouse; ``currency`` tells that of a site. An event that a wrong clock put into the future does
    not move the window of days."""

    def __init__(
        self, warehouse: Warehouse, currency: Callable[[str], str], clock: Callable[[], float] = time.time
    ) -> None:
        self._warehouse, self._currency, self._clock = warehouse, currency, clock

    def interactions(self, site: str, days: int) -> Table:
        last = min(newest(self._warehouse, site) or 0, int(self._clock() * 1000))
        return interactions(self._warehouse, site, self._currency(site), start=max(0, last - days * DAY_MS))
