"""Changes: from when on the impressions of a slot tell how its variants do now.

What a variant did before a change misleads: plain Thompson sampling plays the former best for as long again. But not
every change matters. When all variants do better or worse together (a weekend, a season, other visitors), what is known
of them relative to each other stays true. So two hypotheses are compared at each possible moment: all rates changed by
one factor, or each by its own (likelihood ratios of Poisson counts, in nats).

1. The ratios of the variants changed beyond doubt: what came before is forgotten.
2. Rewards became fewer beyond doubt, and of the others too little was shown since to know whether they changed alike:
   it is forgotten, too, and so the bandit finds out. Once it knows that only the level changed, all of it counts again,
   since every run begins from the impressions. A fall as deep and as long as an earlier one is a rhythm, not news.

Where little is shown nothing is beyond doubt, and nothing is forgotten.
"""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Longs = npt.NDArray[np.int64]

BLOCKS = 64
"""A slot's impressions in order of time, in so many parts of equal size: between two of them a change is looked for."""
FALL, RATIOS_CHANGED = 8.0, 7.0
"""Nats. The latter and one nat for each ratio more: a fit gains half a nat by chance on average."""
ALIKE = -0.5
"""Nats by which the hypothesis that each rate changed must be behind before the other is believed."""
RHYTHM, DEEPER = 6.0, 3.0
"""Nats by which an earlier fall must stand out, and by which this one must exceed it to be another one."""
NEAR = 4
"""Blocks around it, and those until its end, among which the beginning of a fall stands out the most."""
MOST_DISPERSION = 3.0
MOST_CHANGES = 4
USUAL = 5.0
"""Rewards: so many of a variant's usual ones are added to those of each context."""


class Played(NamedTuple):
    """The impressions of one slot, in order of time. ``variant`` and ``context`` are codes; ``shown`` and ``rewarded``
    say how much each counts, rewards in units whose variance is their mean."""

    variant: Longs
    context: Longs
    shown: Floats
    rewarded: Floats

    def since(self, first: int) -> "Played":
        return Played(self.variant[first:], self.context[first:], self.shown[first:], self.rewarded[first:])


def first_valid(played: Played) -> int:
    """The first impression after the last change; 0 where nothing changed."""
    first = 0
    for _ in range(MOST_CHANGES):
        rest = played.since(first)
        block, shown, rewarded = _blocks(rest)
        change = _last_valid_block(shown, rewarded) if len(shown) > 2 else 0
        if not change:
            return first
        first += int(np.searchsorted(block, change))
    return first


def _blocks(played: Played) -> tuple[Longs, Floats, Floats]:
    """The block of each impression; and blocks × variants what was shown and rewarded.

    A showing counts as much as its context usually answers to that variant, so that other visitors are no change.
    """
    variants, contexts = int(played.variant.max(initial=0)) + 1, int(played.context.max(initial=0)) + 1
    cell = played.context * variants + played.variant
    shown, rewarded = (
        np.bincount(cell, each, variants * contexts) for each in (played.shown, played.rewarded)
    )
    rate = _ratio(rewarded.reshape(contexts, -1).sum(axis=0), shown.reshape(contexts, -1).sum(axis=0))
    usual = shown * np.tile(rate, contexts)
    weighted = played.shown * ((rewarded + USUAL) / (usual + USUAL))[cell]
    passed = np.cumsum(weighted) - weighted / 2
    total = max(float(weighted.sum()), 1e-12)
    count = min(BLOCKS, len(cell))
    block = np.minimum(passed / total * count, count - 1).astype(np.int64)
    at = block * variants + played.variant
    weighted, won = (
        np.bincount(at, each, count * variants).astype(np.float64) for each in (weighted, played.rewarded)
    )
    return block, weighted.reshape(count, variants), won.reshape(count, variants)


def _last_valid_block(shown: Floats, rewarded: Floats) -> int:
    """The first block after the clearest change; 0 without one. ``shown`` and ``rewarded``: blocks × variants."""
    total = rewarded.sum(axis=1)
    expected = shown @ _ratio(rewarded.sum(axis=0), shown.sum(axis=0))
    dispersion = _dispersion(total, expected)
    fall, end = _falls(total, expected)
    fall /= dispersion
    ratios, others = _ratios(shown * _levels(total, shown, rewarded)[:, None], rewarded)
    ratios /= dispersion
    alike = ratios - 0.5 * np.log(np.maximum(others / dispersion, 1.0)).sum(axis=1)
    variants = int((shown.sum(axis=0) > 0).sum())
    valid = ratios > RATIOS_CHANGED + variants - 1
    for split in np.flatnonzero((fall > FALL) & (alike > ALIKE) & ~valid).tolist():
        clearest = fall[max(split - NEAR, 0) : max(int(end[split]), split + NEAR)].max() <= fall[split]
        valid[split] = clearest and not _is_rhythm(total, expected, split + 1, int(end[split]), dispersion)
    return int(np.argmax(np.where(valid, fall + ratios, -1.0))) + 1 if valid.any() else 0


