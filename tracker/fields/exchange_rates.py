"""A site's own exchange rates: what one unit of a currency is worth in the site's, from which day on."""

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from datetime import date
from decimal import Decimal
from itertools import pairwise

from tracker.currencies import iso_code

Rates = Mapping[str, Sequence[tuple[str, float]]]
"""Currency → (day as 2026-11-30, rate), by day."""

DAYS = 20_000
"""Rates of one currency, at most."""
LARGEST = 1e9


def rate(rates: Rates, currency: str, day: str) -> Decimal | None:
    """The latest rate of ``currency`` that is not newer than ``day``, if there is one."""
    dated = rates.get(currency, ())
    place = bisect_right(dated, day, key=lambda each: each[0])
    return Decimal(repr(dated[place - 1][1])) if place else None


def with_rate(
    rates: Rates, currency: str, day: str, value: float
) -> dict[str, tuple[tuple[str, float], ...]]:
    """The rates with this one; without the one of this day where ``value`` is 0."""
    changed = {name: tuple(dated) for name, dated in rates.items() if name != currency}
    kept = sorted(each for each in {**dict(rates.get(currency, ())), day: value}.items() if each[1])
    return {**changed, currency: tuple(kept)} if kept else changed


def refused(rates: Rates, own: str) -> str:
    """What is wrong with the rates of a site whose currency is ``own``; "" when nothing is."""
    for currency, dated in rates.items():
        if iso_code(currency) != currency:
            return f"rates: {currency[:100]!r} is no currency of ISO 4217, such as USD"
        if currency == own:
            return f"rates: {currency} is the site's own currency, whose rate is 1"
        if len(dated) > DAYS:
            return f"rates of {currency}: more than {DAYS:,}"
        days = [day for day, _ in dated]
        if wrong := next((day for day in days if not _is_day(day)), None):
            return f"rates of {currency}: {wrong[:100]!r} is no day, such as 2026-11-30"
        if any(one >= later for one, later in pairwise(days)):
            return f"rates of {currency}: the days are not in order, or one is there twice"
        if not all(0 < value < LARGEST for _, value in dated):
            return f"rates of {currency}: a rate is a number above 0"
    return ""


def _is_day(text: str) -> bool:
    try:
        return date.fromisoformat(text).isoformat() == text
    except ValueError:
        return False
