"""The components: each proposes items for one visitor, with scores and the true reason of each."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from recommender.ask import Ask, Reason
from recommender.factors import Taste
from recommender.interactions import Floats, Longs
from recommender.model import Model
from recommender.params import DAY_MS, Params
from recommender.stock import Stock
from recommender.visitor import Liked, Visitor

POPULAR_PRIOR = 0.02
"""Weight of popularity where taste alone leaves a tie, as within a category before the first training."""

TRUSTED = 2000
"""Visitors from whom on the factors count for more than the categories."""

DOUBTED = 30
"""Visitors below which the factors are mostly chance."""

VERBS: Mapping[str, str] = {"view": "viewed", "add": "added", "purchase": "bought"}


class Proposal(NamedTuple):
    """Rows of the stock, best first; ``why(n)`` is the reason of the n-th."""

    rows: Longs
    scores: Floats
    why: Callable[[int], Reason]


NOTHING = Proposal(np.zeros(0, np.int64), np.zeros(0, np.float32), lambda _: Reason("popular"))


@dataclass
class Scene:
    """All that one slot's answer depends on."""

    model: Model | None
    stock: Stock
    visitor: Visitor
    ask: Ask
    params: Params

    @cached_property
    def allowed(self) -> npt.NDArray[np.bool_]:
        """Rows that may be shown: available, within the filter, not dismissed, not on the page already."""
        stock, visitor, rule = self.stock, self.visitor, self.ask.filter
        allowed = stock.available.copy()
        hidden = [*rule.exclude, *visitor.dismissed, *([visitor.page] if visitor.page else [])]
        hidden += [self.ask.item] if self.ask.item else []
        if not self.ask.rebuy and self.ask.strategy != "buy_again":
            hidden += visitor.bought
        allowed[self._here(hidden)] = False
        if rule.categories:
            wanted = np.logical_or.reduce([stock.within(name) for name in rule.categories])
            allowed &= wanted[stock.category]
        # An unknown price (NaN) compares false: it is not shown where the price matters.
        if rule.price_min is not None:
            allowed &= stock.price >= rule.price_min
        if rule.price_max is not None:
            allowed &= stock.price <= rule.price_max
        return allowed

    def _here(self, items: list[str]) -> list[int]:
        size = len(self.stock.category)  # the id list may have grown meanwhile
        return [row for row in self.stock.rows(items) if row < size]

    @cached_property
    def seen(self) -> list[int]:
        """Rows of what the visitor touched before."""
        return self._here(list(self.visitor.seen))

    @property
    def revisit(self) -> float:
        """Factor on the scores of those, as fitted on the site's visitors or as set."""
        fitted = self.model.card.revisit if self.model else None
        return self.params.revisit if fitted is None else fitted

    @property
    def anchor(self) -> str | None:
        return self.ask.item or self.visitor.last

    @cached_property
    def affinity(self) -> dict[int, float]:
        """Share of interest by category code."""
        total: dict[int, float] = {}
        for one in self.visitor.liked:
            code = self._category(one)
            if code:
                total[code] = total.get(code, 0.0) + one.weight
        if not total:
            codes = self.stock.codes
            total = {codes[name]: value for name, value in self.visitor.affinities.items() if name in codes}
        whole = sum(total.values())
        return {code: weight / whole for code, weight in total.items()}

    def _category(self, one: Liked) -> int:
        row = self.stock.index.get(one.item)
        code = int(self.stock.category[row]) if row is not None and row < len(self.stock.category) else 0
        return code or self.stock.codes.get(one.category, 0)

    def liked_in(self, code: int) -> str | None:
        """The item touched last in that category."""
        return next((one.item for one in self.visitor.liked if self._category(one) == code), None)

    @cached_property
    def taste(self) -> Taste | None:
        """The visitor folded into the model; None when nothing he likes is in it."""
        if self.model is None:
            return None
        known = [
            (row, one) for one in self.visitor.liked if (row := self.model.index.get(one.item)) is not None
        ]
        if not known:
            return None
        weight = np.array([one.weight for _, one in known], np.float32)
        rows = np.array([row for row, _ in known], np.int32)
        return self.model.factors.fold_in(rows, 1.0 + self.params.alpha * weight)


