"""The item catalogue of a site: what the shop put through the API or a feed, completed from product events."""

import math
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import msgspec

from recommender.catalogue.item import Item, ItemChange, ItemInvalid, Refused, moment
from recommender.catalogue.store import ItemStore, Stored

JOURNAL_LIMIT = 200_000


_decoder = msgspec.msgpack.Decoder(Item)
_encode = msgspec.msgpack.Encoder().encode


class Catalogue:
    """One site's items, cached in this process and refreshed by what changed, at most each ``every`` seconds."""

    def __init__(self, store: ItemStore, clock: Callable[[], float] = time.time, every: float = 1.0) -> None:
        self._store, self._clock, self._every = store, clock, every
        self._items: dict[str, Item | None] = {}  # None: deleted by the shop, whatever events say
        self._put: set[str] = set()
        self._seen: dict[str, int] = {}
        self._groups: dict[str, set[str]] = defaultdict(set)  # ids of each group's variants
        self._skus: dict[str, str] = {}
        self._version = 0
        self._whole = False
        self._checked = -math.inf
        self._lock = threading.Lock()
        self._journal: list[str] = []  # ids that changed, oldest first
        self._forgotten = 0  # entries dropped from the journal's front

    def put(self, items: Sequence[Item]) -> None:
        """Add or replace items. Raises CatalogueUnavailable or CatalogueFull."""
        self._store.put({item.id: _encode(item) for item in items}, self._now())
        self.refresh(force=True)

    def change(self, changes: Sequence[ItemChange], *, create: bool = True) -> list[Refused]:
        """Make the changes, in their order, and return those that were refused: each stands alone.

        What a change does not name stays. ``create`` False refuses an item that is not there, and adds to what events
        say of one that the shop did not put. Raises CatalogueUnavailable or CatalogueFull.
        """
        of_item: dict[str, list[ItemChange]] = defaultdict(list)
        for each in changes:
            of_item[each.id].append(each)
        refused: dict[str, list[Refused]] = {}

        def changed(item_id: str, stored: Stored) -> bytes | None:
            item, refused[item_id] = _changed(of_item[item_id], stored, create)
            return _encode(item) if item else None

        self._store.update(list(of_item), changed, self._now())
        self.refresh(force=True)
        return sorted(each for found in refused.values() for each in found)

    def put_from_events(self, items: Iterable[Item], first: Mapping[str, int] = {}) -> None:
        """Store what events say about items. A field that the shop put is not changed.

        The other fields of an item that the shop put come only from events that the site sent (``Item.sent_by_site``).
        ``first``: when each occurred first (ms), as far as events tell; now for the others.
        """
        now, encoded = self._now(), {item.id: _encode(item) for item in items}
        self._store.put_from_events(encoded, {item_id: first.get(item_id, now) for item_id in encoded})
        self.refresh(force=True)

    def sync_from_events(self, items: Iterable[Item], first: Mapping[str, int] = {}) -> None:
        """Replace all facts from events by ``items``. Once the shop has put items, events from pages add no others.

        An item without facts any more keeps its id only.
        """
        self.refresh(force=True)
        fresh = {item.id: item for item in items if item.sent_by_site or not self._put}
        bare = (each.id for each in list(self._items.values()) if each and each.id not in fresh)
        self.put_from_events(
            [*fresh.values(), *(Item(id=item_id) for item_id in bare if item_id not in self._put)], first
        )

    def mark_whole(self) -> None:
        """Note that the shop's items are all that it sells: what only events name is not recommended any more."""
        self._store.mark_whole()
        self.refresh(force=True)

    def delete(self, *ids: str) -> list[str]:
        """Take items out, for good: events do not bring them back. Returns the ids of those that were there."""
        self.refresh()
        there = [item_id for item_id in dict.fromkeys(ids) if self._item(item_id)]
        self._store.put(dict.fromkeys(there, b""), self._now())
        self.refresh(force=True)
        return there

    def get(self, item_id: str) -> Item | None:
        self.refresh()
        return self._item(item_id)

    def _item(self, item_id: str) -> Item | None:
        """None, too, for what only events name, and by which they mean items of the shop: an SKU or a group."""
        other = item_id not in self._put and (item_id in self._skus or self._groups.get(item_id))
        return None if other else self._items.get(item_id)

    def all(self) -> list[Item]:
        """Every item, in the order it became known."""
        self.refresh()
        return [item for item_id in list(self._items) if (item := self._item(item_id))]

    def __len__(self) -> int:
        return sum(1 for item in list(self._items.values()) if item)

    def state(self, item_id: str) -> tuple[bool, Item | None]:
        """(known, item) without asking the store: (True, None) is an item that the shop deleted."""
        return item_id in self._items, self._item(item_id)

    def named(self, name: str) -> Item | None:
        """The item of this id, else of this SKU, else the first variant of this group; without asking the store."""
        found = self._item(name) or self._items.get(self._skus.get(name, ""))
        return found or next((item for one in self.variants(name) if (item := self._items.get(one))), None)

    def variants(self, group: str) -> list[str]:
        """The ids of a group, sorted, so that every process shows the same one; without asking the store."""
        return sorted(self._groups.get(group, ()))

    def first_seen(self, item_id: str) -> int:
        """When the shop or an event first named the item, or when the shop says it was created; ms, 0 for unknown."""
        item = self._items.get(item_id)
        created = moment(item.created_at) if item else None
        return self._seen.get(item_id, 0) if created is None else created

    @property
    def whole(self) -> bool:
        """Whether the shop's items are all that it sells, as of a feed that was read whole."""
        return self._whole

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
            seen = {item_id: stored.seen for item_id, stored in changes.items.items() if stored.seen}
            self._put = put if changes.complete else (self._put - fresh.keys()) | put
            if changes.complete:
                self._journal.extend(set(self._items) - set(fresh))
                self._items, self._seen = {}, {}
                self._groups.clear()
                self._skus.clear()
            self._take(fresh)
            self._seen |= seen
            self._journal.extend(fresh)
            if changes.whole != self._whole or len(self._journal) > JOURNAL_LIMIT:
                self._forgotten += len(self._journal) + 1  # whoever looks reads all
                self._journal = []
            self._version, self._whole = changes.version, changes.whole
        finally:
            self._lock.release()

    def _take(self, fresh: Mapping[str, Item | None]) -> None:
        """Adopt items, with the names by which events may call them."""
        for item_id, item in fresh.items():
            before = self._items.get(item_id)
            if before and (item is None or (before.group, before.sku) != (item.group, item.sku)):
                self._groups[before.group].discard(item_id)
                if self._skus.get(before.sku) == item_id:
                    del self._skus[before.sku]
            if item and item.group:
                self._groups[item.group].add(item_id)
            if item and item.sku:
                self._skus.setdefault(item.sku, item_id)
            self._items[item_id] = item

    def _now(self) -> int:
        return int(self._clock() * 1000)


def _changed(
    changes: Iterable[ItemChange], stored: Stored, create: bool
) -> tuple[Item | None, list[Refused]]:
    """What the shop's part of an item becomes (None: nothing to write), and the changes that were refused."""
    learned = None if create or stored.put == b"" else stored.from_events
    base = stored.put or learned
    item = _decoder.decode(base) if base else None
    taken, refused = False, []
    for change in changes:
        try:
            if item is None and not create:
                raise ItemInvalid(f"{change.at}.id", f"There is no item {change.id!r}")
            item = change.applied(item)
            taken = True
        except ItemInvalid as error:
            refused.append(change.refused(error))
    return (item if taken else None), refused


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
