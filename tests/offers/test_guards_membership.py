"""What else holds of segments on profiles: who leaves the last one, sites without any, and what is no profile."""

import pytest

from offers.segments.membership import Membership, ProgressStore, SegmentedProfiles
from offers.segments.segment import parse_segment
from offers.segments.store import SegmentStore
from profiles.model import Counts, Profile
from profiles.redis.store import RedisProfiles
from profiles.store import ABSENT, Alias, Write
from tests.offers.test_segments import person
from tracker.sites import Sites

pytestmark = pytest.mark.redis

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


@pytest.fixture
def ingest(redis_url, clock, site, segments, tmp_path) -> SegmentedProfiles:
    sites = Sites(tmp_path / "sites.json")
    sites.save(site)
    return SegmentedProfiles(redis_url, segments, sites, clock)


def test_who_leaves_their_last_segment_is_written(membership, segments, profiles, site):
    profiles.save("default", [Write("v:1", ABSENT, person(1, segments=["buyers"]))])
    segments.put("default", BUYERS)
    assert membership.run(site).changed == 1
    assert profiles.find("default", "1").segments == []


def test_everybody_is_asked_by_the_definitions_of_this_moment(membership, segments, profiles, site):
    assert not segments.compiled("default").audiences  # known for a second
    profiles.save("default", [Write("v:1", ABSENT, person(1, counts=Counts(orders=1)))])
    segments.put("default", BUYERS)
    assert membership.run(site).members == {"buyers": 1}
    assert profiles.find("default", "1").segments == ["buyers"]


def test_a_site_without_segments_leaves_those_that_are_stored(ingest, profiles):
    ingest.save("default", [Write("v:1", ABSENT, person(1, segments=["imported"]))])
    assert profiles.find("default", "1").segments == ["imported"]


def test_an_alias_is_written_as_it_is(ingest, segments, profiles):
    segments.put("default", BUYERS)
    ingest.save(
        "default",
        [
            Write("u:7", ABSENT, Profile(id="u:7", counts=Counts(orders=1))),
            Write("v:1", ABSENT, Alias("u:7", ("u:6",))),
        ],
    )
    assert profiles.load("default", ["v:1"])["v:1"].value == Alias("u:7", ("u:6",))
    assert profiles.find("default", "1").segments == ["buyers"]
