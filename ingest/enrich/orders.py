"""The transition of an order that an event tells: completed, updated, refunded or cancelled."""

from collections.abc import Mapping
from decimal import Decimal
from hashlib import blake2b
from typing import Any, NamedTuple

import msgspec

from ingest.enrich.fields import FieldReader
from ingest.enrich.products import names_products, product_lines
from profiles.facts import ORDER_EVENTS, ProductLine
from tracker.currencies import UNKNOWN
from tracker.event import Event
from tracker.fields.losses import Loss
from tracker.money import LIMIT, UNIT
from tracker.sites import Site

AMOUNTS = ("revenue", "total", "value")
REFUNDED = "Order Refunded"


class Purchase(NamedTuple):
    """What an event tells of products and of an order; see ``profiles.facts.Facts``."""

    products: tuple[ProductLine, ...] = ()
    order: str | None = None
    revenue: float | None = None
    currency: str | None = None
    refund: str | None = None
    doubtful: bool = False
    losses: tuple[Loss, ...] = ()


NOTHING = Purchase()


def purchase(event: Event, site: Site) -> Purchase:
    """What the event tells, in the site's currency where there is a rate, else in its own."""
    props, transition = event.props, event.type == "track" and event.name in ORDER_EVENTS
    if not transition and not names_products(props):
        return NOTHING
    read = FieldReader(site, event.ts, props.get("currency"))
    if transition:
        return _transition(event.name, props, read)
    lines = product_lines(props, read).lines
    return Purchase(_priced(lines, read, keep=False), losses=tuple(read.losses))


def _transition(name: str, props: Mapping[str, Any], read: FieldReader) -> Purchase:
    order = read.id("order", props.get("order_id")) or None
    amount = None if name == "Order Cancelled" else _amount(name, props, read)
    unread = bool(read.losses) and any(each.field in AMOUNTS for each in read.losses)
    lines = product_lines(props, read)
    if name == REFUNDED:
        lines = lines._replace(lines=tuple(map(_returned, lines.lines)))
    if amount is None and name != "Order Cancelled":
        amount = lines.total()
        if amount is not None and amount < 0:
            read.lose("products", "negative", str(amount))
            amount = None
    refund = _refund(props, amount, lines.lines, read) if name == REFUNDED else None
    told = read.told or (name == "Order Completed")  # what says no currency has the order's
    factor, products = read.rate(), _priced(lines.lines, read, keep=True)
    revenue = _converted(amount, factor, read)
    if name == REFUNDED and revenue is not None:
        revenue = -revenue
    currency = (read.site.currency if factor else read.currency) if told else None
    apart = name == REFUNDED and revenue is None and unread
    return Purchase(products, order, revenue, currency, refund, apart, tuple(read.losses))


def _amount(name: str, props: Mapping[str, Any], read: FieldReader) -> Decimal | None:
    """``revenue``, else ``total``, else ``value``: the first that can be read. What an order was worth is not negative;
    what was given back may be written so."""
    for field in AMOUNTS:
        found = read.amount(field, props.get(field))
        if found.amount is None:
            continue
        if found.amount < 0 and name != REFUNDED:
            read.lose(field, "negative", props[field])
            continue
        if found.currency and found.currency != read.currency:
            if read.told:
                read.lose("currency", "contradiction", props[field])
            read.currency = found.currency
        read.told = read.told or bool(found.currency)
        return abs(found.amount)
    return None


def _returned(line: ProductLine) -> ProductLine:
    """A line of a refund, whose quantity or price may be written as negative."""
    if line.quantity >= 0 and line.price >= 0:
        return line
    return msgspec.structs.replace(line, quantity=abs(line.quantity), price=abs(line.price))


def _converted(amount: Decimal | None, factor: Decimal | None, read: FieldReader) -> float | None:
    if amount is None:
        return None
    worth = amount * factor if factor else amount
    if worth >= LIMIT:
        read.lose("revenue", "too_large", str(worth))
        return None
    if not factor and read.currency != UNKNOWN:
        read.lose("currency", "no_rate", read.currency)
    return float(worth.quantize(UNIT))


def _priced(lines: tuple[ProductLine, ...], read: FieldReader, keep: bool) -> tuple[ProductLine, ...]:
    """The lines with their prices in the site's currency. Without a rate they ``keep`` those in their own, or lose
    them."""
    if read.currency == read.site.currency or not lines:
        return lines
    factor = read.rate()
    if factor is None:
        if keep:
            return lines
        if read.currency != UNKNOWN and any(line.price for line in lines):
            read.lose("currency", "no_rate", read.currency)
    prices = [float((Decimal(repr(line.price)) * (factor or 0)).quantize(UNIT)) for line in lines]
    return tuple(
        msgspec.structs.replace(line, price=price) for line, price in zip(lines, prices, strict=True)
    )


def _refund(
    props: Mapping[str, Any], amount: Decimal | None, lines: tuple[ProductLine, ...], read: FieldReader
) -> str:
    """The refund's id. A refund that is told twice without one is known by what it says."""
    named = read.id("refund", props.get("refund_id")) or read.id("refund", props.get("credit_note_id"))
    if named:
        return named
    what = (amount and str(amount), read.currency, sorted((line.product, line.quantity) for line in lines))
    return "=" + blake2b(repr(what).encode(errors="surrogatepass"), digest_size=8).hexdigest()
