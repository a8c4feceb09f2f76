"""The other components: each proposes items for one visitor, with scores and the true reason of each."""

from collections.abc import Sequence

import numpy as np

from recommender.data.interactions import Longs
from recommender.model.model import Model
from recommender.serving.request import Reason
from recommender.serving.slot import NOTHING, Proposal, Scene, best, first
from tracker.durations import DAY_MS

CLOSE = 0.5  # weight of the angle between factors beside shared sessions
KIN = 0.2  # and of a shared category
HELD_BACK = 0.25  # of the need for an item that was bought a moment ago


def session(scene: Scene, count: int) -> Proposal:
    """Next items by similar sessions."""
    model, stock = scene.model, scene.stock
    if model is None:
        return NOTHING
    current = [model.index.get(item, -1) for item in scene.visitor.session]
    voted = model.sessions.next(current, scene.params, 4 * count)
    kept = np.flatnonzero(scene.allowed[voted.items])[:count]
    items, because = voted.items[kept], list[int]()

    def why(n: int) -> Reason:
        if not because:
            because.extend(voted.because(items))
        item = stock.ids[because[n]]
        return Reason(scene.verb(item), item)

    return Proposal(items.astype(np.int64), voted.scores[kept], why)


def similar(scene: Scene, count: int) -> Proposal:
    """Items like the anchor: seen in the same sessions, close in factors, of its category."""
    stock, model = scene.stock, scene.model
    row = scene.row(scene.anchor)
    if row is None:
        return NOTHING
    if model is None or row >= stock.known:
        return _akin(scene, row, count)
    others, near = model.near.of(row)
    rows, score = others.astype(np.int64), near / max(float(near.max(initial=0.0)), 1e-9)
    vector = model.factors.vectors[model.factors.place[row]]
    if len(rows) < count:
        more, _ = model.factors.best(vector, count, scene.allowed[: stock.known])
        there = set(rows.tolist())
        more = more[[row not in there for row in more.tolist()]]
        rows, score = np.concatenate([rows, more]), np.concatenate([score, np.zeros(len(more), np.float32)])
    place = model.factors.place[rows]
    length = model.factors.length[place] * np.linalg.norm(vector)
    score = score + CLOSE * np.maximum(model.factors.vectors[place] @ vector / np.maximum(length, 1e-9), 0.0)
    kin = stock.category[rows] == stock.category[row]
    score = score + KIN * (kin if stock.category[row] else 0)
    score[~scene.allowed[rows] | (rows == row)] = 0.0
    rows, score = best(rows, score, count)
    return Proposal(rows, score, lambda _: Reason("similar", scene.anchor))


def _akin(scene: Scene, row: int, count: int) -> Proposal:
    """For an item that the model does not know: by its content, else its category."""
    stock, model = scene.stock, scene.model
    if model is not None and len(stock.content) and np.any(stock.content[row - stock.known]):
        rows, score = model.factors.best(
            stock.content[row - stock.known], count, scene.allowed[: stock.known]
        )
    elif stock.category[row]:
        rows = np.flatnonzero((stock.category == stock.category[row]) & scene.allowed)
        rows = rows[rows != row]
        score = np.ones(len(rows), np.float32)
        if model is not None:
            inside = rows < stock.known
            score[inside] += model.popularity.popular[rows[inside]]
    else:
        return NOTHING
    rows, score = best(rows, score, count)
    return Proposal(rows, score, lambda _: Reason("similar", scene.anchor))


def bought_together(scene: Scene, count: int) -> Proposal:
    """What orders with the anchor also held; without an item in question, with what is in the cart."""
    anchors = [] if scene.ask.item or scene.visitor.page else list(scene.visitor.cart)
    if not anchors and scene.anchor:
        anchors = [scene.anchor]
    if scene.model is None or not anchors:
        return NOTHING
    codes = [code for code in scene.rows(anchors) if code < scene.stock.known]
    total: dict[int, float] = {}
    because: dict[int, tuple[float, int]] = {}
    for code in codes:
        others, strength = scene.model.together.of(code)
        for other, value in zip(others.tolist(), strength.tolist(), strict=True):
            if other not in codes and scene.allowed[other]:
                total[other] = total.get(other, 0.0) + value
                because[other] = max(because.get(other, (0.0, code)), (value, code))
    found, scores = best(np.array(list(total), np.int64), np.array(list(total.values()), np.float32), count)
    return Proposal(found, scores, lambda n: Reason("together", scene.stock.ids[because[int(found[n])][1]]))


