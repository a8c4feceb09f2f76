"""What an import of customers or calls has read and told."""

from collections import Counter

import msgspec


class ContactSummary(msgspec.Struct):
    """``erased``: rows of people who were erased since. ``events``: what was told, by name; ``unchanged``: rows that
    the warehouse knows as they are. ``refusals_kept``: customers who refused before, and agree in the file."""

    rows: int = 0
    customers: int = 0
    granted: int = 0
    refused: int = 0
    erased: int = 0
    unchanged: int = 0
    refusals_kept: int = 0
    events: Counter[str] = msgspec.field(default_factory=Counter)
    outcomes: Counter[str] = msgspec.field(default_factory=Counter)
