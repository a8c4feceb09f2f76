"""The preview of an audience: its size, a sample, and why a visitor is not in it."""

import random

from offers.audience.audience import Audience
from offers.audience.preview import explanation, preview
from offers.audience.visitor import View
from profiles.model import Counts
from tests.support.segment_people import NOW, person
from tests.support.sites import UTC_SITE


def test_preview_counts_samples_and_explains(monkeypatch):
    people = [person(number, counts=Counts(orders=number % 4)) for number in range(1_000)]
    visitors = [View(each, NOW, UTC_SITE) for each in people]
    audience = Audience.parse("orders = 3 and country not exists")
    found = preview(audience, visitors, random.Random(1))
    assert (found.size, found.seen, found.complete) == (250, 1_000, True)
    assert len(set(found.sample)) == 10
    assert max(int(each[2:]) for each in found.sample) > 500
    monkeypatch.setattr("offers.audience.preview.SCAN_LIMIT", 100)
    assert preview(audience, visitors).of(1_000) == 250
    ticks = iter(range(0, 1_000, 1))
    hurried = preview(audience, visitors * 10, clock=lambda: float(next(ticks)))
    assert not hurried.complete and hurried.seen < 1_000
    told = explanation(audience, visitors[0])
    assert not told.matched
    assert [verdict.clause for verdict in told.failed] == ["orders = 3"]
    assert len(told.clauses) == 2
