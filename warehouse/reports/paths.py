"""Paths: what visits do next, step by step, from or to a page or an event."""

from dataclasses import dataclass
from typing import Literal

import numpy as np

from warehouse.definitions.conditions import CAUSED, PAGEVIEW
from warehouse.definitions.event_order import ORDER
from warehouse.events import Events
from warehouse.index.encoded import Codes, EncodedEvents, Longs
from warehouse.index.scan import Scan, starts
from warehouse.question.refused import QueryRefused
from warehouse.question.scope import Scope
from warehouse.question.span import Span
from warehouse.question.steps import Step

DEPTH_LIMIT = 6
OTHER = "…"
END = ""

_NAME = f"(case when {PAGEVIEW} then 'page:' || path else 'event:' || name end)"

_PATHS = """
with deeds as (
    select session, {name} as name, {anchor} as anchor,
           row_number() over (partition by session order by {in_order}) as place
    from visit_events where {caused}
), steps as (
    -- The same again and again (a reload, a second photo) is one step.
    select session, place, name, anchor from deeds window visit as (partition by session order by place)
    qualify name is distinct from lag(name) over visit or (anchor and not lag(anchor) over visit)
), begins as (
    select session, {first}(place) as place from steps where anchor group by session
), ways as (
    select s.session, list(s.name order by s.place {order})[1:{depth}] as way
    from steps s join begins b using (session) where s.place {beyond} b.place group by s.session
)
select way, count(*) as visits from ways group by way
"""


@dataclass(frozen=True, slots=True)
class Flow:
    """``visits`` that went from ``source`` at ``depth`` (0 is the anchor) to ``target`` right after (or, on the way
    to the anchor, right before). AliasCache are page:PATH or event:NAME; "…" for all the rare ones, "" for the end."""

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
    if anchor is None or anchor.indexed:
        ways = _scanned(events.visits(site, span.start, span.end).scan, anchor, direction, depth)
    else:
        ways = _queried(events, site, span, anchor, direction, depth)
    return Paths(int(ways.visits.sum()), tuple(_flows(ways, depth, most)))


@dataclass(frozen=True, slots=True)
class _Ways:
    """``steps[d]``: for each way the number of its name (of ``names``) at depth d, -1 behind its end; ``visits``: how
    many went it."""

    steps: Longs
    visits: Longs
    names: list[str]


def _queried(events: Events, site: str, span: Span, anchor: Step | None, direction: str, depth: int) -> _Ways:
    """From SQL."""
    text, params = anchor.sql("anchor") if anchor else ("true", {})
    sql = _PATHS.format(
        name=_NAME,
        caused=CAUSED,
        in_order=ORDER,
        anchor=text,
        first="min" if direction == "from" else "max",
        order="asc" if direction == "from" else "desc",
        beyond=">=" if direction == "from" else "<=",
        depth=depth + 1,
    )
    rows = events.rows(sql, Scope(site, span.start, span.end), params)
    numbers: dict[str, int] = {}
    steps = np.full((depth + 1, len(rows)), -1)
    for index, row in enumerate(rows):
        for at, name in enumerate(row["way"]):
            steps[at, index] = numbers.setdefault(name, len(numbers))
    return _Ways(steps, np.array([row["visits"] for row in rows], np.int64), list(numbers))


def _scanned(scan: Scan, anchor: Step | None, direction: str, depth: int) -> _Ways:
    """From a scan: one way a visit."""
    text, params = anchor.sql("anchor") if anchor else ("true", {})
    answer = scan.query_labels(
        f"{_NAME} as name, {CAUSED} as caused, coalesce({text}, false) as anchor", params
    )
    names = answer["name"].combine_chunks().dictionary_encode()
    name_of = names.indices.to_numpy().astype(np.int32)
    caused, is_anchor = (answer[column].to_numpy().astype(np.bool_) for column in ("caused", "anchor"))

    def part(index: int, block: EncodedEvents) -> Codes:
        label = block.label
        visit = np.repeat(np.arange(len(block.visits), dtype=np.int32), np.diff(block.first))
        deeds = scan.block_labels(index, caused)[label]
        if not deeds.all():
            label, visit = label[deeds], visit[deeds]
        name, anchored = scan.block_labels(index, name_of)[label], scan.block_labels(index, is_anchor)[label]
        # The same again and again (a reload, a second photo) is one step.
        step = np.ones(len(label), np.bool_)
        step[1:] = (visit[1:] != visit[:-1]) | (name[1:] != name[:-1]) | (anchored[1:] & ~anchored[:-1])
        visit, name, anchored = visit[step], name[step], anchored[step]
        begins = np.flatnonzero(anchored)
        first = starts(visit[begins])
        if direction == "to":
            first = np.append(first[1:], np.ones(min(len(first), 1), np.bool_))
        begins = begins[first]
        steps: Codes = np.full((depth + 1, len(begins)), -1, np.int32)
        for at in range(depth + 1):
            rows = begins + at if direction == "from" else begins - at
            inside = (rows >= 0) & (rows < len(visit))
            rows = np.where(inside, rows, 0)
            steps[at] = np.where(inside & (visit[rows] == visit[begins]), name[rows], -1)
        return steps

    steps = np.concatenate(scan.map(part), axis=1)
    return _Ways(steps, np.ones(steps.shape[1], np.int64), names.dictionary.to_pylist())


def _flows(ways: _Ways, depth: int, most: int) -> list[Flow]:
    """Count what follows what, after folding the rare names at each depth."""
    names = [*ways.names, OTHER, END]
    other, end = len(ways.names), len(ways.names) + 1
    folded = []
    for step in ways.steps:
        going = step >= 0
        counts = np.bincount(step[going], ways.visits[going], len(ways.names))
        ranked = sorted(np.flatnonzero(counts).tolist(), key=lambda code: (-counts[code], names[code]))
        kept = np.full(len(names), other)
        kept[ranked[:most]] = ranked[:most]
        folded.append(np.where(going, kept[step], end))
    flows: dict[tuple[int, str, str], int] = {}
    for at in range(depth):
        going = folded[at] != end
        pairs, codes = np.unique(folded[at][going] * len(names) + folded[at + 1][going], return_inverse=True)
        visits = np.bincount(codes, ways.visits[going], len(pairs))
        for pair, count in zip(pairs.tolist(), visits.tolist(), strict=True):
            source, target = divmod(pair, len(names))
            flows[at, names[source], names[target]] = int(count)
    ordered = sorted(flows.items(), key=lambda flow: (flow[0][0], -flow[1], flow[0]))
    return [Flow(*key, visits) for key, visits in ordered]
