"""Personal: items by the visitor's factors, and by his interest in their category where the factors know little."""

from collections.abc import Callable
from functools import cache

import numpy as np

from recommender.data.interactions import Floats, Longs
from recommender.serving.request import Reason
from recommender.serving.slot import NOTHING, Proposal, Scene, best

POPULAR_PRIOR = 0.02
"""Weight of popularity where taste leaves a tie, as within a category before the first training."""

TRUSTED = 2000
"""Visitors from whom on the factors count for more than the categories."""

DOUBTED = 30
"""Visitors below which the factors are mostly chance."""

NEGLIGIBLE = 0.01


def personal(scene: Scene, count: int) -> Proposal:
    """What the visitor likes; what he saw already comes later."""
    return by_taste(scene, count, scene.params.revisit)


def by_taste(scene: Scene, count: int, revisit: float) -> Proposal:
    """As personal, with a factor on the score of items seen already.

    Factor scores count relative to that of the visitor's own best item, so that they compare with interest shares.
    """
    taste, model, stock = scene.taste, scene.model, scene.stock
    if taste is None and not scene.affinity:
        return NOTHING
    interest = _interest(scene)
    known, factor = stock.known, 0.0
    rows, scores = np.zeros(0, np.int64), np.zeros(0, np.float32)
    if model is not None:
        if taste is not None:
            taught = model.card.profiles
            factor = taught / (taught + DOUBTED) / max(taste.top, 1e-6)
        bonus = None if interest is None else interest[stock.category[:known]]
        if bonus is not None:
            bonus += (bonus > 0) * POPULAR_PRIOR * model.popularity.popular
        user = (
            taste.user * np.float32(factor) if taste else np.zeros(model.factors.vectors.shape[1], np.float32)
        )
        rows, scores = _known_items(scene, user, bonus, count, revisit)
    new_rows, new_scores = _new_items(scene, interest, factor)
    if len(new_rows):
        new_scores[np.isin(new_rows, scene.seen)] *= revisit
        rows, scores = np.concatenate([rows, new_rows]), np.concatenate([scores, new_scores])
    rows, scores = best(rows, scores, count)
    return Proposal(rows, scores, _reasons(scene, rows, interest, factor))


def _known_items(
    scene: Scene, user: Floats, bonus: Floats | None, count: int, revisit: float
) -> tuple[Longs, Floats]:
    """The best of the model's items. Those seen already are few: scored by themselves, they do not crowd the search."""
    assert scene.model is not None
    factors, allowed = scene.model.factors, scene.allowed[: scene.stock.known]
    seen = np.array([row for row in scene.seen if row < len(allowed) and allowed[row]], np.int64)
    if revisit == 1.0 or not len(seen):
        return factors.best(user, count, allowed, bonus)
    allowed[seen] = False  # for the search alone: the scene's mask is too large to be copied
    rows, scores = factors.best(user, count, allowed, bonus)
    allowed[seen] = True
    again = factors.of(seen) @ user
    if bonus is not None:
        again += bonus[seen]
    return np.concatenate([rows, seen]), np.concatenate([scores, again * np.float32(revisit)])


def _interest(scene: Scene) -> Floats | None:
    """Weight by category code; None where it is negligible.

    Categories are a crutch: the more visitors taught the factors, the less they carry.
    """
    profiles = scene.model.card.profiles if scene.model else 0
    strength = scene.params.affinity * TRUSTED / (profiles + TRUSTED)
    if (strength < NEGLIGIBLE and scene.taste is not None) or not scene.affinity:
        return None
    interest = np.zeros(len(scene.stock.names), np.float32)
    for code, share in scene.affinity.items():
        interest[code] = share * strength
    return interest


def _new_items(scene: Scene, interest: Floats | None, factor: float) -> tuple[Longs, Floats]:
    """Items that the model does not know, by their content's place among the factors and by their category."""
    stock, known = scene.stock, scene.stock.known
    scores = np.zeros(len(stock.category) - known, np.float32)
    if not len(scores):
        return np.zeros(0, np.int64), scores
    if scene.taste is not None and len(stock.content):
        scores += factor * (stock.content @ scene.taste.user)
    if interest is not None:
        scores += interest[stock.category[known:]]
    scores[~scene.allowed[known:]] = 0.0
    rows = np.flatnonzero(scores > 0)
    return rows + known, scores[rows]


def _reasons(scene: Scene, rows: Longs, interest: Floats | None, factor: float) -> Callable[[int], Reason]:
    """The touched item that brings most of the score, or the category where that brings more."""
    taste, model, stock = scene.taste, scene.model, scene.stock

    @cache
    def by_taste() -> tuple[list[float], list[int]]:
        """What taste brings of each score, and which of the touched items most of that."""
        assert taste is not None
        assert model is not None
        if len(stock.content):
            vectors = np.zeros((len(rows), len(taste.user)), np.float32)
            inside = rows < stock.known
            vectors[inside] = model.factors.of(rows[inside])
            vectors[~inside] = stock.content[rows[~inside] - stock.known]
        else:
            vectors = model.factors.of(rows)
        shares = taste.contributions(vectors)
        return (shares.sum(axis=1) * factor).tolist(), taste.items[shares.argmax(axis=1)].tolist()

    def why(n: int) -> Reason:
        code = int(stock.category[rows[n]])
        by_category = float(interest[code]) if interest is not None else 0.0
        if taste is None or by_taste()[0][n] < by_category:
            return Reason("category", scene.liked_in(code), stock.names[code])
        item = stock.ids[by_taste()[1][n]]
        return Reason(scene.verb(item), item)

    return why
