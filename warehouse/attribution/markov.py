"""Removal effects of channels in a Markov chain of journeys: how many conversions would be missing without each.

E. Anderl, I. Becker, F. von Wangenheim, J. H. Schumann, "Mapping the customer journey: Lessons learned from graph-based
online attribution modeling", International Journal of Research in Marketing 33(3), 2016: journeys, also those that led
to nothing, are walks from a start through channels to conversion or null; the removal effect of a channel is the share
of the probability of conversion that is lost when all walks that reach the channel end in null.

Each channel's share of all conversions is its removal effect by the sum of all removal effects. Of revenue, conversions
weigh what they brought.

A walk that may not touch channel k converts with P - h(k) c(k), where P is the probability of conversion from the
start, h(k) that of ever reaching k, and c(k) that of conversion from k on: so one inverse (I - Q)^-1 has all removal
effects.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from warehouse.attribution.journeys import Journeys
from warehouse.index.encoded import Longs

MOST_STATES = 300
"""Groups that are states of their own, those with most visits; all others together are one more."""

Numbers = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Chain:
    """How often walks went from the start to each state, from state to state, and from each to conversion or null."""

    begun: Numbers
    moves: Numbers
    converted: Numbers
    lost: Numbers


def removal_effects(chain: Chain, worth: Numbers | None = None) -> Numbers:
    """The removal effect of each state, from 0 to 1; all 0 where nothing converts. ``worth``: what the conversions
    of each state's walks brought together; None counts them."""
    out = chain.moves.sum(axis=1) + chain.converted + chain.lost
    some = out > 0
    effects = np.zeros(len(out))
    gain = chain.converted if worth is None else worth
    if not gain.any() or not chain.converted.any():
        return effects
    moves = chain.moves[np.ix_(some, some)] / out[some, None]
    inverse = np.linalg.inv(np.eye(len(moves)) - moves)
    from_here = inverse @ (gain[some] / out[some])
    begin = chain.begun[some] / chain.begun.sum()
    reached = (begin @ inverse) / np.diag(inverse)
    effects[some] = np.clip(reached * from_here / (begin @ from_here), 0.0, 1.0)
    return effects


def chain_of(converting: Journeys, counts: Longs, lost: Journeys, group: Longs, groups: int) -> Chain:
    """The walks of both kinds of journeys. ``counts``: how often each converting one counts; ``group``: the state of
    every visit, of ``groups``."""
    size = groups
    begun, converted, ended = np.zeros(size), np.zeros(size), np.zeros(size)
    moves = np.zeros(size * size)
    for journeys, times, end in ((converting, counts, converted), (lost, None, ended)):
        weight = np.ones(len(journeys.first) - 1) if times is None else times.astype(float)
        state, of = group[journeys.visit], journeys.of
        some = journeys.lengths > 0
        begun += np.bincount(state[journeys.first[:-1][some]], weight[some], size)
        end += np.bincount(state[journeys.first[1:][some] - 1], weight[some], size)
        inner = np.flatnonzero(of[1:] == of[:-1])
        step = state[inner] * size + state[inner + 1]
        moves += np.bincount(step, weight[of[inner]], size * size)
    return Chain(begun, moves.reshape(size, size), converted, ended)


def shares(
    converting: Journeys, counts: Longs, worth: Longs, lost: Journeys, group: Longs, groups: int
) -> tuple[Numbers, Numbers]:
    """Of the conversions and of their worth (of each converting journey) the share of each group; groups beyond
    MOST_STATES divide that of their common state by their visits. Where nothing converts, they are by visits alone."""
    visits = np.bincount(group[converting.visit], minlength=groups)
    state = _states(visits)
    chain = chain_of(converting, counts, lost, state[group], int(state.max(initial=0)) + 1)
    some = converting.lengths > 0
    ends = state[group][converting.visit[converting.first[1:][some] - 1]]
    gains = np.bincount(ends, (worth * (counts > 0))[some], len(chain.begun))
    among = visits / np.maximum(np.bincount(state, visits), 1)[state]
    by_count, by_worth = removal_effects(chain), removal_effects(chain, np.maximum(gains, 0.0))
    if not by_count.any():
        return visits.astype(float), visits.astype(float)
    if not by_worth.any():
        by_worth = by_count
    return by_count[state] * among, by_worth[state] * among


def _states(visits: Longs) -> Longs:
    state = np.full(len(visits), MOST_STATES)
    largest = np.argsort(-visits, kind="stable")[:MOST_STATES]
    state[largest] = np.arange(len(largest))
    return state
