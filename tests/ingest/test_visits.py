"""Visits in the rows: each row names the visit that it belongs to, and a visit's first row says how it began."""

from collections import Counter, defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from ingest.enrich.enrich import Enrich, facts
from ingest.rebuild.rebuild import Rebuild
from ingest.worker.worker import Bounds
from profiles.erasures import NobodyErased
from profiles.fold import fold
from profiles.fold.fold import Settings
from profiles.ids import owner_of
from profiles.model import Profile
from profiles.store.memory import MemoryProfiles
from tests.support.ingest_streams import MemoryIngest, event, records, sites_of
from tests.support.visit_histories import arrivals, histories
from tests.support.visits_oracle import Sent, sessions_of, visits_of
from tracker.event import SITE, Event
from tracker.sites import Site, Sites
from tracker.standard_events.deeds import is_deed
from warehouse.delta import Warehouse
from warehouse.tables.schema import EventRow

SHOP = "https://shop.example"
GOOGLE, PAYPAL, KAKAO = "https://www.google.com/", "https://www.paypal.com/", "https://kauth.kakao.com/"
LETTER = "?utm_source=letter&utm_medium=email&utm_campaign=spring"


@pytest.fixture
def sites(tmp_path: Path, site: Site) -> Sites:
    return sites_of(tmp_path, site)


def run(folder: Path, sites: Sites, events: Sequence[Event], enrich: Enrich, **other: object) -> MemoryIngest:
    here = MemoryIngest(folder, sites)
    here.log.append(records(events))
    bounds = Bounds(batch=5, poll_seconds=0.0, flush_rows=1 << 30, flush_seconds=1e9)
    worker = here.worker_with(bounds, facts=enrich, **other)
    while worker.step():
        pass
    worker.flush()
    worker.close()
    return here


def page(number: int, minutes: float, path: str = "/", referrer: str = "") -> Event:
    url = path if "://" in path else SHOP + path
    return event(
        f"e{number}", minutes, url=url, referrer=referrer, source="snippet", received=2 * 10**12 + number
    )


class Story(NamedTuple):
    """What a visitor's pages say, as (minutes, path, referrer); and what comes of it: the channel and pages of each
    visit, and the channels of the first and of the last touch."""

    pages: Sequence[tuple[float, str, str]]
    visits: Sequence[tuple[str, int]]
    first: str
    last: str


STORIES = {
    "over PayPal to the order": Story(
        [(0, "/", GOOGLE), (3, "/cart", SHOP), (5, "/thank-you", PAYPAL)],
        *([("organic search", 3)], "organic search", "organic search"),
    ),
    "direct, and over PayPal": Story(
        [(0, "/", ""), (5, "/thank-you", PAYPAL)], [("direct", 2)], "direct", "direct"
    ),
    "signed in at Kakao": Story(
        [(0, "/", LETTER), (1, "/login", SHOP), (2, "/welcome", KAKAO)],
        *([("direct", 3)], "direct", "direct"),
    ),
    "a campaign, and signed in at Kakao": Story(
        [(0, "/" + LETTER, ""), (2, "/welcome", KAKAO)], [("e-mail", 2)], "e-mail", "e-mail"
    ),
    "a subdomain of the shop": Story(
        [(0, "/", GOOGLE), (1, "https://help.shop.example/", SHOP), (2, "/", "https://help.shop.example/")],
        *([("organic search", 3)], "organic search", "organic search"),
    ),
    "back from PayPal after forty minutes": Story(
        [(0, "/", GOOGLE), (40, "/thank-you", PAYPAL)],
        *([("organic search", 1), ("direct", 1)], "organic search", "organic search"),
    ),
    "direct, then over a search": Story(
        [(0, "/", ""), (4, "/p", GOOGLE)], [("direct", 2)], "direct", "direct"
    ),
    "direct, then over a campaign": Story(
        [(0, "/", ""), (4, "/" + LETTER, "")], [("direct", 1), ("e-mail", 1)], "direct", "e-mail"
    ),
    "a campaign over PayPal's own link": Story(
        [(0, "/", ""), (4, "/" + LETTER, PAYPAL)], [("direct", 1), ("e-mail", 1)], "direct", "e-mail"
    ),
    "a search, then direct the day after": Story(
        [(0, "/", GOOGLE), (1_500, "/", "")],
        *([("organic search", 1), ("direct", 1)], "organic search", "organic search"),
    ),
    "a search twice, an hour apart": Story(
        [(0, "/", "https://blog.example/"), (60, "/", GOOGLE)],
        *([("referral", 1), ("organic search", 1)], "referral", "organic search"),
    ),
}


@pytest.mark.parametrize("late", [False, True], ids=["in order", "the first page last"])
@pytest.mark.parametrize("story", STORIES.values(), ids=STORIES)
def test_the_first_deed_of_a_visit_decides_its_channel(
    tmp_path: Path, sites: Sites, story: Story, late: bool
) -> None:
    events = [page(number, *one) for number, one in enumerate(story.pages)]
    here = run(tmp_path, sites, [*events[1:], events[0]] if late else events, facts)
    (profile,) = here.store.scan("default")
    assert [(each.touch.channel, each.pageviews) for each in profile.sessions] == story.visits
    assert profile.counts.visits == len(story.visits)
    assert (profile.first_touch.channel, profile.last_touch.channel) == (story.first, story.last)
    rows: dict[str, list[EventRow]] = defaultdict(list)
    for row in sorted(here.warehouse.rows, key=lambda row: row.ts):
        rows[here.warehouse.session_of(row)].append(row)
    assert [(visit[0].channel, len(visit)) for visit in rows.values()] == story.visits


