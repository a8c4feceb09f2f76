"""Effects in parts of the people, and guardrails: corrected for their number, and harm only where it is shown."""

from dataclasses import replace

import numpy as np
import pytest

from offers.experiments.draw import draw_of
from offers.experiments.lift import rate_difference
from offers.experiments.sequence import Precision
from offers.reports.effects import parted
from offers.reports.guardrails import guardrails
from tests.support.people import people_with, simulated


def test_the_intervals_of_parts_hold_for_all_of_them_together() -> None:
    people = simulated(np.random.default_rng(1), 8_000, 0.3, 0.1, 1.5)
    contexts = ("regular|phone|mail", "regular|desktop|mail", "regular|tablet|mail")
    people = replace(people, context=np.arange(8_000) % 3, contexts=contexts)
    found = parted(people, 8_000)
    assert {(each.kind, each.name) for each in found} == {
        ("device", "phone"),
        ("device", "desktop"),
        ("device", "tablet"),
    }
    for each in found:
        mask = people.context == [context.split("|")[1] for context in contexts].index(each.name)
        draw, reached = draw_of(people, mask), people.converted[mask].astype(float)
        planned = float(mask.sum())
        assert each.rate == pytest.approx(rate_difference(reached, draw, Precision(planned, 3)))
        alone = rate_difference(reached, draw, Precision(planned))
        assert each.rate is not None and alone is not None
        assert each.rate.high - each.rate.low > 1.05 * (alone.high - alone.low)


def test_harm_is_what_is_shown_and_not_what_may_be_chance() -> None:
    held = np.arange(4_000) % 4 == 0
    people = replace(people_with(held, np.zeros(4_000), 0.25), impressions=(~held).astype(float))
    shown = np.flatnonzero(~held)
    for count, harm in ((4, False), (400, True)):
        gone = np.zeros(4_000, np.bool_)
        gone[shown[:count]] = True
        found = {each.name: each for each in guardrails(replace(people, unsubscribed=gone), 4_000)}
        told = found["unsubscribed"]
        assert told.difference is not None and told.difference.value > 0 and told.harm is harm
        assert not found["returned"].harm
        dismissed = {each.name: each for each in guardrails(replace(people, dismissed=gone), 4_000)}[
            "dismissed"
        ]
        assert dismissed.shown.value > 0 and dismissed.harm is harm
