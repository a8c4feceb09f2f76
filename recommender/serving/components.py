"""The other components: each finds candidate items for one visitor, with a score and a reason for each."""

from collections.abc import Sequence

import numpy as np

from recommender.data.interactions import Longs
from recommender.model.model import Model
from recommender.serving.request import Reason
from recommender.serving.slot import NO_CANDIDATES, Candidates, Slot, first_allowed, top
from tracker.durations import DAY_MS

FACTOR_WEIGHT = 0.5  # of the cosine between factors beside shared sessions
CATEGORY_WEIGHT = 0.2  # of a shared category
JUST_BOUGHT = 0.25  # taken off the need for an item that was bought a moment ago


def session(slot: Slot, count: int) -> Candidates:
    """Next items by similar sessions."""
    model = slot.model
    if model is None:
        return NO_CANDIDATES
    current = [slot.model_code(item) for item in slot.visitor.session]
    next_items = model.sessions.next(current, slot.params, 4 * count)
    kept = np.flatnonzero(slot.allowed[next_items.items])[:count]
    items, because = next_items.items[kept], list[int]()

    def reason(n: int) -> Reason:
        if not because:
            because.extend(next_items.strongest_source(items))
        item = slot.named(because[n])
        return Reason(slot.verb(item), item)

    return Candidates(items.astype(np.int64), next_items.scores[kept], reason)


def similar(slot: Slot, count: int) -> Candidates:
    """Items like the anchor: viewed in the same sessions, close in factors, of the same category."""
    table, model = slot.table, slot.model
    row = slot.row(slot.anchor)
    if row is None:
        return NO_CANDIDATES
    if model is None or row >= table.model_rows:
        return _similar_new(slot, row, count)
    others, near = model.near.of(row)
    rows, score = others.astype(np.int64), near / max(float(near.max(initial=0.0)), 1e-9)
    vector = model.factors.vectors[model.factors.place[row]]
    if len(rows) < count:
        more, _ = model.factors.best(vector, count, slot.allowed[: table.model_rows])
        there = set(rows.tolist())
        more = more[[row not in there for row in more.tolist()]]
        rows, score = np.concatenate([rows, more]), np.concatenate([score, np.zeros(len(more), np.float32)])
    place = model.factors.place[rows]
    length = model.factors.length[place] * np.linalg.norm(vector)
    score = score + FACTOR_WEIGHT * np.maximum(
        model.factors.vectors[place] @ vector / np.maximum(length, 1e-9), 0.0
    )
    same = table.category[rows] == table.category[row]
    score = score + CATEGORY_WEIGHT * (same if table.category[row] else 0)
    score[~slot.allowed[rows] | (rows == row)] = 0.0
    rows, score = top(rows, score, count)
    return Candidates(rows, score, lambda _: Reason("similar", slot.anchor))


def _similar_new(slot: Slot, row: int, count: int) -> Candidates:
    """Similar items of an item that the model does not know: by its content, else by its category."""
    table, model = slot.table, slot.model
    if model is not None and len(table.content) and np.any(table.content[row - table.model_rows]):
        rows, score = model.factors.best(
            table.content[row - table.model_rows], count, slot.allowed[: table.model_rows]
        )
    elif table.category[row]:
        rows = np.flatnonzero((table.category == table.category[row]) & slot.allowed)
        rows = rows[rows != row]
        score = np.ones(len(rows), np.float32)
        if model is not None:
            inside = rows < table.model_rows
            score[inside] += model.popularity.popular[rows[inside]]
    else:
        return NO_CANDIDATES
    rows, score = top(rows, score, count)
    return Candidates(rows, score, lambda _: Reason("similar", slot.anchor))


