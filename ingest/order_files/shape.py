"""What a kind of file is made of: files of orders, and files of events that have orders among them."""

from collections.abc import Callable, Sequence
from typing import Literal, NamedTuple

from ingest.files.columns import Names, Needed
from ingest.order_files.fields import NEEDED
from ingest.order_files.presets import Preset, fields_of

Meaning = Literal["sale", "refund", ""]

_SALES = frozenset({"", "purchase", "transaction", "order", "order_completed", "buy", "sale", "orders"})
_REFUNDS = frozenset({"refund", "order_refunded", "return"})


class Shape(NamedTuple):
    """``meaning``: what the word for an event means for orders. ``numbered``: a row without the order's number is
    refused where there is such a column. ``zero_is_nobody``: shops write 0 for a guest, data sets count from 0."""

    kind: str
    fields: Callable[[Preset], Names]
    needed: Sequence[Needed]
    meaning: Callable[[str], Meaning]
    numbered: bool = True
    zero_is_nobody: bool = True


def _meaning(word: str) -> Meaning:
    plain = word.lower().replace(" ", "_")
    return "sale" if plain in _SALES else "refund" if plain in _REFUNDS else ""


ORDERS = Shape("orders", fields_of, NEEDED, _meaning)
