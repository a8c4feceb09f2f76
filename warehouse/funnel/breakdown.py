"""A funnel's visitors by what they have in common, and one by one: who went on, who dropped out."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from warehouse.events import Events
from warehouse.funnel.funnel import Found, Rules, search
from warehouse.question.refused import QueryRefused
from warehouse.question.scope import Scope
from warehouse.question.span import Span
from warehouse.question.steps import Step

COLUMNS = ("channel", "origin", "medium", "campaign", "keyword", "device", "browser", "os", "country", "lang")
OTHER = "…"


@dataclass(frozen=True, slots=True)
class FunnelGroup:
    """Visitors at each step, of those whose first event of the first step has ``value``; "…" are the rare values."""

    value: str
    visitors: tuple[int, ...]


def breakdown(
    events: Events,
    site: str,
    steps: Sequence[Step],
    rules: Rules,
    span: Span,
    by: str,
    most: int = 12,
) -> list[FunnelGroup]:
    """The funnel for each value of ``by`` (one of COLUMNS); together they are the whole funnel. Largest first."""
    if by not in COLUMNS:
        raise QueryRefused("by", f"one of {', '.join(COLUMNS)}")
    found = search(events, site, steps, rules, span)
    owner = "session" if rules.by_session else "profile"
    condition, params = steps[0].sql("step")
    sql = f"select hash({owner}) as owner, arg_min({by}, (ts, id)) as value from events where {condition} group by 1"
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


def people(
    events: Events,
    site: str,
    steps: Sequence[Step],
    rules: Rules,
    span: Span,
    step: int,
    beyond: bool | None = False,
    most: int = 10_000,
) -> list[str]:
    """Profile ids of who reached ``step`` (from 0) and got no further; with ``beyond`` who did get to the next
    one, with None both. At most ``most``, by id."""
    if not 0 <= step < len(steps) - (beyond is not None):
        raise QueryRefused(
            "step", "no such step" if step < 0 or step >= len(steps) else "the last step has no next"
        )
    return who(events, site, search(events, site, steps, rules, span), rules, span, step, beyond, most)


def who(
    events: Events,
    site: str,
    found: Found,
    rules: Rules,
    span: Span,
    step: int,
    beyond: bool | None,
    most: int,
) -> list[str]:
    """The same, of a search already made."""
    owner = "session" if rules.by_session else "profile"
    sql = f"""
        select distinct profile from events
        where hash({owner}) in (select unnest($owners::ubigint[])) order by profile limit $most
    """
    params = {"owners": found.owners(step, beyond).tolist(), "most": most}
    return [row["profile"] for row in events.rows(sql, Scope(site, span.start, span.end), params)]


def _branches(
    values: list[str], counts: "np.ndarray[tuple[int, int], np.dtype[np.int64]]", most: int
) -> list[FunnelGroup]:
    order = sorted(range(len(values) - 1), key=lambda at: (-counts[0, at], values[at]))
    branches = [
        FunnelGroup(values[at], tuple(counts[:, at].tolist())) for at in order[:most] if counts[:, at].any()
    ]
    rest = counts[:, [*order[most:], len(values) - 1]].sum(axis=1)
    return [*branches, FunnelGroup(OTHER, tuple(rest.tolist()))] if rest.any() else branches
