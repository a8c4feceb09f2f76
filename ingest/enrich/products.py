"""The product lines that an event names, by Segment's e-commerce conventions.

https://segment.com/docs/connections/spec/ecommerce/v2/ names the properties.
"""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any, NamedTuple

from ingest.enrich.fields import FieldReader
from profiles.facts import ProductLine
from tracker.admission.placeholder_ids import placeholder_word
from tracker.money import UNIT

LINES_LIMIT = 1_000
_PRODUCTS = ("products", "product_id", "sku")


class ProductLines(NamedTuple):
    """Product lines; ``whole``: every line that was sent is there, with a price and a quantity that could be read."""

    lines: tuple[ProductLine, ...] = ()
    whole: bool = False

    def total(self) -> Decimal | None:
        """What they add up to, exactly; None unless they are whole."""
        if not self.whole:
            return None
        each = (Decimal(repr(line.price)) * Decimal(repr(line.quantity)) for line in self.lines)
        return sum(each, Decimal(0)).quantize(UNIT)


NO_LINES = ProductLines()


def names_products(props: Mapping[str, Any]) -> bool:
    return any(name in props for name in _PRODUCTS)


def product_lines(props: Mapping[str, Any], read: FieldReader) -> ProductLines:
    """The lines of ``props``: its ``products`` list, else the one product it names itself."""
    many = props.get("products")
    if many is None or many == "":
        one = _line(props, read) if names_products(props) else None
        return ProductLines((one[0],), one[1]) if one else NO_LINES
    if not isinstance(many, list):
        read.lose("products", "unreadable", many)
        return NO_LINES
    found = [_listed(each, read) for each in many[:LINES_LIMIT]]
    if len(many) > LINES_LIMIT:
        read.lose("products", "cut", len(many))
    kept = [each for each in found if each]
    whole = len(kept) == len(many) > 0 and all(complete for _, complete in kept)
    return ProductLines(tuple(line for line, _ in kept), whole)


def _listed(entry: object, read: FieldReader) -> tuple[ProductLine, bool] | None:
    if not isinstance(entry, Mapping):
        read.lose("products", "unreadable", entry)
        return None
    known, line = len(read.losses), _line(entry, read)
    if line is None and len(read.losses) == known:
        read.lose("product", "missing")
    return line


def _line(props: Mapping[str, Any], read: FieldReader) -> tuple[ProductLine, bool] | None:
    """The line, and whether it says what it costs."""
    product = read.id("product", props.get("product_id"), placeholder_word)
    product = product or read.id("product", props.get("sku"), placeholder_word)
    if not product:
        return None
    price = read.price(props.get("price"))
    given = props.get("quantity")
    quantity = read.number("quantity", given)
    unread = quantity is None and given is not None and given != ""
    line = ProductLine(
        product=product,
        category=read.id("category", props.get("category"), _never),
        quantity=1.0 if quantity is None else quantity,
        price=price or 0.0,
        name=read.text("name", props.get("name")),
    )
    return line, price is not None and not unread


def _never(_text: str) -> bool:
    return False
