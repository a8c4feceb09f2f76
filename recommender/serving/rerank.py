"""Arranging what was proposed: boosts, spread over categories, and a place for what nobody has seen yet."""

import random
from collections import Counter

import numpy as np

from recommender.data.interactions import Longs
from recommender.serving.request import Pick, Reason
from recommender.serving.slot import Proposal, Scene

WIDER = 4  # times as many are proposed where arranging may change which are shown


def wanted(scene: Scene) -> int:
    """How many proposals the arranging needs."""
    boosts = any(rule.bias not in (-1, 0) for rule in scene.ask.rules)
    return scene.ask.limit * (WIDER if boosts or scene.ask.spread else 1)


def picks(scene: Scene, proposal: Proposal) -> list[Pick]:
    """At most ``limit`` of the proposal, boosted and spread."""
    scores = proposal.scores.astype(np.float64)
    for rule in scene.ask.rules:
        if rule.bias not in (-1, 0):
            scores[scene.stock.matching(rule)[proposal.rows]] *= rule.bias
    order = np.argsort(-scores, kind="stable").tolist() if scene.ask.rules else list(range(len(scores)))
    chosen = _spread(scene, proposal.rows, order)[: scene.ask.limit]
    ids, rows, told = scene.stock.ids, proposal.rows.tolist(), scores.tolist()
    return [Pick(ids[rows[n]], round(told[n], 6), proposal.why(n)) for n in chosen]


def _spread(scene: Scene, rows: Longs, order: list[int]) -> list[int]:
    """The order with what exceeds its category's share moved to the end."""
    most = scene.ask.spread
    if most is None:
        return order
    held: Counter[int] = Counter()
    first: list[int] = []
    rest: list[int] = []
    for n in order:
        category = int(scene.stock.category[rows[n]])
        held[category] += 1
        (first if held[category] <= most or not category else rest).append(n)
    return first + rest


def explored(scene: Scene, shown: list[Pick], chance: random.Random) -> list[Pick]:
    """The row with its last place given, now and then, to an item the model has never seen chosen.

    ``explore`` is the expected share of shown items; 0 switches it off.
    """
    share, known = scene.params.explore * len(shown), scene.stock.known
    if not share or not known or len(shown) < 2 or chance.random() >= share:
        return shown
    there = {pick.id for pick in shown}
    rows = [int(row) + known for row in np.flatnonzero(scene.allowed[known:])]
    rows = [row for row in rows if scene.stock.ids[row] not in there]
    if not rows:
        return shown
    chosen = chance.choice(rows)
    if scene.taste is not None:  # of a few, the one nearest to the visitor's taste
        few = chance.sample(rows, min(8, len(rows)))
        chosen = max(few, key=lambda row: float(scene.stock.content[row - known] @ scene.taste.user))  # type: ignore[union-attr]
    return [*shown[:-1], Pick(scene.stock.ids[chosen], 0.0, Reason("new"))]
