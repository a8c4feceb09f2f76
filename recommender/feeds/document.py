"""One record of a feed or export, by our fields, as a change of an item."""

import re
from collections.abc import Mapping
from datetime import datetime, tzinfo
from decimal import Decimal, InvalidOperation
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

import msgspec

from recommender.catalogue.item import Item, ItemChange, ItemInvalid, parse_change
from recommender.feeds.presets import EXTRAS
from recommender.feeds.words import availability
from tracker.money import Mark, money

LEFT = "-"
"""Before the name of a feed that an item has left."""
_PATH = re.compile(r">|»|&gt;")
_TEXTS = ("id", "sku", "name", "url", "group")
_YES_OR_NO = ("published", "status", "visibility")


class FeedRules(NamedTuple):
    """``feed`` names the feed. Times without a zone are of ``zone``, prices without a currency in ``currency``, the
    site's; ``decimal_mark`` is the feed's, "" where it is not known."""

    feed: str
    currency: str
    zone: tzinfo = ZoneInfo("UTC")
    decimal_mark: Mark = ""


class FeedChange(ItemChange, frozen=True):
    """What a feed says about an item. One that had left the feed is available again, unless the feed says otherwise."""

    def applied(self, item: Item | None) -> Item:
        changed = super().applied(item)
        back = item is not None and item.feed.startswith(LEFT) and "available" not in self.known
        return msgspec.structs.replace(changed, available=True) if back else changed


def change_of(cells: Mapping[str, Any], rules: FeedRules, index: int = 0) -> FeedChange:
    """The change of the item in a record: field → value, as text or typed; "" and None for an empty cell.

    An empty cell resets its field. Raises ItemInvalid naming the field.
    """
    given = {field: _plain(value) for field, value in cells.items()}
    document: dict[str, Any] = {name: given[name] or None for name in _TEXTS if name in given}
    if "image" in given:
        document["image"] = _first(given["image"]) or None
    document |= {name: given[name] or None for name in EXTRAS if name in given}
    document |= _category(given) | _prices(cells, given, rules) | _available(given)
    if given.get("created_at"):
        document["created_at"] = _time(given["created_at"], rules.zone, "created_at")
    if given.get("recommendable"):
        document["recommendable"] = _flag(given["recommendable"], "recommendable")
    found = parse_change(document, "")
    known = {**found.known, "feed": rules.feed} if rules.feed else found.known
    return FeedChange(found.id, known, found.extra, "", index)


def _plain(value: Any) -> str:
    """A cell as text: 10001.0 of a spreadsheet is 10001."""
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e15:
        return str(int(value))
    if isinstance(value, Decimal):
        return f"{value:f}"
    if isinstance(value, datetime):
        return value.isoformat()
    return "" if value is None else str(value).strip()


def _category(given: Mapping[str, str]) -> dict[str, Any]:
    """The shop's own category, else Google's where it is in words: its parts parted by slashes."""
    found: dict[str, Any] = {}
    of_google = given.get("google_category", "")
    if "google_category" in given:
        found["google_product_category"] = of_google or None
    if "category" in given or (of_google and not of_google.isdigit()):
        text = given.get("category") or ("" if of_google.isdigit() else of_google)
        found["category"] = "/".join(part.strip() for part in _PATH.split(text) if part.strip()) or None
    return found


def _prices(cells: Mapping[str, Any], given: Mapping[str, str], rules: FeedRules) -> dict[str, Any]:
    found: dict[str, Any] = {}
    named = given.get("currency", "").upper()
    for name in ("price", "sale_price", "compare_price"):
        if name not in given:
            continue
        found[name] = None
        if given[name]:
            read = money(cells[name], named or rules.currency, rules.decimal_mark)
            if read.amount is None:
                raise ItemInvalid(name, f"{given[name][:60]!r} is no amount ({read.reason})")
            found[name] = float(read.amount)
            named = read.currency or named
    before = found.pop("compare_price", None)
    if before is not None and found.get("price") is not None and before > found["price"]:
        found |= {"price": before, "sale_price": found["price"]}
    elif "compare_price" in given and "sale_price" not in given:
        found["sale_price"] = None
    if "price" in found:
        found["price_currency"] = named if named and named != rules.currency else None
    return found | _sale_dates(given, rules)


def _sale_dates(given: Mapping[str, str], rules: FeedRules) -> dict[str, Any]:
    if "sale_dates" in given:
        begin, mark, end = given["sale_dates"].partition("/")
        if begin and not mark:
            raise ItemInvalid("sale_dates", f"{begin[:60]!r} is not two times with a slash between")
        given = {**given, "sale_from": begin.strip(), "sale_until": end.strip()}
    return {
        name: _time(given[name], rules.zone, name, end=name == "sale_until") if given[name] else None
        for name in ("sale_from", "sale_until")
        if name in given
    }


def _time(text: str, zone: tzinfo, field: str, end: bool = False) -> str:
    """ISO 8601 with a zone. The end of a day without a time is its last moment."""
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        raise ItemInvalid(field, f"{text[:60]!r} is no time such as 2026-11-21T10:00+09:00") from None
    if end and len(text) <= len("2026-11-21"):
        found = found.replace(hour=23, minute=59, second=59, microsecond=999_000)
    return (found if found.tzinfo else found.replace(tzinfo=zone)).isoformat()


def _available(given: Mapping[str, str]) -> dict[str, Any]:
    """Whether it can be bought: by the feed's word, else by its stock; never what is not published."""
    found: dict[str, Any] = {}
    if text := given.get("availability", ""):
        word = availability(text)
        if word is None:
            raise ItemInvalid(
                "availability", f"{text[:60]!r} is not known: in_stock, out_of_stock, preorder, …"
            )
        found = {"available": word.available, "availability": word.word or None}
    elif given.get("stock"):
        found = {"available": _number(given["stock"], "stock") > 0}
    shut = [name for name in _YES_OR_NO if given.get(name) and not _flag(given[name], name)]
    if shut:
        found["available"] = False
    elif "available" not in found and any(given.get(name) for name in _YES_OR_NO):
        found["available"] = True
    return found


def _flag(text: str, field: str) -> bool:
    word = availability(
        {"catalog": "visible", "search": "visible", "shop": "visible"}.get(text.lower(), text)
    )
    if word is None:
        raise ItemInvalid(field, f"{text[:60]!r} is neither yes nor no")
    return word.available


def _number(text: str, field: str) -> Decimal:
    try:
        number = Decimal(text.replace(",", ""))
    except InvalidOperation:
        number = Decimal("nan")
    if not number.is_finite():
        raise ItemInvalid(field, f"{text[:60]!r} is no number")
    return number


def _first(text: str) -> str:
    """The first of several addresses."""
    return re.split(r"[,|;]\s*+(?=https?://|/)", text, maxsplit=1)[0].strip()
