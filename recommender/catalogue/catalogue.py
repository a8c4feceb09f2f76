"""The item catalogue of a site: what the shop put through the API, completed from product events."""

import math
import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, NamedTuple, Protocol

import msgspec

from tracker.refusal import Invalid

ID_LIMIT = 100
TEXT_LIMIT = 500
URL_LIMIT = 2000
JOURNAL_LIMIT = 200_000
EXTRA_LIMIT = 8192  # bytes of one item's further attributes, as JSON


class ItemInvalid(Invalid):
    """An item that cannot be taken; ``field`` says which one, e.g. ``items[3].price``."""


class CatalogueFull(Exception):
    """The site's catalogue holds as many items as it may; remove some or raise the limit."""


class Item(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One thing that can be recommended. ``price`` is in the site's currency, None when unknown. ``sent_by_site``:
    the facts come from events that the site itself sent, not from visitors' pages."""

    id: str
    name: str = ""
    category: str = ""
    price: float | None = None
    url: str = ""
    image: str = ""
    available: bool = True
    extra: Mapping[str, Any] = {}
    sent_by_site: bool = msgspec.field(default=False, name="told")

    def public(self) -> dict[str, Any]:
        """The document as the API gives it: further attributes beside the known ones."""
        known = msgspec.structs.asdict(self)
        del known["sent_by_site"]
        return {**known.pop("extra"), **known}


def parse_item(raw: object, at: str = "item") -> Item:
    """The item in one decoded JSON document. Raises ItemInvalid naming the field."""
    if not isinstance(raw, Mapping):
        raise ItemInvalid(at, "must be an object")
    known = {name: raw[name] for name in _CHECKS if raw.get(name) is not None}
    if "id" not in known:
        raise ItemInvalid(f"{at}.id", "is required")
    checked = {name: _CHECKS[name](f"{at}.{name}", value) for name, value in known.items()}
    extra = {name: value for name, value in raw.items() if name not in _CHECKS}
    if len(msgspec.json.encode(extra)) > EXTRA_LIMIT:
        raise ItemInvalid(at, f"further attributes exceed {EXTRA_LIMIT} bytes")
    return Item(**checked, extra=extra)


def parse_items(raw: object) -> list[Item]:
    """Items of a bulk document: a list, or ``{"items": [...]}``. Raises ItemInvalid."""
    rows = raw.get("items") if isinstance(raw, Mapping) else raw
    if not isinstance(rows, list):
        raise ItemInvalid("items", "must be a list")
    return [parse_item(row, f"items[{number}]") for number, row in enumerate(rows)]


def _id(at: str, value: object) -> str:
    text = str(value) if isinstance(value, int) and not isinstance(value, bool) else value
    if not isinstance(text, str) or not text.strip():
        raise ItemInvalid(at, "must be a non-empty string")
    if len(text) > ID_LIMIT or not text.isprintable():
        raise ItemInvalid(at, f"must be at most {ID_LIMIT} printable characters")
    return text


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
    if not math.isfinite(value) or value < 0:
        raise ItemInvalid(at, "must be zero or more")
    return float(value)


def _flag(at: str, value: object) -> bool:
    if not isinstance(value, bool):
        raise ItemInvalid(at, "must be true or false")
    return value


_CHECKS: Mapping[str, Callable[[str, object], Any]] = {
    "id": _id,
    "name": _text,
    "category": _text,
    "price": _price,
    "url": _url,
    "image": _url,
    "available": _flag,
}


class Stored(NamedTuple):
    """One item as the store keeps it: ``put`` by the shop (b"" = deleted by it), ``learned`` from events."""

    put: bytes | None
    from_events: bytes | None


class Changes(NamedTuple):
    """What changed since a version; ``complete`` when it is the whole catalogue."""

    version: int
    items: Mapping[str, Stored]
    complete: bool = False


class ItemStore(Protocol):
    """Where the items of one site live. Failures raise CatalogueUnavailable of the adapter."""

    def put(self, items: Mapping[str, bytes]) -> None: ...

    def put_from_events(self, items: Mapping[str, bytes]) -> None: ...

    def changes(self, since: int) -> Changes: ...


_decoder = msgspec.msgpack.Decoder(Item)
_encode = msgspec.msgpack.Encoder().encode


class Catalogue:
    """One site's items, cached in this process and refreshed by what changed, at most each ``every`` seconds."""

    def __init__(self, store: ItemStore, clock: Callable[[], float] = time.time, every: float = 1.0) -> None:
        self._store, self._clock, self._every = store, clock, every
        self._items: dict[str, Item | None] = {}  # None: deleted by the shop, whatever events say
        self._put: set[str] = set()
        self._version = 0
        self._checked = -math.inf
        self._lock = threading.Lock()
        self._journal: list[str] = []  # ids that changed, oldest first
        self._forgotten = 0  # entries dropped from the journal's front

    def put(self, items: Sequence[Item]) -> None:
        """Add or replace items. Raises CatalogueUnavailable or CatalogueFull."""
        self._store.put({item.id: _encode(item) for item in items})
        self.refresh(force=True)

    def put_from_events(self, items: Iterable[Item]) -> None:
        """Store what events say about items. A field that the shop put is not changed.

        The other fields of an item that the shop put come only from events that the site sent (``Item.sent_by_site``).
        """
        self._store.put_from_events({item.id: _encode(item) for item in items})
        self.refresh(force=True)

    def sync_from_events(self, items: Iterable[Item]) -> None:
        """Replace all facts from events by ``items``. Once the shop has put items, events from pages add no others.

        An item without facts any more keeps its id only.
        """
        self.refresh(force=True)
        fresh = {item.id: item for item in items if item.sent_by_site or not self._put}
        bare = (each.id for each in list(self._items.values()) if each and each.id not in fresh)
        self.put_from_events(
            [*fresh.values(), *(Item(id=item_id) for item_id in bare if item_id not in self._put)]
        )

    def delete(self, item_id: str) -> bool:
        """Take an item out, for good: events do not bring it back. False when it is not there."""
        if self.get(item_id) is None:
            return False
        self._store.put({item_id: b""})
        self.refresh(force=True)
        return True

    def get(self, item_id: str) -> Item | None:
        self.refresh()
        return self._items.get(item_id)

    def all(self) -> list[Item]:
        """Every item, in the order it became known."""
        self.refresh()
        return [item for item in list(self._items.values()) if item]

    def __len__(self) -> int:
        return sum(1 for item in list(self._items.values()) if item)

    def state(self, item_id: str) -> tuple[bool, Item | None]:
        """(known, item) without asking the store: (True, None) is an item that the shop deleted."""
        return item_id in self._items, self._items.get(item_id)

    def put_ids(self) -> frozenset[str]:
        """The items that the shop put and did not delete; without asking the store."""
        return frozenset(self._put)

    def known_ids(self) -> list[str]:
        """Every id ever seen, deleted ones included; without asking the store."""
        return list(self._items)

    def changed_since(self, place: int) -> tuple[int, list[str] | None]:
        """(place now, ids changed since ``place``); None in their stead when that is too long ago: read all."""
        journal, forgotten = self._journal, self._forgotten
        if place < forgotten:
            return forgotten + len(journal), None
        changed = journal[place - forgotten :]
        return place + len(changed), changed

    def refresh(self, force: bool = False) -> None:
        """Take over what changed in the store since the last look."""
        now = self._clock()
        if not force and 0 <= now - self._checked < self._every:
            return
        # Who serves does not queue behind another's look at the store; the first look has to.
        if not self._lock.acquire(blocking=force or self._checked < 0):
            return
        try:
            self._checked = now  # also when the store fails: not every request is to wait for it
            changes = self._store.changes(self._version)
            if changes.version == self._version:
                return
            fresh = {item_id: _merged(stored) for item_id, stored in changes.items.items()}
            put = {item_id for item_id, stored in changes.items.items() if stored.put}
            self._put = put if changes.complete else (self._put - fresh.keys()) | put
            if changes.complete:
                self._journal.extend(set(self._items) - set(fresh))
                self._items = fresh
            else:
                self._items.update(fresh)
            self._journal.extend(fresh)
            self._version = changes.version
            if len(self._journal) > JOURNAL_LIMIT:
                self._forgotten += len(self._journal)
                self._journal = []
        finally:
            self._lock.release()


def _merged(stored: Stored) -> Item | None:
    """What the shop put, its silent fields filled from events of its own; None when the shop deleted it."""
    if stored.put == b"":
        return None
    learned = _decoder.decode(stored.from_events) if stored.from_events else None
    if not stored.put:
        return learned
    put = _decoder.decode(stored.put)
    if learned is None or not learned.sent_by_site:
        return put
    gaps: dict[str, Any] = {
        name: getattr(learned, name)
        for name in ("name", "category", "price", "url", "image")
        if getattr(put, name) in ("", None)
    }
    return msgspec.structs.replace(put, **gaps)
