"""Membership: who belongs to which segments, at ingest and when a segment changes."""

import pytest

from ingest.dead_letters import DeadLetters
from ingest.enrich.enrich import facts
from ingest.worker.worker import Worker
from offers.audience.visitor import View
from offers.segments import membership as membership_module
from offers.segments.membership import Membership, ProgressStore, SegmentedProfiles
from offers.segments.segment import parse_segment
from offers.segments.store import SegmentStore
from profiles.model import Counts, Profile
from profiles.redis.store import RedisProfiles
from profiles.store.port import ABSENT, Alias, Write
from tests.support.segment_people import NOW, person
from tests.support.sites import UTC_SITE
from tracker.event import Event, encode
from tracker.log.memory import MemoryLog
from tracker.log.port import Record
from tracker.sites import Sites
from warehouse.delta import Warehouse

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


@pytest.mark.redis
def test_who_leaves_their_last_segment_is_written(membership, segments, profiles, site):
    profiles.save("default", [Write("v:1", ABSENT, person(1, segments=["buyers"]))])
    segments.put("default", BUYERS)
    assert membership.run(site).changed == 1
    assert profiles.find("default", "1").segments == []


@pytest.mark.redis
def test_everybody_is_asked_by_the_definitions_of_this_moment(membership, segments, profiles, site):
    assert not segments.compiled("default").audiences  # known for a second
    profiles.save("default", [Write("v:1", ABSENT, person(1, counts=Counts(orders=1)))])
    segments.put("default", BUYERS)
    assert membership.run(site).members == {"buyers": 1}
    assert profiles.find("default", "1").segments == ["buyers"]


@pytest.mark.redis
def test_a_site_without_segments_leaves_those_that_are_stored(ingest, profiles):
    ingest.save("default", [Write("v:1", ABSENT, person(1, segments=["imported"]))])
    assert profiles.find("default", "1").segments == ["imported"]


@pytest.mark.redis
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


BROWSER = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/141.0 Safari/537.36"


@pytest.mark.redis
def test_changing_a_segment_asks_everybody_again(redis_url, clock, site, monkeypatch):
    monkeypatch.setattr(membership_module, "REPORT_EVERY", 10)
    profiles, segments = RedisProfiles(redis_url), SegmentStore(redis_url, clock, timeout=10)
    progress = ProgressStore(redis_url, timeout=10)
    membership = Membership(segments, progress, profiles, clock)
    people = [person(number, counts=Counts(orders=number), segments=["gone"]) for number in range(50)]
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
    assert (done.done, done.total, done.changed, done.members) == (50, 50, 0, {"all": 50, "buyers": 40})
    assert reports[-1].changed == 50
    assert profiles.find("default", "9").segments == ["all"]
    assert profiles.find("default", "10").segments == ["all", "buyers"]
    clock.advance(3_601)
    assert membership.due(site), "days go by without an event"
    membership.run(site)
    assert segments.compiled("default").of(View(people[20], NOW, UTC_SITE)) == ["all", "buyers"]
    assert segments.delete("default", "buyers") and membership.due(site)
    assert not segments.delete("default", "buyers")
    assert [each.id for each in segments.all("default")] == ["all"]
    clock.advance(2)
    assert segments.compiled("default").of(View(people[20], NOW, UTC_SITE)) == ["all"]


@pytest.mark.redis
def test_who_is_saved_by_ingest_has_the_segments_of_that_moment(redis_url, clock, site, tmp_path):
    sites = Sites(tmp_path / "sites.json")
    sites.save(site)
    segments = SegmentStore(redis_url, clock, timeout=10)
    segments.put("default", parse_segment({"name": "Buyers", "audience": "orders > 0"}, "buyers"))
    log = MemoryLog()
    store = SegmentedProfiles(redis_url, segments, sites, clock)
    worker = Worker(
        log=log,
        store=store,
        warehouse=Warehouse(str(tmp_path / "warehouse")),
        sites=sites,
        facts=facts,
        deadletters=DeadLetters(tmp_path),
        clock=clock,
    )
    for name in ("Product Viewed", "Order Completed"):
        event = Event(
            site="default",
            id=name,
            type="track",
            name=name,
            visitor="a",
            ts=NOW,
            received=NOW,
            ua=BROWSER,
            source="snippet",
        )
        log.append([Record(event.key, encode(event))])
        worker.step()
        found = store.find("default", "a")
        assert found is not None
        assert found.segments == (["buyers"] if name == "Order Completed" else [])
    worker.close()
