"""A random shop's events, and every report of them: from scans and in SQL alone."""

import random
from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from tests.support.warehouse_rows import NOON, row
from tests.support.warehouse_sql import choices_in_sql, overview_in_sql, retention_in_sql, vocabulary_in_sql
from tracker.durations import DAY_MS, HOUR_MS
from tracker.sites import Site
from warehouse.delta import AliasRow, EventRow, Warehouse
from warehouse.events import Events
from warehouse.funnel.funnel import Funnel, Rules, Step, funnel, parse_step
from warehouse.question.span import Span
from warehouse.question.steps import Condition
from warehouse.reports.filter_choices import choices
from warehouse.reports.goals import goals
from warehouse.reports.overview import CAME_BY, ENDS, Overview, overview
from warehouse.reports.paths import paths
from warehouse.reports.retention import Deed, Unit, retention
from warehouse.reports.vocabulary import vocabulary

SITE = Site(id="default", write_key="w", secret_key="s", timezone="America/New_York")
# From before the clocks go back, in the middle of a day, to the end of one.
SPANS = [
    Span.parse(SITE, "2026-10-30T07:30", "2026-11-03"),
    Span.parse(SITE, "2026-11-01", "2026-11-01"),
    Span.parse(SITE, "2026-10-20", "2026-11-20"),
    Span.parse(SITE, "2025-01-01", "2025-01-02"),
]
STEPS = [parse_step(text) for text in ("page:/p*", "event:Product Added", "event:Order Completed")]


@pytest.fixture(autouse=True)
def small_thresholds(monkeypatch: pytest.MonkeyPatch) -> None:
    """Files of 40 rows have blocks of their own, smaller ones have not."""
    monkeypatch.setattr("warehouse.index.scan_cache.OWN_FILE_ROWS", 40)
    monkeypatch.setattr("warehouse.index.distinct_people.FLAGS", 200)
    monkeypatch.setattr("warehouse.funnel.funnel.MANY", 50)


def happened(chance: random.Random, count: int) -> list[EventRow]:
    """Events of few people over eight days: sessions over midnight, bots, another site, orders and refunds."""
    moments = chance.sample(range(NOON - 4 * DAY_MS, NOON + 4 * DAY_MS, 7), count)
    return [event(chance, ts) for ts in moments]


def event(chance: random.Random, ts: int) -> EventRow:
    who = chance.randrange(25)
    owner = f"owner{who:03}"
    # Visits begin every seven hours: some lie in two files.
    begin = ts // (7 * HOUR_MS) * 7 * HOUR_MS
    values: dict[str, Any] = {
        "id": f"e{ts}",
        "profile": chance.choice([f"v:{who}", f"u:{who % 9}"]) if who % 3 == 0 else f"v:{who}",
        "session": f"{owner}{begin:x}" if chance.random() < 0.9 else "",
        "path": f"/{chance.choice('abcp')}{chance.randrange(3)}",
        "channel": chance.choice(["direct", "e-mail", "social"]),
        "keyword": chance.choice(["", "", "신발"]),
        "device": chance.choice(["phone", "desktop"]),
        "country": chance.choice(["KR", "DE"]),
        "city": chance.choice([None, "", "Seoul"]),
        "bot": who == 24,
        "demo": who == 23,
        "site": "other" if who == 22 else "default",
    }
    values["url"] = f"https://shop.example{values['path']}"
    values["title"] = chance.choice(["", values["path"].title(), f"({chance.randrange(3)}) news"])
    dice = chance.random()
    if dice < 0.25:
        values |= {
            "type": "track",
            "name": chance.choice(["Product Added", "Product Viewed", "Offer Viewed"]),
        }
    elif dice < 0.35:
        order = f"o{chance.randrange(15)}"
        values |= {
            "type": "track",
            "name": "Order Completed",
            "order": order,
            "revenue": chance.randrange(90) / 4,
        }
        values["repeated"] = chance.choice([None, False, True])
        values["sender"] = chance.choice([None, "site", "net"])
        values["doubtful"] = chance.choice([None, None, True])
    elif dice < 0.38:
        values |= {"type": "track", "name": "Order Refunded", "order": "o1", "revenue": -1.5}
    elif dice < 0.42:
        values |= {"type": "identify"}
    return row(ts, **values)


