"""Engagement against a naive computation of a small shop's week, and against the overview's visits and views."""

import json
import random
import statistics
from collections import defaultdict
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from tests.support.warehouse_rows import NOON, row
from tracker.durations import DAY_MS
from warehouse.delta import Warehouse
from warehouse.engagement.report import Engagement, engagement
from warehouse.question.span import Span
from warehouse.reports.overview import overview
from warehouse.tables.schema import EventRow

SPAN = Span(NOON - DAY_MS, NOON + DAY_MS, ZoneInfo("UTC"))
CHANNELS = ("direct", "e-mail", "organic search")
PAGES = ("/", "/shoes", "/가방 1")
HREFS = (
    "https://shop.example",
    "https://shop.example/shoes?a=1",
    "https://shop.example/%EA%B0%80%EB%B0%A9%201",
)
View = tuple[str, str, str, float | None, float]
"""Session, channel, path, seconds (None: not measured), percent that was seen."""


def told(ts: int, session: str, href: str, seconds: object, scroll: object, **more: object) -> EventRow:
    props = json.dumps({"href": href, "seconds": seconds, "scroll": scroll})
    more = {"id": f"{session}{ts}e", "profile": session, "session": session, **more}
    return row(ts, type="track", name="Page Engaged", props=props, **more)


def week(seed: int) -> tuple[list[EventRow], list[View]]:
    chance = random.Random(seed)
    rows: list[EventRow] = []
    views: list[View] = []
    for number in range(60):
        session, ts, channel = f"s{number}", NOON + number * 60_000, chance.choice(CHANNELS)
        measures = chance.random() < 0.7
        for _ in range(chance.randint(1, 6)):
            at = chance.randrange(3)
            ts += 10_000
            more = {"profile": session, "session": session, "channel": channel}
            rows.append(row(ts, id=f"{session}{ts}", path=PAGES[at], **more))
            seconds, scroll = None, 0.0
            for part in range(chance.randint(0, 3) if measures else 0):
                took, seen = chance.randint(1, 60), chance.randint(0, 100)
                seconds, scroll = (seconds or 0) + took, max(scroll, seen)
                rows.append(told(ts + part + 1, session, HREFS[at], took, seen))
            views.append((session, channel, PAGES[at], seconds, scroll))
    chance.shuffle(rows)
    return rows, views


def figures(views: list[View]) -> dict[str, object]:
    measured = [(seconds, scroll) for _, _, _, seconds, scroll in views if seconds is not None]
    if not measured:
        return {"views": len(views), "measured": 0, "seconds": None, "scroll_median": None}
    seconds, scrolls = zip(*measured, strict=True)
    low, middle, high = (
        statistics.quantiles(scrolls, n=4, method="inclusive") if len(scrolls) > 1 else scrolls * 3
    )
    return {
        "views": len(views),
        "measured": len(measured),
        "seconds": pytest.approx(statistics.mean(seconds)),
        "seconds_median": statistics.median(seconds),
        "scroll_low": low,
        "scroll_median": middle,
        "scroll_high": high,
    }


def of_visits(views: list[View]) -> dict[str, object]:
    visits: dict[str, list[float]] = defaultdict(list)
    for session, _, _, seconds, _ in views:
        visits[session] += [] if seconds is None else [seconds]
    sums = [sum(parts) for parts in visits.values() if parts]
    return {
        "visits": len(visits),
        "visits_measured": len(sums),
        "visit_seconds": pytest.approx(statistics.mean(sums)) if sums else None,
        "visit_seconds_median": statistics.median(sums) if sums else None,
    }


def counted(folder: Path, rows: list[EventRow]) -> tuple[Warehouse, Engagement]:
    warehouse = Warehouse(str(folder))
    warehouse.append(rows, [], {})
    return warehouse, engagement(warehouse, "default", SPAN)


def says(found: object, expected: dict[str, object]) -> None:
    assert {name: getattr(found, name) for name in expected} == expected


@pytest.mark.parametrize("seed", range(4))
def test_figures_equal_a_naive_computation_and_the_overview(tmp_path: Path, seed: int) -> None:
    rows, views = week(seed)
    bot = row(NOON + 5, id="bot", profile="b", session="b", bot=True)
    warehouse, found = counted(tmp_path, [*rows, bot, told(NOON + 6, "b", HREFS[0], 9, 9, bot=True)])
    says(found, figures(views) | of_visits(views))
    assert {page.path for page in found.pages} == {path for _, _, path, _, _ in views}
    for page in found.pages:
        says(page, figures([view for view in views if view[2] == page.path]))
    for channel in found.channels:
        mine = [view for view in views if view[1] == channel.channel]
        says(channel, figures(mine) | of_visits(mine))
    whole = overview(warehouse, "default", SPAN, "EUR")
    assert (found.visits, found.views) == (whole.sessions, whole.pageviews)
    assert {each.channel: each.visits for each in found.channels} == {
        each.channel: each.sessions for each in whole.channels
    }


def test_what_no_page_told_is_not_measured(tmp_path: Path) -> None:
    _, found = counted(tmp_path, [row(NOON)])
    assert (found.views, found.measured, found.seconds, found.visit_seconds) == (1, 0, None, None)
    assert (found.scroll_low, found.pages[0].seconds, found.channels[0].visit_seconds) == (None, None, None)


def test_nothing_at_all(tmp_path: Path) -> None:
    _, found = counted(tmp_path, [row(NOON - 9 * DAY_MS)])
    assert (found.views, found.visits, found.pages, found.channels) == (0, 0, (), ())


@pytest.mark.parametrize(
    "href", [None, 5, "", "no address", "%", "https://shop.example/%E0%A4%A", "a" * 3000]
)
@pytest.mark.parametrize("seconds", ["many", None, -5, 0, 1e300, float("nan"), [], {"a": 1}])
def test_whatever_a_page_says_the_report_stands(tmp_path: Path, href: object, seconds: object) -> None:
    _, found = counted(tmp_path, [row(NOON), told(NOON + 1, "s1", href, seconds, "deep")])  # type: ignore[arg-type]
    assert (found.views, found.measured) == (1, 0)


@pytest.mark.parametrize("href", [None, 5, "", "no address", "%", "https://shop.example/%E0%A4%A"])
def test_no_page_is_measured_by_an_address_that_is_none(tmp_path: Path, href: object) -> None:
    _, found = counted(tmp_path, [row(NOON), told(NOON + 1, "s1", href, 5, 5)])  # type: ignore[arg-type]
    assert (found.views, found.measured) == (1, 0)


def test_what_a_page_says_that_nobody_saw_belongs_to_no_view(tmp_path: Path) -> None:
    rows = [
        row(NOON, path="/a"),
        told(NOON - 1, "s1", "https://x/a", 5, 5),
        told(NOON + 1, "s1", "https://x/b", 5, 5),
    ]
    _, found = counted(tmp_path, rows)
    assert (found.views, found.measured) == (1, 0)
