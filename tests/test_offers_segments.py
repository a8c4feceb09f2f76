"""Segments, previews and look-alikes over real profiles in a real Redis."""

import random
from zoneinfo import ZoneInfo

import pytest

from offers import segments as segments_module
from offers.audience import Audience
from offers.lookalike import look_alike
from offers.preview import explanation, preview
from offers.segments import (
    Segment,
    SegmentInvalid,
    SegmentStore,
    SegmentsUnavailable,
    evaluate,
    parse_segment,
)
from profiles.model import Affinity, Counts, Profile, Touch
from profiles.redis import RedisProfiles
from profiles.store import ABSENT, Write

UTC = ZoneInfo("UTC")
NOW = 1_795_000_000_000


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
        ({"name": "x"}, ""),
        ([], ""),
    ):
        with pytest.raises(SegmentInvalid) as caught:
            parse_segment(document, "vip")
        assert caught.value.field == field


@pytest.mark.redis
def test_changing_a_segment_asks_everybody_again(redis_url, clock, site, monkeypatch):
    monkeypatch.setattr(segments_module, "PROGRESS_EVERY", 10)
    profiles, segments = RedisProfiles(redis_url), SegmentStore(redis_url, clock, timeout=10)
    people = [person(number, counts=Counts(orders=number), segments=["gone"]) for number in range(50)]
    profiles.save("default", [Write(each.id, ABSENT, each) for each in people])
    segments.put("default", parse_segment({"name": "Buyers", "audience": "orders > 9"}, "buyers"))
    segments.put("default", parse_segment({"name": "All", "audience": ""}, "all"))
    assert segments.progress("default") is None
    done = evaluate(site, segments, profiles, clock)
    assert segments.progress("default") == done
    assert (done.done, done.total, done.changed, done.members) == (50, 50, 50, {"all": 50, "buyers": 40})
    assert done.finished is not None
    assert profiles.find("default", "9").segments == ["all"]
    assert profiles.find("default", "10").segments == ["all", "buyers"]
    assert evaluate(site, segments, profiles, clock).changed == 0
    clock.advance(2)
    assert segments.compiled("default").of(people[20], NOW, UTC) == ["all", "buyers"]
    assert segments.delete("default", "buyers")
    assert not segments.delete("default", "buyers")
    assert [each.id for each in segments.all("default")] == ["all"]
    clock.advance(2)
    assert segments.compiled("default").of(people[20], NOW, UTC) == ["all"]


@pytest.mark.redis
def test_without_redis(own_redis, clock):
    segments = SegmentStore(own_redis.url, clock)
    own_redis.kill()
    assert segments.compiled("default").of(person(1), NOW, UTC) == []
    with pytest.raises(SegmentsUnavailable):
        segments.all("default")


def test_preview_counts_samples_and_explains(monkeypatch):
    people = [person(number, counts=Counts(orders=number % 4)) for number in range(1_000)]
    audience = Audience.parse("orders = 3 and country not exists")
    found = preview(audience, people, NOW, UTC, random.Random(1))
    assert (found.size, found.seen, found.complete) == (250, 1_000, True)
    assert len(set(found.sample)) == 10
    assert max(int(each[2:]) for each in found.sample) > 500
    monkeypatch.setattr("offers.preview.SCAN_LIMIT", 100)
    assert preview(audience, people, NOW, UTC).of(1_000) == 250
    told = explanation(audience, people[0], NOW, UTC)
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
    found = look_alike(responders, everybody, NOW, UTC)
    assert found is not None
    assert "affinity('shoes')" in found.audience and "channel = 'mail'" in found.audience
    assert "device" not in found.audience
    assert found.covered > 0.85 and found.reach < 0.12 and found.density > 7
    Audience.parse(found.audience)


def test_no_look_alike_of_few_or_of_everybody():
    people = [person(number, device="phone") for number in range(300)]
    assert look_alike(people[:10], people, NOW, UTC) is None
    assert look_alike(people[:100], people, NOW, UTC) is None
