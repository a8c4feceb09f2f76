"""Conversions: orders that stand, or the visits in which a goal was reached."""

from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from warehouse.attribution.visits import Visits
from warehouse.definitions.currencies import OTHERS, CurrencySum, currency_sums
from warehouse.definitions.visits import LONGEST_MS
from warehouse.events import Events
from warehouse.index.encoded import EncodedEvents, Hashes, Longs
from warehouse.index.scan import Scan, starts
from warehouse.question.scope import Scope
from warehouse.question.span import Span
from warehouse.question.steps import Step

_ORDERS = """
select hash(session) as session, session <> '' as visited, hash(profile) as profile, ts, orders, revenue
from net_orders where currency = '' and (orders > 0 or revenue <> 0) order by ts, key
"""
_REACHED = """
select hash(session) as session, session <> '' as visited, hash(profile) as profile, ts from events
where {condition} order by ts, id
"""


@dataclass(frozen=True, slots=True)
class Conversions:
    """One a row. ``person`` is a number of the scan's people, -1 for somebody who is not among them; ``visit`` the
    visit in which it happened (a row of Visits), -1 for none. ``counts`` is 1, and 0 for a credit note, whose
    ``revenue`` (ten-thousandths) is below nothing."""

    person: Longs
    ts: Longs
    visit: Longs
    counts: Longs
    revenue: Longs


def orders(
    events: Events, scan: Scan, visits: Visits, site: str, span: Span, currency: str
) -> tuple[Conversions, tuple[CurrencySum, ...]]:
    """The orders of ``span`` that stand, at their own time, with their net revenue in ``currency``; and those in
    other currencies, which are attributed to nobody."""
    scope = Scope(site, span.start, span.end, currency=currency)
    found = events.tables({"orders": _ORDERS, "others": OTHERS}, scope)
    table = found["orders"]
    counts, revenue = (table[name].to_numpy().astype(np.int64) for name in ("orders", "revenue"))
    return _placed(table, scan, visits, counts, revenue), currency_sums(found["others"])


def goals(events: Events, scan: Scan, visits: Visits, site: str, span: Span, step: Step) -> Conversions:
    """Where ``step`` was reached in ``span``: once a visit, at the first time, which may have been before the span;
    each time outside of visits."""
    since = span.start - LONGEST_MS
    if step.indexed:
        table = _scanned(events.scan(site, since, span.end), step)
    else:
        condition, params = step.sql("goal")
        scope = Scope(site, since, span.end)
        table = events.table(_REACHED.format(condition=condition), scope, params)
    session, ts = table["session"].to_numpy(), table["ts"].to_numpy()
    outside = ~table["visited"].to_numpy(zero_copy_only=False)
    order = np.lexsort((ts, session, outside))
    first = starts(session[order]) | outside[order]
    here = np.sort(order[first])
    table = table.take(pa.array(here[ts[here] >= span.start]))
    ones = np.ones(len(table), np.int64)
    return _placed(table, scan, visits, ones, np.zeros(len(table), np.int64))


def _scanned(scan: Scan, step: Step) -> pa.Table:
    condition, params = step.sql("goal")
    is_goal = scan.query_labels(f"{condition} as goal", params)["goal"].to_numpy().astype(np.bool_)

    def part(index: int, block: EncodedEvents) -> pa.Table:
        rows = np.flatnonzero(scan.block_labels(index, is_goal)[block.label])
        visited = rows < block.first[-1]
        session = np.zeros(len(rows), np.uint64)
        visit = np.searchsorted(block.first, rows[visited], "right") - 1
        session[visited] = block.visits[visit]
        profile = scan.people[scan.persons[index][block.profile[rows]]]
        ts = block.at[rows].astype(np.int64) + block.base
        return pa.table({"session": session, "visited": visited, "profile": profile, "ts": ts})

    return pa.concat_tables(scan.map(part))


def _placed(table: pa.Table, scan: Scan, visits: Visits, counts: Longs, revenue: Longs) -> Conversions:
    """The rows of ``table``, with the hashes of profiles and sessions found in ``scan``."""
    profile, session = table["profile"].to_numpy(), table["session"].to_numpy()
    visited = table["visited"].to_numpy(zero_copy_only=False)
    visit, offset = np.full(len(table), -1), 0
    for block in scan.blocks:
        at = _found(block.visits, session)
        here = visited & (at >= 0)
        visit[here] = visits.place[at[here] + offset]
        offset += len(block.visits)
    return Conversions(
        _found(scan.people, profile), table["ts"].to_numpy().astype(np.int64), visit, counts, revenue
    )


def _found(known: Hashes, wanted: Hashes) -> Longs:
    """Where each of ``wanted`` stands among the sorted ``known``, -1 for nowhere."""
    if not len(known):
        return np.full(len(wanted), -1)
    at = np.minimum(np.searchsorted(known, wanted), len(known) - 1)
    return np.where(known[at] == wanted, at, -1)
