"""Reranking of candidates: boosts, a limit for each category, and exploration of new items."""

import random
from collections import Counter

import numpy as np

from recommender.data.interactions import Longs
from recommender.serving.request import Reason, RecommendedItem
from recommender.serving.slot import Candidates, Slot
from tracker.durations import DAY_MS

OVERFETCH = 4  # times as many candidates where reranking may change which items are shown


def candidates_needed(slot: Slot) -> int:
    """How many candidates the reranking needs."""
    boosts = any(rule.bias not in (-1, 0) for rule in slot.request.rules)
    return slot.request.limit * (OVERFETCH if boosts or slot.request.spread or slot.table.groups else 1)


def rerank(slot: Slot, candidates: Candidates) -> list[RecommendedItem]:
    """At most ``limit`` of the candidates, after boosts and the limit for each category."""
    scores = candidates.scores.astype(np.float64)
    for rule in slot.request.rules:
        if rule.bias not in (-1, 0):
            scores[slot.table.rule_mask(rule)[candidates.rows]] *= rule.bias
    order = np.argsort(-scores, kind="stable").tolist() if slot.request.rules else list(range(len(scores)))
    order = _one_of_each(slot, candidates.rows, order)
    chosen = _spread(slot, candidates.rows, order)[: slot.request.limit]
    rows, values = candidates.rows.tolist(), scores.tolist()
    return [RecommendedItem(slot.shown(rows[n]), round(values[n], 6), candidates.reason(n)) for n in chosen]


def _one_of_each(slot: Slot, rows: Longs, order: list[int]) -> list[int]:
    """The order with one variant of each group: the best."""
    if not slot.table.groups and not slot.table.display:
        return order
    met: set[int | str] = set()
    kept: list[int] = []
    for n in order:
        row = int(rows[n])
        one: int | str = int(slot.table.group[row]) or slot.shown(row)
        if one not in met:
            met.add(one)
            kept.append(n)
    return kept


def _spread(slot: Slot, rows: Longs, order: list[int]) -> list[int]:
    """The order with the items beyond their category's limit moved to the end."""
    most = slot.request.spread
    if most is None:
        return order
    held: Counter[int] = Counter()
    first: list[int] = []
    rest: list[int] = []
    for n in order:
        category = int(slot.table.category[rows[n]])
        held[category] += 1
        (first if held[category] <= most or not category else rest).append(n)
    return first + rest


def with_exploration(
    slot: Slot, shown: list[RecommendedItem], chance: random.Random
) -> list[RecommendedItem]:
    """The row, with its last place sometimes given to a new item that the model does not know.

    An item is new for ``new_days`` after it was first seen: one that nobody chose for long is not.

    The parameter ``explore`` is the expected share of such items; 0 switches exploration off.
    """
    share, known = slot.params.explore * len(shown), slot.table.model_rows
    if not share or not known or len(shown) < 2 or chance.random() >= share:
        return shown
    new = (
        slot.table.first_seen[: len(slot.allowed) - known] >= slot.visitor.now - slot.params.new_days * DAY_MS
    )
    there = slot.table.with_siblings(slot.rows(pick.id for pick in shown))
    rows = [row for row in (np.flatnonzero(slot.allowed[known:] & new) + known).tolist() if row not in there]
    if not rows:
        return shown
    chosen = chance.choice(rows)
    if slot.user_factors is not None:  # of a few, the one nearest to the visitor's taste
        few = chance.sample(rows, min(8, len(rows)))
        chosen = max(few, key=lambda row: float(slot.table.content[row - known] @ slot.user_factors.user))  # type: ignore[union-attr]
    return [*shown[:-1], RecommendedItem(slot.shown(chosen), 0.0, Reason("new"))]
