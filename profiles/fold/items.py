"""The ring of items that a visitor touched: at most ITEMS_KEPT touches, and PURCHASES_KEPT purchases beside them."""

from collections import Counter
from collections.abc import Iterable

from profiles.model import ITEMS_KEPT, PURCHASES_KEPT, ItemTouch


def insert(items: list[ItemTouch], touch: ItemTouch) -> None:
    """Add a touch by its time, in place."""
    ts = touch.ts
    if items and ts < items[-1].ts:
        at = len(items)
        while at and items[at - 1].ts > ts:
            at -= 1
        items.insert(at, touch)
    else:
        items.append(touch)


def remove(items: list[ItemTouch], gone: Counter[ItemTouch]) -> Counter[ItemTouch]:
    """Remove touches, the newest of equal ones first, in place; those that were found."""
    if not gone:
        return Counter()
    left, found, kept = Counter(gone), Counter[ItemTouch](), []
    for touch in reversed(items):
        if left[touch] > 0:
            left[touch] -= 1
            found[touch] += 1
        else:
            kept.append(touch)
    items[:] = kept[::-1]
    return found


def trim(items: list[ItemTouch]) -> int:
    """Keep the newest of both kinds, in place; how many purchases went."""
    if len(items) <= ITEMS_KEPT:
        return 0
    purchases = sum([touch.kind == "purchase" for touch in items])
    others, excess = len(items) - purchases - ITEMS_KEPT, purchases - PURCHASES_KEPT
    if others > 0 or excess > 0:
        items[:] = _newest(items, max(others, 0), max(excess, 0))
    return max(excess, 0)


def _newest(items: Iterable[ItemTouch], others: int, purchases: int) -> list[ItemTouch]:
    kept = []
    for touch in items:
        if touch.kind == "purchase" and purchases:
            purchases -= 1
        elif touch.kind != "purchase" and others:
            others -= 1
        else:
            kept.append(touch)
    return kept