def test_orders_of_a_server_months_apart_are_no_visit(tmp_path: Path, sites: Sites) -> None:
    day = 1_440.0
    events = [
        event(
            f"e{n}",
            n * 30 * day,
            None,
            "kim",
            name=name,
            source=source,
            sender=SITE,
            props={"order_id": f"o{n}"},
        )
        for source in ("api", "segment")
        for n, name in enumerate(("Order Completed", "Order Updated", "Order Refunded", "Order Shipped"))
    ]
    # A file of events tells a return months later by the session of its order.
    ordered = {"sender": SITE, "source": "api", "context": {"backfill": True, "session": "s1"}}
    events += [
        event("page", 0, "a1", context={"session": "s1"}),
        event("order", 5, "a1", name="Order Completed", props={"order_id": "x"}, **ordered),
        event("refund", 213 * day, "a1", name="Order Refunded", props={"order_id": "x"}, **ordered),
    ]
    here = run(tmp_path, sites, events, facts)
    visits = {p.id: [(s.events, s.last - s.start) for s in p.sessions] for p in here.store.scan("default")}
    assert visits == {"u:kim": [], "v:a1": [(2, 5 * 60_000)]}
    assert {row.id for row in here.warehouse.rows if row.session} == {"page", "order"}


def test_who_asked_not_to_be_tracked_makes_a_visit_by_deeds_only(tmp_path: Path, sites: Sites) -> None:
    hidden = {"context": {"cookieless": True}}
    events = [
        event("consent", 0, "~k1", type="consent", **hidden),
        event("shown", 1, "~k2", name="Offer Viewed", **hidden),
        event("page", 2, "~k2", **hidden),
    ]
    here = run(tmp_path, sites, events, facts)
    assert {row.id: row.session for row in here.warehouse.rows} == {"consent": "", "shown": "", "page": "~k2"}


def of_history(folder: Path, sites: Sites, sent: Sequence[Sent], **other: object) -> MemoryIngest:
    known = {one.event.id: one.facts for one in sent}
    return run(folder, sites, [one.event for one in sent], lambda event, _: known[event.id], **other)


QUIET = settings(deadline=None, max_examples=100, suppress_health_check=[HealthCheck.function_scoped_fixture])


@QUIET
@given(history=histories(span=0.4), data=st.data())
def test_rows_and_profiles_hold_the_visits_of_the_sorted_events(
    tmp_path: Path, sites: Sites, history: list[Sent], data: st.DataObject
) -> None:
    # Whether a campaign of the same millisecond came before or behind a deed, a row written before cannot know.
    times = Counter(one.event.ts for one in history)
    assume(all(times[one.event.ts] == 1 for one in history if one.facts.campaign_key))
    visits = visits_of(history)
    wanted, deeds = sessions_of(visits), {one.event.id for visit in visits for one in visit.deeds}
    for sent in (history, data.draw(arrivals(history))):
        here = of_history(tmp_path, sites, sent)
        found = {row.id: here.warehouse.session_of(row) for row in here.warehouse.rows}
        in_order = sent is history
        assert {k: v for k, v in found.items() if in_order or k in deeds} == {
            k: wanted.get(k, "") for k in found if in_order or k in deeds
        }
        begun = {visit.id: visit.start for visit in visits}
        assert all(begun[found[row.id]] <= row.ts for row in here.warehouse.rows if found[row.id])
        rows = {row.id: row for row in here.warehouse.rows}
        for visit in visits:
            first, touch = rows[visit.deeds[0].event.id], visit.touch
            assert (first.channel, first.origin, first.campaign) == (
                touch.channel,
                touch.origin,
                touch.campaign,
            )
        of: dict[str, set[str]] = defaultdict(set)
        for row in here.warehouse.rows:
            if is_deed(row.type, row.name) and found[row.id]:
                of[here.warehouse.profile_of(row.profile)].add(found[row.id])
        people = list(here.store.scan("default"))
        for browser in (
            p for p in people if p.fed
        ):  # it only claims to be the customer, and sees only itself
            own = [visit for visit in visits if visit.owner == owner_of("default", browser.id[2:])]
            assert [(s.id, s.events, s.touch) for s in browser.sessions] == [
                (visit.id, len(visit.deeds), visit.touch) for visit in own
            ]
        counted = {p.id: p.counts.visits for p in people if not p.fed}
        assert {name: count for name, count in counted.items() if count} == {
            name: len(sessions) for name, sessions in of.items()
        }


@settings(deadline=None, max_examples=8, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(history=histories(most=20), data=st.data())
def test_profiles_rebuilt_from_the_rows_hold_the_same_visits(
    tmp_path_factory: pytest.TempPathFactory, sites: Sites, history: list[Sent], data: st.DataObject
) -> None:
    folder = tmp_path_factory.mktemp("rebuilt")
    warehouse, made = Warehouse(str(folder / "warehouse")), MemoryProfiles()
    here = run(folder, sites, [one.event for one in data.draw(arrivals(history))], facts, warehouse=warehouse)
    events = Warehouse(warehouse.path)
    try:
        Rebuild(events, made, NobodyErased(), "default", Settings()).run(lambda _: None)
    finally:
        events.engine.close()
        warehouse.engine.close()
    assert _visits(made) == _visits(here.store)


def _visits(store: MemoryProfiles) -> dict[str, object]:
    def told(profile: Profile) -> tuple[object, ...]:
        fold.trim(profile)
        return profile.sessions, profile.counts, profile.first_touch, profile.last_touch

    return {profile.id: told(profile) for profile in store.scan("default")}
