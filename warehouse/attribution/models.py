"""Attribution models: how much of a conversion each visit of its journey is given."""

from typing import Literal, get_args

import numpy as np
import numpy.typing as npt

from warehouse.attribution.journeys import Journeys
from warehouse.index.encoded import Longs
from warehouse.index.scan import Mask

Model = Literal["first", "last", "last_non_direct", "linear", "position", "decay", "markov", "shapley"]
MODELS: tuple[Model, ...] = get_args(Model)
ENDS, MIDDLE = 0.4, 0.2
"""Position-based: of the first and of the last visit each; of all between together."""
Weights = npt.NDArray[np.float64]
"""One for each visit of each journey; what counts is their relation within a journey."""


def first(journeys: Journeys) -> Weights:
    """All to the first visit."""
    weights = np.zeros(len(journeys.visit))
    weights[journeys.first[:-1][journeys.lengths > 0]] = 1.0
    return weights


def last(journeys: Journeys) -> Weights:
    """All to the last visit: that of the conversion, where it has one."""
    weights = np.zeros(len(journeys.visit))
    weights[journeys.first[1:][journeys.lengths > 0] - 1] = 1.0
    return weights


def last_non_direct(journeys: Journeys, direct: Mask) -> Weights:
    """All to the last visit that was not direct; to the last where all were. ``direct``: which of the journeys' visits
    were."""
    latest = np.full(len(journeys.first) - 1, -1)
    rows = np.flatnonzero(~direct)
    np.maximum.at(latest, journeys.of[rows], rows)
    ends = journeys.first[1:] - 1
    weights = np.zeros(len(journeys.visit))
    weights[np.where(latest >= 0, latest, ends)[journeys.lengths > 0]] = 1.0
    return weights


def linear(journeys: Journeys) -> Weights:
    """To each visit the same."""
    return np.ones(len(journeys.visit))


def position(journeys: Journeys) -> Weights:
    """40 % to the first visit, 40 % to the last, 20 % to those between; of two visits to each one half."""
    lengths = journeys.lengths[journeys.of]
    at = np.arange(len(journeys.visit)) - journeys.first[journeys.of]
    middle = MIDDLE / np.maximum(lengths - 2, 1)
    weights: Weights = np.where((at == 0) | (at == lengths - 1), ENDS, middle)
    return weights


def decay(journeys: Journeys, start: Longs, half_life: int) -> Weights:
    """Half as much for each ``half_life`` (ms) that a visit began before the last one: 2 ** (-age / half_life), as in
    Google Analytics' time decay. ``start`` (ms) of each of the journeys' visits."""
    if not len(start):
        return np.zeros(0)
    age = start[journeys.first[journeys.of + 1] - 1] - start
    weights: Weights = np.exp2(-np.maximum(age, 0) / half_life)
    return weights


def once(journeys: Journeys, group: Longs) -> Mask:
    """Which visits are the first of their group in their journey."""
    seen = np.zeros(len(group), np.bool_)
    keys = journeys.of * (int(group.max(initial=0)) + 1) + group
    seen[np.unique(keys, return_index=True)[1]] = True
    return seen
