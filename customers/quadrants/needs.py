"""How far what a customer buys is from what the shop sells: the need for a treatment of their own.

A customer's n purchases are drawn towards the shop's mix as if k purchases of that mix stood beside them. So one odd
purchase says little, and fifty say much. k comes from the shop itself, by the method of moments for
Dirichlet-multinomial counts: where customers differ no more than chance makes them, it is without end, and nobody has
needs of their own.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


class Mixes(NamedTuple):
    """Purchases by customer and category, m cells that are not 0; of n customers."""

    customers: int
    customer: Ints
    """(m,): row of the customer."""
    category: Ints
    """(m,): 0, 1, …"""
    bought: Floats
    """(m,): purchases of theirs in the category."""


class Needs(NamedTuple):
    distance: Floats
    """(n,): the part of the purchases that is other than the shop's mix, 0 to 1 (total variation), after shrinkage;
    NaN for customers without a purchase in a known category."""
    shrink: float
    """k, in purchases; infinite where customers do not differ."""


def needs(of: Mixes) -> Needs:
    """The needs of each customer."""
    size: Floats = np.bincount(of.customer, of.bought, of.customers).astype(np.float64)
    total = size.sum()
    if not total:
        return Needs(np.full(of.customers, np.nan), np.inf)
    shop = np.bincount(of.category, of.bought) / total
    own = of.bought / size[of.customer]
    shrink = _shrink(of, size, shop, own)
    # Categories without a purchase differ by the shop's share: in all 1, less those with one.
    apart = np.abs(own - shop[of.category]) - shop[of.category]
    variation = (1 + np.bincount(of.customer, apart, of.customers)) / 2
    with np.errstate(invalid="ignore"):
        weight = size / (size + shrink) if np.isfinite(shrink) else np.zeros_like(size)
    return Needs(np.where(size > 0, variation * weight, np.nan), shrink)


def _shrink(of: Mixes, size: Floats, shop: Floats, own: Floats) -> float:
    """k. The squared distance of a customer's mix from the shop's is V (1 + (n - 1) ρ) / n on average, where
    V = Σ q (1 - q) over the shop's shares q and ρ = 1 / (k + 1) says how alike the purchases of one customer are."""
    variance = float((shop * (1 - shop)).sum())
    several = float(np.maximum(size - 1, 0).sum())
    if not variance or not several:
        return float("inf")
    apart = (own - shop[of.category]) ** 2 - shop[of.category] ** 2
    squared = (shop**2).sum() + np.bincount(of.customer, apart, of.customers)
    bought = size > 0
    # The shop's mix is made of the same purchases: each sum misses the part that they share.
    expected = np.count_nonzero(bought) - 1
    alike = ((size * squared)[bought].sum() / variance - expected) / several
    return float("inf") if alike <= 0 else max(1 / min(alike, 1.0) - 1, 0.0)
