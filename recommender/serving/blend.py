"""The blend: what the components propose, weighed against each other."""

from collections.abc import Callable, Mapping

import numpy as np

from recommender.data.interactions import Floats, Longs
from recommender.serving.components import bought_together, buy_again, popular, session, similar
from recommender.serving.personal import DOUBTED, by_taste
from recommender.serving.request import Reason
from recommender.serving.slot import NOTHING, Proposal, Scene


def _by_taste(scene: Scene, count: int) -> Proposal:
    return by_taste(scene, count, revisit=1.0)


COMPONENTS: Mapping[str, Callable[[Scene, int], Proposal]] = {
    "session": session,
    "personal": _by_taste,
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
"""Until weights have been fitted on the site's own held-out days."""


def _by_hand(profiles: int) -> Mapping[str, float]:
    """The default weights; what few visitors did counts for little beside this visitor's own interests."""
    trust = profiles / (profiles + DOUBTED)
    return {name: weight * (1.0 if name == "personal" else trust) for name, weight in DEFAULT_WEIGHTS.items()}


def blend(scene: Scene, count: int) -> Proposal:
    """Each component's scores relative to its best, weighed and added; the reason is the largest part's."""
    card = scene.model.card if scene.model else None
    revisit = scene.params.revisit if card is None or card.revisit is None else card.revisit
    weights = card.blend if card and card.blend else _by_hand(card.profiles if card else 0)
    used = [(each, weights.get(name, 0.0)) for name, each in COMPONENTS.items()]
    proposals = [(each(scene, scene.params.candidates), weight) for each, weight in used if weight > 0]
    proposals = [(proposal, weight) for proposal, weight in proposals if len(proposal.rows)]
    if not proposals:
        return NOTHING
    rows, parts = union([proposal for proposal, _ in proposals])
    parts = parts * np.array([weight for _, weight in proposals], np.float32)
    total = parts.sum(axis=1)
    if revisit != 1.0:
        seen = set(scene.seen)
        total[[row in seen for row in rows.tolist()]] *= revisit
    order = np.argsort(-total, kind="stable")[:count]

    def why(n: int) -> Reason:
        place = int(order[n])
        proposal = proposals[int(parts[place].argmax())][0]
        return proposal.why(int(np.flatnonzero(proposal.rows == rows[place])[0]))

    return Proposal(rows[order], total[order], why)


def union(proposals: list[Proposal]) -> tuple[Longs, Floats]:
    """Every row that any proposes, ascending; and rows × proposals, each's score relative to its best."""
    every = np.sort(np.concatenate([proposal.rows for proposal in proposals]))
    rows = every[np.append(True, every[1:] != every[:-1])[: len(every)]]
    parts = np.zeros((len(rows), len(proposals)), np.float32)
    for column, proposal in enumerate(proposals):
        if len(proposal.rows):
            parts[np.searchsorted(rows, proposal.rows), column] = proposal.scores / proposal.scores[0]
    return rows, parts
