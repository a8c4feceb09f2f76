"""The stock: what the catalogue says about each item, as arrays to filter by: a model's items, then new ones."""

from collections.abc import Iterable
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from recommender.catalogue import Catalogue
from recommender.interactions import Floats, Ints
from recommender.model import Model


@dataclass(frozen=True, slots=True)
class Stock:
    """Row i is item ``ids[i]``: the model's items in its order, then new ones. Category 0 is "unknown"."""

    ids: list[str]
    index: dict[str, int]
    known: int  # rows that the model knows
    names: list[str]  # of categories
    codes: dict[str, int]
    category: Ints
    price: Floats  # NaN where unknown
    available: npt.NDArray[np.bool_]

    def rows(self, items: Iterable[str]) -> list[int]:
        """Rows of those items that are here."""
        return [row for item in items if (row := self.index.get(item)) is not None]

    def category_of(self, row: int) -> str:
        return self.names[int(self.category[row])]

    def within(self, category: str) -> npt.NDArray[np.bool_]:
        """By category code: is it ``category`` or below it (``shoes`` holds ``shoes/boots``)."""
        return np.array([name == category or name.startswith(f"{category}/") for name in self.names])


def bare(model: Model | None) -> Stock:
    """A model's items without a catalogue: all available, of no category."""
    ids = list(model.items) if model else []
    return Stock(
        ids=ids,
        index=dict(model.index) if model else {},
        known=len(ids),
        names=[""],
        codes={"": 0},
        category=np.zeros(len(ids), np.int32),
        price=np.full(len(ids), np.nan, np.float32),
        available=np.ones(len(ids), np.bool_),
    )


def take(model: Model | None, catalogue: Catalogue) -> Stock:
    """The stock of a model (or of none yet) as the catalogue is now."""
    return update(bare(model), catalogue, catalogue.known_ids())


def update(stock: Stock, catalogue: Catalogue, changed: Iterable[str]) -> Stock:
    """The stock after the items ``changed``. Ids, index and categories grow in place; the arrays are new ones,
    so that a request which runs meanwhile sees either all or nothing of them."""
    states = [(item_id, catalogue.state(item_id)) for item_id in changed]
    for item_id, (_, item) in states:
        if item is not None and item_id not in stock.index:
            stock.ids.append(item_id)
            stock.index[item_id] = len(stock.ids) - 1
    more = len(stock.ids) - len(stock.category)
    category = np.concatenate([stock.category, np.zeros(more, np.int32)])
    price = np.concatenate([stock.price, np.full(more, np.nan, np.float32)])
    available = np.concatenate([stock.available, np.ones(more, np.bool_)])
    for item_id, (known, item) in states:
        row = stock.index.get(item_id)
        if row is None or not known:
            continue
        available[row] = item is not None and item.available
        if item is not None:
            if item.category not in stock.codes:
                stock.names.append(item.category)
                stock.codes[item.category] = len(stock.names) - 1
            category[row] = stock.codes[item.category]
            price[row] = np.nan if item.price is None else item.price
    return replace(stock, category=category, price=price, available=available)
