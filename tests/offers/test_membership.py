"""Membership: how many belong to each segment, counted again when a segment changes and when time has passed."""

import pytest

from offers.audience.visitor import View
from offers.segments import membership as membership_module
from offers.segments.membership import Membership, ProgressStore
from offers.segments.segment import parse_segment
from offers.segments.store import SegmentStore
from profiles.model import Counts
from profiles.redis.store import RedisProfiles
from profiles.store.port import ABSENT, Write
from tests.support.segment_people import NOW, person
from tests.support.sites import UTC_SITE

BUYERS = parse_segment({"name": "Buyers", "audience": "orders > 0"}, "buyers")


@pytest.fixture
def segments(redis_url, clock) -> SegmentStore:
    return SegmentStore(redis_url, clock, timeout=10)


@pytest.fixture
def profiles(redis_url) -> RedisProfiles:
    return RedisProfiles(redis_url)


@pytest.fixture
def membership(redis_url, clock, segments, profiles) -> Membership:
    return Membership(segments, ProgressStore(redis_url, timeout=10), profiles, clock)


@pytest.mark.redis
def test_everybody_is_asked_by_the_definitions_of_this_moment(membership, segments, profiles, site):
    assert not segments.compiled("default").audiences  # known for a second
    profiles.save("default", [Write("v:1", ABSENT, person(1, counts=Counts(orders=1)))])
    before = profiles.load("default", ["v:1"])["v:1"].version
    segments.put("default", BUYERS)
    assert membership.run(site).members == {"buyers": 1}
    assert profiles.load("default", ["v:1"])["v:1"].version == before, "it only counts"


@pytest.mark.redis
def test_changing_a_segment_asks_everybody_again(redis_url, clock, site, monkeypatch):
    monkeypatch.setattr(membership_module, "REPORT_EVERY", 10)
    profiles, segments = RedisProfiles(redis_url), SegmentStore(redis_url, clock, timeout=10)
    progress = ProgressStore(redis_url, timeout=10)
    membership = Membership(segments, progress, profiles, clock)
    people = [person(number, counts=Counts(orders=number)) for number in range(50)]
    profiles.save("default", [Write(each.id, ABSENT, each) for each in people])
    assert not membership.due(site)
    segments.put("default", parse_segment({"name": "Buyers", "audience": "orders > 9"}, "buyers"))
    segments.put("default", parse_segment({"name": "All", "audience": ""}, "all"))
    assert progress.read("default") is None and membership.due(site)
    reports = []
    monkeypatch.setattr(progress, "write", lambda site, each: reports.append(each))
    membership.run(site)
    monkeypatch.undo()
    assert [each.done for each in reports] == [0, 10, 20, 30, 40, 50, 50]
    assert [each.finished is None for each in reports] == [True] * 6 + [False]
    progress.write("default", reports[3])
    assert membership.due(site), "a run that was broken off is done again"
    done = membership.run(site)
    assert progress.read("default") == done and not membership.due(site)
    assert (done.done, done.total, done.members) == (50, 50, {"all": 50, "buyers": 40})
    clock.advance(3_601)
    assert membership.due(site), "days go by without an event"
    membership.run(site)
    assert segments.compiled("default").of(View(people[20], NOW, UTC_SITE)) == ["all", "buyers"]
    assert segments.delete("default", "buyers") and membership.due(site)
    assert not segments.delete("default", "buyers")
    assert [each.id for each in segments.all("default")] == ["all"]
    clock.advance(2)
    assert segments.compiled("default").of(View(people[20], NOW, UTC_SITE)) == ["all"]
