"""Amounts of a column: where one of them shows which mark is the decimal one, it holds for all."""

import re
from decimal import Decimal
from typing import Any

from ingest.files.rows import cell_text
from tracker.money import Mark, Money, money

_DECIMALS = re.compile(r"\d([.,])(?:\d{1,2}|\d{4,})(?!\d|[.,]\d)")
_GROUPS = re.compile(r"\d([.,])\d{3}\1\d{3}(?!\d)")


class Amounts:
    """``mark`` is the site's decimal mark, for a column that does not show its own."""

    def __init__(self, mark: Mark = "") -> None:
        self._given = mark
        self._marks = set[Mark]()

    def observe(self, value: Any) -> None:
        """Take note of how a value is written."""
        if not isinstance(value, str) or value.isdigit() or len(value) > 64:
            return
        if found := _GROUPS.search(value):
            self._marks.add("," if found[1] == "." else ".")
        elif found := _DECIMALS.search(value):
            self._marks.add("," if found[1] == "," else ".")

    @property
    def mark(self) -> Mark:
        """The decimal mark; "" where neither the column nor the site tells."""
        return next(iter(self._marks)) if len(self._marks) == 1 else self._given

    def read(self, value: Any, currency: str) -> Money:
        """The amount, as ``tracker.money`` reads it."""
        if isinstance(value, str | int | float | Decimal):
            return money(value, currency, self.mark)
        return money(cell_text(value), currency, self.mark)
