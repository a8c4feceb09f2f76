"""An order as its rows tell it: what was bought, what came back, and in which state it is."""

from collections.abc import Sequence
from decimal import Decimal
from typing import Any, NamedTuple

import msgspec

from ingest.order_files.rows import OrderRow
from ingest.order_files.statuses import State

ZERO = Decimal(0)


class Line(NamedTuple):
    """``amount`` is for all of ``quantity``."""

    item: str
    name: str
    category: str
    quantity: Decimal
    price: Decimal
    amount: Decimal
    cost: Decimal | None


class FileOrder(NamedTuple):
    """``number`` is by which the shop's server knows it; "" for a row that is an order of its own.
    ``amount`` is before refunds, None where the file does not say it. ``refunded`` is what was given back so far,
    ``rest``: everything. A ``credit`` note is a refund without an order: then ``returns`` are its lines.
    ``state`` is unpaid, cancelled or paid."""

    key: str
    number: str
    user: str
    email: str
    visitor: str
    session: str
    ts: int
    currency: str
    cancelled_at: int
    refunded_at: int
    props: dict[str, Any]
    amount: Decimal | None = None
    lines: tuple[Line, ...] = ()
    returns: tuple[Line, ...] = ()
    refunded: Decimal = ZERO
    rest: bool = False
    state: State = "paid"
    credit: bool = False

    @property
    def buyer(self) -> str:
        """Who, for a count: "" for a guest without a name."""
        return self.user or self.email or self.visitor


class OrderRefused(Exception):
    """The rows make no order; the message is the reason."""


def orders_of(
    key: str, rows: Sequence[OrderRow], user: str = "", *, own_totals: bool = False
) -> list[FileOrder]:
    """The order of these rows, or a credit note; both where more came back than was bought. ``user`` is the customer
    behind ``customer_key``; ``own_totals``: a row's total is that of its line. Raises OrderRefused."""
    if own_totals:
        rows = [_with_own_total(row) for row in rows]
    ts = min((row.ts for row in rows if row.ts is not None), default=None)
    if ts is None:
        raise OrderRefused("no time")
    states = {row.state for row in rows if row.state}
    whole = next(iter(states)) if len(states) == 1 else ""
    bought, returned = _lines(rows, whole)
    totals = [row.total for row in rows if row.total is not None]
    goods, back = _sum(bought), -_sum(returned)
    total = _total(rows, totals, goods - back) if totals else None
    sold = bool(bought or totals or any(row.payment for row in rows))
    if not sold and not returned:
        raise OrderRefused("neither lines nor an amount")
    base = _base(key, rows, ts, user)
    credit = any(row.credit for row in rows) or (total or ZERO) < 0 or not sold
    if credit or (total is None and goods < 0):
        lines = tuple(map(_returned, (*returned, *bought)))
        amount = abs(total) if total is not None else abs(_sum(lines))
        return [base._replace(credit=True, returns=lines, refunded=amount)]
    if total is None and back > goods:
        note = base._replace(key=f"{key}/returns", credit=True, returns=tuple(returned), refunded=back)
        return [*_bought(base, rows, bought, (), None, whole), note]
    return _bought(base, rows, bought, returned, goods if total == goods - back else total, whole)


def _base(key: str, rows: Sequence[OrderRow], ts: int, user: str) -> FileOrder:
    return FileOrder(
        key=key,
        number=_first(rows, "number") or rows[0].order,
        user=_first(rows, "user") or user,
        email=_first(rows, "email"),
        visitor=_first(rows, "visitor"),
        session=_first(rows, "session"),
        ts=ts,
        currency=_currency(rows),
        props=_props(rows),
        cancelled_at=max((row.cancelled_at or 0 for row in rows), default=0),
        refunded_at=max((row.refunded_at or 0 for row in rows), default=0),
    )


