"""Orders as stored rows, and back: an ``int`` for a string is its word's number, and times count from another one."""

from collections.abc import Mapping, Sequence

import msgspec
from msgspec.structs import replace

from profiles.orders.order import UNIT, Line, Order, Told

CENT = UNIT // 100

Amount = int | None
"""Twice the cents (of a line: pieces), else twice the 1/10,000 plus one."""
ToldRow = tuple[int, Amount, int, list[int]]
"""Time since ``when``, amount, currency; then product, quantity, category and amount of each line."""
OldOrder = tuple[bytes, float, int]
"""As earlier releases stored it: digest and stamp, revenue, when it was received."""

_SITE, _PAGE, _CLAIMED, _CANCELLED, _NOTE, _SITE_STAMP, _PAGE_STAMP = 1, 2, 4, 8, 16, 32, 64
_LINED_BY = 7  # the bit's place
_APART = 256
_STAMP = 2
_OLD_KEY, _OLD_PUBLIC = 7, 0x80


class OrderRow(msgspec.Struct, array_like=True, gc=False):
    """An order that was completed and no more. ``id`` is its key and the stamps of the first messages; ``received`` is
    since ``when``. What follows tells of its completion: the site's, else the page's; and of its lines."""

    id: bytes
    flags: int
    when: int
    received: int
    ts: int
    amount: Amount
    currency: int
    lines: list[int]


class ChangedOrderRow(OrderRow, array_like=True, gc=False):
    """The same with what else was told; ``page`` where the site told of it as well."""

    page: ToldRow | None = None
    lined: int = 0  # since ``when``
    updates: list[ToldRow] = []
    refunds: dict[bytes, ToldRow] = {}


def pack_orders(orders: Mapping[bytes, Order], first: int, words: Mapping[str, int]) -> list[OrderRow]:
    """``words`` numbers each string."""
    return [_row(key, order, first, words) for key, order in orders.items()]


def unpack_orders(rows: Sequence[ChangedOrderRow], first: int, words: Sequence[str]) -> dict[bytes, Order]:
    return dict([_order(row, first, words) for row in rows])


def unpack_old(rows: Sequence[OldOrder]) -> dict[bytes, Order]:
    """What an earlier release knew of orders: their amounts."""
    found = {}
    for entry, revenue, received in rows:
        public, stamp = bool(entry[0] & _OLD_PUBLIC), entry[_OLD_KEY:]
        key = bytes((entry[0] & ~_OLD_PUBLIC,)) + entry[1:_OLD_KEY]
        base = Told(received, round(revenue * UNIT))
        first = (b"", stamp) if public else (stamp, b"")
        site, page = (None, base) if public else (base, None)
        found[key] = Order(site, page, received=received, first=first)
    return found


def _row(key: bytes, order: Order, first: int, words: Mapping[str, int]) -> OrderRow:
    site, page = order.first
    flags = (order.site is not None) * _SITE | (order.page is not None) * _PAGE | order.claimed * _CLAIMED
    flags |= order.cancelled * _CANCELLED | order.note * _NOTE
    flags |= (
        bool(site) * _SITE_STAMP
        | bool(page) * _PAGE_STAMP
        | order.lined_by << _LINED_BY
        | order.apart * _APART
    )
    base = order.site or order.page
    when = base.ts if base else order.received
    fields = (key + site + page, flags, when - first, order.received - when)
    base, lined = base or Told(when), order.lined
    told = _told_row(replace(base, lines=lined.lines) if lined else base, when, words)
    both = order.site and order.page
    apart = lined.ts - when if lined else 0
    if not (both or apart or order.updates or order.refunds):
        return OrderRow(*fields, *told)
    return ChangedOrderRow(
        *fields,
        *told,
        _told_row(both, when, words) if both else None,
        apart,
        [_told_row(one, when, words) for one in order.updates],
        {name: _told_row(one, when, words) for name, one in order.refunds.items()},
    )


def _told_row(told: Told, when: int, words: Mapping[str, int]) -> ToldRow:
    lines: list[int] = []
    for line in told.lines:
        amount = _short(line.amount, CENT)
        lines += (words[line.product], _short(line.quantity, UNIT), words[line.category], amount)
    whole = None if told.amount is None else _short(told.amount, CENT)
    return told.ts - when, whole, words[told.currency], lines


def _order(row: ChangedOrderRow, first: int, words: Sequence[str]) -> tuple[bytes, Order]:
    flags, name, when = row.flags, row.id, first + row.when
    stamps = bool(flags & _SITE_STAMP) + bool(flags & _PAGE_STAMP)
    end = len(name) - stamps * _STAMP
    base = _told((row.ts, row.amount, row.currency, []), when, words)
    site, page = base if flags & _SITE else None, base if flags & _PAGE else None
    order = Order(
        site,
        _told(row.page, when, words) if row.page else page,
        bool(flags & _CLAIMED),
        Told(when + row.lined, lines=_lines(row.lines, words)) if row.lines else None,
        flags >> _LINED_BY & 1,
        tuple([_told(one, when, words) for one in row.updates]) if row.updates else (),
        {name: _told(one, when, words) for name, one in row.refunds.items()} if row.refunds else {},
        bool(flags & _CANCELLED),
        bool(flags & _NOTE),
        bool(flags & _APART),
        when + row.received,
        (
            name[end : end + _STAMP] if flags & _SITE_STAMP else b"",
            name[-_STAMP:] if flags & _PAGE_STAMP else b"",
        ),
    )
    return name[:end], order


def _told(row: ToldRow, when: int, words: Sequence[str]) -> Told:
    ts, amount, currency, lines = row
    return Told(
        when + ts, None if amount is None else _long(amount, CENT), words[currency], _lines(lines, words)
    )


def _lines(packed: Sequence[int], words: Sequence[str]) -> tuple[Line, ...]:
    columns = zip(packed[::4], packed[1::4], packed[2::4], packed[3::4], strict=True)
    return tuple(
        [
            Line(words[item], _long(many, UNIT), words[category], _long(amount, CENT))
            for item, many, category, amount in columns
        ]
    )


def _short(number: int, unit: int) -> int:
    whole, rest = divmod(number, unit)
    return number << 1 | 1 if rest else whole << 1


def _long(packed: int, unit: int) -> int:
    return packed >> 1 if packed & 1 else (packed >> 1) * unit
