"""Paths: what visits do next, step by step, from or to a page or an event."""

from dataclasses import dataclass
from typing import Literal

from warehouse.refused import QueryRefused
from warehouse.scope import Events, Scope
from warehouse.span import Span
from warehouse.steps import Step
from warehouse.visits import CAUSED, PAGEVIEW

DEPTH_LIMIT = 6
OTHER = "…"
END = ""

_PATHS = """
with deeds as (
    select session, ts, id, case when {pageview} then 'page:' || path else 'event:' || name end as name,
           {anchor} as anchor
    from events where session <> '' and {caused}
), steps as (
    -- The same again and again (a reload, a second photo) is one step.
    select session, ts, id, name, anchor from deeds
    window visit as (partition by session order by ts, id)
    qualify name is distinct from lag(name) over visit or (anchor and not lag(anchor) over visit)
), begins as (
    select session, arg_{first}(ts, (ts, id)) as ts, arg_{first}(id, (ts, id)) as id from steps where anchor
    group by session
), ways as (
    select s.session, list(s.name order by s.ts {order}, s.id {order})[1:{depth}] as way
    from steps s join begins b using (session) where (s.ts, s.id) {beyond} (b.ts, b.id) group by s.session
)
select way, count(*) as visits from ways group by way
"""


@dataclass(frozen=True, slots=True)
class Flow:
    """``visits`` that went from ``source`` at ``depth`` (0 is the anchor) to ``target`` right after (or, on the way
    to the anchor, right before). Names are page:PATH or event:NAME; "…" for all the rare ones, "" for the end."""

    depth: int
    source: str
    target: str
    visits: int


@dataclass(frozen=True, slots=True)
class Paths:
    visits: int
    flows: tuple[Flow, ...]


def paths(
    events: Events,
    site: str,
    span: Span,
    anchor: Step | None = None,
    direction: Literal["from", "to"] = "from",
    depth: int = 4,
    most: int = 8,
) -> Paths:
    """The ways of visits from (or to) their first (or last) event of ``anchor``, else from their entry (or to
    their exit): up to ``depth`` steps, at each the ``most`` frequent, the others folded. Raises QueryRefused."""
    if not 1 <= depth <= DEPTH_LIMIT:
        raise QueryRefused("depth", f"from 1 to {DEPTH_LIMIT}")
    if direction not in ("from", "to"):
        raise QueryRefused("direction", "from or to")
    text, params = anchor.sql("anchor") if anchor else ("true", {})
    sql = _PATHS.format(
        pageview=PAGEVIEW,
        caused=CAUSED,
        anchor=text,
        first="min" if direction == "from" else "max",
        order="asc" if direction == "from" else "desc",
        beyond=">=" if direction == "from" else "<=",
        depth=depth + 1,
    )
    ways = [
        (tuple(row["way"]), row["visits"])
        for row in events.rows(sql, Scope(site, span.start, span.end), params)
    ]
    return Paths(sum(visits for _, visits in ways), tuple(_flows(ways, depth, most)))


def _flows(ways: list[tuple[tuple[str, ...], int]], depth: int, most: int) -> list[Flow]:
    """Count what follows what, after folding the rare names at each depth."""
    folded = [(list(way), visits) for way, visits in ways]
    for at in range(depth + 1):
        counts: dict[str, int] = {}
        for way, visits in folded:
            if at < len(way):
                counts[way[at]] = counts.get(way[at], 0) + visits
        kept = set(sorted(counts, key=lambda name: (-counts[name], name))[:most])
        for way, _ in folded:
            if at < len(way) and way[at] not in kept:
                way[at] = OTHER
    flows: dict[tuple[int, str, str], int] = {}
    for way, visits in folded:
        for at in range(min(len(way), depth)):
            key = (at, way[at], way[at + 1] if at + 1 < len(way) else END)
            flows[key] = flows.get(key, 0) + visits
    ordered = sorted(flows.items(), key=lambda flow: (flow[0][0], -flow[1], flow[0]))
    return [Flow(*key, visits) for key, visits in ordered]
