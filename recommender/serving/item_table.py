"""The item table: what the catalogue says of each item, as arrays. The model's items come first, then new ones."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

import msgspec
import numpy as np
import numpy.typing as npt

from recommender.catalogue.item import Item
from recommender.data.interactions import Floats, Ints, Longs
from recommender.model.model import Model
from recommender.serving.request import Filter, Rule

MASKS = 64  # filter masks cached until the table changes


@dataclass(frozen=True, slots=True)
class ItemTable:
    """Row i is item ``ids[i]``: the model's items in its order, then new ones. Category 0 is "unknown", group 0 none.

    ``index`` finds the row by any name: of a variant whose group the model knows, and of an SKU, the row that stands
    for it. ``display`` says which item is shown for a row that is no item itself: a variant of the group, or the SKU's
    item. ``complete``: the catalogue that the shop put holds nearly all popular items, or all that it sells; any other
    item is gone or invented. ``content`` holds the factors that a new item's content suggests, and ``first_seen`` (ms)
    when it was first seen, in rows from ``model_rows`` on. Prices hold until ``price_until`` (ms).
    """

    ids: list[str]
    index: dict[str, int]
    model_rows: int  # rows that the model knows
    names: list[str]  # of categories
    codes: dict[str, int]
    category: Ints
    price: Floats  # NaN where unknown
    available: npt.NDArray[np.bool_]
    content: Floats
    item: Callable[[str], Item | None] = field(repr=False, compare=False)
    complete: bool = False
    group: Ints = field(default_factory=lambda: np.zeros(0, np.int32))
    groups: dict[str, int] = field(default_factory=dict)  # codes by name
    display: dict[int, str] = field(default_factory=dict)
    first_seen: Longs = field(default_factory=lambda: np.zeros(0, np.int64))
    price_until: float = np.inf
    _masks: dict[object, npt.NDArray[np.bool_]] = field(default_factory=dict, repr=False, compare=False)

    def with_siblings(self, rows: Iterable[int]) -> list[int]:
        """The rows, and those of the same groups."""
        found = list(rows)
        if self.groups and (codes := {code for row in found if (code := int(self.group[row]))}):
            found += np.flatnonzero(np.isin(self.group, list(codes))).tolist()
        return found

    def category_of(self, row: int) -> str:
        return self.names[int(self.category[row])]

    def filter_mask(self, rule: Filter) -> npt.NDArray[np.bool_]:
        """Rows available within the filter's category and price. Cached, as pages use the same few filters again and
        again: do not write into it."""
        key = msgspec.structs.replace(rule, exclude=())
        return self._cached(key, lambda: self._make_filter_mask(key))

    def rule_mask(self, rule: Rule) -> npt.NDArray[np.bool_]:
        """Rows that a rule applies to. Cached as well."""
        return self._cached((rule.field, rule.values), lambda: self._make_rule_mask(rule))

    def _cached(self, key: object, make: Callable[[], npt.NDArray[np.bool_]]) -> npt.NDArray[np.bool_]:
        mask = self._masks.get(key)
        if mask is None:
            mask = make()
            if len(self._masks) < MASKS:
                self._masks[key] = mask
        return mask

    def _make_rule_mask(self, rule: Rule) -> npt.NDArray[np.bool_]:
        if rule.field == "category":
            wanted = [any(in_category(name, top) for top in rule.values) for name in self.names]
            return np.array(wanted, np.bool_)[self.category]
        mask = np.zeros(len(self.category), np.bool_)
        if rule.field == "categories":
            mask |= self._make_rule_mask(msgspec.structs.replace(rule, field="category"))
        if rule.field == "id":
            mask[[row for one in rule.values if (row := self.index.get(one, len(mask))) < len(mask)]] = True
            return mask
        for row, item_id in enumerate(self.ids[: len(mask)]):
            item = self.item(self.display.get(row, item_id))
            value = item.extra.get(rule.field) if item else None
            held = value if isinstance(value, list) else [value]
            mask[row] |= any(str(one) in rule.values for one in held if one is not None)
        return mask

    def _make_filter_mask(self, rule: Filter) -> npt.NDArray[np.bool_]:
        mask = self.available.copy()
        if rule.categories:
            wanted = [any(in_category(name, top) for top in rule.categories) for name in self.names]
            mask &= np.array(wanted, np.bool_)[self.category]
        # An unknown price (NaN) compares false: it is not shown where the price matters.
        if rule.price_min is not None:
            mask &= self.price >= rule.price_min
        if rule.price_max is not None:
            mask &= self.price <= rule.price_max
        return mask


def in_category(name: str, top: str) -> bool:
    """Whether ``name`` is the category ``top`` or one within it."""
    return name == top or name.startswith(f"{top}/")


def table_of_model(model: Model | None) -> ItemTable:
    """The table of a model's items without a catalogue: all available, none with a category."""
    ids = list(model.items) if model else []
    return ItemTable(
        ids=ids,
        index=dict(model.index) if model else {},
        model_rows=len(ids),
        names=[""],
        codes={"": 0},
        category=np.zeros(len(ids), np.int32),
        price=np.full(len(ids), np.nan, np.float32),
        available=np.ones(len(ids), np.bool_),
        content=np.zeros((0, model.factors.vectors.shape[1] if model else 0), np.float32),
        item=lambda _: None,
        group=np.zeros(len(ids), np.int32),
    )
