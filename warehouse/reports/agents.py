"""AI agents and crawlers: who reads which page, and how many visits assistants send there in turn. Never a visit.

A fetch is told by the shop's server: by its access log, or by the middleware (``tracker.middleware``). Agents that run
a page's JavaScript send page views as browsers do: those are ``rendered`` and are no further fetches. An agent is what
its user agent says, and anybody may say that they are Googlebot.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import date
from typing import Any

from tracker.agents.agents import KINDS, Agent, known_agents
from warehouse.events import Events
from warehouse.question.scope import Scope
from warehouse.question.span import Span, date_of
from warehouse.reports.filtered import BETWEEN, filtered
from warehouse.reports.overview import overview

LIMIT = 200
ENTRY_PAGES = 10_000
"""Entry pages of assistants' visits that are looked at."""

_KNOWN = """
select unnest(string_split($names, $between)) as name, unnest(string_split($kinds, $between)) as kind
"""
_FETCHES = """
select browser as agent, coalesce(kind, 'other') as kind, path, ts, demo, source in ('log', 'api') as fetched,
       fetched and coalesce(try_cast(props ->> '$.status' as integer), 0) >= 400 as failed
from events left join known on browser = known.name
where bot and type = 'page' and channel <> 'spam'
"""
_ASKED = "from fetches where ($kind = '' or kind = $kind) and ($agent = '' or agent = $agent)"
_COUNTS = """
count(*) filter (fetched) as fetches, count(*) filter (not fetched) as rendered, count(*) filter (failed) as failed,
count(distinct path) as pages, max(ts) as last
"""
_QUERIES = {
    "whole": f"select {_COUNTS}, coalesce(bool_or(demo), false) as demo {_ASKED}",
    "kinds": """
        select kind, count(distinct agent) as agents, count(*) filter (fetched) as fetches from fetches group by 1
    """,
    "agents": f"""
        select agent as name, any_value(kind) as kind, {_COUNTS} {_ASKED}
        group by 1 order by fetches desc, rendered desc, 1 limit $most
    """,
    "pages": f"""
        select path, {_COUNTS}, count(distinct agent) as agents,
               count(*) filter (fetched and kind = 'assistant') as assistants {_ASKED}
        group by 1 order by fetches desc, rendered desc, 1 limit $most
    """,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class KindFigures:
    """Of the whole period, whatever kind and agent are asked for."""

    kind: str
    agents: int
    fetches: int


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentFigures:
    """``operator`` is "" where nobody knows. ``failed``: fetches that were answered with status 400 or above, where the
    status is known. ``rendered``: pages whose JavaScript ran. ``last``: ms since the epoch."""

    name: str
    operator: str
    kind: str
    fetches: int
    rendered: int
    failed: int
    pages: int
    last: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadPage:
    """``agents``: how many read it; ``assistants``: of the fetches, those by AI assistants. ``visits`` that assistants'
    answers sent there: visits of the channel AI assistant that began on it."""

    path: str
    fetches: int
    rendered: int
    failed: int
    agents: int
    assistants: int
    visits: int
    last: int


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentDay:
    day: date
    fetches: int
    rendered: int
    assistants: int


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentReport:
    """``series`` has every day of the span. ``visits``: all of the channel AI assistant."""

    fetches: int
    rendered: int
    failed: int
    pages_read: int
    visits: int
    demo: bool
    kinds: tuple[KindFigures, ...]
    agents: tuple[AgentFigures, ...]
    pages: tuple[ReadPage, ...]
    series: tuple[AgentDay, ...]


def agent_report(
    events: Events, site: str, span: Span, currency: str, kind: str = "", agent: str = "", most: int = LIMIT
) -> AgentReport:
    """What agents of ``kind`` (of KINDS, "" for all), or the one named ``agent``, read on ``site`` in ``span``; lists
    hold at most ``most``, those with the most fetches first. Raises WarehouseUnavailable."""
    known = known_agents()
    params: dict[str, Any] = {
        "names": BETWEEN.join(known),
        "kinds": BETWEEN.join(each.kind for each in known.values()),
        "between": BETWEEN,
        "kind": kind,
        "agent": agent,
        "most": most,
    }
    days = f"""
        select {span.day("ts")} as day, count(*) filter (fetched) as fetches, count(*) filter (not fetched) as rendered,
               count(*) filter (fetched and kind = 'assistant') as assistants {_ASKED} group by 1
    """
    scope = Scope(site, span.start, span.end, bots=True)
    tables = events.tables({**_QUERIES, "days": days}, scope, params, {"known": _KNOWN, "fetches": _FETCHES})
    rows = {name: table.to_pylist() for name, table in tables.items()}
    sent = overview(filtered(events, {"channel": "AI assistant"}), site, span, currency, ENTRY_PAGES)
    entries = {entry.name: entry.sessions for entry in sent.entries}
    (whole,) = rows["whole"]
    return AgentReport(
        fetches=whole["fetches"],
        rendered=whole["rendered"],
        failed=whole["failed"],
        pages_read=whole["pages"],
        visits=sent.sessions,
        demo=whole["demo"] or sent.demo,
        kinds=_kinds(rows["kinds"]),
        agents=tuple(
            AgentFigures(operator=known.get(row["name"], Agent("")).operator, **row) for row in rows["agents"]
        ),
        pages=tuple(_page(row, entries) for row in rows["pages"]),
        series=_series(span, rows["days"]),
    )


def _kinds(rows: Iterable[dict[str, Any]]) -> tuple[KindFigures, ...]:
    """Those that occur, in the order of KINDS."""
    found = {row["kind"]: KindFigures(**row) for row in rows}
    return tuple(found[kind] for kind in KINDS if kind in found)


def _page(row: dict[str, Any], entries: dict[str, int]) -> ReadPage:
    del row["pages"]
    return ReadPage(visits=entries.get(row["path"], 0), **row)


def _series(span: Span, rows: Iterable[dict[str, Any]]) -> tuple[AgentDay, ...]:
    found = {day: AgentDay(day=day, fetches=0, rendered=0, assistants=0) for day in span.days()}
    for row in rows:
        day = date_of(row.pop("day"))
        found[day] = replace(found[day], **row)
    return tuple(found.values())
