"""The blend strategy: a weighted sum of the scores of all components."""

from collections.abc import Callable, Mapping

import numpy as np

from recommender.data.interactions import Floats, Longs
from recommender.serving.components import bought_together, buy_again, popular, session, similar
from recommender.serving.personal import FEW_VISITORS, personal_scored
from recommender.serving.request import Reason
from recommender.serving.slot import NO_CANDIDATES, Candidates, Slot


def _personal(slot: Slot, count: int) -> Candidates:
    return personal_scored(slot, count, revisit=1.0)


COMPONENTS: Mapping[str, Callable[[Slot, int], Candidates]] = {
    "session": session,
    "personal": _personal,
    "similar": similar,
    "bought_together": bought_together,
    "buy_again": buy_again,
    "popular": popular,
}

DEFAULT_WEIGHTS: Mapping[str, float] = {
    "session": 1.0,
    "personal": 0.6,
    "similar": 0.2,
    "bought_together": 0.2,
    "buy_again": 0.2,
}
"""Used until weights have been fitted on the site's own held-out sessions."""


def _default_weights(profiles: int) -> Mapping[str, float]:
    """The default weights. With few visitors in the model, the visitor's own interests count for more."""
    trust = profiles / (profiles + FEW_VISITORS)
    return {name: weight * (1.0 if name == "personal" else trust) for name, weight in DEFAULT_WEIGHTS.items()}


def blend(slot: Slot, count: int) -> Candidates:
    """The weighted sum of the components' scores, each relative to its best. The reason is that of the largest part."""
    card = slot.model.card if slot.model else None
    revisit = slot.params.revisit if card is None or card.revisit is None else card.revisit
    weights = card.blend if card and card.blend else _default_weights(card.profiles if card else 0)
    used = [(each, weights.get(name, 0.0)) for name, each in COMPONENTS.items()]
    found = [(each(slot, slot.params.candidates), weight) for each, weight in used if weight > 0]
    found = [(candidates, weight) for candidates, weight in found if len(candidates.rows)]
    if not found:
        return NO_CANDIDATES
    rows, parts = union([candidates for candidates, _ in found])
    parts = parts * np.array([weight for _, weight in found], np.float32)
    total = parts.sum(axis=1)
    if revisit != 1.0:
        seen = set(slot.seen)
        total[[row in seen for row in rows.tolist()]] *= revisit
    order = np.argsort(-total, kind="stable")[:count]

    def reason(n: int) -> Reason:
        place = int(order[n])
        candidates = found[int(parts[place].argmax())][0]
        return candidates.reason(int(np.flatnonzero(candidates.rows == rows[place])[0]))

    return Candidates(rows[order], total[order], reason)


def union(found: list[Candidates]) -> tuple[Longs, Floats]:
    """Every row that any component found, ascending; and rows × components, each score relative to its best."""
    every = np.sort(np.concatenate([candidates.rows for candidates in found]))
    rows = every[np.append(True, every[1:] != every[:-1])[: len(every)]]
    parts = np.zeros((len(rows), len(found)), np.float32)
    for column, candidates in enumerate(found):
        if len(candidates.rows):
            parts[np.searchsorted(rows, candidates.rows), column] = candidates.scores / candidates.scores[0]
    return rows, parts