def bought_together(slot: Slot, count: int) -> Candidates:
    """Items from orders that also held the anchor; without an item on the page, those that go with the cart."""
    anchors = [] if slot.request.item or slot.visitor.page else list(slot.visitor.cart)
    if not anchors and slot.anchor:
        anchors = [slot.anchor]
    if slot.model is None or not anchors:
        return NO_CANDIDATES
    codes = [code for code in slot.rows(anchors) if code < slot.table.model_rows]
    total: dict[int, float] = {}
    because: dict[int, tuple[float, int]] = {}
    for code in codes:
        others, strength = slot.model.together.of(code)
        for other, value in zip(others.tolist(), strength.tolist(), strict=True):
            if other not in codes and slot.allowed[other]:
                total[other] = total.get(other, 0.0) + value
                because[other] = max(because.get(other, (0.0, code)), (value, code))
    found, scores = top(np.array(list(total), np.int64), np.array(list(total.values()), np.float32), count)
    model = slot.model

    def reason(n: int) -> Reason:
        item, anchor = int(found[n]), because[int(found[n])][1]
        people, lift = model.with_it.evidence(anchor, item)
        return Reason("together", slot.named(anchor), people=people, lift=lift)

    return Candidates(found, scores, reason)


def buy_again(slot: Slot, count: int) -> Candidates:
    """Items that the visitor bought and is likely to need again now."""
    visitor = slot.visitor
    times: dict[int, list[int]] = {}
    for item, bought in visitor.bought.items():
        row = slot.row(item)
        if row is not None and slot.allowed[row]:
            times.setdefault(row, []).extend(bought)
    rows, days = list(times), slot.params.rebuy_days
    need = [_need(slot.model, row, sorted(times[row]), visitor.now, days) for row in rows]
    found, scores = top(np.array(rows, np.int64), np.array(need, np.float32), count)
    return Candidates(found, scores, lambda n: Reason("again", slot.named(int(found[n]))))


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
    if len(times) > 1:  # the visitor's own rhythm says more than the average one
        days = (days + (times[-1] - times[0]) / DAY_MS) / len(times)
    ages = [(now - ts) / DAY_MS for ts in times]
    habit: float = sum(0.5 ** (age / half_life) for age in ages for half_life in half_lives)
    soon: float = 0.5 ** (4 * ages[-1] / max(days, 0.04))
    need: float = habit * max(share, 1e-3) ** 0.4 * pace**0.5 * (1.0 - JUST_BOUGHT * soon)
    return need


def trending(slot: Slot, count: int) -> Candidates:
    """Items that more visitors choose than before."""
    model = slot.model
    if model is None:
        return NO_CANDIDATES
    rows = first_allowed(model.popularity.trends, slot.allowed, count)
    rows = rows[model.popularity.trend[rows] > 0]
    return Candidates(
        rows, model.popularity.trend[rows], lambda _: Reason("trending", category=_category_wanted(slot))
    )


def popular(slot: Slot, count: int) -> Candidates:
    """Items that most visitors choose; without any history, some of each category."""
    model, table = slot.model, slot.table
    rows = first_allowed(model.popularity.order, slot.allowed, count) if model else np.zeros(0, np.int64)
    scores = np.zeros(len(table.category), np.float32)
    if model is not None:
        rows = rows[model.popularity.popular[rows] > 0]
        scores[rows] = model.popularity.popular[rows]
    if len(rows) < count:
        rows = np.concatenate([rows, _across_categories(slot, rows)])[:count]
    return Candidates(rows, scores[rows], lambda _: Reason("popular", category=_category_wanted(slot)))


def _category_wanted(slot: Slot) -> str | None:
    wanted = slot.request.filter.categories
    return wanted[0] if len(wanted) == 1 else None


def _across_categories(slot: Slot, already: Longs) -> Longs:
    """The other allowed items: the first of each category, then the second, and so on."""
    allowed = slot.allowed.copy()
    allowed[already] = False
    rows = np.flatnonzero(allowed)
    category = slot.table.category[rows]
    order = np.argsort(category, kind="stable")
    starts = np.flatnonzero(np.diff(category[order], prepend=-1))
    place = np.empty(len(rows), np.int64)
    place[order] = np.arange(len(rows)) - np.repeat(starts, np.diff(starts, append=len(rows)))
    return rows[np.argsort(place, kind="stable")]
