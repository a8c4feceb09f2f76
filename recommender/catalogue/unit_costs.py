"""What items cost the shop: the attribute ``cost`` of the catalogue."""

import math
from collections.abc import Iterable

from recommender.catalogue.item import Item


def unit_costs(items: Iterable[Item], currency: str) -> dict[str, float]:
    """By id (and ``sku``), of items priced in ``currency``, the site's; what is no amount is left out."""
    found: dict[str, float] = {}
    for item in items:
        cost = _amount(item.extra.get("cost"))
        if cost is not None and item.price_currency in ("", currency):
            found |= {each: cost for each in (item.id, item.sku) if each}
    return found


def _amount(given: object) -> float | None:
    try:
        amount = float(given) if isinstance(given, int | float | str) else -1.0
    except ValueError:
        return None
    return amount if amount >= 0 and math.isfinite(amount) else None
