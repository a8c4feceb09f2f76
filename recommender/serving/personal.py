"""Personal: items by the visitor's factors, and by his interest in their category where the factors know little."""

from collections.abc import Callable
from functools import cache

import numpy as np

from recommender.data.interactions import Floats, Longs
from recommender.serving.request import Reason
from recommender.serving.slot import NO_CANDIDATES, Candidates, Slot, top

POPULAR_PRIOR = 0.02
"""Weight of popularity where taste leaves a tie, as within a category before the first training."""

TRUSTED = 2000
"""Visitors from whom on the factors count for more than the categories."""

DOUBTED = 30
"""Visitors below which the factors are mostly chance."""

NEGLIGIBLE = 0.01


def personal(slot: Slot, count: int) -> Candidates:
    """What the visitor likes; what he saw already comes later."""
    return by_taste(slot, count, slot.params.revisit)


def by_taste(slot: Slot, count: int, revisit: float) -> Candidates:
    """As personal, with a factor on the score of items seen already.

    Factor scores count relative to that of the visitor's own best item, so that they compare with interest shares.
    """
    user_factors, model, table = slot.user_factors, slot.model, slot.table
    if user_factors is None and not slot.affinity:
        return NO_CANDIDATES
    interest = _interest(slot)
    known, factor = table.model_rows, 0.0
    rows, scores = np.zeros(0, np.int64), np.zeros(0, np.float32)
    if model is not None:
        if user_factors is not None:
            taught = model.card.profiles
            factor = taught / (taught + DOUBTED) / max(user_factors.top, 1e-6)
        bonus = None if interest is None else interest[table.category[:known]]
        if bonus is not None:
            bonus += (bonus > 0) * POPULAR_PRIOR * model.popularity.popular
        user = (
            user_factors.user * np.float32(factor)
            if user_factors
            else np.zeros(model.factors.vectors.shape[1], np.float32)
        )
        rows, scores = _known_items(slot, user, bonus, count, revisit)
    new_rows, new_scores = _new_items(slot, interest, factor)
    if len(new_rows):
        new_scores[np.isin(new_rows, slot.seen)] *= revisit
        rows, scores = np.concatenate([rows, new_rows]), np.concatenate([scores, new_scores])
    rows, scores = top(rows, scores, count)
    return Candidates(rows, scores, _reasons(slot, rows, interest, factor))


def _known_items(
    slot: Slot, user: Floats, bonus: Floats | None, count: int, revisit: float
) -> tuple[Longs, Floats]:
    """The best of the model's items. Those seen already are few: scored by themselves, they do not crowd the search."""
    assert slot.model is not None
    factors, allowed = slot.model.factors, slot.allowed[: slot.table.model_rows]
    seen = np.array([row for row in slot.seen if row < len(allowed) and allowed[row]], np.int64)
    if revisit == 1.0 or not len(seen):
        return factors.best(user, count, allowed, bonus)
    allowed[seen] = False  # for the search alone: the slot's mask is too large to be copied
    rows, scores = factors.best(user, count, allowed, bonus)
    allowed[seen] = True
    again = factors.of(seen) @ user
    if bonus is not None:
        again += bonus[seen]
    return np.concatenate([rows, seen]), np.concatenate([scores, again * np.float32(revisit)])


def _interest(slot: Slot) -> Floats | None:
    """Weight by category code; None where it is negligible.

    Categories are a crutch: the more visitors taught the factors, the less they carry.
    """
    profiles = slot.model.card.profiles if slot.model else 0
    strength = slot.params.affinity * TRUSTED / (profiles + TRUSTED)
    if (strength < NEGLIGIBLE and slot.user_factors is not None) or not slot.affinity:
        return None
    interest = np.zeros(len(slot.table.names), np.float32)
    for code, share in slot.affinity.items():
        interest[code] = share * strength
    return interest


def _new_items(slot: Slot, interest: Floats | None, factor: float) -> tuple[Longs, Floats]:
    """Items that the model does not know, by their content's place among the factors and by their category."""
    table, known = slot.table, slot.table.model_rows
    scores = np.zeros(len(table.category) - known, np.float32)
    if not len(scores):
        return np.zeros(0, np.int64), scores
    if slot.user_factors is not None and len(table.content):
        scores += factor * (table.content @ slot.user_factors.user)
    if interest is not None:
        scores += interest[table.category[known:]]
    scores[~slot.allowed[known:]] = 0.0
    rows = np.flatnonzero(scores > 0)
    return rows + known, scores[rows]


def _reasons(slot: Slot, rows: Longs, interest: Floats | None, factor: float) -> Callable[[int], Reason]:
    """The touched item that brings most of the score, or the category where that brings more."""
    user_factors, model, table = slot.user_factors, slot.model, slot.table

    @cache
    def by_taste() -> tuple[list[float], list[int]]:
        """What taste brings of each score, and which of the touched items most of that."""
        assert user_factors is not None
        assert model is not None
        if len(table.content):
            vectors = np.zeros((len(rows), len(user_factors.user)), np.float32)
            inside = rows < table.model_rows
            vectors[inside] = model.factors.of(rows[inside])
            vectors[~inside] = table.content[rows[~inside] - table.model_rows]
        else:
            vectors = model.factors.of(rows)
        shares = user_factors.contributions(vectors)
        return (shares.sum(axis=1) * factor).tolist(), user_factors.items[shares.argmax(axis=1)].tolist()

    def reason(n: int) -> Reason:
        code = int(table.category[rows[n]])
        by_category = float(interest[code]) if interest is not None else 0.0
        if user_factors is None or by_taste()[0][n] < by_category:
            return Reason("category", slot.liked_in(code), table.names[code])
        item = table.ids[by_taste()[1][n]]
        return Reason(slot.verb(item), item)

    return reason
