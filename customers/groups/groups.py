"""The groups of a site: who belongs where, what each is called, and what sets it apart."""

from collections.abc import Mapping, Sequence

import msgspec
import numpy as np
from numpy.typing import NDArray

from customers.groups.clusters import clusters
from customers.groups.kmeans import nearest
from customers.groups.rules import rule
from customers.groups.scale import Scale, scale_of

Floats = NDArray[np.float64]

SAMPLE = 2_000
"""Customers whom groups are looked for among, drawn at random."""
TOLD = 3
"""Differences that are told of a group."""
SAME = 0.5
"""Two groups of two days are one if so much of their people together is in both (Jaccard)."""


class Difference(msgspec.Struct, frozen=True):
    """The median of a feature in the group and among the others."""

    feature: str
    group: float
    others: float


class Group(msgspec.Struct, frozen=True):
    """``audience`` names it: ``precision`` of the people whom it holds for are of the group, ``recall`` of the group
    fulfil it. ``share`` is the group's part of the customers."""

    id: int
    audience: str
    precision: float
    recall: float
    share: float
    differences: list[Difference]


class Groups(msgspec.Struct, frozen=True):
    """``groups`` is empty where there are no stable ones. ``categories`` are those of the features; ``centres`` are on
    the ``scale``, one for each group. ``day`` (since 1970-01-01) is when they were found."""

    day: int
    customers: int
    groups: list[Group] = []
    stable: float = 0.0
    categories: list[str] = []
    scale: Scale | None = None
    centres: list[list[float]] = []

    def of(self, values: Floats) -> Floats:
        """The group (its id) of each row of features (n, d); NaN where there are none."""
        if self.scale is None or not len(values):
            return np.full(len(values), np.nan)
        ids = np.array([group.id for group in self.groups], float)
        found: Floats = ids[nearest(self.scale.of(values), np.array(self.centres))]
        return found


def find(
    values: Floats, names: Sequence[str], categories: Sequence[str], day: int, before: Groups | None = None
) -> Groups:
    """The groups among features (n, d) by ``names``. A group that was there ``before`` keeps its id."""
    if not len(values):
        return Groups(day, 0)
    chance = np.random.default_rng(day)
    some = values[chance.permutation(len(values))[:SAMPLE]]
    within = chance.random(some.shape)
    scale = scale_of(some, names, within)
    found = clusters(scale.of(some, within))
    if found is None:
        return Groups(day, len(values))
    labels = nearest(scale.of(some), found.centres)
    known = before.of(some) if before and before.categories == list(categories) else None
    ids = _ids(labels, len(found.centres), known)
    groups = []
    for place, name in enumerate(ids):
        members = labels == place
        if not members.any():
            continue
        said = rule(some, names, members)
        apart = _differences(some, scale, names, members)
        share = float(members.mean())
        groups.append(Group(name, said.audience, said.precision, said.recall, share, apart))
    return Groups(day, len(values), groups, found.stable, list(categories), scale, found.centres.tolist())


def _ids(labels: NDArray[np.int64], count: int, before: Floats | None) -> list[int]:
    """Ids from 1: of the former group that a group is the same as, else one that is free."""
    known: dict[int, int] = {}
    for former in [] if before is None else np.unique(before[~np.isnan(before)]):
        old = before == former
        shared = [np.count_nonzero(old & (labels == place)) for place in range(count)]
        place = int(np.argmax(shared))
        either = np.count_nonzero(old | (labels == place))
        if shared[place] >= SAME * either:
            known[place] = int(former)
    taken = set(known.values())
    free = iter(range(1, 2 * count + len(taken) + 1))
    return [
        known[at] if at in known else next(each for each in free if each not in taken) for at in range(count)
    ]


def _differences(
    some: Floats, scale: Scale, names: Sequence[str], members: NDArray[np.bool_]
) -> list[Difference]:
    """The features in which the group and the others are farthest apart, on the common scale."""
    scaled = scale.of(some)
    gap = np.abs(scaled[members].mean(0) - scaled[~members].mean(0))
    told = np.argsort(-gap, kind="stable")[:TOLD]
    middles: Mapping[bool, Floats] = {
        one: np.nanmedian(some[members == one], axis=0) for one in (True, False)
    }
    return [Difference(names[at], float(middles[True][at]), float(middles[False][at])) for at in told]
