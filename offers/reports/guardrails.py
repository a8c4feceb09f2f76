"""Guardrails: what a campaign must not do to people while it reaches its goal."""

from dataclasses import dataclass, replace
from typing import Literal

from offers.experiments.intervals import Interval, wilson
from offers.experiments.people import Flags, People
from offers.experiments.sequence import Precision
from offers.reports.effects import comparable, rate_of

GuardrailName = Literal["dismissed", "unsubscribed", "returned"]
COMPARED: tuple[GuardrailName, ...] = ("unsubscribed", "returned")
"""Those that people of the holdout can do, too."""


@dataclass(frozen=True, slots=True)
class Guardrail:
    """The part of people who did it within the goal's window: of those who could see the campaign, and of those from
    whom it was withheld. ``difference``: between these two; None without a holdout, and of dismissals, which nobody in
    the holdout can make. ``harm``: it is shown that the campaign makes more people do it; of dismissals, that more
    people dismissed it than clicked on it."""

    name: GuardrailName
    shown: Interval
    withheld: Interval | None
    difference: Interval | None
    harm: bool


def guardrails(people: People, planned: float) -> list[Guardrail]:
    """Of people whose window is over; nothing without any. ``planned``: people for whom the intervals of differences
    are narrowest."""
    closed, compared = ~people.open, comparable(people)
    shown = closed & ~people.held
    if not shown.any():
        return []
    saw = shown & (people.impressions > 0)
    dismissed, clicked = _part(people.dismissed, saw), _part(people.clicks > 0, saw)
    found = [Guardrail("dismissed", dismissed, None, None, dismissed.low > clicked.high)]
    for name in COMPARED:
        did: Flags = getattr(people, name)
        more = rate_of(replace(people, converted=did), compared, Precision(planned, len(COMPARED)))
        held = compared & people.held
        withheld = _part(did, held) if held.any() else None
        found.append(Guardrail(name, _part(did, shown), withheld, more, more is not None and more.low > 0))
    return found


def _part(did: Flags, of: Flags) -> Interval:
    return wilson(int((did & of).sum()), int(of.sum()))
