"""Associations: what people buy together in one order, what follows in their later orders, and which of two similar
items they take. Each with its evidence, counted in people: one customer's ten equal orders are one.

Support, confidence and lift as Agrawal, Imieliński and Swami (1993) and Brin et al. (1997) define them. Pairs are
ranked by a lift that is drawn towards 1 where it rests on few people (a gamma-Poisson shrinkage, as DuMouchel 1999
uses for the same reason), so that two chance purchases of rare items do not lead the list.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from recommender.algorithms.cooccurrence import Neighbours
from recommender.data.interactions import PURCHASE, Floats, Interactions, Ints, Longs
from tracker.durations import DAY_MS

LEAST_PEOPLE = 3.0
"""A pair that fewer people had is told nobody."""
PRIOR = 5.0
"""People's worth of belief that two items have nothing to do with each other."""
CERTAIN = 10.83
"""Least log-likelihood ratio of a pair: the 0.1 % quantile of chi-squared with one degree of freedom (Dunning 1993)."""
FOLLOWING_ORDERS = 3
"""So many of the next orders are looked at: who shops daily has many within two months, and all would follow all."""
PAIRS_AT_ONCE = 2_000_000
"""Of one portion; 16 MiB for each column of them."""
PAIRS_KEPT = 10_000_000
"""While pairs are counted. Of more, the rarest go (lossy counting, Manku and Motwani 2002)."""

Weights = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Rules:
    """Rules "who has i also has j", the strongest first: those of item i are ``items[starts[i]:starts[i + 1]]``.

    ``scores`` is the shrunk lift, ``people`` who have both, and ``lift`` how much more often that is than chance.
    ``base`` (n_items,): people who have the item; ``population`` (1,): people in all. So support is
    people / population, and confidence people / base[i]. People count as much as they teach
    (``warehouse.feeds.person_weights``): a crowd from one network is few."""

    starts: Longs
    items: Ints
    scores: Floats
    people: Floats
    lift: Floats
    base: Floats
    population: Floats

    def of(self, item: int) -> slice:
        """Where the rules of an item stand; empty for an item that is unknown."""
        if not 0 <= item < len(self.starts) - 1:
            return slice(0, 0)
        return slice(int(self.starts[item]), int(self.starts[item + 1]))

    def evidence(self, item: int, other: int) -> tuple[int | None, float | None]:
        """People who have both, and the lift; None where there is no such rule."""
        span = self.of(item)
        at = np.flatnonzero(self.items[span] == other)
        if not len(at):
            return None, None
        rule = span.start + int(at[0])
        return round(float(self.people[rule])), round(float(self.lift[rule]), 1)


@dataclass(frozen=True, slots=True)
class Substitutes:
    """Of every pair of ``near`` (in its order): people who looked at both in one visit (``looked``), and of those who
    bought one of the two there, who bought the second (``other``) and who the first (``first``)."""

    looked: Floats
    other: Floats
    first: Floats


class Entries(NamedTuple):
    """(person, group, item), each once, by person and group: ``group`` numbers orders or visits."""

    person: Longs
    group: Longs
    item: Longs


def together(rows: Interactions, keep: int, limit: int) -> Rules:
    """What is bought in one order. ``keep``: rules of each item; ``limit``: lines of an order, larger ones are cut."""
    orders, size = _orders(rows), len(rows.items)
    base = _people(orders.person, orders.item, _weights(rows), size)
    frequent = _frequent(orders, base)
    found = (_counted(each, _weights(rows), size) for each in _in_one_group(frequent, limit))
    population = float(_weights(rows)[np.unique(orders.person)].sum())
    return _rules(_joined(found), base, base, population, keep, size)


def following(rows: Interactions, keep: int, limit: int, days: int) -> Rules:
    """What is bought in one of the next orders within ``days``, by people who had not bought it before.

    ``base`` counts people with the item and a later order, and chance is how many of all people with a later order
    bought the second item in one.
    """
    orders, size, weights = _orders(rows), len(rows.items), _weights(rows)
    earlier, later = _successions(rows, orders, days)
    base = _people(earlier.person, earlier.item, weights, size)
    bought = _people(later.person, later.item, weights, size)
    pairs = _across_groups(_frequent(earlier, base), _frequent(later, bought), limit)
    found = (_counted(each, weights, size) for each in pairs)
    population = float(weights[np.unique(earlier.person)].sum())
    return _rules(_joined(found), base, bought, population, keep, size)


