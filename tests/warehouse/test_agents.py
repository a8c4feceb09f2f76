"""The report of AI agents and crawlers, against a plain count of the same rows."""

import random
from collections import Counter
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from tests.support.warehouse_rows import NOON, row
from tracker.agents.agents import known_agents
from tracker.durations import DAY_MS
from tracker.sites import Site
from warehouse.delta import EventRow, Warehouse
from warehouse.question.span import Span
from warehouse.reports.agents import AgentReport, agent_report
from warehouse.reports.overview import overview

SITE = Site(id="default", write_key="w", secret_key="s", timezone="Asia/Seoul")
SPAN = Span.parse(SITE, "2026-10-30", "2026-11-03")
NAMES = ("GPTBot", "ClaudeBot", "ChatGPT-User", "Googlebot", "OAI-SearchBot", "NobodysBot")
STATUSES = ("{}", '{"status":200}', '{"status":404}', '{"status":500}', '{"status":"x"}')


def fetch(chance: random.Random, number: int) -> EventRow:
    return row(
        NOON + chance.randrange(-4 * DAY_MS, 4 * DAY_MS),
        id=f"f{number}",
        profile=f"v:~{number}",
        session="",
        bot=True,
        browser=chance.choice(NAMES),
        path=chance.choice(("/", "/p/1", "/p/2", "/신발")),
        source=chance.choice(("log", "log", "api", "snippet")),
        channel=chance.choice(("direct", "direct", "direct", "spam")),
        props=chance.choice(STATUSES),
        type=chance.choice(("page", "page", "page", "track")),
        site=chance.choice(("default", "default", "default", "other")),
    )


def visits(chance: random.Random, number: int) -> list[EventRow]:
    start = NOON + chance.randrange(-3 * DAY_MS, 3 * DAY_MS)
    channel = chance.choice(("AI assistant", "direct", "organic search"))
    same: dict[str, Any] = {"profile": f"v:{number}", "session": f"s{number}", "channel": channel}
    paths = chance.choices(("/", "/p/1", "/p/2", "/only-people"), k=3)
    return [row(start + i * 60_000, id=f"v{number}-{i}", path=path, **same) for i, path in enumerate(paths)]


@pytest.fixture
def rows() -> list[EventRow]:
    chance = random.Random(15)
    found = [fetch(chance, number) for number in range(400)]
    for number in range(60):
        found += visits(chance, number)
    return found


@pytest.fixture
def warehouse(tmp_path: Path, rows: list[EventRow]) -> Warehouse:
    made = Warehouse(str(tmp_path))
    made.append(rows, [], {})
    return made


def counted(rows: list[EventRow], agent: str = "", kind: str = "") -> list[EventRow]:
    """The rows that the report is about."""
    known = known_agents()
    return [
        each
        for each in rows
        if each.bot and each.type == "page" and each.channel != "spam" and each.site == "default"
        if SPAN.start <= each.ts < SPAN.end
        if not agent or each.browser == agent
        if not kind or (known[each.browser].kind if each.browser in known else "other") == kind
    ]


def told(rows: list[EventRow]) -> list[EventRow]:
    return [each for each in rows if each.source in ("log", "api")]


def failed(each: EventRow) -> bool:
    return each.props in (STATUSES[2], STATUSES[3])


