"""How many an audience has now, who for example, and why one visitor is not among them."""

import random
from collections.abc import Iterable
from typing import NamedTuple
from zoneinfo import ZoneInfo

from offers.audience import Audience, Verdict
from offers.view import View
from profiles.model import Profile

SAMPLE_SIZE = 10
SCAN_LIMIT = 200_000
"""Profiles that one preview looks at; of more, the size is an estimate."""


class Preview(NamedTuple):
    """``size`` of ``seen`` profiles belong; ``complete`` when those were all. ``sample``: ids, evenly drawn."""

    size: int
    seen: int
    complete: bool
    sample: list[str]

    def of(self, total: int) -> int:
        """The size among ``total`` profiles."""
        return self.size if self.complete or not self.seen else round(self.size * total / self.seen)


def preview(
    audience: Audience,
    profiles: Iterable[Profile],
    now: int,
    zone: ZoneInfo,
    chance: random.Random | None = None,
) -> Preview:
    """Ask every profile of a scan, up to SCAN_LIMIT. ``now`` in ms."""
    draw = chance or random.Random()
    sample: list[str] = []
    size = seen = 0
    for profile in profiles:
        if seen == SCAN_LIMIT:
            return Preview(size, seen, False, sample)
        seen += 1
        if not audience.test(View(profile, now, zone)):
            continue
        size += 1
        if len(sample) < SAMPLE_SIZE:
            sample.append(profile.id)
        elif (at := draw.randrange(size)) < SAMPLE_SIZE:  # Vitter's algorithm R
            sample[at] = profile.id
    return Preview(size, seen, True, sample)


class Explanation(NamedTuple):
    """For one visitor: every clause, and those that keep them out."""

    matched: bool
    clauses: list[Verdict]
    failed: list[Verdict]


def explanation(audience: Audience, profile: Profile, now: int, zone: ZoneInfo) -> Explanation:
    failed = audience.failed(profile, now, zone)
    return Explanation(not failed, audience.explain(profile, now, zone), failed)