def best(score: Floats, count: int) -> Longs:
    """Rows of the ``count`` highest positive scores, best first."""
    rows = np.arange(len(score)) if len(score) <= 4 * count else np.argpartition(-score, count)[:count]
    rows = rows[score[rows] > 0]
    return rows[np.argsort(-score[rows], kind="stable")][:count]


def personal(scene: Scene, count: int) -> Proposal:
    """Items by the visitor's factors and by his interest in their category; what he saw already comes later."""
    return by_taste(scene, count, scene.revisit)


def by_taste(scene: Scene, count: int, revisit: float) -> Proposal:
    """As personal, with a factor on the score of items seen already."""
    stock, model = scene.stock, scene.model
    if scene.taste is None and not scene.affinity:
        return NOTHING
    score = np.zeros(len(stock.category), np.float32)
    factor = 1.0
    if scene.taste is not None and model is not None:
        score[: stock.known] = model.factors.vectors @ scene.taste.user
        taught = model.card.profiles
        factor = taught / (taught + DOUBTED) / max(float(score.max()), 1e-9)
        score *= factor
    by_category = _interest(scene)[stock.category]
    score += by_category
    if model is not None:
        score[: stock.known] += (score[: stock.known] > 0) * (POPULAR_PRIOR * model.popularity.popular)
    score[scene.seen] *= revisit
    score[~scene.allowed] = 0.0
    rows = best(score, count)
    return Proposal(rows, score[rows], _personal_reasons(scene, rows, by_category[rows] / factor))


def _interest(scene: Scene) -> Floats:
    """Weight by category code. Categories are a crutch: the more visitors taught the factors, the less it carries."""
    profiles = scene.model.card.profiles if scene.model else 0
    strength = scene.params.affinity * TRUSTED / (profiles + TRUSTED)
    interest = np.zeros(len(scene.stock.names), np.float32)
    for code, share in scene.affinity.items():
        interest[code] = share * strength
    return interest


def _personal_reasons(scene: Scene, rows: Longs, by_category: Floats) -> Callable[[int], Reason]:
    """The touched item that brings most of the score, or the category where that brings more."""
    taste, model = scene.taste, scene.model
    share = None
    if taste is not None and model is not None:
        share = np.zeros((len(rows), len(taste.items)))
        inside = rows < scene.stock.known
        share[inside] = taste.contributions(model.factors.vectors[rows[inside]])
    verbs = {one.item: VERBS.get(one.kind, "viewed") for one in scene.visitor.liked}

    def why(n: int) -> Reason:
        row = int(rows[n])
        if share is not None and taste is not None and share[n].sum() >= by_category[n]:
            item = scene.stock.ids[taste.items[share[n].argmax()]]
            return Reason(verbs.get(item, "viewed"), item)
        code = int(scene.stock.category[row])
        return Reason("category", scene.liked_in(code), scene.stock.names[code])

    return why


def session(scene: Scene, count: int) -> Proposal:
    """Next items by similar sessions."""
    model, visitor = scene.model, scene.visitor
    if model is None:
        return NOTHING
    current = [model.index.get(item, -1) for item in visitor.session]
    voted = model.sessions.next(current, scene.params, 4 * count)
    kept = np.flatnonzero(scene.allowed[voted.items])[:count]
    verbs = {one.item: VERBS.get(one.kind, "viewed") for one in visitor.liked}

    def why(n: int) -> Reason:
        item = scene.stock.ids[voted.because[kept[n]]]
        return Reason(verbs.get(item, "viewed"), item)

    return Proposal(voted.items[kept].astype(np.int64), voted.scores[kept], why)


def similar(scene: Scene, count: int) -> Proposal:
    """Items like the anchor: seen in the same sessions, close in factors, of its category."""
    stock, model, anchor = scene.stock, scene.model, scene.anchor
    row = stock.index.get(anchor) if anchor else None
    if row is None or row >= len(stock.category):
        return NOTHING
    score = np.zeros(len(stock.category), np.float32)
    code = stock.category[row]
    if code:
        score[stock.category == code] += 0.2 if row < stock.known else 1.0
    if model is not None and row < stock.known:
        items, near = model.near.of(row)
        if len(near):
            score[items] += near / near[0]
        vectors = model.factors.vectors
        length = np.linalg.norm(vectors, axis=1) * np.linalg.norm(vectors[row])
        close = vectors @ vectors[row] / np.maximum(length, 1e-9)
        score[: stock.known] += 0.5 * np.maximum(close, 0.0)
        score[: stock.known] += POPULAR_PRIOR * model.popularity.popular * (score[: stock.known] > 0)
    score[~scene.allowed] = 0.0
    score[row] = 0.0
    rows = best(score, count)
    return Proposal(rows, score[rows], lambda _: Reason("similar", anchor))


