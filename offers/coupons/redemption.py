"""Redemption: which coupons of a pool orders named, and what they cost the shop."""

from collections.abc import Collection, Iterable, Mapping
from decimal import Decimal
from typing import Any, NamedTuple

import msgspec

from offers.coupons.codes import plain
from tracker.money import Mark, money
from warehouse.feeds.coupon_orders import CouponOrder

NAMES = ("coupon", "coupons", "coupon_code", "coupon_codes", "discount_code", "discount_codes", "promo_code")
"""Properties of an order that name a coupon: a text, or a list of texts or of objects with a code."""
_DISCOUNTS = ("discount", "coupon_discount", "discount_amount", "total_discount", "total_discounts")


class Redemptions(NamedTuple):
    """Orders that named a code of the pool, how many different codes, and in the site's currency what these orders
    brought and the discount that they tell. ``untold``: orders that tell no discount, or in another currency."""

    orders: int = 0
    codes: int = 0
    revenue: float = 0.0
    discount: float = 0.0
    untold: int = 0


def redemptions(
    orders: Iterable[CouponOrder], issued: Collection[str], currency: str, decimal_mark: Mark = ""
) -> Redemptions:
    """``issued``: the pool's codes that somebody was given. ``currency`` is the site's."""
    pool, used = {plain(code) for code in issued}, set[str]()
    count = untold = 0
    revenue = discount = Decimal()
    for order in orders:
        props = msgspec.json.decode(order.props)
        mine = codes_of(props) & pool
        if not mine:
            continue
        used |= mine
        count += 1
        own = order.currency in ("", currency)
        revenue += Decimal(repr(order.revenue)) if own else 0
        told = _discount(props, currency, decimal_mark) if own else None
        untold += told is None
        discount += told or 0
    return Redemptions(count, len(used), float(revenue), float(discount), untold)


def codes_of(props: Mapping[str, Any]) -> set[str]:
    """The coupons that an order's properties name, as they are compared."""
    found: set[str] = set()
    for name in NAMES:
        value = props.get(name)
        for each in value if isinstance(value, list) else [value]:
            code = each.get("code") if isinstance(each, Mapping) else each
            found |= {plain(part) for part in code.split(",")} if isinstance(code, str) else set()
    return found - {""}


def _discount(props: Mapping[str, Any], currency: str, decimal_mark: Mark) -> Decimal | None:
    for name in _DISCOUNTS:
        read = money(props.get(name), currency, decimal_mark)
        if read.amount is not None and read.currency in ("", currency):
            return abs(read.amount)
    return None
