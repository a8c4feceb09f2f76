"""An order: the set of what was told of it, and what is left of it.

``joined`` unites two such sets. It does not matter in which order, how often and in how many parts they were told.
Money and quantities are integers of 1/10,000, so that sums are exact.
"""

from collections.abc import Iterable, Mapping
from typing import NamedTuple

import msgspec
from msgspec.structs import replace

UNIT = 10_000
REFUNDS_KEPT = 100
"""Refunds of one order: the later ones are not known, and counted as cut."""
OWN = "="
"""The site's own currency."""


BY_SITE, BY_PAGE = range(2)
"""Who told of a completion, the more reliable first."""


class Line(msgspec.Struct, array_like=True, frozen=True, gc=False):
    """``quantity`` in 1/10,000; ``amount`` is the price of all of it, 0 where none was told."""

    product: str
    quantity: int = UNIT
    category: str = ""
    amount: int = 0


class Told(msgspec.Struct, array_like=True, frozen=True, gc=False):
    """What one event told of an order, at ``ts`` (ms). ``amount`` is None and ``currency`` "" where it told none; OWN
    is the site's currency."""

    ts: int
    amount: int | None = None
    currency: str = ""
    lines: tuple[Line, ...] = ()


class Order(msgspec.Struct, array_like=True, frozen=True, gc=False):
    """What is known of one order.

    ``site`` is its completion as the site's server told it, ``page`` as the visitor's page did: the earliest of each.
    ``claimed``: that page is one of a browser that merely claims to be the customer. ``lined`` holds the lines of the
    best completion that told any, by ``lined_by``. ``updates`` are the latest ones that told an amount, a currency and
    lines. ``refunds`` are by a digest of the refund's id; their amounts are positive, None for those of its lines, or
    for all that is left (``worth``). ``note``: a refund of no order, which is a credit note. ``apart``: it is another
    profile's, and counts there.
    ``received`` (ms) is when the tracker first heard of it. ``first`` are the stamps (``profiles.fold.dedup``) of the
    messages that first told of its completion: the site's and a page's, b"" for none.
    """

    site: Told | None = None
    page: Told | None = None
    claimed: bool = False
    lined: Told | None = None
    lined_by: int = 0
    updates: tuple[Told, ...] = ()
    refunds: dict[bytes, Told] = {}
    cancelled: bool = False
    note: bool = False
    apart: bool = False
    received: int = 0
    first: tuple[bytes, bytes] = (b"", b"")

    @property
    def completed(self) -> bool:
        return self.site is not None or self.page is not None

    @property
    def own(self) -> "Order":
        """What of it no claim tells."""
        return replace(self, page=None) if self.claimed else self

    @property
    def of_site(self) -> "Order":
        """What of it no page tells."""
        lined = self.lined if self.lined_by == BY_SITE else None
        return replace(self, page=None, claimed=False, lined=lined, lined_by=BY_SITE)

    def as_claimed(self) -> "Order":
        """The order of a browser as that of a customer that it claims to be."""
        return replace(self, claimed=self.page is not None)

    @property
    def lined_parts(self) -> list[Told]:
        """What was told of it with lines."""
        parts = [self.lined] if self.lined else []
        return [*parts, *self.updates, *self.refunds.values()] if self.updates or self.refunds else parts

    @property
    def lines(self) -> int:
        """How many lines it holds."""
        if not self.updates and not self.refunds:
            return len(self.lined.lines) if self.lined else 0
        return sum([len(told.lines) for told in self.lined_parts])


class Net(NamedTuple):
    """What is left of an order. ``stands``: it counts as a purchase. ``revenue`` is in the site's currency, and
    negative for a credit note; ``when`` is the order's own time. ``bought`` are quantity and category by product; a
    credit note's are those that it takes off."""

    stands: bool
    revenue: int
    when: int
    bought: dict[str, tuple[int, str]]


def joined(one: Order | None, other: Order) -> Order:
    """All that is known of an order."""
    if one is None:
        return other
    site = min(filter(None, (one.site, other.site)), key=_rank, default=None)
    paged = min((each for each in (one, other) if each.page), key=_page_rank, default=one)
    lined = min((each for each in (one, other) if each.lined), key=_lined_rank, default=one)
    return Order(
        site,
        paged.page,
        paged.claimed,
        lined.lined,
        lined.lined_by,
        _latest({*one.updates, *other.updates}) if one.updates or other.updates else (),
        _all_refunds(one.refunds, other.refunds) if other.refunds else one.refunds,
        one.cancelled or other.cancelled,
        one.note or other.note,
        one.apart and other.apart,
        min(filter(None, (one.received, other.received)), default=0),
        (one.first[0] or other.first[0], one.first[1] or other.first[1]),
    )


def _latest(updates: set[Told]) -> tuple[Told, ...]:
    """Of each thing that an update may tell, the latest that tells it."""
    told = (
        [one for one in updates if one.amount is not None],
        [one for one in updates if one.currency],
        [one for one in updates if one.lines],
    )
    return tuple(sorted({max(some, key=_rank) for some in told if some}, key=_rank))


