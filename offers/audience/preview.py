"""How many an audience has now, who for example, and why one visitor is not among them."""

import random
import time
from collections.abc import Callable, Iterable
from typing import NamedTuple

from offers.audience.audience import Audience, Verdict
from offers.audience.visitor import View

SAMPLE_SIZE = 10
SCAN_LIMIT = 200_000
"""Visitors that one preview looks at; of more, the size is an estimate."""
SECONDS = 2.0
"""So long a marketer who types waits for a preview; what was looked at until then is the sample."""
LOOK_EVERY = 64


class Preview(NamedTuple):
    """``size`` of ``seen`` visitors belong; ``complete`` when those were all. ``sample``: ids, evenly drawn."""

    size: int
    seen: int
    complete: bool
    sample: list[str]

    def of(self, total: int) -> int:
        """The size among ``total`` visitors."""
        return self.size if self.complete or not self.seen else round(self.size * total / self.seen)


def preview(
    audience: Audience,
    visitors: Iterable[View],
    chance: random.Random | None = None,
    clock: Callable[[], float] = time.monotonic,
) -> Preview:
    """Ask everybody of a scan, up to SCAN_LIMIT visitors or SECONDS."""
    draw, until = chance or random.Random(), clock() + SECONDS
    sample: list[str] = []
    size = seen = 0
    for view in visitors:
        if seen == SCAN_LIMIT or (seen % LOOK_EVERY == 0 and clock() > until):
            return Preview(size, seen, False, sample)
        seen += 1
        if not audience.test(view):
            continue
        size += 1
        if len(sample) < SAMPLE_SIZE:
            sample.append(view.profile.id)
        elif (at := draw.randrange(size)) < SAMPLE_SIZE:  # Vitter's algorithm R
            sample[at] = view.profile.id
    return Preview(size, seen, True, sample)


class Explanation(NamedTuple):
    """For one visitor: every clause, and those that keep them out."""

    matched: bool
    clauses: list[Verdict]
    failed: list[Verdict]


def explanation(audience: Audience, view: View) -> Explanation:
    failed = audience.failed(view)
    return Explanation(not failed, audience.explain(view), failed)
