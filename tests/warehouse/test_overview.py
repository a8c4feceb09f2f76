"""The overview against figures computed by hand, and against a naive count."""

from datetime import date
from pathlib import Path
from typing import Any

import msgspec
import pytest

from tests.support.warehouse_rows import NOON, row
from tracker.durations import HOUR_MS
from tracker.sites import Site
from warehouse.delta import AliasRow, EventRow, Warehouse
from warehouse.question.span import Span
from warehouse.reports.overview import Overview, overview

SITE = Site(id="default", write_key="w", secret_key="s", timezone="Asia/Seoul")
SPAN = Span.parse(SITE, "2026-11-01", "2026-11-04")


def page(hour: float, profile: str, session: str, path: str = "/", **changes: Any) -> EventRow:
    values = {
        "channel": "direct",
        "device": "desktop",
        "id": f"{profile}{session}{hour}{path}",
        "title": path.title(),
    }
    return row(NOON + int(hour * HOUR_MS), profile=profile, session=session, path=path, **(values | changes))


def order(hour: float, profile: str, session: str, number: str, revenue: float, **changes: Any) -> EventRow:
    values = {"type": "track", "name": "Order Completed", "order": number, "revenue": revenue, "title": ""}
    return page(hour, profile, session, "/thanks", **(values | changes))


# Noon UTC on 1 November is 21:00 in Seoul; from hour 3 on it is the second of November there.
SEARCH = {"channel": "organic", "origin": "naver", "keyword": "신발", "device": "phone"}
ROWS = [
    page(0, "a", "a1", "/", **SEARCH),
    page(0.1, "a", "a1", "/shoes", **SEARCH),
    page(3.5, "a", "a1", "/cart", **SEARCH),  # after midnight: the visit stays with the first day
    order(3.6, "a", "a1", "o1", 50.0, **SEARCH),
    order(3.6, "a", "a1", "o1", 50.0, id="reported twice", source="api", **SEARCH),
    page(1, "b", "b1", "/shoes"),
    row(NOON + HOUR_MS, profile="b", session="b1", type="track", name="Offer Viewed", channel="direct"),
    row(NOON + HOUR_MS, profile="b", session="b1", type="identify", channel="direct"),
    page(20, "b", "b2", "/", campaign="spring", channel="email", demo=True),
    page(20.5, "b", "b2", "/shoes", campaign="spring", channel="email"),
    row(
        NOON + 21 * HOUR_MS,
        profile="c",
        session="b2",
        type="track",
        name="Order Refunded",
        revenue=-20.0,
        order="o1",
    ),
    page(5, "bot", "x", "/", bot=True),
    page(5, "z", "z1", "/", site="other"),
    page(-30, "z", "z1", "/"),  # 31 October
]


@pytest.fixture
def found(tmp_path: Path) -> Overview:
    warehouse = Warehouse(str(tmp_path))
    warehouse.append(ROWS[:5], [AliasRow("default", "profile", "c", "b", 1)], {})
    warehouse.append(ROWS[5:], [], {})
    return overview(warehouse, "default", SPAN, "EUR")


def test_totals(found: Overview) -> None:
    assert (found.visitors, found.sessions, found.pageviews, found.events) == (2, 3, 6, 11)
    assert (found.orders, found.revenue) == (1, 30.0)
    assert found.bounce_rate == pytest.approx(1 / 3)  # b1: a page view; what was shown is no deed
    assert found.demo


def test_every_day_has_its_figures(found: Overview) -> None:
    assert [day.day for day in found.series] == [date(2026, 11, number) for number in (1, 2, 3, 4)]
    figures = [(d.visitors, d.sessions, d.pageviews, d.events, d.orders, d.revenue) for d in found.series]
    assert figures == [
        (2, 2, 3, 5, 0, 0.0),
        (2, 1, 3, 6, 1, 30.0),
        (0, 0, 0, 0, 0, 0.0),
        (0, 0, 0, 0, 0, 0.0),
    ]
    assert [day.bounce_rate for day in found.series] == [0.5, 0.0, 0.0, 0.0]


def groups(found: Any) -> list[tuple[str, int, int, int, int, float]]:
    return [(g.name, g.visitors, g.sessions, g.bounces, g.orders, g.revenue) for g in found]


def test_visits_by_what_they_have_in_common(found: Overview) -> None:
    assert groups(found.channels) == [
        ("direct", 1, 1, 1, 0, 0.0),
        ("email", 1, 1, 0, 0, 0.0),
        ("organic", 1, 1, 0, 1, 30.0),  # less what went back, though in another visit
    ]
    assert [channel.channel for channel in found.channels] == ["direct", "email", "organic"]
    assert groups(found.origins) == [("naver", 1, 1, 0, 1, 30.0)]
    assert groups(found.keywords) == [("신발", 1, 1, 0, 1, 30.0)]
    assert groups(found.campaigns) == [("spring", 1, 1, 0, 0, 0.0)]
    assert [(g.name, g.sessions) for g in found.devices] == [("desktop", 2), ("phone", 1)]
    assert [(g.name, g.sessions) for g in found.entries] == [("/", 2), ("/shoes", 1)]
    assert [(g.name, g.sessions) for g in found.exits] == [("/shoes", 2), ("/cart", 1)]


def test_pages_have_their_views_and_visitors(found: Overview) -> None:
    pages = [(page.path, page.title, page.pageviews, page.visitors) for page in found.pages]
    assert pages == [("/shoes", "/Shoes", 3, 2), ("/", "/", 2, 2), ("/cart", "/Cart", 1, 1)]


def test_hours_are_those_of_the_sites_clock(found: Overview) -> None:
    hours = [(hour.weekday, hour.hour, hour.sessions, hour.orders) for hour in found.hours]
    assert sorted(hours) == [(0, 0, 0, 1), (0, 17, 1, 0), (6, 21, 1, 0), (6, 22, 1, 0)]
    assert msgspec.json.decode(msgspec.json.encode(found))["hours"][0]["sessions"] in (0, 1)  # no Decimal


def test_lists_are_cut(tmp_path: Path) -> None:
    warehouse = Warehouse(str(tmp_path))
    warehouse.append([page(0, "a", "a1", f"/{number:02}") for number in range(20)], [], {})
    assert len(overview(warehouse, "default", SPAN, "EUR", limit=5).pages) == 5


def test_nobody_came(tmp_path: Path) -> None:
    found = overview(Warehouse(str(tmp_path)), "default", SPAN, "EUR")
    assert (found.visitors, found.bounce_rate, len(found.series), found.channels) == (0, 0.0, 4, ())


def test_what_a_backend_sends_counts_but_is_no_visit(tmp_path: Path) -> None:
    warehouse = Warehouse(str(tmp_path / "warehouse"))
    visit = [page(0, "a", "a1"), page(0.1, "a", "a1", "/shoes")]
    backend = [
        order(1, "a", "", "o1", 20.0, source="segment"),
        order(2, "b", "", "o2", 30.0, source="segment"),
    ]
    warehouse.append([*visit, *backend], [], {})
    found = overview(warehouse, "default", SPAN, "EUR")
    assert (found.visitors, found.sessions, found.orders, found.revenue) == (2, 1, 2, 50.0)
    assert found.bounce_rate == 0.0
