"""The item table follows the catalogue: built for a model, and updated with the items that changed."""

from collections.abc import Collection, Iterable
from dataclasses import replace

import numpy as np

from recommender.catalogue.catalogue import Catalogue
from recommender.catalogue.item import Item
from recommender.model.model import Model
from recommender.serving.item_table import ItemTable, table_of_model
from tracker.durations import DAY_MS

COMPLETE_SHARE = 0.95


def build(model: Model | None, catalogue: Catalogue, now: int, new_days: float) -> ItemTable:
    """The table of a model (or of none yet) as the catalogue is ``now`` (ms)."""
    table = table_of_model(model)
    complete = catalogue.whole or (model is not None and _put_completely(model, catalogue))
    table = replace(
        table,
        item=catalogue.named,
        complete=complete,
        available=np.full(len(table.ids), not complete),
    )
    return updated(table, catalogue, catalogue.known_ids(), model, now, new_days)


def _put_completely(model: Model, catalogue: Catalogue) -> bool:
    """Whether the items that the shop put make up nearly all of what is popular."""
    popular = model.popularity.popular
    put = (catalogue.state(item_id)[1] for item_id in catalogue.put_ids())
    names = {name for item in put if item for name in (item.id, item.group, item.sku)}
    held = [model.index[name] for name in names if name in model.index]
    return bool(held) and float(popular[held].sum()) >= COMPLETE_SHARE * float(popular.sum())


def updated(
    table: ItemTable,
    catalogue: Catalogue,
    changed: Iterable[str],
    model: Model | None,
    now: int,
    new_days: float,
) -> ItemTable:
    """The table after the items ``changed``. Ids, index, categories and groups grow in place; the arrays are new ones,
    so that a request which runs meanwhile sees either all or nothing of them."""
    states = [(item_id, catalogue.state(item_id)[1]) for item_id in changed]
    for _, item in states:
        if item is not None:
            _place(table, item)
    more = len(table.ids) - len(table.category)
    table = replace(
        table,
        category=np.concatenate([table.category, np.zeros(more, np.int32)]),
        group=np.concatenate([table.group, np.zeros(more, np.int32)]),
        price=np.concatenate([table.price, np.full(more, np.nan, np.float32)]),
        available=np.concatenate([table.available, np.ones(more, np.bool_)]),
        content=np.concatenate([table.content, np.zeros((more, table.content.shape[1]), np.float32)]),
        first_seen=np.concatenate([table.first_seen, np.zeros(more, np.int64)]),
        display=dict(table.display),
        _masks={},
    )
    if model is not None:
        _guess(table, model, [item for _, item in states if item is not None])
    rows = _Rows(table, catalogue, now, now - int(new_days * DAY_MS))
    for row in _rows_of(table, states):
        rows.write(row)
    changes = (at for _, item in states if item is not None and (at := item.next_price(now)) is not None)
    return replace(table, price_until=min(table.price_until, min(changes, default=np.inf)))


def _place(table: ItemTable, item: Item) -> None:
    """Give the item a row: its own, or that of its group where the model knows the group."""
    own = table.index.get(item.id)
    if own is None or table.ids[own] not in (item.id, item.group):
        of_group = table.index.get(item.group, table.model_rows) if item.group else table.model_rows
        if of_group >= table.model_rows:
            table.ids.append(item.id)
            of_group = len(table.ids) - 1
        own = table.index[item.id] = of_group
    if item.sku:
        table.index.setdefault(item.sku, own)
    if item.group and item.group not in table.groups:
        table.groups[item.group] = len(table.groups) + 1


def _guess(table: ItemTable, model: Model, items: Collection[Item]) -> None:
    """Factors of the items that the model does not know."""
    new = [item for item in items if table.index[item.id] >= table.model_rows]
    if new:
        table.content[[table.index[item.id] - table.model_rows for item in new]] = model.content.of(new)


def _rows_of(table: ItemTable, states: Iterable[tuple[str, Item | None]]) -> list[int]:
    """The rows that show or stand for these items."""
    names: set[str] = set()
    gone: set[str] = set()
    for item_id, item in states:
        names |= {item_id} if item is None else {item_id, item.group, item.sku}
        if item is None:
            gone.add(item_id)
    rows = {row for name in names if (row := table.index.get(name)) is not None}
    if gone and table.display:
        rows |= {row for row, shown in table.display.items() if shown in gone}
    return sorted(rows)


class _Rows:
    """Writes what the catalogue says into rows of a table that nobody reads yet."""

    def __init__(self, table: ItemTable, catalogue: Catalogue, now: int, new_since: int) -> None:
        self._table, self._catalogue = table, catalogue
        self._now, self._new_since = now, new_since
        self._put = catalogue.put_ids()

    def write(self, row: int) -> None:
        table, item_id = self._table, self._table.ids[row]
        known, item = self._catalogue.state(item_id)
        if item is None or not self._shown(item):
            item = self._stand_in(item_id) or item
        if item is None:
            table.available[row] = not table.complete and not known
            return
        if item.id != item_id:
            table.display[row] = item.id
        else:
            table.display.pop(row, None)
        table.available[row] = self._shown(item)
        if item.category not in table.codes:
            table.names.append(item.category)
            table.codes[item.category] = len(table.names) - 1
        table.category[row] = table.codes[item.category]
        table.group[row] = table.groups.get(item.group or item_id, 0)
        price = (
            None if item.price_currency else item.price_at(self._now)
        )  # no filter compares another currency
        table.price[row] = np.nan if price is None else price
        if row >= table.model_rows:
            table.first_seen[row - table.model_rows] = self._catalogue.first_seen(item.id)

    def _stand_in(self, name: str) -> Item | None:
        """The item to show for a name that is none that may be shown: a variant, or the item of this SKU."""
        variants = (self._catalogue.state(one)[1] for one in self._catalogue.variants(name))
        found = [item for item in variants if item is not None]
        named = self._catalogue.named(name)
        found += [named] if named is not None else []
        return next((item for item in found if self._shown(item)), found[0] if found else None)

    def _shown(self, item: Item) -> bool:
        """Where the catalogue is complete, what only events name is shown while it is new, and they are the site's."""
        if not item.shown:
            return False
        if not self._table.complete or item.id in self._put:
            return True
        new = self._catalogue.first_seen(item.id) >= self._new_since
        return item.sent_by_site and new and not self._catalogue.whole
