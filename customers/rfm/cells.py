"""The cell of the RFM grid that each customer stands in, by marketers' names; ``docs/counting.md`` shows the grid.

Rows are fifths of recency, columns the mean of frequency and monetary value, rounded half up. A customer with one order
is in the first column: frequency is a rank, and where most customers ordered once, their fifth is not the lowest.
"""

import numpy as np
from numpy.typing import NDArray

from customers.rfm.fifths import Fifths, Floats
from profiles.standing import CELLS, Cell

FEWEST_CUSTOMERS = 20
"""With fewer, a fifth is three people or fewer, and a name such as "champions" says nothing."""

GRID: tuple[tuple[Cell, ...], ...] = (
    ("lost", "lost", "at risk", "at risk", "can't lose"),
    ("hibernating", "hibernating", "at risk", "at risk", "can't lose"),
    ("about to sleep", "about to sleep", "needs attention", "loyal", "loyal"),
    ("promising", "potential loyalists", "potential loyalists", "loyal", "loyal"),
    ("new", "potential loyalists", "potential loyalists", "champions", "champions"),
)
"""By fifth of recency, then column; both from 1."""

_CODES = np.array([[CELLS.index(cell) for cell in row] for row in GRID], np.int8)


def cells(recency: Fifths, frequency: Fifths, monetary: Fifths, orders: Floats) -> NDArray[np.int8]:
    """(n,): each customer's cell as its place in ``CELLS``; ``orders`` (n,) are the orders of each."""
    column = (frequency.astype(int) + monetary + 1) // 2
    column[orders <= 1] = 1
    found: NDArray[np.int8] = _CODES[recency.astype(int) - 1, column - 1]
    return found
