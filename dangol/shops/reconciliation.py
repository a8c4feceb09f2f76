"""Reconciliation: orders that no webhook told are asked for, and told as the webhook would have.

The time up to which each shop was asked is kept in ``shops.json`` of the data folder. It moves on when the events of a
page are durable in the log, so a run that ends early costs nothing. Events have the ids that the webhooks' events have.
"""

import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import NamedTuple

import msgspec

from dangol.shops import https
from dangol.shops.changed_orders import PAGES, Get
from tracker.disk import write
from tracker.durations import DAY_MS, HOUR_MS
from tracker.event import encode
from tracker.integrations.shop_order import events_of
from tracker.log.port import EventLog, Record
from tracker.sites import Site
from tracker.unavailable import Unavailable

FIRST_MS = 3 * DAY_MS
"""How far back the first run looks."""
OVERLAP_MS = HOUR_MS // 6
"""A shop may show an order only some time after it changed."""
PAGES_A_RUN = 40


class Reconciled(NamedTuple):
    """What one shop told. ``until`` is the time up to which its orders are known, in ms."""

    shop: str
    orders: int
    events: int
    until: int


class Reconciliation:
    """Asks the shops of a site. ``get`` asks an address."""

    def __init__(
        self, log: EventLog, folder: Path, get: Get = https.get, clock: Callable[[], float] = time.time
    ) -> None:
        self._log, self._path, self._get, self._clock = log, folder / "shops.json", get, clock

    def run(self, site: Site) -> list[Reconciled]:
        """All of the site's shops that can be asked. What one does not answer costs no other. Raises ShopUnavailable,
        LogUnavailable and OSError in the end; what the log has taken before counts."""
        told, failed = [], list[Exception]()
        for shop, connection in site.shops.items():
            if shop in PAGES and connection.url and connection.token:
                try:
                    told.append(self._ask(site, shop))
                except (Unavailable, OSError) as error:
                    failed.append(error)
        if failed:
            raise failed[0]
        return told

    def _ask(self, site: Site, shop: str) -> Reconciled:
        now, name = int(self._clock() * 1000), f"{site.id}/{shop}"
        until = self._known().get(name, now - FIRST_MS + OVERLAP_MS)
        orders = events = 0
        pages = PAGES[shop](site.shops[shop], until - OVERLAP_MS, self._get)
        for _, page in zip(range(PAGES_A_RUN), pages, strict=False):
            told = [event for order in page.orders for event in events_of(order, shop, site.id, now)]
            if told:
                self._log.append([Record(event.key, encode(event)) for event in told])
            orders, events = orders + len(page.orders), events + len(told)
            until = min(max(until, page.latest), now)
            self._remember(name, until)
        return Reconciled(shop, orders, events, until)

    def _known(self) -> Mapping[str, int]:
        if not self._path.exists():
            return {}
        try:
            return msgspec.json.decode(self._path.read_bytes(), type=dict[str, int])
        except msgspec.DecodeError:
            return {}  # damaged: as on the first run

    def _remember(self, name: str, until: int) -> None:
        write(self._path, msgspec.json.encode({**self._known(), name: until}))
