"""The item table: what the catalogue says of each item, as arrays. The model's items come first, then new ones."""

from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass, field, replace

import msgspec
import numpy as np
import numpy.typing as npt

from recommender.catalogue.catalogue import Catalogue
from recommender.catalogue.item import Item
from recommender.data.interactions import Floats, Ints
from recommender.model.model import Model
from recommender.serving.request import Filter, Rule

COMPLETE_SHARE = 0.95
MASKS = 64  # filter masks cached until the table changes


@dataclass(frozen=True, slots=True)
class ItemTable:
    """Row i is item ``ids[i]``: the model's items in its order, then new ones. Category 0 is "unknown".

    ``complete``: the catalogue that the shop put holds nearly all popular items; any other item is gone or invented.
    ``content`` holds the factors that a new item's content suggests, in rows from ``known`` on.
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
    _masks: dict[object, npt.NDArray[np.bool_]] = field(default_factory=dict, repr=False, compare=False)

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
            item = self.item(item_id)
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
    )


def build(model: Model | None, catalogue: Catalogue) -> ItemTable:
    """The table of a model (or of none yet) as the catalogue is now."""
    table = table_of_model(model)
    complete = model is not None and _put_completely(model, catalogue.put_ids())
    table = replace(
        table,
        item=lambda item_id: catalogue.state(item_id)[1],
        complete=complete,
        available=np.full(len(table.ids), not complete),
    )
    return updated(table, catalogue, catalogue.known_ids(), model)


def _put_completely(model: Model, put: Collection[str]) -> bool:
    """Whether the items that the shop put make up nearly all of what is popular."""
    popular = model.popularity.popular
    held = [model.index[item_id] for item_id in put if item_id in model.index]
    return bool(held) and float(popular[held].sum()) >= COMPLETE_SHARE * float(popular.sum())


def updated(table: ItemTable, catalogue: Catalogue, changed: Iterable[str], model: Model | None) -> ItemTable:
    """The table after the items ``changed``. Ids, index and categories grow in place; the arrays are new ones,
    so that a request which runs meanwhile sees either all or nothing of them."""
    states = [(item_id, catalogue.state(item_id)) for item_id in changed]
    for item_id, (_, item) in states:
        if item is not None and item_id not in table.index:
            table.ids.append(item_id)
            table.index[item_id] = len(table.ids) - 1
    more = len(table.ids) - len(table.category)
    category = np.concatenate([table.category, np.zeros(more, np.int32)])
    price = np.concatenate([table.price, np.full(more, np.nan, np.float32)])
    available = np.concatenate([table.available, np.ones(more, np.bool_)])
    content = np.concatenate([table.content, np.zeros((more, table.content.shape[1]), np.float32)])
    put = catalogue.put_ids()
    new = [item for _, (_, item) in states if item is not None and table.index[item.id] >= table.model_rows]
    if model is not None and new:
        content[[table.index[item.id] - table.model_rows for item in new]] = model.content.of(new)
    for item_id, (known, item) in states:
        row = table.index.get(item_id)
        if row is None or not known:
            continue
        real = not table.complete or item_id in put or (item is not None and item.sent_by_site)
        available[row] = item is not None and item.available and real
        if item is not None:
            if item.category not in table.codes:
                table.names.append(item.category)
                table.codes[item.category] = len(table.names) - 1
            category[row] = table.codes[item.category]
            price[row] = np.nan if item.price is None else item.price
    return replace(table, category=category, price=price, available=available, content=content, _masks={})
