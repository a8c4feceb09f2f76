"""Segments, previews and look-alikes over real profiles in a real Redis."""

import random

import pytest

from ingest.dead_letters import DeadLetters
from ingest.enrich.enrich import facts
from ingest.worker.worker import Worker
from offers.audience.audience import Audience
from offers.audience.preview import explanation, preview
from offers.audience.visitor import View
from offers.segments import membership as membership_module
from offers.segments.lookalike import look_alike
from offers.segments.membership import Membership, ProgressStore, SegmentedProfiles
from offers.segments.segment import Segment, SegmentInvalid, parse_segment
from offers.segments.store import SegmentStore, SegmentsUnavailable
from profiles.model import Affinity, Counts, Profile, Touch
from profiles.redis.store import RedisProfiles
from profiles.store import ABSENT, Write
from tests.support.sites import UTC_SITE
from tracker.event import Event, encode
from tracker.log.memory import MemoryLog
from tracker.log.port import Record
from tracker.sites import Sites
from warehouse.delta import Warehouse

NOW = 1_795_000_000_000
BROWSER = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/141.0 Safari/537.36"


def person(number: int, **changes) -> Profile:
    return Profile(id=f"v:{number}", visitors=[str(number)], last_seen=NOW, **changes)


def test_a_segment_is_checked():
    segment = parse_segment({"name": "VIP", "audience": "revenue > 1000"}, "vip")
    assert segment == Segment(id="vip", name="VIP", audience="revenue > 1000")
    for document, field in (
        ({"id": "other", "name": "VIP", "audience": ""}, "id"),
        ({"name": "", "audience": ""}, "name"),
        ({"name": "x", "audience": "revenue >"}, "audience"),
        ({"name": "x", "audience": "segment = 'y'"}, "audience"),
        ({"name": "x"}, "audience"),
        ({"name": "x", "audience": "", "colour": "red"}, "colour"),
        ({"name": 7, "audience": ""}, "name"),
        ([], ""),
    ):
        with pytest.raises(SegmentInvalid) as caught:
            parse_segment(document, "vip")
        assert caught.value.field == field


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


@pytest.mark.redis
def test_without_redis(own_redis, clock):
    segments = SegmentStore(own_redis.url, clock)
    own_redis.kill()
    assert segments.compiled("default").of(View(person(1), NOW, UTC_SITE)) == []
    with pytest.raises(SegmentsUnavailable):
        segments.all("default")


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


def test_a_look_alike_finds_what_the_responders_have_in_common():
    generator = random.Random(5)

    def somebody(number: int, responder: bool) -> Profile:
        likes = "shoes" if responder or generator.random() < 0.2 else "books"
        channel = (
            "mail"
            if responder and generator.random() < 0.9
            else generator.choice(["search", "mail", "direct"])
        )
        return person(
            number,
            affinities={likes: Affinity(3.0, NOW)},
            last_touch=Touch(channel=channel),
            device=generator.choice(["phone", "desktop"]),
        )

    responders = [somebody(number, True) for number in range(200)]
    everybody = [somebody(number, False) for number in range(2_000)]
    found = look_alike(responders, everybody, NOW, UTC_SITE)
    assert found is not None
    assert "affinity('shoes')" in found.audience and "channel = 'mail'" in found.audience
    assert "device" not in found.audience
    assert found.covered > 0.85 and found.reach < 0.12 and found.density > 7
    Audience.parse(found.audience)


@pytest.mark.parametrize("reward", ["click", "conversion", "revenue"])
def test_a_look_alike_does_not_ask_for_the_answer_itself(reward):
    """To have clicked, or bought, finds those who did, and nobody like them."""
    draw = random.Random(3)

    def somebody(number: int, responder: bool) -> Profile:
        likes = "shoes" if draw.random() < (0.7 if responder else 0.2) else "books"
        bought = responder and reward != "click"
        answered = Counts(visits=2, offer_clicks=responder, orders=bought, revenue=10.0 * bought)
        return person(
            number,
            counts=answered,
            stage="customer" if bought else "prospect",
            segments=["answered"] if responder else [],
            affinities={likes: Affinity(3.0, NOW)},
        )

    responders = [somebody(number, True) for number in range(200)]
    everybody = [*responders, *(somebody(number, False) for number in range(200, 1_000))]
    found = look_alike(responders, everybody, NOW, UTC_SITE, reward, segments=())
    assert found is not None and found.audience.startswith("affinity('shoes')")
    assert not Audience.parse(found.audience).asks({"offer_clicks", "segment"})
    if reward != "click":
        assert not Audience.parse(found.audience).asks({"orders", "stage"})
    assert found.reach < 0.3  # of the others: the responders among everybody do not count


def test_no_look_alike_of_few_or_of_everybody():
    people = [person(number, device="phone") for number in range(300)]
    assert look_alike(people[:10], people, NOW, UTC_SITE) is None
    assert look_alike(people[:100], people, NOW, UTC_SITE) is None