def _falls(total: Floats, expected: Floats) -> tuple[Floats, Longs]:
    """By split, how clearly rewards became fewer right after it, for however many blocks; and the block at which the
    clearest such time ends."""
    won, due = (np.concatenate([[0.0], np.cumsum(each)]) for each in (total, expected))
    since, since_due = (each[None, 1:] - each[1:-1, None] for each in (won, due))
    later = np.triu(np.ones_like(since), 1) > 0
    gain = _gain(won[1:-1, None], due[1:-1, None], np.maximum(since, 0.0), np.maximum(since_due, 0.0))
    fewer = since * due[1:-1, None] < won[1:-1, None] * since_due
    gain = np.where(later & fewer, gain, 0.0)
    end = gain.argmax(axis=1)
    return gain[np.arange(len(gain)), end], end + 1


def _levels(total: Floats, shown: Floats, rewarded: Floats) -> Floats:
    """By block, how much better than usual all variants did: as far as blocks differ more than by chance, from one to
    the next."""
    rate = _ratio(rewarded.sum(axis=0), shown.sum(axis=0))
    expected = shown @ rate
    chance = 1.0 / (expected + 0.5)
    step = np.diff(np.log((total + 0.5) * chance))
    worth = 1.0 / max(float((step**2 - chance[1:] - chance[:-1]).mean()) / 2, 1e-6)
    level = np.ones(len(total))
    for _ in range(5):
        level = (total + worth) / (shown @ rate + worth)
        rate = _ratio(rewarded.sum(axis=0), level @ shown)
    return level


def _ratios(shown: Floats, rewarded: Floats) -> tuple[Floats, Floats]:
    """By split, the gain of rates that changed each by its own over rates that changed by one factor; and the rewards
    to be expected of each variant since, the most of them left out."""
    before, after = _sums(shown)
    won, won_after = _sums(rewarded)
    every = won + won_after
    factor = np.ones((len(before), 1))
    for _ in range(8):
        rate = _ratio(every, before + factor * after)
        factor = np.clip(_ratio(won_after.sum(axis=1), (rate * after).sum(axis=1)), 1e-6, 1e6)[:, None]
    rate = _ratio(every, before + factor * after)
    alone = _log(won, before) + _log(won_after, after)
    alike = every * np.log(np.maximum(rate, 1e-300)) + won_after * np.log(factor)
    others = rate * factor * after
    others[np.arange(len(others)), others.argmax(axis=1)] = 1.0
    return np.maximum((alone - alike).sum(axis=1), 0.0), others


def _is_rhythm(total: Floats, expected: Floats, split: int, end: int, dispersion: float) -> bool:
    """Whether before ``split`` rewards were once as few for as many blocks as from there to ``end``."""
    blocks = end - split
    if split <= blocks:
        return False
    won, due = (np.concatenate([[0.0], np.cumsum(each[:split])]) for each in (total, expected))
    then, then_due = won[blocks:] - won[:-blocks], due[blocks:] - due[:-blocks]
    now, now_due = float(total[split:end].sum()), float(expected[split:end].sum())
    stands_out = _gain(then, then_due, won[-1] - then, due[-1] - then_due) / dispersion > RHYTHM
    fell = then * (due[-1] - then_due) < (won[-1] - then) * then_due
    deeper = (now * then_due < then * now_due) & (_gain(then, then_due, now, now_due) / dispersion > DEEPER)
    return bool((stands_out & fell & ~deeper).any())


def _dispersion(total: Floats, expected: Floats) -> float:
    """How much more blocks differ from their neighbours than Poisson counts do: people come back, and hours differ."""
    apart = np.diff((total - expected) / np.sqrt(np.maximum(expected, 0.5)))
    return float(np.clip((apart**2).mean() / 2, 1.0, MOST_DISPERSION))


def _sums(values: Floats) -> tuple[Floats, Floats]:
    """Before and after each split."""
    before = np.cumsum(values, axis=0)
    return before[:-1], before[-1] - before[:-1]


def _gain(won: Floats, due: Floats, won_after: Floats | float, due_after: Floats | float) -> Floats:
    """Of two rates over one."""
    together = _log(won + won_after, due + due_after)
    gain: Floats = _log(won, due) + _log(np.asarray(won_after), np.asarray(due_after)) - together
    return gain


def _log(won: Floats, due: Floats) -> Floats:
    """won · log(won / due), the logarithm of the likelihood but for what is equal in all hypotheses."""
    found: Floats = won * np.log(np.maximum(won, 1e-300) / np.maximum(due, 1e-300))
    return found


def _ratio(won: Floats, due: Floats) -> Floats:
    found: Floats = won / np.maximum(due, 1e-12)
    return found
