"""What the site tells later as history counts, and teaches no bandit: from the door to the arms."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ingest.enrich.enrich import facts
from ingest.event_rows import row
from ingest.folding.events import EnrichedEvent
from offers.feedback.warehouse import WarehouseResponses
from profiles.fold.fold import LogPosition, Outcome, Settings, apply
from profiles.model import Profile, Touch
from profiles.session_rules import rules_of
from tests.support.machine import Clock
from tests.support.tracker_app import Client, ListLog, log, sites
from tracker.app import Tracker
from tracker.event import Event
from tracker.sites import Site, Sites
from warehouse.delta import Warehouse
from warehouse.question.scope import Scope

__all__ = ["log", "sites"]  # fixtures


@pytest.fixture
def call(sites: Sites, log: ListLog, clock: Clock) -> Iterator[Client]:
    tracker = Tracker(sites, log, clock=clock)
    yield Client(tracker)
    tracker.close()


EVENT = {
    "type": "track",
    "event": "Order Completed",
    "userId": "u",
    "properties": {"order_id": "1", "revenue": 5},
}


@pytest.mark.parametrize(("key", "kept"), [("sk_test", True), ("wk_test", None)])
@pytest.mark.parametrize("where", ["event", "context", "batch"])
def test_only_the_sites_server_may_tell_history(
    call: Client, log: ListLog, key: str, kept: bool | None, where: str
) -> None:
    said = {"context": {"backfill": True}}
    body: dict[str, Any] = {"writeKey": key, "batch": [EVENT]}
    if where == "event":
        body["batch"] = [{**EVENT, **said}]
    else:
        body |= said if where == "context" else {"backfill": True}
    assert call("POST", "/v1/batch", json.dumps(body).encode()).status == 200
    assert (log.events[0].context.get("backfill"), log.events[0].backfill) == (kept, kept is True)


@pytest.mark.parametrize("given", ["true", 1, {}, None, False])
def test_only_true_says_so(call: Client, log: ListLog, given: Any) -> None:
    body = {"writeKey": "sk_test", "batch": [{**EVENT, "context": {"backfill": given}}]}
    assert call("POST", "/v1/batch", json.dumps(body).encode()).status == 200
    assert not log.events[0].backfill


class Shop:
    """A warehouse of rows as ingest makes them, and what campaigns read of it."""

    def __init__(self, folder: Path, clock: Clock, site: Site) -> None:
        self.site, self.now = site, int(clock.now * 1000)
        self.warehouse = Warehouse(str(folder / "warehouse"))
        self.responses = WarehouseResponses(self.warehouse)

    def tell(self, *events: Event) -> None:
        outcome = Outcome("applied", "", Touch(self.now))
        rows = [row(EnrichedEvent(event, facts(event, self.site)), "u:u", outcome) for event in events]
        self.warehouse.append(rows, [], {})

    def event(self, name: str, ago: int, backfill: bool, **props: Any) -> Event:
        context = {"backfill": True} if backfill else {}
        told = {"sender": "site", "proven": True, "context": context, "props": props}
        at = self.now - ago
        return Event(
            "default", f"{name}{ago}{backfill}", "track", at, self.now, "api", name, user="u", **told
        )

    def goals(self) -> list[tuple[float, bool]]:
        found = self.responses.goal_events("default", ["Order Completed"], 0, self.now + 1, "EUR")
        return [(goal.value, goal.backfill) for goal in found]


@pytest.fixture
def shop(tmp_path: Path, clock: Clock, site: Site) -> Shop:
    return Shop(tmp_path, clock, site)


def test_an_order_of_history_counts_and_is_marked(shop: Shop) -> None:
    for number in (1, 2, 3):
        order = {"order_id": str(number), "revenue": 10 * number, "currency": "EUR"}
        shop.tell(shop.event("Order Completed", number * 1_000, number > 1, **order))
    shop.tell(shop.event("Order Completed", 3_500, False, order_id="3", revenue=30))  # as it happened, too
    shop.tell(shop.event("Order Completed", 4_000, True, revenue=40))
    sold = shop.warehouse.rows(
        "select sum(orders)::int as n from net_orders", Scope("default", currency="EUR")
    )
    assert sold == [{"n": 4}]
    assert sorted(shop.goals()) == [(10.0, False), (20.0, True), (30.0, False), (40.0, True)]


def test_an_impression_of_history_is_none(shop: Shop) -> None:
    for backfill in (True, False):
        shop.tell(
            shop.event("Offer Viewed", 4_000 + backfill, backfill, campaign="x", variant="a", token="t")
        )
    found = shop.responses.offer_events("default", 0, shop.now + 1)
    assert [event.ts for event in found] == [shop.now - 4_000]


@pytest.mark.parametrize("backfill", [True, False])
def test_the_profile_keeps_no_exposure_of_it(shop: Shop, backfill: bool) -> None:
    profile = Profile("u:u")
    event = shop.event("Offer Viewed", 1, backfill, campaign="x", variant="a")
    apply(profile, event, facts(event, shop.site), Settings(rules_of(shop.site)), LogPosition("u", 0, 1))
    assert ("x" in profile.exposure) is not backfill
    assert profile.counts.offer_views == 1
