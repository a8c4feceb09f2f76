"""Retention and paths against naive counts; offers, goals, words and histories by hand."""

import random
from collections import Counter
from datetime import date, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from tests.support.warehouse_rows import NOON, row
from tracker.durations import DAY_MS, HOUR_MS
from tracker.sites import Site
from warehouse.delta import AliasRow, EventRow, Warehouse
from warehouse.feeds.offer_events import GoalEvent, OfferEvent, goal_events, offer_events
from warehouse.question.refused import QueryRefused
from warehouse.question.span import Span
from warehouse.question.steps import parse_step
from warehouse.reports.paths import END, OTHER, Flow, paths
from warehouse.reports.retention import Unit, retention

ZONE = ZoneInfo("Europe/Vienna")
SITE = Site(id="default", write_key="w", secret_key="s", timezone="Europe/Vienna")


def stored(path: Path, rows: list[EventRow], aliases: tuple[AliasRow, ...] = ()) -> Warehouse:
    warehouse = Warehouse(str(path))
    warehouse.append(rows, aliases, {})
    return warehouse


def period(ts: int, unit: Unit) -> date:
    day = datetime.fromtimestamp(ts / 1000, ZONE).date()
    if unit == "week":
        return date.fromordinal(day.toordinal() - day.weekday())
    return day.replace(day=1) if unit == "month" else day


@pytest.mark.parametrize("unit", ["day", "week", "month"])
@pytest.mark.parametrize("deed", ["visit", "purchase"])
def test_retention_equals_a_naive_count(tmp_path: Path, unit: Unit, deed: str) -> None:
    chance = random.Random(7)
    rows = []
    for number in range(600):
        kind = (
            {"type": "track", "name": "Order Completed", "order": f"o{number}"}
            if chance.random() < 0.3
            else {}
        )
        kind = {"type": "identify"} if chance.random() < 0.05 else kind
        ts = NOON - 60 * DAY_MS + chance.randrange(100 * DAY_MS)
        rows.append(
            row(
                ts,
                id=f"e{number}",
                profile=f"p{chance.randrange(60)}",
                session=f"s{number}",
                channel=f"c{chance.randrange(2)}",
                **kind,
            )
        )
    warehouse = stored(tmp_path, rows, (AliasRow("default", "profile", "p0", "p1", 1),))
    span = Span.parse(SITE, "2026-10-01", "2026-11-20")
    deeds: dict[str, list[tuple[int, str]]] = {}
    for each in rows:
        wanted = each.name == "Order Completed" if deed == "purchase" else each.type != "identify"
        if wanted and each.ts < span.end:
            deeds.setdefault("p1" if each.profile == "p0" else each.profile, []).append(
                (each.ts, each.channel)
            )
    for by_channel in (False, True):
        expected: Counter[tuple[date, str, date]] = Counter()
        for times in deeds.values():
            first, channel = min(times)
            for back in {period(ts, unit) for ts, _ in times}:
                expected[period(first, unit), channel if by_channel else "", back] += 1
        found = retention(warehouse, "default", span, "EUR", unit, deed, by_channel)
        starts = sorted({period(ts, unit) for ts in range(span.start, span.end, HOUR_MS)})
        assert [cohort.start for cohort in found.cohorts] == starts * (2 if by_channel else 1)
        for cohort in found.cohorts:
            later = starts[starts.index(cohort.start) :]
            assert cohort.returned == tuple(expected[cohort.start, cohort.channel, back] for back in later)


def test_retention_refuses_nonsense(tmp_path: Path) -> None:
    span = Span.parse(SITE, "2026-10-01", "2026-11-20")
    for arguments, field in ((("year", "visit"), "unit"), (("day", "sleep"), "deed")):
        with pytest.raises(QueryRefused) as refused:
            retention(Warehouse(str(tmp_path)), "default", span, "EUR", *arguments)
        assert refused.value.field == field


def naive_ways(rows: list[EventRow], anchor: str, back: bool, depth: int) -> Counter[tuple[str, ...]]:
    visits: dict[str, list[EventRow]] = {}
    for each in sorted(rows, key=lambda event: (event.ts, event.id)):
        visits.setdefault(each.session, []).append(each)
    ways: Counter[tuple[str, ...]] = Counter()
    for events in visits.values():
        names = [
            f"page:{e.path}" if e.type == "page" else f"event:{e.name}"
            for e in events
            if e.name != "Offer Viewed"
        ]
        way = [name for at, name in enumerate(names) if at == 0 or name != names[at - 1]]
        way = way[::-1] if back else way
        if anchor:
            way = way[way.index(anchor) :] if anchor in way else []
        if way:
            ways[tuple(way[: depth + 1])] += 1
    return ways