def substitutes(rows: Interactions, near: Neighbours, limit: int) -> Substitutes:
    """What became of people who looked at both items of a pair in one visit."""
    size = len(rows.items)
    seen = _distinct(rows.profile, rows.session, rows.item)
    bought = rows.kind == PURCHASE
    taken = np.unique(rows.session[bought].astype(np.int64) * size + rows.item[bought])
    pairs = np.repeat(np.arange(size), np.diff(near.starts)) * size + near.items
    order = np.argsort(pairs)
    looked, other, first = (np.zeros(len(pairs)) for _ in range(3))
    for some in _in_one_group(seen, limit):
        at = _position(pairs[order], some.first * size + some.second)
        there = at >= 0
        some, at = _Pairs(*(each[there] for each in some)), order[at[there]]
        one = np.isin(some.group * size + some.first, taken)
        second = np.isin(some.group * size + some.second, taken)
        for count, which in ((looked, slice(None)), (other, second & ~one), (first, one & ~second)):
            key = np.unique(at[which] * len(rows.profiles) + some.person[which])
            place, person = key // len(rows.profiles), key % len(rows.profiles)
            count += np.bincount(place, _weights(rows)[person], len(pairs))
    return Substitutes(*(each.astype(np.float32) for each in (looked, other, first)))


class _Pairs(NamedTuple):
    """Who had ``first`` and ``second``, and in which group the second was."""

    person: Longs
    group: Longs
    first: Longs
    second: Longs


def _weights(rows: Interactions) -> Weights:
    """How much each person counts beside the one who counts most. Behind a proxy of the shop's all come from one
    network, and are scaled alike: that must not make them few."""
    weights = rows.profile_weights
    most = float(weights.max(initial=0.0))
    return weights / most if most else weights


def _orders(rows: Interactions) -> Entries:
    """An order is what one profile bought at one instant, as in ``cooccurrence.baskets``."""
    profile, ts, item = _purchases(rows)
    return _distinct(profile, np.cumsum(_changes(profile, ts)) - 1, item)


def _purchases(rows: Interactions) -> tuple[Longs, Longs, Longs]:
    bought = rows.rows(rows.kind == PURCHASE)
    order = np.lexsort((bought.ts, bought.profile))
    return bought.profile[order].astype(np.int64), bought.ts[order], bought.item[order].astype(np.int64)


def _distinct(
    person: npt.NDArray[np.integer], group: npt.NDArray[np.integer], item: npt.NDArray[np.integer]
) -> Entries:
    order = np.lexsort((item, group, person))
    columns = [each[order].astype(np.int64) for each in (person, group, item)]
    new = _changes(*columns)
    return Entries(*(each[new] for each in columns))