def _bought(
    base: FileOrder,
    rows: Sequence[OrderRow],
    bought: Sequence[Line],
    returned: Sequence[Line],
    total: Decimal | None,
    whole: State,
) -> list[FileOrder]:
    """An order with what came back of it. Its amount is what the file says, else payments, else lines."""
    freight = sum((row.freight for row in rows if row.freight is not None), ZERO)
    paid = sum((row.payment for row in rows if row.payment is not None), ZERO)
    goods = _sum(bought) + freight if any(line.price for line in bought) else None
    amount = total if total is not None else paid or goods
    said = max((abs(row.refunded) for row in rows if row.refunded is not None), default=ZERO)
    refunded = said or -_sum(returned)
    state: State = "cancelled" if base.cancelled_at and whole != "unpaid" else whole
    costs = [line.cost * line.quantity for line in bought if line.cost is not None]
    if costs and len(costs) == len(bought) and "cost" not in base.props:
        base.props["cost"] = float(sum(costs, ZERO))
    order = base._replace(
        amount=amount,
        lines=tuple(bought),
        returns=tuple(returned),
        refunded=refunded,
        rest=whole == "refunded" and not ZERO < refunded < (amount or ZERO),
        state=state if state in ("unpaid", "cancelled", "partly") else "paid",
    )
    return [order]


def _returned(line: Line) -> Line:
    """A line of a credit note, whichever way it is written: the quantity is negative, the price is not."""
    quantity = -abs(line.quantity)
    return line._replace(quantity=quantity, price=abs(line.price), amount=abs(line.price) * quantity)


def _currency(rows: Sequence[OrderRow]) -> str:
    named = {row.currency for row in rows if row.currency}
    if len(named) > 1:
        raise OrderRefused(f"amounts in several currencies: {', '.join(sorted(named))}")
    return next(iter(named), "")


def _lines(rows: Sequence[OrderRow], whole: State) -> tuple[list[Line], list[Line]]:
    """What was bought, and what came back: negative quantities, and lines with a state of their own."""
    bought, returned = list[Line](), list[Line]()
    for row in rows:
        for each in row.items or (row,):
            if not each.item and each.price is None and each.line_total is None:
                continue
            line = _line(each)
            if line.quantity:
                (returned if line.quantity < 0 else bought).append(line)
            if line.quantity > 0 and not whole and row.state in ("cancelled", "refunded"):
                returned.append(_negated(line))
    return bought, returned


def _line(row: OrderRow) -> Line:
    quantity = Decimal(1) if row.quantity is None else row.quantity
    if row.price is not None and row.line_total is None:
        price = row.price
        amount = price * quantity
    elif row.line_total is not None:
        amount = abs(row.line_total) if quantity > 0 and row.line_total > 0 else row.line_total
        quantity = -quantity if amount < 0 < quantity else quantity
        price = amount / quantity if quantity else ZERO
    else:
        price = amount = ZERO
    return Line(row.item or "?", row.item_name, row.category, quantity, price, amount, row.cost)


def _negated(line: Line) -> Line:
    return line._replace(quantity=-line.quantity, amount=-line.amount)


def _with_own_total(row: OrderRow) -> OrderRow:
    return msgspec.structs.replace(row, total=None, line_total=row.total) if row.total is not None else row


def _total(rows: Sequence[OrderRow], totals: Sequence[Decimal], lines: Decimal) -> Decimal:
    """The order's amount: said once or in every row; or each row's own, where these are what the lines add up to."""
    together = sum(totals, ZERO)
    if len(set(totals)) > 1 and together != lines:
        raise OrderRefused("its rows tell different amounts of it")
    if len(set(totals)) > 1:
        return together
    own = [_line(row).amount for row in rows if row.item and row.price is not None]
    alone = len(totals) > 1 and len(own) == len(rows) and all(amount == totals[0] for amount in own)
    return together if alone and lines == together else totals[0]


def _sum(lines: Sequence[Line]) -> Decimal:
    return sum((line.amount for line in lines), ZERO)


def _first(rows: Sequence[OrderRow], field: str) -> str:
    return next((value for row in rows if (value := getattr(row, field))), "")


def _props(rows: Sequence[OrderRow]) -> dict[str, Any]:
    """What else is known of the order: place, coupon, postage, tax, and what it cost the shop."""
    found: dict[str, Any] = {field: _first(rows, field) for field in ("country", "city", "coupon")}
    for field in ("shipping", "tax", "discount", "order_cost", "margin"):
        amount = next((value for row in rows if (value := getattr(row, field)) is not None), None)
        found["cost" if field == "order_cost" else field] = None if amount is None else float(amount)
    if _first(rows, "number"):
        found["order_name"] = rows[0].order  # as the shop shows it
    return {name: value for name, value in found.items() if value not in ("", None)}
