"""A naive ledger of orders, transition by transition, in decimals: what reports are held against."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from decimal import Decimal

from warehouse.tables.schema import EventRow


@dataclass
class Entry:
    """An order or a credit note as it stands at last. ``lines``: product → [sold, returned, worth of one]."""

    profile: str
    ts: int
    currency: str
    net: Decimal
    stands: bool
    lines: dict[str, list[Decimal]] = field(default_factory=dict)
    note: bool = False


def money(value: float | None) -> Decimal | None:
    return None if value is None else Decimal(str(value))


def ledger(rows: Sequence[EventRow], own: str) -> list[Entry]:
    """Every order that was completed and not cancelled, and every credit note, from rows that came in any order."""
    rows = [each for each in rows if not each.doubtful and each.type == "track"]
    entries = [entry for each in ids(rows) for entry in order(each, rows, own)]
    notes = {
        (each.refund, each.order): each for each in reversed(by_ts(rows)) if each.name == "Order Refunded"
    }
    entries += [note(each, own) for each in notes.values() if each.order is None]
    return entries


def by_ts(rows: Sequence[EventRow]) -> list[EventRow]:
    return sorted(rows, key=lambda each: (each.sender != "site", each.ts, each.id))


def ids(rows: Sequence[EventRow]) -> list[str]:
    return sorted({each.order or each.id for each in rows if each.name == "Order Completed"})


def order(number: str, rows: Sequence[EventRow], own: str) -> list[Entry]:
    """The order, and what was given back of it in another currency."""
    mine = [each for each in rows if each.order == number or (each.order is None and each.id == number)]
    told = by_ts([each for each in mine if each.name == "Order Completed"])
    told = [each for each in told if each.sender == "site" or each.profile == told[0].profile]
    priced = next((each for each in told if each.revenue is not None), told[0])
    amount, currency = money(priced.revenue), priced.currency
    lines = next((each.items for each in told if each.items), [])
    updates = [each for each in mine if each.name == "Order Updated"]
    for each in sorted(updates, key=lambda each: (each.ts, each.id)):
        amount = amount if each.revenue is None else money(each.revenue)
        currency, lines = each.currency or currency, each.items or lines
    amount, currency = amount or Decimal(0), currency or own
    left, whole, back, found = amount, False, dict[str, Decimal](), list[Entry]()
    refunds = {each.refund: each for each in reversed(by_ts(mine)) if each.name == "Order Refunded"}
    for each in refunds.values():
        given = money(each.revenue) or -worth(each.items, lines)
        whole = whole or (each.revenue is None and not given)
        if each.revenue is not None and (each.currency or currency) != currency:
            found.append(Entry(each.profile, each.ts, each.currency or own, given, False, note=True))
        else:
            left += given
        for line in each.items:
            back[line["product"]] = back.get(line["product"], Decimal(0)) + Decimal(line["quantity"])
    if any(each.name == "Order Cancelled" for each in mine):
        return found
    left = Decimal(0) if whole else max(left, Decimal(0))
    gone = whole or (left == 0 and amount > 0)
    placed = Entry(told[0].profile, min(each.ts for each in told), currency, left, not gone)
    for line in lines:
        sold = placed.lines.setdefault(line["product"], [Decimal(0), Decimal(0), Decimal(str(line["price"]))])
        sold[0] += Decimal(line["quantity"])
    for product, sold in placed.lines.items():
        sold[1] = sold[0] if gone else min(sold[0], back.get(product, Decimal(0)))
    return [placed, *found]


def worth(back: Sequence[dict[str, object]], lines: Sequence[dict[str, object]]) -> Decimal:
    """What so many pieces cost in the order."""
    prices = {line["product"]: (line["price"], line["quantity"]) for line in lines}
    found = Decimal(0)
    for line in back:
        price, sold = prices.get(line["product"], (0, 0))
        found += Decimal(str(price)) * min(Decimal(str(line["quantity"])), Decimal(str(sold)))
    return found


def note(row: EventRow, own: str) -> Entry:
    found = Entry(
        row.profile, row.ts, row.currency or own, money(row.revenue) or Decimal(0), False, note=True
    )
    for line in row.items:
        back = found.lines.setdefault(
            line["product"], [Decimal(0), Decimal(0), money(line["price"]) or Decimal(0)]
        )
        back[1] += Decimal(line["quantity"])
    return found


def kept(entries: Sequence[Entry]) -> dict[tuple[str, str, int], Decimal]:
    """(who, product, when) → what they bought then and kept. A credit note takes off what was bought last before it."""
    left: dict[tuple[str, str, int], Decimal] = {}
    for each in entries:
        for product, (sold, returned, _) in each.lines.items():
            if not each.note:
                who = each.profile, product, each.ts
                left[who] = left.get(who, Decimal(0)) + sold - returned
    for each in sorted((each for each in entries if each.note), key=lambda each: each.ts):
        for product, (_, returned, _) in each.lines.items():
            for who in sorted(left, key=lambda who: -who[2]):
                if who[:2] == (each.profile, product) and who[2] <= each.ts:
                    taken = min(returned, left[who])
                    left[who], returned = left[who] - taken, returned - taken
    return {who: number for who, number in left.items() if number}
