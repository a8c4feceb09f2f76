"""The orders of a scan: each once, at its first event, however often it is reported."""

from dataclasses import dataclass

import numpy as np

from warehouse.index.encoded import Codes, Longs
from warehouse.index.scan import Scan, starts
from warehouse.question.span import Span


@dataclass(frozen=True, slots=True)
class Orders:
    """``visit`` among those of all blocks, one block's behind the other's, -1 for none; ``wall`` ms of the site's
    clock; ``orders`` 1, or 0 where it is a refund alone."""

    visit: Longs
    wall: Longs
    orders: Longs
    revenue: Codes

    def by(self, group: Longs, groups: int) -> tuple[Codes, Codes]:
        """Orders and revenue of each group; ``group`` says each one's, -1 for none."""
        some = group >= 0
        orders, revenue = (
            np.bincount(group[some], each[some], groups) for each in (self.orders, self.revenue)
        )
        return orders.astype(np.int64), revenue


def orders_of(scan: Scan, span: Span) -> Orders:
    """See ``warehouse.definitions.orders.ORDERS``, which says the same in SQL."""
    columns: dict[str, list[Codes]] = {
        name: [] for name in ("key", "visit", "ts", "revenue", "completed", "outside")
    }
    offset = 0
    for block in scan.blocks:
        once = {name: block.orders[name].to_numpy() for name in block.orders.column_names}
        once = {name: values[~once["repeated"]] for name, values in once.items()}
        row = once["row"]
        visit = np.searchsorted(block.first, row, "right") - 1 + offset
        columns["visit"].append(np.where(row < block.first[-1], visit, -1))
        columns["ts"].append(block.at[row].astype(np.int64) + block.base)
        for name in ("key", "revenue", "completed", "outside"):
            columns[name].append(once[name])
        offset += len(block.visits)
    every = {name: np.concatenate(values) for name, values in columns.items()}
    order = np.lexsort((every["ts"], every["key"]))
    first = np.flatnonzero(starts(every["key"][order]))
    chosen, completed = order[first], every["completed"][order].astype(np.int64)
    told = np.lexsort((every["ts"], every["outside"], every["key"]))[first]  # by the site itself, if it is
    return Orders(
        visit=every["visit"][chosen],
        wall=span.wall(every["ts"][chosen]),
        orders=np.maximum.reduceat(completed, first) if len(first) else completed,
        revenue=every["revenue"][told],
    )
