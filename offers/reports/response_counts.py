"""Counts of responses: one row of a campaign's report, with click rate and conversion rate."""

import math
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import NamedTuple

from offers.experiments.intervals import Interval, wilson
from offers.feedback.attribution import Impression
from warehouse.definitions.currencies import CurrencySum
from warehouse.definitions.shares import Share, share_of


class ResponseCounts(NamedTuple):
    """Counts of one row of the report. ``decisions`` is None where the number is not known: for a part of a day, for
    days longer ago than decision counts are kept, and in a breakdown by what visitors have become since. ``revenue`` is
    in the site's currency; of conversions in another one it is in ``other_currencies``. ``clicked`` and ``converted``:
    how many of the ``visitors``, who saw it, did so."""

    name: str
    impressions: int = 0
    clicks: int = 0
    dismissals: int = 0
    conversions: int = 0
    revenue: float = 0.0
    visitors: int = 0
    decisions: int | None = None
    other_currencies: tuple[CurrencySum, ...] = ()
    clicked: int = 0
    converted: int = 0

    @property
    def ctr(self) -> Interval:
        """Of those who saw it the part who clicked: a person who sees it often is no more than one."""
        return wilson(self.clicked, self.visitors)

    @property
    def click_share(self) -> Share:
        """The same as a page tells it."""
        return share_of(self.clicked, self.visitors)

    @property
    def conversion_rate(self) -> Interval:
        """Of those who saw it the part whose conversion is credited to it."""
        return wilson(self.converted, self.visitors)


def count_responses(
    name: str, impressions: Sequence[Impression], decisions: int | None = None
) -> ResponseCounts:
    """One row named ``name``."""
    return ResponseCounts(
        name,
        len(impressions),
        sum(each.clicked is not None for each in impressions),
        sum(each.dismissed for each in impressions),
        sum(each.converted is not None for each in impressions),
        round(math.fsum(each.value for each in impressions), 4),
        len({each.profile for each in impressions}),
        decisions,
        _others(impressions),
        len({each.profile for each in impressions if each.clicked is not None}),
        len({each.profile for each in impressions if each.converted is not None}),
    )


def _others(impressions: Sequence[Impression]) -> tuple[CurrencySum, ...]:
    paid: dict[str, list[float]] = {}
    for each in impressions:
        for currency, revenue in each.others:
            paid.setdefault(currency, []).append(revenue)
    sums = [CurrencySum(name, len(each), round(math.fsum(each), 4)) for name, each in paid.items()]
    return tuple(sorted(sums, key=lambda each: (-each.orders, each.currency)))


def break_down(
    impressions: Iterable[Impression],
    name_of: Callable[[Impression], str],
    decisions: Mapping[str, int] | None,
) -> list[ResponseCounts]:
    """A row for each name that impressions or decisions have, in order of the names."""
    groups: dict[str, list[Impression]] = {}
    for each in impressions:
        groups.setdefault(name_of(each), []).append(each)
    return [
        count_responses(name, groups.get(name, []), decisions_of(decisions, name))
        for name in sorted({*groups, *(decisions or ())})
    ]


def by_segment(
    impressions: Iterable[Impression], segments_of: Mapping[str, Collection[str]]
) -> list[ResponseCounts]:
    """A row for each segment, of its members' impressions. A member of two segments counts in both. ``segments_of``:
    by profile."""
    groups: dict[str, list[Impression]] = {}
    for each in impressions:
        for segment in segments_of.get(each.profile, ()):
            groups.setdefault(segment, []).append(each)
    return [count_responses(name, groups[name]) for name in sorted(groups)]


def decisions_of(decisions: Mapping[str, int] | None, name: str) -> int | None:
    """The number of decisions of one name; None when decisions are not known."""
    return None if decisions is None else decisions.get(name, 0)
