"""Offer events and goals, read from the warehouse."""

from collections.abc import Collection

from warehouse.events import Events
from warehouse.feeds import offer_events as stored
from warehouse.feeds.offer_events import GoalEvent, OfferEvent


class WarehouseResponses:
    """``offers.feedback.responses.ResponseSource`` on the warehouse's tables."""

    def __init__(self, events: Events) -> None:
        self._events = events

    def offer_events(
        self, site: str, start: int, end: int, campaigns: Collection[str] | None = None
    ) -> list[OfferEvent]:
        return stored.offer_events(self._events, site, start, end, campaigns)

    def goal_events(
        self, site: str, events: Collection[str], start: int, end: int, currency: str
    ) -> list[GoalEvent]:
        return stored.goal_events(self._events, site, events, start, end, currency)
