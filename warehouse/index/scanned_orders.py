"""The net orders of a scan: in which of its visits each was placed."""

from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from warehouse.index.encoded import Codes, Longs
from warehouse.index.scan import Scan
from warehouse.question.span import Span

ORDERS = """
select hash(session) as session, session <> '' as visited, ts, orders, revenue from net_orders
where currency = '' and (orders > 0 or revenue <> 0)
"""


@dataclass(frozen=True, slots=True)
class ScannedOrders:
    """Orders in the site's currency. ``visit`` among those of all blocks, one block's behind the other's, -1 for none;
    ``wall`` ms of the site's clock; ``orders`` 1, or 0 for a credit note; ``revenue`` in ten-thousandths."""

    visit: Longs
    wall: Longs
    orders: Longs
    revenue: Longs

    def by(self, group: Longs, groups: int) -> tuple[Longs, Longs]:
        """Orders and revenue of each group; ``group`` says each one's, -1 for none."""
        some = group >= 0
        return sums(group[some], self.orders[some], groups), sums(group[some], self.revenue[some], groups)


def scanned_orders(table: pa.Table, scan: Scan, span: Span) -> ScannedOrders:
    """The answer to ORDERS, which were placed in ``span``, along the visits of ``scan``."""
    table = table.sort_by("session")  # five times as quick to search for
    session, visited, ts, orders, revenue = (
        table[name].to_numpy() for name in ("session", "visited", "ts", "orders", "revenue")
    )
    visit, offset = np.full(len(table), -1), 0
    for block in scan.blocks:
        if len(block.visits):
            at = np.minimum(np.searchsorted(block.visits, session), len(block.visits) - 1)
            found = visited & (block.visits[at] == session)
            visit[found] = at[found] + offset
        offset += len(block.visits)
    return ScannedOrders(visit, span.wall(ts), orders, revenue)


def sums(group: Codes, values: Longs, groups: int) -> Longs:
    """The sum of each group's values; exact, unlike those that numpy.bincount makes of weights."""
    found = np.zeros(groups, np.int64)
    np.add.at(found, group, values)
    return found
