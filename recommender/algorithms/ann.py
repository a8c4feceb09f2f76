"""Approximate nearest neighbours by the library usearch. This is the only file that imports it.

A graph of inner products (ip-NSW: Morozov & Babenko, NeurIPS 2018; HNSW: Malkov & Yashunin, 2018), in half precision.
"""

from pathlib import Path
from typing import Any

import numpy as np
from usearch.index import Index

from recommender.data.interactions import Floats, Longs

CONNECTIVITY = 16  # edges of an item
BUILD_WIDTH, SEARCH_WIDTH = (
    64,
    256,
)  # candidates looked at: recall@20 0.97 of the exact answer with 300,000 items


class Ann:
    """Finds item codes. Safe from many threads."""

    def __init__(self, index: Any) -> None:
        self._index = index
        self._index.expansion_search = SEARCH_WIDTH

    @classmethod
    def build(cls, vectors: Floats, threads: int = 0) -> "Ann":
        """Of items × factors, in order of item codes; ``threads`` 0: every core."""
        index = Index(
            ndim=vectors.shape[1],
            metric="ip",
            dtype="f16",
            connectivity=CONNECTIVITY,
            expansion_add=BUILD_WIDTH,
        )
        # Codes go by first occurrence, bestsellers first; links made in that order would lead to few of the others.
        order = np.random.default_rng(len(vectors)).permutation(len(vectors))
        index.add(order, vectors[order], threads=threads)
        return cls(index)

    @classmethod
    def load(cls, path: Path) -> "Ann":
        """Mapped rather than read. Raises ValueError or OSError."""
        index = Index.restore(str(path), view=True)
        if index is None:
            raise ValueError(f"{path} is no index")
        return cls(index)

    def save(self, path: Path) -> None:
        self._index.save(str(path))

    def search(self, user: Floats, count: int) -> Longs:
        """Codes of about the ``count`` items with the highest inner product, in no order that may be relied on."""
        found = self._index.search(user, min(count, len(self._index)), threads=1)
        return np.asarray(found.keys, np.int64)
