"""Item factors, the user factors solved from them during a request, and the best items for those."""

from bisect import bisect_right
from dataclasses import dataclass, field
from operator import neg

import numpy as np
import numpy.typing as npt

from recommender.algorithms.ann import Ann
from recommender.data.interactions import Floats, Ints, Longs

ALLOWED, WIDER = (
    0.5,
    4,
)  # share of allowed items that the graph needs; times as many asked of it, as filters take some
POSITIVE = float(np.finfo(np.float32).tiny)
FIRST, BLOCK = 768, 8192
"""Items scored before the bar is raised: twice as many each time, as long as they fit the cache."""


@dataclass(frozen=True, slots=True)
class Factors:
    """Items stand in order of the ``length`` of their vectors, longest first, because that bounds what they can
    score: ``order`` names the item code of each row, ``place`` the row of each code.

    ``vectors`` Y is rows × factors; ``solved`` is Y (YᵀY + λI)⁻¹, computed once per model: with it a visitor
    costs a system as small as the number of items he touched, not of factors. ``ann`` is there for many items.
    """

    vectors: Floats
    solved: Floats
    length: Floats
    order: Ints
    place: Ints
    ann: Ann | None = field(default=None, repr=False, compare=False)

    def of(self, items: npt.NDArray[np.integer]) -> Floats:
        """Vectors of item codes."""
        vectors: Floats = self.vectors[self.place[items]]
        return vectors

    def fold_in(self, items: Ints, confidence: Floats) -> "UserFactors":
        """The least-squares user factors for ``confidence`` (> 1) on ``items``, as implicit would solve them.

        x = (G + VᵀDV)⁻¹ Vᵀc with G = YᵀY + λI, V = Y[items], D = diag(c - 1). By the push-through identity
        that is G⁻¹Vᵀ (I + DK)⁻¹ c with K = V G⁻¹ Vᵀ: k × k instead of factors × factors.
        """
        rows = self.place[items]
        solved, vectors = self.solved[rows], self.vectors[rows]
        kernel = solved @ vectors.T
        system = kernel * (confidence - 1.0)[:, None]
        system.flat[:: len(items) + 1] += 1.0
        shares = np.linalg.inv(system.astype(np.float64))
        user = (shares @ confidence).astype(np.float32) @ solved
        return UserFactors(items, confidence, user, solved, shares, float((vectors @ user).max()))

    def best(
        self, user: Floats, count: int, allowed: npt.NDArray[np.bool_], bonus: Floats | None = None
    ) -> tuple[Longs, Floats]:
        """The ``count`` allowed items with the highest positive ``vector · user + bonus``, best first, ties by code.

        Exact, but where there are very many items and no bonus: then nearly so.
        """
        near = self._near(user, count, allowed) if bonus is None else None
        return near or self._exact(user, count, allowed, bonus)

    def _near(self, user: Floats, count: int, allowed: npt.NDArray[np.bool_]) -> tuple[Longs, Floats] | None:
        """By the graph; None without one, and where so few items are allowed that its answer would be a poor one."""
        if self.ann is None or np.count_nonzero(allowed) < ALLOWED * len(allowed):
            return None
        codes = self.ann.search(user, WIDER * count)
        codes = codes[allowed[codes]]
        if len(codes) < count:
            return None
        scores = self.of(codes) @ user
        codes, scores = codes[scores > 0], scores[scores > 0]
        ranked = np.lexsort((codes, -scores))[:count]
        return codes[ranked], scores[ranked]

    def _exact(
        self, user: Floats, count: int, allowed: npt.NDArray[np.bool_], bonus: Floats | None
    ) -> tuple[Longs, Floats]:
        """Without scoring every item: by Cauchy-Schwarz no item beyond the one whose length times the user's
        falls under the bar can reach it (LEMP, Teflioudi et al., SIGMOD 2015). ``bonus`` ≥ 0 is by item code.
        """
        reach, extra = float(np.linalg.norm(user)), 0.0 if bonus is None else float(bonus.max(initial=0.0))
        codes, scores, bar = np.zeros(0, np.int64), np.zeros(0, np.float32), POSITIVE
        if reach == 0.0 and bonus is not None:
            rows = np.flatnonzero(allowed & (bonus >= bar))
            return _highest(rows, bonus[rows], count)
        low, high, size = 0, min(FIRST, len(self.order)) if reach else 0, FIRST
        while low < high:
            score = self.vectors[low:high] @ user
            near = np.flatnonzero(score >= bar - extra)
            here = self.order[low + near]
            free = allowed[here]
            here, score = here[free], score[near[free]]
            if bonus is not None:
                score = score + bonus[here]
            good = score >= bar
            codes, scores = np.concatenate([codes, here[good]]), np.concatenate([scores, score[good]])
            if len(scores) >= count:
                codes, scores = _highest(codes, scores, count)
                bar = float(scores[-1])
            size = min(2 * size, BLOCK)
            low, high = high, min(high + size, self._within(reach, bar - extra))
        return _highest(codes, scores, count)

    def _within(self, reach: float, bar: float) -> int:
        """How many of the longest vectors can score ``bar`` with a user's of length ``reach``."""
        # As what was rounded may have been rounded down, a little more than the bound says.
        return bisect_right(self.length, bar / -reach * (1 - 1e-5), key=neg)


def _highest(codes: npt.NDArray[np.integer], scores: Floats, count: int) -> tuple[Longs, Floats]:
    """The ``count`` highest scores, best first, ties by code."""
    if len(scores) > 8 * count:
        kept = np.flatnonzero(scores >= np.partition(scores, -count)[-count])
        codes, scores = codes[kept], scores[kept]
    ranked = np.lexsort((codes, -scores))[:count]
    return codes[ranked].astype(np.int64), scores[ranked]


@dataclass(frozen=True, slots=True)
class UserFactors:
    """A visitor's factors ``user``, and what is needed to tell where a score comes from. ``top`` is the score of the
    best of his own ``items``."""

    items: Ints
    confidence: Floats
    user: Floats
    solved: Floats
    shares: np.ndarray
    top: float

    def contributions(self, vectors: Floats) -> np.ndarray:
        """candidates × items: how much of each candidate's score each touched item brings; rows sum to the score."""
        return np.asarray((vectors @ self.solved.T) @ self.shares * self.confidence)


def solve(vectors: Floats, regularization: float, ann_above: int = 1 << 62, threads: int = 0) -> Factors:
    """Factors of items × factors ``vectors`` in order of item codes, the normal equations' item side solved.

    With more than ``ann_above`` items the best are found by a graph.
    """
    gram = vectors.T.astype(np.float64) @ vectors + regularization * np.eye(vectors.shape[1])
    length = np.linalg.norm(vectors, axis=1).astype(np.float32)
    order = np.argsort(-length, kind="stable").astype(np.int32)
    place = np.empty_like(order)
    place[order] = np.arange(len(order), dtype=np.int32)
    ann = Ann.build(vectors, threads) if len(vectors) > ann_above else None
    vectors = np.ascontiguousarray(vectors[order])
    solved = np.linalg.solve(gram, vectors.T).T.astype(np.float32)
    return Factors(vectors, solved, length[order], order, place, ann)
