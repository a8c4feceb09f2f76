"""The weights of the blend, fitted on held-out cases."""

from collections.abc import Sequence
from dataclasses import dataclass

import msgspec
import numpy as np
import numpy.typing as npt

from recommender.data.interactions import Floats, Longs
from recommender.data.params import Params
from recommender.evaluation.cases import Case
from recommender.model.model import Model
from recommender.serving.blend import COMPONENTS, DEFAULT_WEIGHTS, union
from recommender.serving.item_table import table_of_model
from recommender.serving.request import SlotRequest
from recommender.serving.slot import Slot

MIN_CASES = 200  # cases; with fewer the weights would follow chance
SHOWN = 20  # places that count

STEPS = (0.0, 0.25, 0.5, 0.8, 1.25, 2.0, 4.0)
"""Factors tried on one weight while the others stay."""


class BlendWeights(msgspec.Struct, frozen=True):
    """``revisit`` is the factor on items seen already."""

    components: dict[str, float]
    revisit: float


@dataclass(frozen=True, slots=True)
class RankingData:
    """Every candidate of every case: ``parts`` is candidates × components, case n begins at ``starts[n]``.

    ``chosen`` says which were chosen; ``wanted`` is how many items each case chose, found or not.
    """

    parts: Floats
    seen: npt.NDArray[np.bool_]
    chosen: npt.NDArray[np.bool_]
    starts: Longs
    wanted: Longs

    def quality(self, weights: Floats, revisit: float) -> float:
        """Recall@20 of these weights, plus MRR@20 where each case chose one item. Ties count as lost."""
        total = self.parts @ weights * np.where(self.seen, revisit, 1.0)
        size = np.diff(np.append(self.starts, len(total)))
        case = np.repeat(np.arange(len(size)), size)
        hits = np.flatnonzero(self.chosen & (total > 0))
        single = bool(self.wanted.max(initial=0) == 1)
        if single:  # no sort needed
            bar = np.full(len(size), np.inf, total.dtype)
            bar[case[hits]] = total[hits]
            rank = np.add.reduceat(total >= bar[case], self.starts, dtype=np.int64)[case[hits]]
        else:
            order = np.lexsort((-total, case))
            place = np.empty(len(order), np.int64)
            place[order] = np.arange(len(order))
            rank = place[hits] - self.starts[case[hits]] + 1
        case, rank = case[hits][rank <= SHOWN], rank[rank <= SHOWN]
        recall = np.bincount(case, minlength=len(size)) / np.minimum(self.wanted, SHOWN)
        return float(recall.mean() + (1.0 / rank).sum() / len(size) * single)


def fit_blend(model: Model, cases: Sequence[Case], params: Params) -> BlendWeights | None:
    """The weights that rank what was chosen highest, by coordinate ascent; None where there are too few cases."""
    if len(cases) < MIN_CASES:
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
    return BlendWeights(named, round(revisit, 4))


def collect(model: Model, cases: Sequence[Case], params: Params) -> RankingData:
    """The candidates of every component in each case, with scores relative to its best."""
    table = table_of_model(model)
    parts: list[Floats] = []
    seen: list[npt.NDArray[np.bool_]] = []
    chosen: list[npt.NDArray[np.bool_]] = []
    wanted: list[int] = []
    for case in cases:
        visitor = case.visitor(params)
        slot = Slot(model, table, visitor, SlotRequest(limit=params.candidates, rebuy=True), params)
        rows, part = union([component(slot, params.candidates) for component in COMPONENTS.values()])
        if not len(rows):
            continue
        parts.append(part)
        seen.append(np.isin(rows, slot.seen))
        chosen.append(np.isin(rows, slot.rows(case.chosen)))
        wanted.append(len(case.chosen))
    if not parts:
        none = np.zeros(0, np.bool_)
        return RankingData(np.zeros((0, len(COMPONENTS)), np.float32), none, none, _NONE, _NONE)
    starts = np.cumsum([0, *(len(part) for part in parts[:-1])])
    return RankingData(
        np.concatenate(parts), np.concatenate(seen), np.concatenate(chosen), starts, np.array(wanted)
    )


_NONE = np.zeros(0, np.int64)
