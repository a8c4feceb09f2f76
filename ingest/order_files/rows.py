"""A row of a file as a line of an order, and what is wrong with it."""

from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any

import msgspec

from ingest.files.amounts import Amounts
from ingest.files.dates import Dates
from ingest.files.rows import Row, cell_id, cell_text
from ingest.order_files.presets import Preset
from ingest.order_files.shape import Shape
from ingest.order_files.statuses import State, is_credit, state_of
from tracker.admission.placeholder_ids import placeholder, placeholder_word
from tracker.currencies import candidates, iso_code
from tracker.values import text

DATES = ("time", "cancelled_at", "refunded_at")
AMOUNTS = (
    *(
        "total",
        "payment",
        "refunded",
        "quantity",
        "price",
        "line_total",
        "freight",
        "shipping",
        "tax",
        "discount",
    ),
    *("cost", "order_cost", "margin"),
)
_HEAD = ("event", "order", "currency", "status", "kind", "user", "customer", "visitor", "email", "session")
_CACHED = 100_000
_TEXTS = ("coupon", "country", "city", "item_name", "category", "customer_key")


class OrderRow(msgspec.Struct, frozen=True, array_like=True, omit_defaults=True, gc=False):
    """What a row says. Amounts as in the file, in ``currency`` ("" for the site's); None where nothing is said."""

    line: int
    order: str
    user: str = ""
    visitor: str = ""
    email: str = ""
    ts: int | None = None
    state: State = ""
    credit: bool = False
    currency: str = ""
    total: Decimal | None = None
    payment: Decimal | None = None
    refunded: Decimal | None = None
    item: str = ""
    item_name: str = ""
    category: str = ""
    quantity: Decimal | None = None
    price: Decimal | None = None
    line_total: Decimal | None = None
    freight: Decimal | None = None
    cost: Decimal | None = None
    order_cost: Decimal | None = None
    margin: Decimal | None = None
    shipping: Decimal | None = None
    tax: Decimal | None = None
    discount: Decimal | None = None
    cancelled_at: int | None = None
    refunded_at: int | None = None
    coupon: str = ""
    country: str = ""
    city: str = ""
    customer_key: str = ""
    session: str = ""
    number: str = ""
    items: tuple["OrderRow", ...] = ()


class RowRefused(Exception):
    """The row cannot be used; the message is the reason, with the value behind a colon."""


