"""The names of what a score says of a customer. A profile's ``scores`` hold the place of a name in its tuple here."""

from collections.abc import Mapping
from typing import Literal, get_args

Cell = Literal[
    "champions", "loyal", "potential loyalists", "new", "promising", "needs attention", "about to sleep", "at risk",
    "can't lose", "hibernating", "lost",
]  # fmt: skip
"""A cell of the RFM grid: ``customers.rfm.cells``."""

Quadrant = Literal["not worth personalizing", "help to choose", "preferred customer", "one-to-one"]
"""A customer's place by needs and value: ``customers.quadrants``."""

CELLS: tuple[Cell, ...] = get_args(Cell)
QUADRANTS: tuple[Quadrant, ...] = get_args(Quadrant)


SCORED_DAY = "day"
"""Among a profile's scores: the day that the others are of, in days since 1970 (UTC)."""

_COMPUTED = {
    "recency", "frequency", "monetary", "cell", "quadrant", "group", "churn",
    "next_order", "clv", "clv_low", "clv_high", "contribution", SCORED_DAY,
}  # fmt: skip
"""``churn`` was computed by earlier releases."""


def is_computed(score: str) -> bool:
    """Whether the daily run of the scores writes the score of this name, or did; what is not told any more, goes."""
    return score in _COMPUTED or score.startswith("risk")


def cell_of(scores: Mapping[str, float]) -> Cell | None:
    """The RFM cell that a profile's scores tell; None where they tell none."""
    place = scores.get("cell")
    return CELLS[int(place)] if place is not None and 0 <= place < len(CELLS) else None


def quadrant_of(scores: Mapping[str, float]) -> Quadrant | None:
    """The quadrant that a profile's scores tell; None where they tell none."""
    place = scores.get("quadrant")
    return QUADRANTS[int(place)] if place is not None and 0 <= place < len(QUADRANTS) else None
