"""The personal strategy: items by the visitor's factors, and by interest in categories while data are few."""

from collections.abc import Callable
from functools import cache

import numpy as np

from recommender.data.interactions import Floats, Longs
from recommender.serving.request import Reason
from recommender.serving.slot import NO_CANDIDATES, Candidates, Slot, top

POPULAR_PRIOR = 0.02
"""Weight of popularity where scores are equal, as within a category before the first training."""

MANY_VISITORS = 2000
"""With more visitors than this in the model, the factors count for more than the categories."""

FEW_VISITORS = 30
"""With fewer visitors than this in the model, the factors are mostly chance."""

NEGLIGIBLE = 0.01


def personal(slot: Slot, count: int) -> Candidates:
    """Items that the visitor likes. Items seen already are ranked lower."""
    return personal_scored(slot, count, slot.params.revisit)


def personal_scored(slot: Slot, count: int, revisit: float) -> Candidates:
    """As ``personal``, with ``revisit`` as the factor on the score of items seen already.

    Factor scores are relative to that of the visitor's own best item, so that they compare with interest shares.
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
            factor = taught / (taught + FEW_VISITORS) / max(user_factors.top, 1e-6)
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
    """The best of the model's items. The few that were seen already are scored apart, so that the search skips them."""
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

    The more visitors the model was trained on, the less the categories count.
    """
    profiles = slot.model.card.profiles if slot.model else 0
    strength = slot.params.affinity * MANY_VISITORS / (profiles + MANY_VISITORS)
    if (strength < NEGLIGIBLE and slot.user_factors is not None) or not slot.affinity:
        return None
    interest = np.zeros(len(slot.table.names), np.float32)
    for code, share in slot.affinity.items():
        interest[code] = share * strength
    return interest


def _new_items(slot: Slot, interest: Floats | None, factor: float) -> tuple[Longs, Floats]:
    """Items that the model does not know, by the factors that their content suggests and by their category."""
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
    """The visitor's item that brings most of the score, or the category where that brings more."""
    user_factors, model, table = slot.user_factors, slot.model, slot.table

    @cache
    def by_factors() -> tuple[list[float], list[int]]:
        """What the factors bring of each score, and which of the visitor's items brings most of that."""
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
        if user_factors is None or by_factors()[0][n] < by_category:
            return Reason("category", slot.liked_in(code), table.names[code])
        item = slot.named(by_factors()[1][n])
        return Reason(slot.verb(item), item)

    return reason