class RowParser:
    """Rows of one file. First ``observe`` all of them, then ``settle``, then ``parse``."""

    def __init__(
        self,
        shape: Shape,
        preset: Preset,
        columns: Mapping[str, int],
        dates: Mapping[str, Dates],
        amounts: Mapping[str, Amounts],
    ) -> None:
        self.shape, self.preset, self._columns = shape, preset, columns
        self._dates = [(field, at, dates[field]) for field, at in columns.items() if field in DATES]
        self._amounts = [(field, at, amounts[field]) for field, at in columns.items() if field in AMOUNTS]
        self._texts = [(field, at) for field, at in columns.items() if field in _TEXTS]
        self._head = [at for field, at in columns.items() if field in _HEAD]
        self._last_head: list[Any] | None = None
        self._last: dict[str, Any] | None = None
        self._texts_known: dict[tuple[str, Callable[[Any], str]], str] = {}
        self.unknown_states: dict[str, int] = {}

    def observe(self, row: Row) -> None:
        if row.fault:
            return
        for _, at, dates in self._dates:
            dates.observe(row.values[at])
        for _, at, amounts in self._amounts:
            amounts.observe(row.values[at])

    def settle(self, names: list[str]) -> None:
        """Raises FileInvalid where a column's dates can be read in two ways."""
        for _, at, dates in self._dates:
            dates.settle(names[at])

    def parse(self, row: Row, currency: str) -> OrderRow | None:
        """The row; None for an event that is no order. ``currency`` is the file's. Raises RowRefused."""
        if row.fault:
            raise RowRefused(row.fault)
        head = [row.values[at] for at in self._head]
        if head != self._last_head:  # an order's rows mostly stand together, and say the same
            self._last, self._last_head = self._shared(row, currency), head
        if self._last is None:
            return None
        given = dict(self._last)
        for field, at in self._texts:
            given[field] = self._short(row.values[at])
        self._read_amounts(row, given)
        for field, at, dates in self._dates:
            given["ts" if field == "time" else field] = _moment(
                row.values[at], dates, required=field == "time"
            )
        given["number"] = cell_id(self.value(row, "number"))
        given["item"] = self._short(self.value(row, "item"), cell_id) or given.get("item_name", "")
        if "items" in self._columns:
            given["items"] = tuple(self.items(self.value(row, "items"), row.line, given["currency"]))
        return OrderRow(row.line, **given)

    def _shared(self, row: Row, currency: str) -> dict[str, Any] | None:
        """What the rows of an order have in common; None for an event that is no order. Raises RowRefused."""
        what = self.shape.meaning(self.text(row, "event"))
        if not what:
            return None
        order = cell_id(self.value(row, "order"))
        if self.shape.numbered and "order" in self._columns and placeholder_word(order or "null"):
            raise RowRefused("no order number")
        credit = bool(self.preset.credit and self.preset.credit.fullmatch(order))
        return {
            "order": order,
            "currency": self._currency(row) or currency,
            "state": self._state(self.text(row, "status")),
            "credit": credit or what == "refund" or is_credit(self.text(row, "kind")),
            **self.who(row),
        }

    def _short(self, value: Any, kind: Callable[[Any], str] = cell_text) -> str:
        """A text or id, which a file repeats often."""
        known = self._texts_known.get((value, kind)) if isinstance(value, str) else None
        if known is None:
            known = text(kind(value))[:200]
            if isinstance(value, str):
                if len(self._texts_known) >= _CACHED:
                    self._texts_known.clear()
                self._texts_known[value, kind] = known
        return known

    def value(self, row: Row, field: str) -> Any:
        """What stands in a field, None for nothing."""
        at = self._columns.get(field)
        return None if at is None else row.values[at]

    def text(self, row: Row, field: str) -> str:
        """What a field says, "" for nothing."""
        return text(cell_text(self.value(row, field)))[:200]

    def _currency(self, row: Row) -> str:
        given = self.text(row, "currency")
        if not given:
            return ""
        if code := iso_code(given):
            return code
        named = candidates(given)
        if len(named) != 1:
            raise RowRefused(f"not a currency: {given[:40]!r}")
        return next(iter(named))

    def _read_amounts(self, row: Row, given: dict[str, Any]) -> None:
        """Amounts, and the currency that one of them names itself."""
        for field, at, amounts in self._amounts:
            value = row.values[at]
            if value is None or value == "":
                continue
            found = amounts.read(value, given["currency"])
            if found.reason == "missing":
                continue
            if found.amount is None:
                raise RowRefused(f"{found.reason} {field.replace('_', ' ')}: {cell_text(value)[:60]!r}")
            given[field] = found.amount
            given["currency"] = found.currency or given["currency"]

    def who(self, row: Row) -> dict[str, str]:
        """The customer by number, e-mail, browser and session. Words such as "guest" are nobody."""
        nobody = placeholder if self.shape.zero_is_nobody else placeholder_word
        user, visitor = cell_id(self.value(row, "user")), cell_id(self.value(row, "visitor"))
        if not user and " " not in (name := self.text(row, "customer")):
            user = name
        email, session = self.text(row, "email").lower(), cell_id(self.value(row, "session"))
        found = {
            "user": "" if nobody(user) else user,
            "visitor": "" if placeholder_word(visitor) else visitor,
            "email": email if "@" in email else "",
            "session": "" if placeholder_word(session) else session,
        }
        if found["session"] and not (found["user"] or found["visitor"] or found["email"]):
            found["visitor"] = found["session"]
        return found

    def moment(self, row: Row) -> int | None:
        """The row's time. Raises RowRefused."""
        return next(
            (
                _moment(row.values[at], dates, required=True)
                for field, at, dates in self._dates
                if field == "time"
            ),
            None,
        )

    def _state(self, word: str) -> State:
        state = state_of(word, self.preset.states)
        if state is None:
            self.unknown_states[word] = self.unknown_states.get(word, 0) + 1
        return state or ""

    def items(self, value: Any, line: int, currency: str) -> list[OrderRow]:
        """The lines of a list of objects, or of its JSON text."""
        if isinstance(value, str) and value.lstrip().startswith("["):
            try:
                value = msgspec.json.decode(value)
            except msgspec.DecodeError:
                raise RowRefused(f"unreadable items: {value[:60]!r}") from None
        many = [each for each in value if isinstance(each, dict)] if isinstance(value, list) else []
        found = []
        for each in many:
            plain = {name.lower().replace("_", ""): one for name, one in each.items() if one is not None}
            given: dict[str, Any] = {}
            for field, names in _ITEM_NAMES.items():
                one = next((plain[name] for name in names if name in plain), None)
                if field in AMOUNTS and one not in (None, ""):
                    given[field] = self._amount(field, one, currency)
                elif one is not None:
                    given[field] = cell_id(one) if field == "item" else text(cell_text(one))[:200]
            given["item"] = given.get("item") or given.get("item_name", "")
            if given["item"]:
                found.append(OrderRow(line, "", **given))
        return found

    def _amount(self, field: str, value: Any, currency: str) -> Decimal:
        found = Amounts().read(value, currency)
        if found.amount is None:
            raise RowRefused(f"{found.reason} {field}: {cell_text(value)[:60]!r}")
        return found.amount


_ITEM_NAMES = {
    "item": ("itemid", "productid", "sku", "id"),
    "item_name": ("itemname", "productname", "name", "title"),
    "category": ("itemcategory", "category"),
    "quantity": ("quantity", "qty", "qtyordered"),
    "price": ("price", "unitprice"),
    "cost": ("cost", "unitcost"),
}


def _moment(value: Any, dates: Dates, *, required: bool) -> int | None:
    if not required and cell_text(value) in ("", "0000-00-00 00:00:00"):
        return None
    try:
        return dates.milliseconds(value)
    except ValueError as error:
        reason = str(error)
    if required and not cell_text(value):
        return None  # Shopify says it in an order's first row only
    raise RowRefused(f"unreadable time: {reason}")
