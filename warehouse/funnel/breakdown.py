"""A funnel broken down: by a column of its first step's event, by landing page, by new and returning, by members."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from warehouse.definitions.conditions import CAUSED, PAGEVIEW
from warehouse.definitions.event_order import ORDER
from warehouse.definitions.shares import Share, share_of
from warehouse.definitions.visits import LONGEST_MS
from warehouse.events import Events
from warehouse.funnel.funnel import Found, Rules, search
from warehouse.question.refused import QueryRefused
from warehouse.question.scope import Scope
from warehouse.question.span import Span
from warehouse.question.steps import Step

COLUMNS = ("channel", "origin", "medium", "campaign", "keyword", "device", "browser", "os", "country", "lang")
OTHER = "…"
LANDING, NEW = "landing", "new"
BREAKDOWNS = (*COLUMNS, LANDING, NEW)

_MEMBERS = "select distinct hash({owner}) as owner from {source} where profile in (select unnest($people::varchar[]))"
_LANDING = """
with entries as (
    select session, arg_min(path, ({in_order})) as path from {source} where session <> '' and {pageview} group by 1
), firsts as (
    select hash({owner}) as owner, arg_min(session, ({in_order})) as session from {source}
    where {step} and ({whole} or ts between $began and $ended) group by 1
)
select owner, path as value from firsts join entries using (session)
"""
_EARLIER = f"select distinct profile from events where {CAUSED}"


@dataclass(frozen=True, slots=True)
class FunnelGroup:
    """Visitors at each step, of those whose first event of the first step has ``value``; "…" are the rare values.
    ``conversion``: of those who began, with its interval."""

    value: str
    visitors: tuple[int, ...]
    conversion: float
    conversion_interval: Share

    @classmethod
    def of(cls, value: str, visitors: tuple[int, ...]) -> "FunnelGroup":
        began, finished = visitors[0], visitors[-1]
        return cls(value, visitors, finished / began if began else 0.0, share_of(finished, began))


def breakdown(
    events: Events, site: str, steps: Sequence[Step], rules: Rules, span: Span, by: str, most: int = 12
) -> list[FunnelGroup]:
    """The funnel for each value of ``by`` (of BREAKDOWNS), the largest first: a column of the first step's event; the
    landing page of its visit; or whether they had come before ``span`` ("returning") or not ("new").
    Raises QueryRefused, WarehouseUnavailable."""
    if by in COLUMNS:
        return _by_column(events, site, steps, rules, span, by, most)
    if by == NEW:
        earlier = events.rows(_EARLIER, Scope(site, 0, span.start))
        people = {"returning": [row["profile"] for row in earlier]}
        return breakdown_by_members(events, site, steps, rules, span, people, rest="new")
    if by != LANDING:
        raise QueryRefused("by", f"one of {', '.join(BREAKDOWNS)}, stage, segment")
    found = search(events, site, steps, rules, span)
    condition, params = steps[0].sql("step")
    sql = _LANDING.format(
        pageview=PAGEVIEW,
        owner=rules.owner,
        source=rules.source,
        step=condition,
        in_order=ORDER,
        whole=rules.by_session,
    )
    # The visit of the first step may have begun before the span.
    scope = Scope(site, span.start, span.end)
    scope = scope if rules.by_session else scope.wide(LONGEST_MS)
    table = events.table(sql, scope, {**params, "began": span.start, "ended": span.end - 1})
    owners, values = table["owner"].to_numpy(), np.array(table["value"].to_pylist(), dtype=np.object_)
    names, counts = np.unique(values.astype(np.str_), return_counts=True)
    kept = names[np.argsort(-counts, kind="stable")[:most]].tolist() if len(names) else []
    return _sorted([FunnelGroup.of(name, _counted(found, steps, owners[values == name])) for name in kept])


def breakdown_by_members(
    events: Events,
    site: str,
    steps: Sequence[Step],
    rules: Rules,
    span: Span,
    people: Mapping[str, Collection[str]],
    rest: str = "",
) -> list[FunnelGroup]:
    """The funnel for each of the groups: profile ids by name, who may be in several. With ``rest`` all others are
    one more. Raises QueryRefused, WarehouseUnavailable."""
    found, scope = search(events, site, steps, rules, span), Scope(site, span.start, span.end)
    branches, known = [], []
    for name, ids in people.items():
        sql = _MEMBERS.format(owner=rules.owner, source=rules.source)
        table = events.table(sql, scope, {"people": list(ids)})
        owners = table["owner"].to_numpy()
        branches.append(FunnelGroup.of(name, _counted(found, steps, owners)))
        known.append(owners)
    if rest:
        mine = np.concatenate(known) if known else np.zeros(0, np.uint64)
        branches.append(FunnelGroup.of(rest, _counted(found, steps, mine, others=True)))
    return _sorted(branches)


def _counted(
    found: Found, steps: Sequence[Step], owners: npt.NDArray[np.uint64], others: bool = False
) -> tuple[int, ...]:
    """How many of ``owners`` (or of all the others) reached each step."""
    reached = (found.owners(at) for at in range(len(steps)))
    return tuple(int(np.count_nonzero(np.isin(each, owners, invert=others))) for each in reached)


def _sorted(branches: list[FunnelGroup]) -> list[FunnelGroup]:
    """Without those that nobody began."""
    return sorted(
        (each for each in branches if any(each.visitors)), key=lambda each: (-each.visitors[0], each.value)
    )


def _by_column(
    events: Events,
    site: str,
    steps: Sequence[Step],
    rules: Rules,
    span: Span,
    by: str,
    most: int = 12,
) -> list[FunnelGroup]:
    """The funnel for each value of ``by`` (one of COLUMNS); together they are the whole funnel."""
    found = search(events, site, steps, rules, span)
    condition, params = steps[0].sql("step")
    sql = f"""
        select hash({rules.owner}) as owner, arg_min({by}, ({ORDER})) as value from {rules.source} where {condition}
        group by 1
    """
    table = events.table(sql, Scope(site, span.start, span.end), params).sort_by("owner")
    known = table["owner"].to_numpy()
    values, codes = np.unique(np.array(table["value"].to_pylist(), dtype=np.str_), return_inverse=True)
    counts = np.zeros((len(steps), len(values) + 1), np.int64)
    for step in range(len(steps)):
        # In any order a visitor may reach a step without an event of the first; and events keep arriving.
        owners = found.owners(step)
        at = np.minimum(np.searchsorted(known, owners), max(len(known) - 1, 0))
        hit = known[at] == owners if len(known) else np.zeros(len(owners), np.bool_)
        counts[step] = np.bincount(codes[at[hit]], minlength=len(values) + 1)
        counts[step, -1] = np.count_nonzero(~hit)
    return _branches([*values.tolist(), OTHER], counts, most)


def _branches(
    values: list[str], counts: "np.ndarray[tuple[int, int], np.dtype[np.int64]]", most: int
) -> list[FunnelGroup]:
    order = sorted(range(len(values) - 1), key=lambda at: (-counts[0, at], values[at]))
    branches = [
        FunnelGroup.of(values[at], tuple(counts[:, at].tolist()))
        for at in order[:most]
        if counts[:, at].any()
    ]
    rest = counts[:, [*order[most:], len(values) - 1]].sum(axis=1)
    return [*branches, FunnelGroup.of(OTHER, tuple(rest.tolist()))] if rest.any() else branches
