"""A feed into the catalogue's store, in batches and bounded memory; what left the feed becomes unavailable."""

import time
from array import array
from collections import Counter
from collections.abc import Callable, Sequence
from hashlib import blake2b
from typing import NamedTuple

import msgspec
import numpy as np

from recommender.catalogue.item import Item, ItemInvalid, Refused
from recommender.catalogue.store import ItemStore, Stored
from recommender.feeds.document import LEFT, FeedChange

SMALLEST_SHARE = 0.5
"""A feed with a smaller share of the items that it had before is taken for broken, and nothing leaves it."""

_decode = msgspec.msgpack.Decoder(Item).decode
_encode = msgspec.msgpack.Encoder().encode


class Leaving(NamedTuple):
    """``left`` items are not in the feed any more. ``suspicious``: the feed shrank so much that they were let be."""

    left: int
    suspicious: bool = False


class FeedSync:
    """One reading of the feed ``name``. Raises CatalogueUnavailable and CatalogueFull of the store."""

    def __init__(self, store: ItemStore, name: str, clock: Callable[[], float] = time.time) -> None:
        self._store, self._name, self._clock = store, name, clock
        self._met = array("Q")  # a number for each id of the feed: eight bytes each
        self.fates: Counter[str] = Counter()  # new, changed, unchanged

    def take(self, changes: Sequence[FeedChange]) -> list[Refused]:
        """Make the changes of a batch; those that were refused come back."""
        of_item: dict[str, list[FeedChange]] = {}
        for each in changes:
            self.meet(each.id)
            of_item.setdefault(each.id, []).append(each)
        refused: dict[str, list[Refused]] = {}
        fate: dict[str, str] = {}

        def changed(item_id: str, stored: Stored) -> bytes | None:
            before = _decode(stored.put) if stored.put else None
            item, refused[item_id] = before, []
            for each in of_item[item_id]:
                try:
                    item = each.applied(item)
                except ItemInvalid as error:
                    refused[item_id].append(each.refused(error))
            if item is not None:
                fate[item_id] = "unchanged" if item == before else "changed" if before else "new"
            return None if item is None or item == before else _encode(item)

        self._store.update(list(of_item), changed, int(self._clock() * 1000))
        self.fates.update(fate.values())
        return sorted(each for found in refused.values() for each in found)

    def meet(self, item_id: str) -> None:
        """Note that the feed holds the item, be it refused: it has not left."""
        self._met.append(_number(item_id))

    def leave(self) -> Leaving:
        """After the whole feed was read: make unavailable what it held before and does not hold now."""
        met = np.sort(np.frombuffer(self._met, np.uint64)) if self._met else np.zeros(0, np.uint64)
        before, gone = 0, list[str]()
        for item_id, put in self._store.put_items():
            if put and _decode(put).feed == self._name:
                before += 1
                number = np.uint64(_number(item_id))
                at = int(np.searchsorted(met, number))
                if at == len(met) or met[at] != number:
                    gone.append(item_id)
        held = len(np.unique(met))
        if not held or (gone and before - len(gone) < SMALLEST_SHARE * before):
            return Leaving(0, suspicious=True)
        self._store.update(gone, self._left, int(self._clock() * 1000))
        self._store.mark_whole()
        return Leaving(len(gone))

    def _left(self, _: str, stored: Stored) -> bytes | None:
        item = _decode(stored.put) if stored.put else None
        if item is None or item.feed != self._name:
            return None  # somebody else has changed it meanwhile
        return _encode(msgspec.structs.replace(item, available=False, feed=LEFT + self._name))


def _number(item_id: str) -> int:
    return int.from_bytes(blake2b(item_id.encode("utf-8", "replace"), digest_size=8).digest())
