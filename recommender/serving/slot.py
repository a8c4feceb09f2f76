"""One slot of a page: its request, the visitor, the model and the item table, and what follows from them."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from profiles.model import ItemEvent
from recommender.algorithms.factors import UserFactors
from recommender.data.interactions import Floats, Longs
from recommender.data.params import Params
from recommender.model.model import Model
from recommender.serving.item_table import ItemTable, in_category
from recommender.serving.request import Reason, SlotRequest
from recommender.serving.visitor import LikedItem, Visitor

VERBS: Mapping[str, str] = {"view": "viewed", "add": "added", "purchase": "bought"}


class Candidates(NamedTuple):
    """Candidate items as rows of the item table, best first; ``reason(n)`` is the reason of the n-th."""

    rows: Longs
    scores: Floats
    reason: Callable[[int], Reason]


NO_CANDIDATES = Candidates(np.zeros(0, np.int64), np.zeros(0, np.float32), lambda _: Reason("popular"))


@dataclass
class Slot:
    """Everything that the answer for one slot depends on.

    Items are rows of the item table. The model's item codes are its first rows.
    """

    model: Model | None
    table: ItemTable
    visitor: Visitor
    request: SlotRequest
    params: Params

    @cached_property
    def allowed(self) -> npt.NDArray[np.bool_]:
        """Rows that may be shown: available, within the filter, not dismissed, not on the page already."""
        visitor = self.visitor
        allowed = self.table.filter_mask(self.request.filter).copy()
        hidden = [*self.request.filter.exclude, *visitor.dismissed]
        hidden += [item for item in (visitor.page, self.request.item) if item]
        if not self.request.rebuy and self.request.strategy != "buy_again":
            hidden += visitor.bought
        allowed[self.table.with_siblings(self.rows(hidden))] = False
        if self.params.rebuy_categories and not self.request.rebuy:
            kept = [row for row in self.rows(visitor.bought) if self._consumable(row)]
            kept = self.table.with_siblings(kept)
            allowed[kept] = self.table.filter_mask(self.request.filter)[kept]
        for rule in self.request.rules:
            if rule.bias in (-1, 0):
                allowed &= self.table.rule_mask(rule) == (rule.bias == -1)
        return allowed

    def _consumable(self, row: int) -> bool:
        category = self.table.category_of(row)
        return any(in_category(category, top) for top in self.params.rebuy_categories)

    def rows(self, items: Iterable[str]) -> list[int]:
        """Rows of those items that are in the table. The list of ids may have grown since this table was built."""
        size = len(self.table.category)
        index = self.table.index
        return [row for item in items if (row := index.get(item)) is not None and row < size]

    def row(self, item: str | None) -> int | None:
        return next(iter(self.rows([item])), None) if item else None

    def model_code(self, item: str) -> int:
        """The model's code of an item; -1 where the model does not know it."""
        row = self.row(item)
        return row if row is not None and row < self.table.model_rows else -1

    @cached_property
    def _touched(self) -> dict[int, str]:
        """Of rows that stand for several items or names, the one that the visitor dealt with last."""
        if not self.table.display:
            return {}
        visitor = self.visitor
        bought = sorted(visitor.bought, key=lambda item: visitor.bought[item][-1])
        liked = [one.item for one in reversed(visitor.liked)]
        order = [*liked, *bought] if self.request.strategy == "buy_again" else [*bought, *liked]
        named = [*order, *visitor.cart, visitor.page, self.request.item]
        return {row: item for item in named if (row := self.row(item)) in self.table.display and item}

    def named(self, row: int) -> str:
        """The item of a row as a reason names it: as the visitor knows it."""
        return self._touched.get(row) or self.table.display.get(row) or self.table.ids[row]

    def shown(self, row: int) -> str:
        """The item that is shown for a row: the variant that the visitor dealt with, if it may be shown."""
        rule, touched = self.request.filter, self._touched.get(row)
        item = self.table.item(touched) if touched and rule.price_min is rule.price_max is None else None
        if item is not None and item.shown:
            return item.id
        return self.table.display.get(row) or self.table.ids[row]

    @cached_property
    def seen(self) -> list[int]:
        """Rows of the items that the visitor has interacted with."""
        return self.rows(self.visitor.seen)

    @property
    def anchor(self) -> str | None:
        """The item that similar items are compared with."""
        return self.request.item or self.visitor.last

    @cached_property
    def _kinds(self) -> dict[str, ItemEvent]:
        return {one.item: one.kind for one in self.visitor.liked}

    def verb(self, item: str) -> str:
        """What the visitor did with an item, in the word of a reason."""
        return VERBS.get(self._kinds.get(item, "view"), "viewed")

    @cached_property
    def affinity(self) -> dict[int, float]:
        """The visitor's share of interest by category code."""
        total: dict[int, float] = {}
        for one in self.visitor.liked:
            code = self._category(one)
            if code:
                total[code] = total.get(code, 0.0) + one.weight
        if not total:
            codes = self.table.codes
            total = {codes[name]: value for name, value in self.visitor.affinities.items() if name in codes}
        whole = sum(total.values())
        return {code: weight / whole for code, weight in total.items()}

    def _category(self, one: LikedItem) -> int:
        row = self.row(one.item)
        return int(self.table.category[row]) if row is not None else self.table.codes.get(one.category, 0)

    def liked_in(self, code: int) -> str | None:
        """The item of that category that the visitor interacted with last."""
        return next((one.item for one in self.visitor.liked if self._category(one) == code), None)

    @cached_property
    def user_factors(self) -> UserFactors | None:
        """The visitor folded into the model; None when the model knows none of the items they like."""
        if self.model is None:
            return None
        known: dict[int, float] = {}
        for one in self.visitor.liked:
            code = self.model_code(one.item)
            if code >= 0:
                known[code] = known.get(code, 0.0) + one.weight
        if not known:
            return None
        rows, weights = list(known), list(known.values())
        confidence = 1.0 + self.model.card.alpha * np.array(weights, np.float32)
        return self.model.factors.fold_in(np.array(rows, np.int32), confidence)


def top(rows: Longs, scores: Floats, count: int) -> tuple[Longs, Floats]:
    """The ``count`` highest positive scores, best first, ties by row."""
    keep = scores > 0
    rows, scores = rows[keep], scores[keep]
    if len(rows) > 4 * count:
        top = np.argpartition(-scores, count)[:count]
        rows, scores = rows[top], scores[top]
    order = np.lexsort((rows, -scores))[:count]
    return rows[order], scores[order]


def first_allowed(order: npt.NDArray[np.integer], allowed: npt.NDArray[np.bool_], count: int) -> Longs:
    """The first ``count`` allowed rows of a ranking."""
    found: list[Longs] = []
    low, size, have = 0, max(64, 2 * count), 0
    while low < len(order) and have < count:
        block = order[low : low + size]
        found.append(block[allowed[block]].astype(np.int64))
        have += len(found[-1])
        low, size = low + size, 4 * size
    return np.concatenate(found)[:count] if found else np.zeros(0, np.int64)
