"""Expansion: from those who answered, an audience of others like them, as an expression that a marketer can read.

Greedy rule learning: clauses are added while the difference between the part of the responders that the rule
covers and the part of everybody (Youden's J) grows by GAIN. Three clauses at most: it should be understood.
"""

from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from typing import NamedTuple

from offers.audience.audience import Audience
from offers.audience.visitor import View
from offers.campaign.campaign import Reward

CLAUSES = 3
GAIN = 0.02
SEEDS_WANTED = 20
"""Fewer responders say nothing about the next one."""
COMMON = 0.05
"""A trait that fewer of the responders share makes no clause."""


ANSWERS = {"offer_views", "offer_clicks", "shown", "clicked"}
BOUGHT = {"stage", "orders", "revenue", "days_since_order", "bought", "bought_category"}


def revealing_fields(reward: Reward) -> set[str]:
    """What an audience may not ask, since to have answered is to have it: it finds those who answered, and nobody
    like them."""
    return ANSWERS if reward == "click" else ANSWERS | BOUGHT


class LookAlike(NamedTuple):
    """``covered``: the part of the responders that the audience covers; ``reach``: of everybody; ``density``: how
    many times denser responders are among them than among everybody."""

    audience: str
    covered: float
    reach: float

    @property
    def density(self) -> float:
        return self.covered / self.reach if self.reach else 0.0


def look_alike(
    responders: Sequence[View],
    everybody: Iterable[View],
    reward: Reward = "click",
    segments: Collection[str] | None = None,
) -> LookAlike | None:
    """None when there are too few responders, or nothing sets them apart. ``everybody`` may be a sample, the responders
    in it are left out. ``reward``: what they answered with. ``segments``: those that may be asked for; None: all."""
    answered = {view.profile.id for view in responders}
    seeds, others = list(responders), [view for view in everybody if view.profile.id not in answered]
    if len(seeds) < SEEDS_WANTED or not others:
        return None
    # Half of the responders choose the clauses, the other half say how good they are.
    tried, judged = seeds[::2], seeds[1::2]
    candidates = {source: Audience.parse(source) for source in _candidates(tried, segments)}
    tells = revealing_fields(reward)
    candidates = {source: audience for source, audience in candidates.items() if not audience.asks(tells)}
    chosen: list[str] = []
    kept, reach, score = tried, others, 0.0
    while len(chosen) < CLAUSES:
        best = max(
            candidates,
            key=lambda source: _score(candidates[source], kept, reach, tried, others),
            default=None,
        )
        if best is None or _score(candidates[best], kept, reach, tried, others) < score + GAIN:
            break
        audience = candidates.pop(best)
        kept, reach = _within(audience, kept), _within(audience, reach)
        score = len(kept) / len(tried) - len(reach) / len(others)
        chosen.append(best)
    if not chosen:
        return None
    source = " and ".join(chosen)
    covered = _within(Audience.parse(source), judged)
    return LookAlike(source, len(covered) / len(judged), len(reach) / len(others))


def _score(
    audience: Audience,
    kept: Sequence[View],
    reach: Sequence[View],
    seeds: Sequence[View],
    others: Sequence[View],
) -> float:
    return len(_within(audience, kept)) / len(seeds) - len(_within(audience, reach)) / len(others)


def _within(audience: Audience, views: Sequence[View]) -> list[View]:
    return [view for view in views if audience.test(view)]


def _candidates(seeds: Sequence[View], segments: Collection[str] | None) -> list[str]:
    """Clauses that at least COMMON of the responders satisfy."""
    found: Counter[str] = Counter()
    for view in seeds:
        profile = view.profile
        texts = {
            "stage": view.stage,
            "device": profile.device,
            "country": profile.country,
            "language": profile.lang,
            "channel": profile.last_touch.channel,
            "first_channel": profile.first_touch.channel,
        }
        found.update(f"{name} = {_quoted(value)}" for name, value in texts.items() if value)
        mine = [each for each in view.segments if segments is None or each in segments]
        found.update(f"segment = {_quoted(segment)}" for segment in mine)
        found.update(f"affinity({_quoted(name)}) > {part}" for name, share in view.shares.items()
                     for part in (0.1, 0.3, 0.5) if share > part)  # fmt: skip
        for name, bounds in (
            ("visits", (1, 3, 10)),
            ("orders", (0, 1, 3)),
            ("views", (2, 5, 20)),
        ):
            value = getattr(profile.counts, name)
            found.update(f"{name} > {bound}" for bound in bounds if value > bound)
        found.update(["new" if view.new else "returning"])
        found.update(["cart_items > 0"] if profile.cart else [])
    least = max(2, COMMON * len(seeds))
    return [source for source, count in sorted(found.items()) if count >= least]


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