def bought_together(scene: Scene, count: int) -> Proposal:
    """What orders with the anchor also held; without an anchor, with what is in the cart."""
    model, stock = scene.model, scene.stock
    anchors = [] if scene.ask.item or scene.visitor.page else list(scene.visitor.cart)
    if not anchors and scene.anchor:
        anchors = [scene.anchor]
    if model is None or not anchors:
        return NOTHING
    score = np.zeros(len(stock.category), np.float32)
    because: dict[int, tuple[float, str]] = {}
    codes = {item: model.index[item] for item in anchors if item in model.index}
    for item, code in codes.items():
        others, strength = model.together.of(code)
        score[others] += strength
        for other, value in zip(others.tolist(), strength.tolist(), strict=True):
            because[other] = max(because.get(other, (0.0, item)), (value, item))
    score[list(codes.values())] = 0.0
    score[~scene.allowed] = 0.0
    rows = best(score, count)
    return Proposal(rows, score[rows], lambda n: Reason("together", because[int(rows[n])][1]))


def buy_again(scene: Scene, count: int) -> Proposal:
    """What the visitor bought and is likely to need again now."""
    stock, visitor, model = scene.stock, scene.visitor, scene.model
    rows, scores = [], []
    for item, times in visitor.bought.items():
        row = stock.index.get(item)
        if row is None or row >= len(stock.category) or not scene.allowed[row]:
            continue
        known = model is not None and row < stock.known
        share = float(model.rebuy.share[row]) if model and known else 0.1
        days = float(model.rebuy.days[row]) if model and known else 30.0
        if len(times) > 1:  # his own rhythm says more than the average one
            days = (days + (times[-1] - times[0]) / DAY_MS) / len(times)
        waited = (visitor.now - times[-1]) / DAY_MS
        due = 1.0 - 0.5 ** (waited / max(days, 0.04))
        rows.append(row)
        scores.append(len(times) * (share + 0.01) * (0.05 + due))
    order = np.argsort(-np.array(scores, np.float32), kind="stable")[:count]
    chosen = np.array(rows, np.int64)[order]
    return Proposal(
        chosen, np.array(scores, np.float32)[order], lambda n: Reason("again", stock.ids[int(chosen[n])])
    )


def trending(scene: Scene, count: int) -> Proposal:
    """What more visitors like than before."""
    return _ranked(scene, count, "trending")


def popular(scene: Scene, count: int) -> Proposal:
    """What most visitors like; before any training, what the catalogue names first."""
    return _ranked(scene, count, "popular")


def _ranked(scene: Scene, count: int, kind: str) -> Proposal:
    stock, model = scene.stock, scene.model
    score = np.zeros(len(stock.category), np.float32)
    if model is not None:
        score[: stock.known] = model.popularity.popular if kind == "popular" else model.popularity.trend
    score[~scene.allowed] = 0.0
    rows = best(score, count)
    if kind == "popular" and len(rows) < count:
        rows = np.concatenate([rows, _shelves(scene, score)])[:count]
    wanted = scene.ask.filter.categories
    category = wanted[0] if len(wanted) == 1 else None
    return Proposal(rows, score[rows], lambda _: Reason(kind, category=category))


def _shelves(scene: Scene, score: Floats) -> Longs:
    """Allowed items that nobody has an opinion of yet: the first of each category, then the second, and so on."""
    rows = np.flatnonzero(scene.allowed & (score <= 0))
    category = scene.stock.category[rows]
    order = np.argsort(category, kind="stable")
    starts = np.flatnonzero(np.diff(category[order], prepend=-1))
    place = np.empty(len(rows), np.int64)
    place[order] = np.arange(len(rows)) - np.repeat(starts, np.diff(starts, append=len(rows)))
    return rows[np.argsort(place, kind="stable")]
