"""Offer events and goals, read from the warehouse."""

from collections.abc import Collection
from typing import cast

from offers.feedback.responses import GoalRow, OfferRow, ResponseKind
from warehouse.events import Events
from warehouse.feeds import offer_events as stored


class WarehouseResponses:
    """``offers.feedback.responses.OfferEvents`` on the warehouse's tables."""

    def __init__(self, events: Events) -> None:
        self._events = events

    def offer_events(
        self, site: str, start: int, end: int, campaigns: Collection[str] | None = None
    ) -> list[OfferRow]:
        found = stored.offer_events(self._events, site, start, end, campaigns)
        return [OfferRow(**{**row._asdict(), "kind": cast(ResponseKind, row.kind)}) for row in found]

    def goal_events(self, site: str, events: Collection[str], start: int, end: int) -> list[GoalRow]:
        return [GoalRow(*row) for row in stored.goal_events(self._events, site, events, start, end)]