@pytest.mark.parametrize(
    ("kind", "agent"),
    [("", ""), ("assistant", ""), ("ai-training", ""), ("other", ""), ("", "GPTBot"), ("search", "GPTBot")],
)
def test_every_figure_is_a_plain_count(
    warehouse: Warehouse, rows: list[EventRow], kind: str, agent: str
) -> None:
    report = agent_report(warehouse, "default", SPAN, "EUR", kind, agent)
    mine = counted(rows, agent, kind)
    fetched = told(mine)
    assert (report.fetches, report.rendered) == (len(fetched), len(mine) - len(fetched))
    assert report.failed == sum(map(failed, fetched))
    assert report.pages_read == len({each.path for each in mine})
    assert {each.name: each.fetches for each in report.agents if each.fetches} == Counter(
        each.browser for each in fetched
    )
    assert {each.path: each.fetches for each in report.pages if each.fetches} == Counter(
        each.path for each in fetched
    )
    for each in report.agents:
        theirs = [one for one in mine if one.browser == each.name]
        assert each.last == max(one.ts for one in theirs)
        assert each.pages == len({one.path for one in theirs})
        assert each.failed == sum(failed(one) for one in told(theirs))
    for page in report.pages:
        here = [one for one in mine if one.path == page.path]
        assert page.agents == len({one.browser for one in here})
        assert page.assistants == sum(one.browser == "ChatGPT-User" for one in told(here))
    by_day = Counter(datetime.fromtimestamp(each.ts / 1000, SPAN.zone).date() for each in fetched)
    assert {day.day: day.fetches for day in report.series if day.fetches} == by_day
    assert len(report.series) == 5
    assert report.kinds == whole(warehouse).kinds


def whole(warehouse: Warehouse) -> AgentReport:
    return agent_report(warehouse, "default", SPAN, "EUR")


def test_known_agents_have_operators_and_kinds_in_order(warehouse: Warehouse) -> None:
    report = whole(warehouse)
    about = {each.name: (each.operator, each.kind) for each in report.agents}
    assert about == {
        "GPTBot": ("OpenAI", "ai-training"),
        "ClaudeBot": ("Anthropic", "ai-training"),
        "ChatGPT-User": ("OpenAI", "assistant"),
        "OAI-SearchBot": ("OpenAI", "ai-search"),
        "Googlebot": ("Google", "search"),
        "NobodysBot": ("", "other"),
    }
    assert [each.kind for each in report.kinds] == [
        "assistant",
        "ai-search",
        "ai-training",
        "search",
        "other",
    ]


def test_visits_from_assistants_are_those_of_the_overview(warehouse: Warehouse, rows: list[EventRow]) -> None:
    report = whole(warehouse)
    shown = overview(warehouse, "default", SPAN, "EUR")
    assert report.visits == next(each.sessions for each in shown.channels if each.channel == "AI assistant")
    first: dict[str, EventRow] = {}
    for each in sorted((each for each in rows if not each.bot), key=lambda each: each.ts):
        if SPAN.start <= each.ts < SPAN.end:
            first.setdefault(each.session, each)
    entered = Counter(each.path for each in first.values() if each.channel == "AI assistant")
    assert sum(entered.values()) == report.visits
    assert {page.path: page.visits for page in report.pages} == {
        page.path: entered[page.path] for page in report.pages
    }


def test_the_overview_sees_nobody_of_them(warehouse: Warehouse, rows: list[EventRow], tmp_path: Path) -> None:
    people = Warehouse(str(tmp_path / "people"))
    people.append([each for each in rows if not each.bot], [], {})
    assert overview(warehouse, "default", SPAN, "EUR") == overview(people, "default", SPAN, "EUR")


def test_lists_are_bounded_whatever_strangers_call_themselves(tmp_path: Path) -> None:
    many = Warehouse(str(tmp_path))
    rows = [
        row(
            NOON + number,
            id=f"f{number}",
            session="",
            bot=True,
            source="log",
            browser=f"Bot{number}",
            path=f"/{number}",
        )
        for number in range(500)
    ]
    many.append(rows, [], {})
    report = whole(many)
    assert (report.fetches, len(report.agents), len(report.pages)) == (500, 200, 200)


def test_nothing_is_a_report_of_nothing(tmp_path: Path) -> None:
    report = whole(Warehouse(str(tmp_path)))
    assert (report.fetches, report.visits, report.kinds, report.agents, report.pages) == (0, 0, (), (), ())
    assert all(not day.fetches for day in report.series)
