"""Neighbours of items: bought in the same order, looked at in the same session."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import sparse

from recommender.data.interactions import PURCHASE, REPEATS_EVER, Floats, Interactions, Ints, Longs
from warehouse.feeds import person_weights

Weights = npt.NDArray[np.float64]

BLOCK = 4096  # items whose products with all others are held at once


@dataclass(frozen=True, slots=True)
class Neighbours:
    """The closest items of each item, best first: those of item i are ``items[starts[i]:starts[i + 1]]``."""

    starts: Longs
    items: Ints
    scores: Floats

    def of(self, item: int) -> tuple[Ints, Floats]:
        if not 0 <= item < len(self.starts) - 1:
            return self.items[:0], self.scores[:0]
        low, high = self.starts[item], self.starts[item + 1]
        return self.items[low:high], self.scores[low:high]


def baskets(rows: Interactions, limit: int) -> sparse.csr_matrix:
    """orders × items, the root of the order's weight where bought. An order is what one profile bought at one instant;
    huge ones are cut."""
    bought = rows.rows(rows.kind == PURCHASE)
    order = np.lexsort((bought.ts, bought.profile))
    profile, ts = bought.profile[order], bought.ts[order]
    first = (np.diff(profile, prepend=-1) != 0) | (np.diff(ts, prepend=-1) != 0)
    number = np.cumsum(first) - 1
    buyer = profile[first]
    weight = rows.profile_weights[buyer] * person_weights.repeats(buyer, REPEATS_EVER)
    return _incidence(number, bought.item[order], len(rows.items), limit, weight)


def visits(rows: Interactions, limit: int) -> sparse.csr_matrix:
    """sessions × items, the root of the session's weight where the item was looked at, added or bought."""
    liked = rows.rows(np.isin(rows.kind, (0, 1, PURCHASE)))
    return _incidence(
        liked.session.astype(np.int64), liked.item, len(rows.items), limit, liked.session_weights()
    )


def _incidence(group: Longs, item: Ints, items: int, limit: int, weight: Weights) -> sparse.csr_matrix:
    """``weight``: of each group."""
    groups = int(group.max()) + 1 if len(group) else 0
    ones = np.ones(len(group), dtype=np.float32)
    matrix = sparse.coo_matrix((ones, (group, item)), shape=(groups, items)).tocsr()
    size = np.diff(matrix.indptr)
    matrix.data = np.sqrt(np.repeat(weight[:groups], size)).astype(
        np.float32
    )  # a product of two is the weight
    return matrix[(size > 1) & (size <= limit)]


LEAST_ORDERS = 3.0 - 1e-6
"""Orders in which two items must meet: two chance meetings of rare items would lead the list. Without this bound it
finds less of an order than the most popular items do where there are many rare items (``bench.associations``)."""


def neighbours(
    incidence: sparse.csr_matrix, keep: int, shrink: float = 3.0, least: float = 0.0
) -> Neighbours:
    """Cosine over groups, damped where it rests on few of them: n_ij / (sqrt(n_i n_j) + shrink). A group counts as its
    entries' square says. ``least``: groups, as heavy as the heaviest, that two items must share."""
    items = incidence.shape[1]
    count = np.asarray(incidence.multiply(incidence).sum(axis=0)).ravel()
    by_item = incidence.T.tocsr()
    bound = least * float(incidence.data.max(initial=0.0)) ** 2
    starts = np.zeros(items + 1, dtype=np.int64)
    kept: list[Ints] = []
    scores: list[Floats] = []
    for low in range(0, items, BLOCK):
        both = (by_item[low : low + BLOCK] @ incidence).tocsr()
        for row in range(both.shape[0]):
            item = low + row
            span = slice(both.indptr[row], both.indptr[row + 1])
            other, n = both.indices[span], both.data[span]
            apart = (other == item) | (n < bound)
            score = np.where(apart, 0.0, n / (np.sqrt(count[other] * count[item]) + shrink))
            top = np.argsort(-score, kind="stable")[:keep] if len(score) <= keep else _top(score, keep)
            top = top[score[top] > 0]
            kept.append(other[top].astype(np.int32))
            scores.append(score[top].astype(np.float32))
            starts[item + 1] = len(top)
    empty = ([np.zeros(0, np.int32)], [np.zeros(0, np.float32)])
    return Neighbours(np.cumsum(starts), np.concatenate(kept or empty[0]), np.concatenate(scores or empty[1]))


def _top(score: Floats, keep: int) -> Longs:
    best = np.argpartition(-score, keep)[:keep]
    return best[np.argsort(-score[best], kind="stable")]
