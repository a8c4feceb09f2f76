"""Context buckets: stage × device × channel, each leaning on its parent while it knows little itself.

``regular|phone|mail`` leans on ``regular|phone``, that on ``regular``, that on ``""``, which is everybody. What the
parent knows beside the child is the child's prior, worth at most as many showings as the buckets of that level
are alike: n → 1 / (1/n + 1/strength), the posterior variance of a normal hierarchical model.
"""

from collections.abc import Iterable, Mapping

import msgspec

from offers.audience.visitor import View
from offers.bandit.thompson_sampling import Arm

LEVELS = 3
CONTEXTS_KEPT = 500
"""Full contexts of one slot; visitors of rarer ones are decided about by what their parents know."""
STRENGTH, WEAKEST, STRONGEST = 100.0, 10.0, 100_000.0
"""A prior's worth in showings: before anything is known of how much buckets differ, and its bounds."""

Counts = dict[str, Arm]


def context_of(view: View) -> str:
    """The full context of one visitor, now."""
    parts = (view.stage, view.profile.device, view.profile.last_touch.channel)
    return "|".join(part.replace("|", "/")[:40] for part in parts)


def parts(context: str) -> tuple[str, str, str]:
    """Stage, device and channel; "" where nothing personal was used."""
    stage, device, channel, *_ = [*context.split("|"), "", "", ""]
    return stage, device, channel


def parents(context: str) -> list[str]:
    """From everybody to ``context`` itself."""
    parts = context.split("|") if context else []
    return [""] + ["|".join(parts[:level]) for level in range(1, len(parts) + 1)]


class SlotCounts(msgspec.Struct, frozen=True):
    """Counts of one campaign in one slot, at every level; ``strengths`` of the priors of levels 1 to LEVELS.

    ``since``: of which impressions, from that time on (ms); 0 where none were forgotten.
    """

    contexts: dict[str, Counts] = {}
    strengths: tuple[float, ...] = ()
    since: int = 0

    def arms(self, context: str) -> Counts:
        """What is believed of each variant in ``context``, its own counts and its prior in one."""
        known: Counts = {}
        above: Counts = {}
        for level, name in enumerate(parents(context)):
            here = self.contexts.get(name, {})
            strength = self.strengths[level - 1] if 0 < level <= len(self.strengths) else STRENGTH
            known = {
                variant: arm
                if level == 0
                else arm.plus(_prior(known.get(variant, Arm()), arm, above.get(variant), strength))
                for variant, arm in {**dict.fromkeys(known, Arm()), **here}.items()
            }
            above = here
        return known


def _prior(believed: Arm, mine: Arm, parents_own: Arm | None, strength: float) -> Arm:
    """What the parent believes without what it has from the child itself, at most ``strength`` showings' worth."""
    rest = believed.plus(mine, -1.0) if parents_own is not None else believed
    if rest.shown <= 0:
        return Arm()
    worth = 1.0 / (1.0 / rest.shown + 1.0 / strength)
    return Arm().plus(rest, worth / rest.shown)


def slot_counts(full: Mapping[str, Counts]) -> SlotCounts:
    """Every level's counts from those of the full contexts."""
    contexts: dict[str, Counts] = {}
    kept = sorted(full, key=lambda name: -sum(arm.shown for arm in full[name].values()))
    rare = set(kept[CONTEXTS_KEPT:])
    for context, counts in full.items():
        names = parents(context)
        for name in names[:-1] if context in rare and context else names:
            level = contexts.setdefault(name, {})
            for variant, arm in counts.items():
                level[variant] = level.get(variant, Arm()).plus(arm)
    strengths = tuple(_strength(contexts, level) for level in range(1, LEVELS + 1))
    return SlotCounts(contexts, strengths)


def _strength(contexts: Mapping[str, Counts], level: int) -> float:
    """How alike the buckets of one level are, as the sample size of a Beta-binomial: by moments.

    Pearson's statistic of the buckets against the others of their parents exceeds its degrees of freedom by the sum of
    (n - 1) / (strength + 1). That the others' rate is no more than an estimate, either, widens what it allows.
    """
    cells = list(_cells(contexts, level))
    if len(cells) < 2:
        return STRENGTH
    excess, room = 0.0, 0.0
    for mine, rate, others in cells:
        variance = mine.shown * rate * (1 - rate) * (1 + mine.shown / others)
        excess += (mine.rewarded - mine.shown * rate) ** 2 / variance - 1.0
        room += mine.shown - 1.0
    noise = 2.0 * (2.0 * len(cells)) ** 0.5  # two standard deviations of a chi-square that fits
    correlation = max(0.0, excess - noise) / room if room > 0 else 0.0
    return min(STRONGEST, max(WEAKEST, 1.0 / correlation - 1.0)) if correlation > 0 else STRONGEST


def _cells(contexts: Mapping[str, Counts], level: int) -> Iterable[tuple[Arm, float, float]]:
    """Buckets of ``level`` by variant, with the rate of their parent without them, and of how many showings that is."""
    for name, counts in contexts.items():
        if not name or name.count("|") != level - 1:
            continue
        parent = contexts[name.rpartition("|")[0]]
        for variant, arm in counts.items():
            others = parent[variant].plus(arm, -1.0)
            if arm.shown >= 10 and others.shown >= 10 and 0 < others.rewarded < others.shown:
                yield arm, others.rewarded / others.shown, others.shown
