"""The timeline of one visitor: what they did, visit by visit, in a marketer's words."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import groupby

from profiles.fold.merges import MERGED, SEPARATED
from recommender.catalogue.item import Item
from tracker.sites import Site
from warehouse.feeds.history import HistoryEvent
from web.drawing import formats
from web.labels import channel
from web.language import gettext as _

TIMELINE_LIMIT = 200


@dataclass(frozen=True, slots=True)
class HistoryRow:
    """``look`` is one of the trail's styles: "", track, order, offer."""

    look: str
    what: str
    detail: str
    time: str
    iso: str


@dataclass(frozen=True, slots=True)
class Visit:
    """Or, without ``visited``, what happened on one day outside of any visit: a server's order, a contact."""

    title: str
    about: str
    events: tuple[HistoryRow, ...]
    visited: bool = True

    @property
    def bought(self) -> bool:
        return any(event.look == "order" for event in self.events)


def visits_of(
    happened: Sequence[HistoryEvent], site: Site, item_of: Callable[[str], Item | None]
) -> tuple[Visit, ...]:
    """``happened`` is latest first, and so are the visits and what is in them."""

    def group(event: HistoryEvent) -> str:
        return event.session or f"{formats.moment(event.ts, site.zone):%Y-%m-%d}"

    ordered = sorted(happened, key=lambda event: -event.ts)
    first = {group(event): event.ts for event in ordered}
    by_visit = sorted(ordered, key=lambda event: (-first[group(event)], group(event), -event.ts))
    return tuple(_visit(list(events), site, item_of) for _group, events in groupby(by_visit, key=group))


def _visit(events: Sequence[HistoryEvent], site: Site, item_of: Callable[[str], Item | None]) -> Visit:
    start = events[-1]
    rows = tuple(_row(each, site, item_of) for each in events)
    if not start.session:
        return Visit(formats.when(start.ts, site.zone), _("outside of visits"), rows, visited=False)
    lasted = (events[0].ts - start.ts) / 1000
    parts = [
        formats.span_of(lasted) if lasted >= 1 else "",
        channel(start.channel),
        start.origin,
        start.campaign,
    ]
    parts += [f"“{start.keyword}”"] if start.keyword else []
    about = " · ".join(part for part in parts if part)
    return Visit(formats.when(start.ts, site.zone), about, rows)


def _row(event: HistoryEvent, site: Site, item_of: Callable[[str], Item | None]) -> HistoryRow:
    what, detail = _told(event, site, item_of)
    at = formats.moment(event.ts, site.zone)
    iso = datetime.fromtimestamp(event.ts / 1000, UTC).isoformat()
    return HistoryRow(_look(event), what, detail, f"{at:%H:%M:%S}", iso)


def _look(event: HistoryEvent) -> str:
    if event.name == "Order Completed":
        return "order"
    if event.name.startswith("Offer "):
        return "offer"
    if event.name in (MERGED, SEPARATED):
        return "track"
    return "track" if event.type == "track" else ""


def _told(event: HistoryEvent, site: Site, item_of: Callable[[str], Item | None]) -> tuple[str, str]:
    if event.type in ("page", "screen"):
        return event.title or event.name or event.path or _("Page"), event.path if event.title not in (
            "",
            event.path,
        ) else ""
    if event.name in (MERGED, SEPARATED):
        return _told_of_merge(event), ""
    if event.type != "track":
        return event.type.capitalize(), ""
    if event.name.startswith("Order ") and (event.order or event.revenue is not None):
        money = (
            formats.money(event.revenue, event.currency or site.currency) if event.revenue is not None else ""
        )
        apart = _("excluded from all figures") if event.doubtful else ""
        return event.name, " · ".join(filter(None, (event.order, money, apart)))
    item = item_of(event.product) if event.product else None
    named = item.name if item and item.name else event.product or ""
    return event.name, named or event.offer or (f"“{event.query}”" if event.query else event.path)


def _told_of_merge(event: HistoryEvent) -> str:
    if event.name == MERGED:
        return _("Customer %(id)s was merged into %(other)s", id=event.user, other=event.other)
    if event.separated:
        return _("Customer %(id)s was separated from this customer", id=event.separated)
    return _("Customer %(id)s was separated from %(other)s", id=event.user, other=event.other)
