"""An order that is told under several ids: what each told of it, and whose it is.

Events of one order may name the browser that paid, the customer's number, or an e-mail that a payment service knows,
and so be counted in several profiles. One record for each order says who told what. Like an order it is a set that
grows: it does not matter in which order, how often and by which worker it is told.
"""

from collections.abc import Callable
from typing import NamedTuple

import msgspec

from profiles.orders.order import Order, joined

TELLERS_KEPT = 12
"""Profiles that may tell of one order. Of more, pages that told of it late are left out."""


class SharedOrder(msgspec.Struct, array_like=True, frozen=True, gc=False):
    """``told`` is what was told of the order under each profile id; ``holder`` is the profile that counted it last."""

    told: dict[str, Order] = {}
    holder: str = ""


class Owner(NamedTuple):
    """The profile that stands for an id today. ``claimed``: a browser's, which merely claims to be that customer."""

    id: str
    claimed: bool = False


def with_told(shared: SharedOrder, teller: str, told: Order) -> SharedOrder:
    """The record after a profile told of the order."""
    all_told = {**shared.told, teller: joined(shared.told.get(teller), told)}
    if len(all_told) > TELLERS_KEPT:
        ranked = sorted(
            all_told, key=lambda name: (not _matters(all_told[name]), _rank(all_told[name]), name)
        )
        all_told = {name: all_told[name] for name in sorted(ranked[:TELLERS_KEPT])}
    return SharedOrder(all_told, shared.holder)


def without(shared: SharedOrder, ids: set[str]) -> SharedOrder | None:
    """The record without what these profiles told, None where it was theirs."""
    told = {teller: order for teller, order in shared.told.items() if teller not in ids}
    return SharedOrder(told, shared.holder) if told and shared.holder not in ids else None


def together(one: SharedOrder, other: SharedOrder) -> SharedOrder:
    """All that two records of one order say; the holder is the first one's, if it has one."""
    for teller, told in other.told.items():
        one = with_told(one, teller, told)
    return SharedOrder(one.told, one.holder or other.holder)


def holder_of(shared: SharedOrder, owner: Callable[[str], Owner]) -> tuple[str, Order] | None:
    """The profile that the order belongs to, and the order as that profile knows it; None while nobody completed it.

    It is whoever the site itself told of, else the earliest page's. A page of somebody else says nothing of the order;
    refunds, updates and cancellations count whoever they named.
    """
    decisive = min(
        (name for name in shared.told if _decides(shared.told[name])),
        key=lambda n: (_rank(shared.told[n]), n),
        default=None,
    )
    if decisive is None:
        return None
    holder = owner(decisive).id
    order: Order | None = None
    for name in sorted(shared.told):
        told, at = shared.told[name], owner(name)
        order = joined(order, told.of_site if at.id != holder else told.as_claimed() if at.claimed else told)
    return (holder, order) if order else None


def _decides(order: Order) -> bool:
    return order.completed or order.note


def _matters(order: Order) -> bool:
    """Whether something else than a page told it."""
    return order.of_site != Order(received=order.received)


def _rank(order: Order) -> tuple[bool, int, bytes]:
    """Whose word counts first: the site's, then the earliest."""
    base = order.site or order.page or min(order.refunds.values(), key=lambda one: one.ts, default=None)
    return order.site is None and not order.note, base.ts if base else 0, msgspec.msgpack.encode(base)
