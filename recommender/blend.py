"""The blend: what the components propose, weighed against each other."""

from collections.abc import Callable, Mapping

import numpy as np

from recommender.ask import Reason
from recommender.personal import by_taste
from recommender.propose import bought_together, session, similar
from recommender.scene import Proposal, Scene


def _by_taste(scene: Scene, count: int) -> Proposal:
    return by_taste(scene, count, revisit=1.0)


COMPONENTS: Mapping[str, Callable[[Scene, int], Proposal]] = {
    "session": session,
    "personal": _by_taste,
    "similar": similar,
    "bought_together": bought_together,
}

DEFAULT_WEIGHTS: Mapping[str, float] = {
    "session": 1.0,
    "personal": 0.6,
    "similar": 0.2,
    "bought_together": 0.2,
}
"""Until weights have been fitted on the site's own held-out days."""


def blend(scene: Scene, count: int) -> Proposal:
    """Each component's scores relative to its best, weighed and added; the reason is the largest part's."""
    fitted = scene.model.card.revisit if scene.model else None
    revisit = scene.params.revisit if fitted is None else fitted
    weights = scene.model.blend if scene.model and scene.model.blend else DEFAULT_WEIGHTS
    total: dict[int, float] = {}
    largest: dict[int, tuple[float, Proposal, int]] = {}
    for name, component in COMPONENTS.items():
        weight = weights.get(name, 0.0)
        proposal = component(scene, scene.params.candidates) if weight > 0 else None
        if proposal is None or not len(proposal.rows):
            continue
        parts = proposal.scores * (weight / float(proposal.scores[0]))
        for n, (row, part) in enumerate(zip(proposal.rows.tolist(), parts.tolist(), strict=True)):
            total[row] = total.get(row, 0.0) + part
            if row not in largest or part > largest[row][0]:
                largest[row] = (part, proposal, n)
    for row in scene.seen:
        if row in total:
            total[row] *= revisit
    rows = sorted(total, key=lambda row: (-total[row], row))[:count]

    def why(n: int) -> Reason:
        _, proposal, place = largest[rows[n]]
        return proposal.why(place)

    return Proposal(np.array(rows, np.int64), np.array([total[row] for row in rows], np.float32), why)
