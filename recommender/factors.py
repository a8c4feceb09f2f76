"""Item factors, and a visitor's factors solved from them while the request waits."""

from dataclasses import dataclass

import numpy as np

from recommender.interactions import Floats, Ints


@dataclass(frozen=True, slots=True)
class Factors:
    """``vectors`` Y is items × factors; ``solved`` is Y (YᵀY + λI)⁻¹, computed once per model.

    With it a visitor costs a system as small as the number of items he touched, not of factors.
    """

    vectors: Floats
    solved: Floats

    def fold_in(self, items: Ints, confidence: Floats) -> "Taste":
        """The least-squares user factors for ``confidence`` (> 1) on ``items``, as implicit would solve them.

        x = (G + VᵀDV)⁻¹ Vᵀc with G = YᵀY + λI, V = Y[items], D = diag(c - 1). By the push-through identity
        that is G⁻¹Vᵀ (I + DK)⁻¹ c with K = V G⁻¹ Vᵀ: k × k instead of factors × factors.
        """
        solved, vectors = self.solved[items], self.vectors[items]
        kernel = solved @ vectors.T
        system = kernel * (confidence - 1.0)[:, None]
        system.flat[:: len(items) + 1] += 1.0
        shares = np.linalg.inv(system.astype(np.float64))
        user = solved.T @ (shares @ confidence)
        return Taste(items, confidence, user.astype(np.float32), solved, shares)


@dataclass(frozen=True, slots=True)
class Taste:
    """A visitor's factors ``user``, and what is needed to tell where a score comes from."""

    items: Ints
    confidence: Floats
    user: Floats
    solved: Floats
    shares: np.ndarray

    def contributions(self, vectors: Floats) -> np.ndarray:
        """candidates × items: how much of each candidate's score each touched item brings; rows sum to the score."""
        return np.asarray((vectors @ self.solved.T) @ self.shares * self.confidence)


def solve(vectors: Floats, regularization: float) -> Factors:
    """Precompute the item side of the normal equations."""
    gram = vectors.T.astype(np.float64) @ vectors + regularization * np.eye(vectors.shape[1])
    return Factors(vectors, np.linalg.solve(gram, vectors.T).T.astype(np.float32))
