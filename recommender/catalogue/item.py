"""An item of the catalogue, the documents that it comes from, and the changes that a document makes to it."""

import math
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

import msgspec

from tracker.currencies import iso_code
from tracker.refusal import Invalid

ID_LIMIT = 100
TEXT_LIMIT = 500
URL_LIMIT = 2000
EXTRA_LIMIT = 8192  # bytes of one item's further attributes, as JSON


class ItemInvalid(Invalid):
    """An item that cannot be taken; ``field`` says which one, e.g. ``items[3].price``."""


class Item(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One thing that can be recommended. Prices are in ``price_currency`` ("" is the site's), None when unknown.

    ``recommendable`` False: sold, and never recommended (postage, gift wrap). ``group``: the product that this is a
    variant of; a row shows one of a group. ``sku``: another id, by which events may name the item.
    ``sale_price`` holds from ``sale_from`` until ``sale_until`` (ISO 8601; "" means no limit). ``created_at``: when the
    shop began to sell it. ``feed``: the feed that held it last. ``sent_by_site``: the facts come from events that the
    site itself sent, not from visitors' pages.
    """

    id: str
    name: str = ""
    category: str = ""
    price: float | None = None
    url: str = ""
    image: str = ""
    available: bool = True
    recommendable: bool = True
    group: str = ""
    sku: str = ""
    sale_price: float | None = None
    sale_from: str = ""
    sale_until: str = ""
    created_at: str = ""
    price_currency: str = ""
    feed: str = ""
    extra: Mapping[str, Any] = {}
    sent_by_site: bool = msgspec.field(default=False, name="told")

    @property
    def shown(self) -> bool:
        """Whether it may be recommended, in any kind of row."""
        return self.available and self.recommendable

    def public(self) -> dict[str, Any]:
        """The document as the API gives it: further attributes beside the known ones, and of ``LATER`` what is set."""
        known = msgspec.structs.asdict(self)
        for name in HIDDEN:
            del known[name]
        for name in LATER:
            if known[name] == _DEFAULTS[name]:
                del known[name]
        return {**known.pop("extra"), **known}

    def price_at(self, now: int) -> float | None:
        """The price at ``now`` (ms): the sale's while it lasts."""
        begin, end = moment(self.sale_from), moment(self.sale_until)
        on_sale = (begin is None or begin <= now) and (end is None or now < end)
        return self.sale_price if self.sale_price is not None and on_sale else self.price

    def next_price(self, now: int) -> int | None:
        """When after ``now`` (ms) a sale begins or ends; None where none does."""
        times = (moment(self.sale_from), moment(self.sale_until)) if self.sale_price is not None else ()
        return min((each for each in times if each is not None and each > now), default=None)


HIDDEN = ("sent_by_site", "feed")
LATER = (
    "recommendable",
    "group",
    "sku",
    "sale_price",
    "sale_from",
    "sale_until",
    "created_at",
    "price_currency",
)
_DEFAULTS = msgspec.structs.asdict(Item(id=""))


class Refused(msgspec.Struct, frozen=True, order=True):
    """A document of a bulk that was not taken: its place there, its id if it has one, the field and the reason."""

    index: int
    id: str | None
    field: str
    message: str


class ItemChange(msgspec.Struct, frozen=True):
    """What one document says about one item: ``known`` fields, and further attributes where None takes one away.

    ``at`` is the document's path for refusals, ``index`` its place in a bulk.
    """

    id: str
    known: Mapping[str, Any]
    extra: Mapping[str, Any] = {}
    at: str = "item"
    index: int = 0

    def applied(self, item: Item | None) -> Item:
        """The item with this change; what the document does not name stays. Raises ItemInvalid."""
        before = item or Item(id=self.id)
        extra = {name: value for name, value in {**before.extra, **self.extra}.items() if value is not None}
        if len(msgspec.json.encode(extra)) > EXTRA_LIMIT:
            raise ItemInvalid(self.at, f"further attributes exceed {EXTRA_LIMIT} bytes")
        return msgspec.structs.replace(before, **self.known, extra=extra, sent_by_site=False)

    def refused(self, error: ItemInvalid) -> Refused:
        return Refused(self.index, self.id, error.field, error.message)


def parse_change(raw: object, at: str = "item", index: int = 0) -> ItemChange:
    """The change in one decoded JSON document: null resets a field to its default. Raises ItemInvalid."""
    if not isinstance(raw, Mapping):
        raise ItemInvalid(at, "must be an object")
    if raw.get("id") is None:
        raise ItemInvalid(f"{at}.id", "is required")
    given = {ALIASES.get(name, name): value for name, value in raw.items()}
    known = {
        name: _DEFAULTS[name] if value is None else _CHECKS[name](f"{at}.{name}", value)
        for name, value in given.items()
        if name in _CHECKS
    }
    extra = {name: value for name, value in given.items() if name not in _CHECKS}
    return ItemChange(known["id"], known, extra, at, index)


def parse_changes(raw: object) -> tuple[list[ItemChange], list[Refused]]:
    """The changes of a bulk document (a list, or ``{"items": [...]}``), and what cannot be read of it.

    Raises ItemInvalid where there is no list.
    """
    rows = raw.get("items") if isinstance(raw, Mapping) else raw
    if not isinstance(rows, list):
        raise ItemInvalid("items", "must be a list")
    found: list[ItemChange] = []
    refused: list[Refused] = []
    for index, row in enumerate(rows):
        try:
            found.append(parse_change(row, f"items[{index}]", index))
        except ItemInvalid as error:
            refused.append(Refused(index, id_in(row), error.field, error.message))
    return found, refused


def id_in(raw: object) -> str | None:
    """The id that a document names, however unusable; None without one. At most ID_LIMIT characters."""
    named = raw.get("id") if isinstance(raw, Mapping) else None
    return str(named)[:ID_LIMIT] if isinstance(named, str | int) else None


def moment(text: str) -> int | None:
    """Milliseconds since 1970 of an ISO 8601 time, UTC where it names no zone; None for what is none."""
    try:
        parsed = datetime.fromisoformat(text)
    except ValueError:
        return None
    return int((parsed if parsed.tzinfo else parsed.replace(tzinfo=UTC)).timestamp() * 1000)


def _id(at: str, value: object) -> str:
    text = str(value) if isinstance(value, int) and not isinstance(value, bool) else value
    if not isinstance(text, str) or not text.strip():
        raise ItemInvalid(at, "must be a non-empty string")
    if len(text) > ID_LIMIT or not text.isprintable():
        raise ItemInvalid(at, f"must be at most {ID_LIMIT} printable characters")
    return text


def _other_id(at: str, value: object) -> str:
    return _id(at, value) if value != "" else ""


def _text(at: str, value: object) -> str:
    if not isinstance(value, str):
        raise ItemInvalid(at, "must be a string")
    if len(value) > TEXT_LIMIT:
        raise ItemInvalid(at, f"must be at most {TEXT_LIMIT} characters")
    return value


def _url(at: str, value: object) -> str:
    if not isinstance(value, str) or len(value) > URL_LIMIT:
        raise ItemInvalid(at, f"must be a string of at most {URL_LIMIT} characters")
    # A page may put it into href or src: no javascript:, no data:.
    if value and not value.lower().startswith(("http://", "https://", "/")):
        raise ItemInvalid(at, "must start with http://, https:// or /")
    return value


def _price(at: str, value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ItemInvalid(at, "must be a number")
    try:
        price = float(value)
    except OverflowError:
        price = math.inf
    if not math.isfinite(price) or price < 0:
        raise ItemInvalid(at, "must be zero or more")
    return price


def _flag(at: str, value: object) -> bool:
    if not isinstance(value, bool):
        raise ItemInvalid(at, "must be true or false")
    return value


def _time(at: str, value: object) -> str:
    if not isinstance(value, str) or (value and moment(value) is None):
        raise ItemInvalid(at, "must be a time such as 2026-11-21T10:00:00Z")
    return value


def _currency(at: str, value: object) -> str:
    if not isinstance(value, str) or (value and not iso_code(value)):
        raise ItemInvalid(at, "must be a currency such as EUR")
    return iso_code(value)


ALIASES: Mapping[str, str] = {"item_group_id": "group"}
_CHECKS: Mapping[str, Callable[[str, object], Any]] = {
    "id": _id,
    "name": _text,
    "category": _text,
    "price": _price,
    "url": _url,
    "image": _url,
    "available": _flag,
    "recommendable": _flag,
    "group": _other_id,
    "sku": _other_id,
    "sale_price": _price,
    "sale_from": _time,
    "sale_until": _time,
    "created_at": _time,
    "price_currency": _currency,
}