def _all_refunds(one: Mapping[bytes, Told], other: Mapping[bytes, Told]) -> dict[bytes, Told]:
    """Each refund as it was told first."""
    refunds = {**other, **one}
    for name in one.keys() & other.keys():
        refunds[name] = min(one[name], other[name], key=_rank)
    if len(refunds) > REFUNDS_KEPT:
        return dict(sorted(refunds.items(), key=lambda each: (each[1].ts, each[0]))[:REFUNDS_KEPT])
    return refunds


def lines_of(order: Order) -> tuple[Line, ...]:
    """What was ordered, as it was told last."""
    lines = order.lined.lines if order.lined else ()
    for one in order.updates:
        lines = one.lines or lines
    return lines


def worth(refund: Told, lines: tuple[Line, ...]) -> int | None:
    """The amount of a refund: as told, else that of its lines by the prices of the order's ``lines``; None, all that is
    left, where neither is known."""
    if refund.amount is not None or not refund.lines:
        return refund.amount
    known: dict[str, tuple[int, int]] = {}
    for line in lines:
        amount, quantity = known.get(line.product, (0, 0))
        known[line.product] = (amount + line.amount, quantity + max(line.quantity, 0))
    found = 0
    for product, (back, _) in _quantities(refund.lines, back=True).items():
        amount, quantity = known.get(product, (0, 0))
        found += amount * min(back, quantity) // quantity if quantity else 0
    return found or None


def without_lines(order: Order) -> Order:
    """The same order, of which only the amounts are known."""
    lines = lines_of(order)
    return replace(
        order,
        lined=None,
        updates=tuple(
            [replace(one, lines=()) for one in order.updates if one.amount is not None or one.currency]
        ),
        refunds={
            name: replace(one, amount=worth(one, lines), lines=()) for name, one in order.refunds.items()
        },
    )


def time_of(order: Order) -> int:
    """The order's own time: the earliest that a completion named."""
    return min([one.ts for one in (order.site, order.page) if one], default=0)


def standing_at(order: Order) -> int:
    """The order's own time where it stands, else 0."""
    if order.apart or order.cancelled or not order.completed:
        return 0
    if not order.refunds:
        return time_of(order)
    return net(order).when


def net(order: Order) -> Net:
    """What is left of the order. A refund in another currency than the order's is a credit note of its own."""
    refunds, nothing = order.refunds.values(), Net(False, 0, 0, {})
    if order.apart:
        return nothing
    if order.note:
        (told,) = refunds
        revenue = -(told.amount or 0) if told.currency in ("", OWN) else 0
        return Net(False, revenue, told.ts, _quantities(told.lines, back=True))
    base = order.site or order.page
    if base is None:
        return nothing
    amount, currency = base.amount or 0, base.currency
    lines = lines_of(order)
    for one in order.updates:
        amount = amount if one.amount is None else one.amount
        currency = one.currency or currency
    currency = currency or OWN
    apart = sum([one.amount or 0 for one in refunds if currency != OWN and one.currency == OWN])
    same = [worth(one, lines) for one in refunds if one.amount is None or one.currency in ("", currency)]
    refunded = sum([each or 0 for each in same])
    if order.cancelled or None in same or (refunded >= amount and amount):
        return nothing._replace(revenue=-apart)
    bought = _quantities(lines)
    for one in refunds:
        for product, (quantity, _) in _quantities(one.lines, back=True).items():
            take(bought, product, quantity)
    left = max(0, amount - refunded) if currency == OWN else 0
    return Net(True, left - apart, time_of(order), bought)


def take(bought: dict[str, tuple[int, str]], product: str, quantity: int) -> int:
    """Take so much of a product off, in place; what was not there to take."""
    if product not in bought:
        return quantity
    there, category = bought.pop(product)
    if there > quantity:
        bought[product] = (there - quantity, category)
    return max(0, quantity - there)


def _quantities(lines: Iterable[Line], *, back: bool = False) -> dict[str, tuple[int, str]]:
    """What is bought; ``back``: what is given back, whatever its sign."""
    found: dict[str, tuple[int, str]] = {}
    for line in lines:
        quantity, category = found.get(line.product, (0, ""))
        more = abs(line.quantity) if back else line.quantity
        found[line.product] = (quantity + more, max(category, line.category))
    return {product: one for product, one in found.items() if one[0] > 0}


def _page_rank(order: Order) -> tuple[tuple[int, bytes], bool]:
    assert order.page is not None
    return _rank(order.page), order.claimed


def _lined_rank(order: Order) -> tuple[int, tuple[int, bytes]]:
    assert order.lined is not None
    return order.lined_by, _rank(order.lined)


def _rank(told: Told) -> tuple[int, bytes]:
    """By time; what was told of the same moment, by what it says."""
    return told.ts, msgspec.msgpack.encode(told)
