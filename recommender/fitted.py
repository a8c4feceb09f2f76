"""The blend's weights, fitted on held-out moments instead of by hand."""

from collections.abc import Sequence
from dataclasses import dataclass

import msgspec
import numpy as np
import numpy.typing as npt

from recommender.ask import Ask
from recommender.blend import COMPONENTS, DEFAULT_WEIGHTS
from recommender.cases import Case
from recommender.interactions import Floats, Longs
from recommender.model import Model
from recommender.params import Params
from recommender.scene import Scene
from recommender.stock import bare

ENOUGH = 200  # cases; with fewer the weights would follow chance
SHOWN = 20  # places that count

STEPS = (0.0, 0.25, 0.5, 0.8, 1.25, 2.0, 4.0)
"""Factors tried on one weight while the others stay."""


class Weights(msgspec.Struct, frozen=True):
    """``revisit`` is the factor on items seen already."""

    components: dict[str, float]
    revisit: float


@dataclass(frozen=True, slots=True)
class Candidates:
    """Every candidate of every case: ``parts`` is candidates × components, cases begin at ``starts``.

    ``chosen`` is the candidate that was chosen, -1 where no component proposed it.
    """

    parts: Floats
    seen: npt.NDArray[np.bool_]
    starts: Longs
    chosen: Longs

    def quality(self, weights: Floats, revisit: float) -> float:
        """MRR@20 + HR@20 of these weights, ties counted as lost."""
        total = self.parts @ weights * np.where(self.seen, revisit, 1.0)
        found = self.chosen >= 0
        own = np.where(found, total[np.maximum(self.chosen, 0)], np.inf)
        size = np.diff(np.append(self.starts, len(total)))
        rank = np.add.reduceat(total >= np.repeat(own, size), self.starts, dtype=np.int64)
        rank = np.maximum(rank, 1)
        good = found & (rank <= SHOWN) & (own > 0)
        return float((good * (1.0 + 1.0 / rank)).mean())


def fit_blend(model: Model, cases: Sequence[Case], params: Params) -> Weights | None:
    """Weights that rank what was chosen highest, by coordinate ascent; None where there are too few cases."""
    if len(cases) < ENOUGH:
        return None
    candidates = collect(model, cases, params)
    if not len(candidates.parts):
        return None
    weights = np.array([DEFAULT_WEIGHTS.get(name, 0.0) for name in COMPONENTS], np.float32)
    revisit, best = 1.0, candidates.quality(weights, 1.0)
    for _ in range(4):
        before = best
        for place in range(len(weights)):
            for step in STEPS:
                trial = weights.copy()
                trial[place] = max(trial[place], 0.02) * step
                quality = candidates.quality(trial, revisit)
                if quality > best:
                    weights, best = trial, quality
        for step in (*STEPS[1:], 0.1):
            quality = candidates.quality(weights, revisit * step)
            if quality > best:
                revisit, best = revisit * step, quality
        if best - before < 1e-4:
            break
    weights /= max(float(weights.max()), 1e-9)
    named = {name: round(float(weight), 4) for name, weight in zip(COMPONENTS, weights, strict=True)}
    return Weights(named, round(revisit, 4))


def collect(model: Model, cases: Sequence[Case], params: Params) -> Candidates:
    """What every component proposes in each case, relative to its best."""
    stock = bare(model)
    parts: list[Floats] = []
    seen: list[npt.NDArray[np.bool_]] = []
    starts, chosen, total = [], [], 0
    for case in cases:
        visitor = case.visitor(params)
        scene = Scene(model, stock, visitor, Ask(limit=params.candidates, rebuy=True), params)
        rows, part = _union(scene, params.candidates)
        if not len(rows):
            continue
        wanted = stock.index.get(next(iter(case.chosen)), -1)
        place = np.flatnonzero(rows == wanted)
        starts.append(total)
        chosen.append(total + int(place[0]) if len(place) else -1)
        parts.append(part)
        seen.append(np.isin(rows, scene.seen))
        total += len(rows)
    if not parts:
        return Candidates(np.zeros((0, len(COMPONENTS)), np.float32), np.zeros(0, np.bool_), *_none())
    return Candidates(np.concatenate(parts), np.concatenate(seen), np.array(starts), np.array(chosen))


def _none() -> tuple[Longs, Longs]:
    return np.zeros(0, np.int64), np.zeros(0, np.int64)


def _union(scene: Scene, count: int) -> tuple[Longs, Floats]:
    proposals = [component(scene, count) for component in COMPONENTS.values()]
    rows = np.unique(np.concatenate([proposal.rows for proposal in proposals]))
    part = np.zeros((len(rows), len(proposals)), np.float32)
    for column, proposal in enumerate(proposals):
        if len(proposal.rows):
            part[np.searchsorted(rows, proposal.rows), column] = proposal.scores / proposal.scores[0]
    return rows, part
