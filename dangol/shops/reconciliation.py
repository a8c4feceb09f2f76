"""Reconciliation: orders that no webhook told are asked for, and told as the webhook would have.

The time up to which each shop was asked is kept in ``shops.json`` of the data folder. It moves on when the events of a
page are durable in the log, so a run that ends early costs nothing. Events have the ids that the webhooks' events have.
"""

import time
from collections.abc import Callable, Collection, Mapping
from pathlib import Path
from typing import NamedTuple

import msgspec

from dangol.shops import https
from dangol.shops.changed_orders import PAGES, cafe24_tokens
from dangol.shops.https import Ask
from ingest.folding.events import ids_of
from tracker.disk import write
from tracker.durations import DAY_MS, HOUR_MS
from tracker.event import Event, encode
from tracker.integrations.shop_order import events_of
from tracker.log.port import EventLog, Record
from tracker.sites import ShopConnection, Site, Sites
from tracker.unavailable import Unavailable

Forgotten = Callable[[str, Collection[str]], Mapping[str, int]]
"""Site and ids → those that were erased, and when (ms)."""
Stored = Callable[[str, Collection[str], int, int], Collection[str]]

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
    """Asks the shops of ``sites``, one site at a time. ``ask`` asks an address. ``stored`` tells which of some event
    ids are in reports already, between two times in ms."""

    def __init__(
        self,
        log: EventLog,
        sites: Sites,
        folder: Path,
        stored: Stored,
        forgotten: Forgotten,
        ask: Ask = https.ask,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._log, self._sites, self._path = log, sites, folder / "shops.json"
        self._stored, self._forgotten = stored, forgotten
        self._ask, self._clock = ask, clock

    def run(self, site: Site) -> list[Reconciled]:
        """All of the site's shops that can be asked. What one does not answer costs no other. Raises ShopUnavailable,
        LogUnavailable and OSError in the end; what the log has taken before counts."""
        told, failed = [], list[Exception]()
        for shop, connection in site.shops.items():
            if shop in PAGES and connection.url and connection.token:
                try:
                    told.append(self._reconcile(site, shop))
                except (Unavailable, OSError) as error:
                    failed.append(error)
        if failed:
            raise failed[0]
        return told

    def _reconcile(self, site: Site, shop: str) -> Reconciled:
        now, name = int(self._clock() * 1000), f"{site.id}/{shop}"
        until = min(now, self._known().get(name, now - FIRST_MS + OVERLAP_MS))  # of a clock that was ahead
        orders = events = 0
        connection = self._with_access(site) if shop == "cafe24" else site.shops[shop]
        pages = PAGES[shop](connection, until - OVERLAP_MS, self._ask)
        for _, page in zip(range(PAGES_A_RUN), pages, strict=False):
            told = self._unknown(
                site, [event for order in page.orders for event in events_of(order, shop, site.id, now)]
            )
            if told:
                self._log.append([Record(event.key, encode(event)) for event in told])
            orders, events = orders + len(page.orders), events + len(told)
            until = min(max(until, page.latest), now)
            self._remember(name, until)
        return Reconciled(shop, orders, events, until)

    def _unknown(self, site: Site, events: list[Event]) -> list[Event]:
        """Those that no report holds yet, without what people did who were erased since."""
        if not events:
            return []
        times = [event.ts for event in events]
        known = self._stored(site.id, [event.id for event in events], min(times), max(times) + 1)
        erased = self._forgotten(site.id, sorted({name for event in events for name in ids_of(event)}))
        return [
            event
            for event in events
            if event.id not in known and all(event.ts > erased.get(name, -1) for name in ids_of(event))
        ]

    def _with_access(self, site: Site) -> ShopConnection:
        """Cafe24's connection with an access token. The refresh token that comes with it is kept at once: the one
        before is used up."""
        access, refresh = cafe24_tokens(site.shops["cafe24"], self._ask)
        connection = msgspec.structs.replace(site.shops["cafe24"], token=refresh)
        known = self._sites.found(site.id) or site
        self._sites.save(msgspec.structs.replace(known, shops={**known.shops, "cafe24": connection}))
        return msgspec.structs.replace(connection, token=access)

    def _known(self) -> Mapping[str, int]:
        if not self._path.exists():
            return {}
        try:
            return msgspec.json.decode(self._path.read_bytes(), type=dict[str, int])
        except msgspec.DecodeError:
            return {}  # damaged: as on the first run

    def _remember(self, name: str, until: int) -> None:
        write(self._path, msgspec.json.encode({**self._known(), name: until}))
