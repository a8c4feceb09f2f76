"""Alternating least squares by the library implicit. This is the only file that imports it."""

from collections.abc import Callable

import numpy as np
from implicit.cpu.als import AlternatingLeastSquares
from scipy import sparse
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from recommender.data.interactions import Floats
from recommender.data.params import Params


def factors_for(params: Params, items: int, profiles: int) -> int:
    """As many factors as the data can carry: with as many as items the model would only repeat what it saw."""
    return max(2, min(params.factors, items // 4, profiles // 4))


def fit(
    confidence: sparse.csr_matrix, params: Params, progress: Callable[[float], None] = lambda _: None
) -> Floats:
    """Item factors, items × factors, of a profiles × items confidence matrix; ``progress`` hears the share done.

    BLAS runs on one thread meanwhile: implicit has threads of its own, and both together fight for the cores.
    """
    profiles, items = confidence.shape
    if not items or not confidence.nnz:
        return np.zeros((items, 2), dtype=np.float32)
    with threadpool_limits(1, "blas"):
        model = AlternatingLeastSquares(
            factors=factors_for(params, items, profiles),
            regularization=params.regularization,
            alpha=1.0,  # it is in the matrix already
            iterations=params.iterations,
            num_threads=params.threads,
            random_state=params.seed,
        )
        model.fit(
            confidence, show_progress=False, callback=lambda n, *_: progress((n + 1) / params.iterations)
        )
    return np.asarray(model.item_factors, dtype=np.float32)