def aliases(chance: random.Random, rows: list[EventRow]) -> list[AliasRow]:
    """Merges, sessions that became part of others, and sessions cut out of others."""
    merged = [AliasRow("default", "profile", f"v:{n}", f"u:{n % 9}", 1) for n in (0, 3, 6)]
    merged.append(AliasRow("default", "profile", "v:1", "v:2", 1))
    mine = sorted({each.session for each in rows if each.session.startswith("owner005")})
    gone = [AliasRow("default", "session", old, mine[0], 1) for old in mine[1:3]]
    begin = int(mine[-1][8:], 16) + chance.randrange(HOUR_MS, 2 * HOUR_MS)
    cut = f"owner005{begin:x}"
    return [*merged, *gone, AliasRow("default", "session", cut, cut, 2)]


@pytest.fixture
def warehouse(tmp_path: Path) -> Iterator[Warehouse]:
    yield from filled(tmp_path, 1)


def filled(tmp_path: Path, seed: int) -> Iterator[Warehouse]:
    chance = random.Random(seed)
    rows = happened(chance, 900)
    warehouse = Warehouse(str(tmp_path))
    for at in range(0, 900, 300):
        warehouse.append(rows[at : at + 300], aliases(chance, rows) if at else [], {})
    yield warehouse
    warehouse.engine.close()


def answers(events: Events, span: Span, in_sql: bool = False) -> dict[str, Any]:
    """Every report along blocks; or with ``in_sql`` the same from DuckDB."""
    steps = [in_sql_only(step) for step in STEPS] if in_sql else STEPS
    week = Rules(window=3 * DAY_MS)
    rules = {
        "funnel": week,
        "by session": replace(week, by_session=True),
        "any order": replace(week, any_order=True),
        "without": replace(week, without=((parse_step("page:/a0"), None),)),
    }
    found: dict[str, Any] = {
        name: unnamed(funnel(events, "default", steps, rule, span)) for name, rule in rules.items()
    }
    found["overview"] = rounded((overview_in_sql if in_sql else overview)(events, "default", span, "EUR", 7))
    found["choices"] = (choices_in_sql if in_sql else choices)(events, "default", span, 5)
    found["vocabulary"] = (vocabulary_in_sql if in_sql else vocabulary)(events, "default", span, 5)
    found["goals"] = [replace(goal, step="") for goal in goals(events, "default", steps, span)]
    entry, added = parse_step("page:*"), parse_step("event:Product Added")
    if in_sql:
        entry, added = in_sql_only(entry), in_sql_only(added)
    found["paths"] = paths(events, "default", span, entry, most=3)
    found["paths to"] = paths(events, "default", span, added, "to", 5)
    kinds: list[tuple[Unit, Deed, bool]] = [
        ("week", "visit", True),
        ("day", "purchase", False),
        ("month", "visit", False),
    ]
    for unit, deed, by_channel in kinds:
        found[f"{unit} {deed}"] = returned(events, span, unit, deed, by_channel, in_sql)
    return found


def in_sql_only(step: Step) -> Step:
    """The same step, with a condition that every event fulfils and that no block knows."""
    return replace(step, conditions=(Condition("medium", "!=", "no such medium"),))


def unnamed(found: Funnel) -> Funnel:
    return replace(found, steps=tuple(replace(step, name="") for step in found.steps))


def returned(
    events: Events, span: Span, unit: Unit, deed: Deed, by_channel: bool, in_sql: bool
) -> dict[tuple[date, str], dict[int, int]]:
    """Of each cohort that began in the span and is not empty, who returned when."""
    if in_sql:
        found = retention_in_sql(events, "default", span, unit, deed, by_channel)
        first = min(cohort.start for cohort in retention(events, "default", span, "EUR", unit, deed).cohorts)
        return {key: returned for key, returned in found.items() if key[0] >= first}
    cohorts = retention(events, "default", span, "EUR", unit, deed, by_channel).cohorts
    counts = {(each.start, each.channel): dict(enumerate(each.returned)) for each in cohorts if each.size}
    return {key: {at: many for at, many in each.items() if many} for key, each in counts.items()}


def rounded(found: Overview) -> Overview:
    """Sums of floats depend on the order of adding."""
    groups = {
        name: tuple(replace(group, revenue=round(group.revenue, 6)) for group in getattr(found, name))
        for name in (*CAME_BY.values(), *ENDS.values(), "series")
    }
    return replace(found, revenue=round(found.revenue, 6), **groups)


def equal_in_sql(events: Events, span: Span) -> None:
    plain = answers(events, span, in_sql=True)
    for name, walked in answers(events, span).items():
        assert walked == plain[name], name