@pytest.mark.parametrize("anchor", ["", "page:/b", "event:X"])
@pytest.mark.parametrize("direction", ["from", "to"])
@pytest.mark.parametrize("depth", [1, 3])
def test_paths_equal_a_naive_count(tmp_path: Path, anchor: str, direction: str, depth: int) -> None:
    chance = random.Random(3)
    rows = []
    for number in range(500):
        name = chance.choice(["", "", "", "X", "Offer Viewed"])
        kind = {"type": "track", "name": name} if name else {"path": chance.choice(["/a", "/b", "/c", "/d"])}
        ts = NOON + chance.randrange(50) * 60_000
        rows.append(row(ts, id=f"e{number:03}", session=f"s{chance.randrange(60)}", **kind))
    warehouse = stored(tmp_path, rows)
    expected: Counter[Flow] = Counter()
    for way, visits in naive_ways(rows, anchor, direction == "to", depth).items():
        for at in range(min(len(way), depth)):
            expected[Flow(at, way[at], way[at + 1] if at + 1 < len(way) else END, 0)] += visits
    span = Span.parse(SITE, "2026-11-01", "2026-11-02")
    step = parse_step(anchor) if anchor else None
    found = paths(warehouse, "default", span, step, direction, depth)
    assert {Flow(f.depth, f.source, f.target, 0): f.visits for f in found.flows} == expected


def test_rare_ways_are_folded(tmp_path: Path) -> None:
    rows = [row(NOON + at, id=f"{s}{at}", session=f"s{s}", path=path)
            for s, way in enumerate(["ab", "ab", "ac", "ad"]) for at, path in enumerate(way)]  # fmt: skip
    span = Span.parse(SITE, "2026-11-01", "2026-11-02")
    found = paths(stored(tmp_path, rows), "default", span, depth=2, most=1)
    assert [(f.depth, f.source, f.target, f.visits) for f in found.flows] == [
        (0, "page:a", "page:b", 2),
        (0, "page:a", OTHER, 2),
        (1, "page:b", END, 2),
        (1, OTHER, END, 2),
    ]
    with pytest.raises(QueryRefused):
        paths(Warehouse(str(tmp_path)), "default", span, depth=7)


def test_offers_and_goals_as_they_came(tmp_path: Path) -> None:
    def offer(at: int, name: str, campaign: str) -> EventRow:
        props = f'{{"campaign":"{campaign}","variant":"v","token":"t{at}"}}'
        return row(NOON + at, id=f"o{at}", type="track", name=name, props=props)

    def bought(at: int, number: str, revenue: float) -> EventRow:
        return row(
            NOON + at, id=f"b{at}", type="track", name="Order Completed", order=number, revenue=revenue
        )

    rows = [offer(1, "Offer Viewed", "c"), offer(2, "Offer Clicked", "c"), offer(3, "Offer Withheld", "d")]
    rows += [bought(4, "n1", 9.0), bought(5, "n1", 9.0), bought(6, "n2", 1.0)]
    rows += [row(NOON + 7, type="track", name="Signed Up"), row(NOON + 8, type="track", name="Offer Viewed")]
    warehouse = stored(tmp_path, rows, (AliasRow("default", "profile", "p1", "u", 1),))
    assert offer_events(warehouse, "default", NOON, NOON + 8) == [
        OfferEvent(campaign, "v", f"t{at}", kind, "u", NOON + at, "v1", None, None, NOON + at)
        for at, campaign, kind in ((1, "c", "view"), (2, "c", "click"), (3, "d", "withheld"))
    ]
    assert [each.kind for each in offer_events(warehouse, "default", NOON, NOON + 8, ["d"])] == ["withheld"]
    assert offer_events(warehouse, "default", NOON, NOON + 8, []) == []
    assert offer_events(warehouse, "default", NOON + 8, NOON + 9)[0].token == ""
    orders = [
        GoalEvent("Order Completed", "u", NOON + 4, 9.0),
        GoalEvent("Order Completed", "u", NOON + 6, 1.0),
    ]
    signed = [GoalEvent("Signed Up", "u", NOON + 7, 0.0)]
    assert goal_events(warehouse, "default", ["Order Completed"], NOON, NOON + 9, "EUR") == orders
    assert (
        goal_events(warehouse, "default", ["Signed Up", "Order Completed"], NOON, NOON + 9, "EUR")
        == orders + signed
    )
    assert goal_events(warehouse, "default", ["Signed Up"], NOON, NOON + 9, "EUR") == signed