def _people(person: Longs, item: Longs, weights: Weights, size: int) -> Weights:
    """How many people have each item."""
    once = np.unique(person * size + item)
    return np.bincount(once % max(size, 1), weights[once // max(size, 1)], size).astype(np.float64)


def _frequent(entries: Entries, base: Weights) -> Entries:
    """Without items that too few people have for any rule: of most catalogues that is the larger part."""
    kept = (base >= LEAST_PEOPLE)[entries.item]
    return Entries(*(each[kept] for each in entries))


def _in_one_group(entries: Entries, limit: int) -> Iterator[_Pairs]:
    """Ordered pairs of different items of one group, in portions that hold whole people."""
    starts, sizes = _groups(entries)
    fits = (sizes > 1) & (sizes <= limit)
    for some in _portions(np.where(fits, sizes * sizes, 0), entries.person[starts]):
        chosen = np.flatnonzero(fits[some]) + some.start
        left, right = _crossed(starts[chosen], sizes[chosen], starts[chosen], sizes[chosen])
        differ = left != right
        yield _pairs(entries, left[differ], entries, right[differ])


def _across_groups(earlier: Entries, later: Entries, limit: int) -> Iterator[_Pairs]:
    """Pairs of an item of a group of ``earlier`` and one of the group of ``later`` with the same number."""
    both = np.intersect1d(earlier.group, later.group)
    earlier, later = _of_groups(earlier, both), _of_groups(later, both)
    starts, sizes = _groups(earlier)
    after, counts = _groups(later)
    fits = (sizes <= limit) & (counts <= limit)
    for some in _portions(np.where(fits, sizes * counts, 0), earlier.person[starts]):
        chosen = np.flatnonzero(fits[some]) + some.start
        left, right = _crossed(starts[chosen], sizes[chosen], after[chosen], counts[chosen])
        differ = earlier.item[left] != later.item[right]
        yield _pairs(earlier, left[differ], later, right[differ])


def _pairs(one: Entries, left: Longs, other: Entries, right: Longs) -> _Pairs:
    return _Pairs(one.person[left], other.group[right], one.item[left], other.item[right])


def _successions(rows: Interactions, orders: Entries, days: int) -> tuple[Entries, Entries]:
    """Orders that another one of the same person follows within ``days``, and what was new in what follows, under the
    number of the earlier order."""
    profile, ts, _item = _purchases(rows)
    first = _changes(profile, ts)
    who, when = profile[first], ts[first]
    count = len(when)
    begin = int(when.min()) if count else 0
    step = (int(when.max()) - begin if count else 0) + days * DAY_MS + 1
    line = who * step + when - begin  # by person and time: those that follow order n are n + 1 up to until[n]
    until = np.searchsorted(line, line + days * DAY_MS, side="right")
    follows = np.minimum(until - np.arange(count) - 1, FOLLOWING_ORDERS)
    starts, sizes = _groups(orders)
    left = np.repeat(np.arange(count), follows)
    right = left + 1 + _within(follows)
    number = np.repeat(left, sizes[right])
    at = np.repeat(starts[right], sizes[right]) + _within(sizes[right])
    new = _first_time(orders)[at]
    later = _distinct(orders.person[at[new]], number[new], orders.item[at[new]])
    followed = orders.group[starts][follows > 0] if count else orders.group
    return _of_groups(orders, followed), later


def _of_groups(entries: Entries, groups: Longs) -> Entries:
    chosen = np.isin(entries.group, groups)
    return Entries(*(each[chosen] for each in entries))


def _first_time(orders: Entries) -> Mask:
    """Whether this is the person's first order with the item."""
    order = np.lexsort((orders.group, orders.item, orders.person))
    found = np.zeros(len(order), np.bool_)
    found[order] = _changes(orders.person[order], orders.item[order])
    return found


def _counted(pairs: _Pairs, weights: Weights, size: int) -> tuple[Longs, Weights]:
    """Each pair of a portion once (first · size + second), and its people."""
    people = np.unique(pairs.person)
    key = (pairs.first * size + pairs.second) * len(people) + np.searchsorted(people, pairs.person)
    key = np.unique(key)
    pair, weight = key // max(len(people), 1), weights[people[key % max(len(people), 1)]]
    start = np.flatnonzero(_changes(pair))
    return pair[start], np.add.reduceat(weight, start) if len(start) else weight


def _joined(portions: Iterable[tuple[Longs, Weights]]) -> tuple[Longs, Weights]:
    """Counts of all portions, which hold different people. Bounded: where there are too many pairs, the rarest go."""
    pairs, people, rare = np.zeros(0, np.int64), np.zeros(0), 0.0
    for more, counts in portions:
        pairs, people = np.concatenate([pairs, more]), np.concatenate([people, counts])
        order = np.argsort(pairs, kind="stable")
        pairs, people = pairs[order], people[order]
        start = np.flatnonzero(_changes(pairs))
        pairs, people = pairs[start], np.add.reduceat(people, start) if len(start) else people
        while len(pairs) > PAIRS_KEPT:
            rare += 1.0
            kept = people > rare
            pairs, people = pairs[kept], people[kept]
    return pairs, people


def _rules(
    counted: tuple[Longs, Weights], base: Weights, other: Weights, population: float, keep: int, size: int
) -> Rules:
    """``base``: people with the first item, ``other``: with the second, of ``population``."""
    pairs, people = counted
    enough = people >= LEAST_PEOPLE
    pairs, people = pairs[enough], people[enough]
    first, second = pairs // max(size, 1), pairs % max(size, 1)
    expected = base[first] * other[second] / max(population, 1e-12)
    lift = people / np.maximum(expected, 1e-12)
    sure = (lift > 1) & (likelihood_ratio(people, base[first], other[second], population) >= CERTAIN)
    first, second, people, lift = first[sure], second[sure], people[sure], lift[sure]
    score = (people + PRIOR) / (expected[sure] + PRIOR)
    order = np.lexsort((second, -score, first))
    best = _within(np.bincount(first, minlength=size)) < keep
    order = order[best]
    starts = np.append(0, np.cumsum(np.bincount(first[order], minlength=size)))
    return Rules(
        starts.astype(np.int64),
        second[order].astype(np.int32),
        score[order].astype(np.float32),
        people[order].astype(np.float32),
        lift[order].astype(np.float32),
        base.astype(np.float32),
        np.array([population], np.float32),
    )


def likelihood_ratio(both: Weights, first: Weights, second: Weights, population: float) -> Weights:
    """Dunning's log-likelihood ratio (G²) of independence: of the 2 × 2 table of who has each of two items."""
    table = np.maximum(np.stack([both, first - both, second - both, population - first - second + both]), 0.0)
    row, column = table[[0, 2]] + table[[1, 3]], table[[0, 1]] + table[[2, 3]]
    expected = np.concatenate([row[:1] * column, row[1:] * column]) / np.maximum(table.sum(axis=0), 1e-12)
    ratio = np.where(table > 0, table / np.maximum(expected, 1e-300), 1.0)
    found: Weights = 2.0 * (table * np.log(ratio)).sum(axis=0)
    return found


def _groups(entries: Entries) -> tuple[Longs, Longs]:
    """Where each group begins, and its size."""
    starts = np.flatnonzero(_changes(entries.person, entries.group))
    return starts, np.diff(np.append(starts, len(entries.group)))


def _portions(cost: Longs, person: Longs) -> Iterator[slice]:
    """Slices of groups whose pairs fit into memory; no person's groups are divided."""
    if not len(cost):
        return
    ends = np.append(np.flatnonzero(np.diff(person)) + 1, len(cost))
    reached = np.cumsum(cost)[ends - 1]
    begin, spent = 0, 0
    for end, total in zip(ends.tolist(), reached.tolist(), strict=True):
        if total - spent >= PAIRS_AT_ONCE or end == len(cost):
            yield slice(begin, end)
            begin, spent = end, total


def _crossed(starts: Longs, sizes: Longs, after: Longs, counts: Longs) -> tuple[Longs, Longs]:
    """Every place of a group paired with every place of the other of the same number."""
    pairs = sizes * counts
    number, nth = np.repeat(np.arange(len(sizes)), pairs), _within(pairs)
    return starts[number] + nth // counts[number], after[number] + nth % counts[number]


def _within(sizes: Longs) -> Longs:
    """0, 1, … for each of the sizes, one after another."""
    nth: Longs = np.arange(int(sizes.sum())) - np.repeat(np.cumsum(sizes) - sizes, sizes)
    return nth


def _changes(*columns: Longs) -> Mask:
    """Whether a row differs from the one before it; values are 0 or more."""
    new = np.zeros(len(columns[0]), np.bool_)
    for each in columns:
        new |= np.diff(each, prepend=-1) != 0
    return new


def _position(known: Longs, wanted: Longs) -> Longs:
    """Where each of ``wanted`` stands in ``known``, which ascends; -1 for those that are not there."""
    if not len(known):
        return np.full(len(wanted), -1)
    at = np.minimum(np.searchsorted(known, wanted), len(known) - 1)
    return np.where(known[at] == wanted, at, -1)
