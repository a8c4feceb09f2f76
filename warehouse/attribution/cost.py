"""What advertising cost: one campaign of one source on one day."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Literal

import msgspec

from tracker.fields.exchange_rates import Rates, rate
from tracker.money import UNIT
from warehouse.definitions.currencies import UNITS

CostColumn = Literal["channel", "origin", "campaign"]


class Cost(msgspec.Struct, frozen=True, kw_only=True):
    """``amount`` of ``currency`` (ISO 4217), exact to a ten-thousandth. ``source`` is who was paid, as the visits name
    it (utm_source); ``clicks`` and ``impressions`` as the source counts them."""

    day: date
    source: str
    campaign: str
    channel: str
    currency: str
    amount: Decimal
    clicks: int = 0
    impressions: int = 0


@dataclass(frozen=True, slots=True)
class OtherCost:
    """Costs in a currency that has no rate on their day: they are in no figure."""

    currency: str
    amount: float


@dataclass(frozen=True, slots=True)
class CostSums:
    """Ten-thousandths of the site's currency by group (in small letters), and what could not be converted."""

    groups: Mapping[str, int]
    others: tuple[OtherCost, ...]

    @property
    def total(self) -> int:
        return sum(self.groups.values())


NO_COSTS = CostSums({}, ())


def cost_sums(costs: Iterable[Cost], by: CostColumn, own: str, rates: Rates) -> CostSums:
    """The costs by channel, source or campaign, in the currency ``own``; others by the rate of their day."""
    groups: dict[str, int] = {}
    others: dict[str, Decimal] = {}
    for each in costs:
        worth = Decimal(1) if each.currency == own else rate(rates, each.currency, each.day.isoformat())
        if worth is None:
            others[each.currency] = others.get(each.currency, Decimal(0)) + each.amount
            continue
        name = (each.source if by == "origin" else getattr(each, by)).casefold()
        units = int((each.amount * worth).quantize(UNIT) * UNITS)
        groups[name] = groups.get(name, 0) + units
    told = (OtherCost(name, float(amount)) for name, amount in sorted(others.items()))
    return CostSums(groups, tuple(told))