def buy_again(scene: Scene, count: int) -> Proposal:
    """What the visitor bought and is likely to need again now."""
    stock, visitor = scene.stock, scene.visitor
    rows = [row for row in scene.rows(visitor.bought) if scene.allowed[row]]
    days = scene.params.rebuy_days
    need = [_need(scene.model, row, visitor.bought[stock.ids[row]], visitor.now, days) for row in rows]
    found, scores = best(np.array(rows, np.int64), np.array(need, np.float32), count)
    return Proposal(found, scores, lambda n: Reason("again", stock.ids[int(found[n])]))


def _need(
    model: Model | None, row: int, times: Sequence[int], now: int, half_lives: tuple[float, float]
) -> float:
    """How likely an item bought at ``times`` is wanted again now.

    Habit: its purchases, ageing, times how often its other buyers return to it and whether it still sells. What a
    fresh purchase holds back fades with the rhythm: the visitor's own, or that of the others.
    """
    share, days, pace = 0.1, 30.0, 1.0
    if model is not None and row < len(model.items):
        part = model.rebuy
        share, days, pace = float(part.share[row]), float(part.days[row]), float(part.pace[row])
    if len(times) > 1:  # his own rhythm says more than the average one
        days = (days + (times[-1] - times[0]) / DAY_MS) / len(times)
    ages = [(now - ts) / DAY_MS for ts in times]
    habit: float = sum(0.5 ** (age / half_life) for age in ages for half_life in half_lives)
    soon: float = 0.5 ** (4 * ages[-1] / max(days, 0.04))
    need: float = habit * max(share, 1e-3) ** 0.4 * pace**0.5 * (1.0 - HELD_BACK * soon)
    return need


def trending(scene: Scene, count: int) -> Proposal:
    """What more visitors like than before."""
    model = scene.model
    if model is None:
        return NOTHING
    rows = first(model.popularity.trends, scene.allowed, count)
    rows = rows[model.popularity.trend[rows] > 0]
    return Proposal(rows, model.popularity.trend[rows], lambda _: Reason("trending", category=_asked(scene)))


def popular(scene: Scene, count: int) -> Proposal:
    """What most visitors like; where nobody has an opinion yet, some of each category."""
    model, stock = scene.model, scene.stock
    rows = first(model.popularity.order, scene.allowed, count) if model else np.zeros(0, np.int64)
    scores = np.zeros(len(stock.category), np.float32)
    if model is not None:
        rows = rows[model.popularity.popular[rows] > 0]
        scores[rows] = model.popularity.popular[rows]
    if len(rows) < count:
        rows = np.concatenate([rows, _shelves(scene, rows)])[:count]
    return Proposal(rows, scores[rows], lambda _: Reason("popular", category=_asked(scene)))


def _asked(scene: Scene) -> str | None:
    wanted = scene.ask.filter.categories
    return wanted[0] if len(wanted) == 1 else None


def _shelves(scene: Scene, already: Longs) -> Longs:
    """The other allowed items: the first of each category, then the second, and so on."""
    allowed = scene.allowed.copy()
    allowed[already] = False
    rows = np.flatnonzero(allowed)
    category = scene.stock.category[rows]
    order = np.argsort(category, kind="stable")
    starts = np.flatnonzero(np.diff(category[order], prepend=-1))
    place = np.empty(len(rows), np.int64)
    place[order] = np.arange(len(rows)) - np.repeat(starts, np.diff(starts, append=len(rows)))
    return rows[np.argsort(place, kind="stable")]
