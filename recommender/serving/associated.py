"""What associations suggest: the next purchase, the next category, and the better item of a kind."""

from collections.abc import Sequence

import numpy as np

from recommender.algorithms.associations import Rules
from recommender.data.interactions import Floats, Longs
from recommender.serving.request import Reason
from recommender.serving.slot import NO_CANDIDATES, Candidates, Slot, top
from tracker.durations import DAY_MS

ANCHORS = 20
"""Items of the last orders from which rules start."""
DEARER = (1.05, 2.5)
"""The price of a better item over that of the one it is compared with: less is no step, more is another need."""
DOUBT = 2.0
"""People's worth of belief that half of those who look at two items take the dearer one."""


def bought_next(slot: Slot, count: int) -> Candidates:
    """What people bought after what this visitor bought last; after the item on the page, where one is asked about."""
    model = slot.model
    if model is None:
        return NO_CANDIDATES
    anchors = [slot.model_code(slot.request.item)] if slot.request.item else _lately_bought(slot)
    rules = model.after_it
    rows, scores, best = _summed(rules, [each for each in anchors if each >= 0], slot)
    rows, scores = top(rows, scores, count)

    def reason(n: int) -> Reason:
        rule, anchor = best[int(rows[n])]
        return _told("next", slot.named(anchor), rules, rule)

    return Candidates(rows, scores, reason)


def next_category(slot: Slot, count: int) -> Candidates:
    """The favourites of the categories that people buy from after those of this visitor's last orders."""
    model, table = slot.model, slot.table
    if model is None:
        return NO_CANDIDATES
    place = {name: at for at, name in enumerate(model.categories)}
    bought = [table.category_of(row) for row in _lately_bought(slot) if row >= 0]
    anchors = list(dict.fromkeys(place[name] for name in bought if name in place))
    wanted: dict[int, tuple[float, int, int]] = {}
    rules = model.after_category
    for anchor in anchors:
        span = rules.of(anchor)
        for rule in range(span.start, span.stop):
            code = table.codes.get(model.categories[int(rules.items[rule])])
            if code is not None and rules.scores[rule] > wanted.get(code, (0.0, 0, 0))[0]:
                wanted[code] = (float(rules.scores[rule]), rule, anchor)
    if not wanted:
        return NO_CANDIDATES
    strength = np.zeros(len(table.names), np.float32)
    strength[list(wanted)] = [each[0] for each in wanted.values()]
    score = strength[table.category] * slot.allowed
    known = model.popularity.popular
    score[: len(known)] *= 1e-3 + known
    score[len(known) :] *= 1e-3
    rows, scores = top(np.flatnonzero(score > 0), score[score > 0], count)

    def reason(n: int) -> Reason:
        code = int(table.category[rows[n]])
        told = _told("next_category", None, rules, wanted[code][1])
        return Reason(told.kind, None, table.names[code], told.people, told.lift)

    return Candidates(rows, scores, reason)


def up_sell(slot: Slot, count: int) -> Candidates:
    """Dearer items of the same need: looked at in the same visits, of the same category, and taken by those who looked
    at both. Without such a visit, the next dearer ones of the category."""
    table, model = slot.table, slot.model
    row = slot.row(slot.anchor)
    if row is None or not table.category[row] or not table.price[row] > 0:
        return NO_CANDIDATES
    ratio = table.price / table.price[row]
    fits = (
        slot.allowed & (table.category == table.category[row]) & (ratio >= DEARER[0]) & (ratio <= DEARER[1])
    )
    fits[row] = False
    score = np.zeros(len(fits), np.float32)
    # The nearest price first, below anything that a visit speaks for.
    score[fits] = 1e-3 / ratio[fits]
    people: dict[int, float] = {}
    if model is not None and row < table.model_rows:
        others, near = model.near.of(row)
        span = slice(int(model.near.starts[row]), int(model.near.starts[row + 1]))
        taken, kept = model.substitutes.other[span], model.substitutes.first[span]
        accepted = (taken + DOUBT / 2) / (taken + kept + DOUBT)
        chosen = fits[others]
        score[others[chosen]] += near[chosen] * accepted[chosen]
        people = dict(zip(others.tolist(), taken.tolist(), strict=True))
    rows, scores = top(np.flatnonzero(fits), score[fits], count)
    return Candidates(
        rows, scores, lambda n: Reason("up_sell", slot.anchor, people=round(people.get(int(rows[n]), 0.0)))
    )


def _lately_bought(slot: Slot) -> list[int]:
    """Codes of what was bought within the days in which orders follow one another, the last first."""
    since = slot.visitor.now - int(slot.params.follows_days * DAY_MS)
    last = {item: times[-1] for item, times in slot.visitor.bought.items() if times[-1] >= since}
    newest = sorted(last, key=lambda item: -last[item])[:ANCHORS]
    return [slot.model_code(item) for item in newest]


def _summed(
    rules: Rules, anchors: Sequence[int], slot: Slot
) -> tuple[Longs, Floats, dict[int, tuple[int, int]]]:
    """Items with the sum of their rules' confidence over the anchors; of each the strongest rule, and its anchor."""
    total: dict[int, float] = {}
    best: dict[int, tuple[float, int, int]] = {}
    for anchor in dict.fromkeys(anchors):
        span = rules.of(anchor)
        weight = rules.people[span] / max(float(rules.base[anchor]), 1.0)
        for rule, value in zip(range(span.start, span.stop), weight.tolist(), strict=True):
            other = int(rules.items[rule])
            if slot.allowed[other]:
                total[other] = total.get(other, 0.0) + value
                if value > best.get(other, (0.0,))[0]:
                    best[other] = (value, rule, anchor)
    rows = np.array(list(total), np.int64)
    scores = np.array(list(total.values()), np.float32)
    return rows, scores, {other: (rule, anchor) for other, (_value, rule, anchor) in best.items()}


def _told(kind: str, item: str | None, rules: Rules, rule: int) -> Reason:
    people, lift = float(rules.people[rule]), float(rules.lift[rule])
    return Reason(kind, item, people=round(people), lift=round(lift, 1))
