"""Measures of a ranked list against what was chosen. Lists hold each item once; ranks count from 1."""

from collections.abc import Collection, Sequence
from math import log2


def hit(shown: Sequence[str], chosen: Collection[str]) -> float:
    """HR@k of one list: 1 when it holds any chosen item."""
    return float(any(item in chosen for item in shown))


def reciprocal_rank(shown: Sequence[str], chosen: Collection[str]) -> float:
    """1 / rank of the first chosen item, 0 without one."""
    return next((1.0 / rank for rank, item in enumerate(shown, 1) if item in chosen), 0.0)


def recall(shown: Sequence[str], chosen: Collection[str], k: int) -> float:
    """Chosen items that the list holds, of as many as ``k`` places can hold."""
    return sum(item in chosen for item in shown[:k]) / min(len(chosen), k) if chosen else 0.0


def ndcg(shown: Sequence[str], chosen: Collection[str], k: int) -> float:
    """Discounted gain over that of the best possible list of ``k`` (Järvelin & Kekäläinen 2002, binary gains)."""
    gain = sum(1.0 / log2(rank + 1) for rank, item in enumerate(shown[:k], 1) if item in chosen)
    ideal = sum(1.0 / log2(rank + 1) for rank in range(1, min(len(chosen), k) + 1))
    return gain / ideal if ideal else 0.0
