"""The campaign store on a real Redis: versions, limits, damage and outages."""

import pytest

from offers.audience.visitor import View
from offers.bandit.arm_store import ArmStore
from offers.campaign import store as store_module
from offers.campaign.document import parse
from offers.campaign.store import (
    REFRESH_SECONDS,
    VERSIONS_KEPT,
    CampaignStore,
    CampaignsUnavailable,
    TooManyCampaigns,
)
from offers.segments.membership import ProgressStore
from offers.segments.segment import parse_segment
from offers.segments.store import SegmentStore
from profiles.model import Profile
from profiles.redis.refreshed import Refreshed
from tests.support.offers import written

pytestmark = pytest.mark.redis


def names(store: CampaignStore, site) -> list[str]:
    store.refresh(site)
    return [ready.campaign.id for ready in store.known(site)]


def test_put_get_all_delete(redis_url, clock, site):
    store = CampaignStore(redis_url, clock)
    b, a = parse(written(id="b")), parse(written(id="a"))
    store.put("default", b, 1)
    store.put("default", a, 2)
    assert store.get("default", "a") == a
    assert store.get("default", "nothing") is None
    assert store.get("default", "") is None
    assert store.get("other", "a") is None
    assert store.all("default") == [a, b]
    assert store.delete("default", "a", 3)
    assert not store.delete("default", "a", 3)
    assert store.all("default") == [b]


def test_what_did_not_change_is_no_version(redis_url, clock):
    store = CampaignStore(redis_url, clock)
    assert [store.put("default", parse(written(priority=p)), at) for at, p in enumerate((1, 1, 2, 2, 1))] == [
        True,
        False,
        True,
        False,
        True,
    ]
    assert [each.saved for each in store.versions("default", "hero-shoes")] == [4, 2, 0]


def test_versions_are_kept_newest_first_and_bounded(redis_url, clock):
    store = CampaignStore(redis_url, clock)
    for number in range(VERSIONS_KEPT + 5):
        store.put("default", parse(written(priority=number)), number)
    store.delete("default", "hero-shoes", 99)
    versions = store.versions("default", "hero-shoes")
    assert len(versions) == VERSIONS_KEPT
    assert (versions[0].saved, versions[0].campaign) == (99, None)
    assert versions[1].campaign is not None and versions[1].campaign.priority == VERSIONS_KEPT + 4


def test_another_process_sees_a_change_within_half_a_second(redis_url, clock, site):
    writer, reader = CampaignStore(redis_url, clock), CampaignStore(redis_url, clock)
    assert names(reader, site) == []
    writer.put("default", parse(written()), 1)
    assert names(reader, site) == []
    clock.advance(REFRESH_SECONDS)
    assert names(reader, site) == ["hero-shoes"]
    writer.delete("default", "hero-shoes", 2)
    clock.advance(REFRESH_SECONDS)
    assert names(reader, site) == []


def test_ready_is_ordered_by_tier_and_priority(redis_url, clock, site):
    store = CampaignStore(redis_url, clock)
    for name, tier, priority in (
        ("f", "fallback", 99),
        ("s1", "standard", 1),
        ("s9", "standard", 9),
        ("o", "override", 0),
    ):
        store.put("default", parse(written(id=name, tier=tier, priority=priority)), 1)
    assert names(store, site) == ["o", "s9", "s1", "f"]


def test_the_number_of_campaigns_is_bounded(redis_url, clock, monkeypatch):
    monkeypatch.setattr(store_module, "CAMPAIGNS_LIMIT", 2)
    store = CampaignStore(redis_url, clock)
    for name in "ab":
        store.put("default", parse(written(id=name)), 1)
    store.put("default", parse(written(id="b", priority=3)), 2)
    with pytest.raises(TooManyCampaigns):
        store.put("default", parse(written(id="c")), 3)


def test_one_unreadable_document_does_not_hide_the_others(redis_url, clock, site, caplog):
    store = CampaignStore(redis_url, clock)
    store.put("default", parse(written()), 1)
    store._redis.hset("dg:campaigns:default", "broken", b'{"id": 3}')
    assert names(store, site) == ["hero-shoes"]
    assert "broken" in caplog.text


def test_what_another_version_wrote_hides_nothing_else(redis_url, clock, site, caplog):
    store = CampaignStore(redis_url, clock)
    store.put("default", parse(written()), 1)
    for broken in (b'{"id": "x", "colour": "red"}', b"\xff"):
        store._redis.hset("dg:campaigns:default", "x", broken)
        store._redis.lpush("dg:campaign-versions:default:hero-shoes", broken)
        assert [each.id for each in store.all("default")] == ["hero-shoes"]
        assert store.get("default", "x") is None and "x cannot be read" in caplog.text
        assert [each.saved for each in store.versions("default", "hero-shoes")] == [1]
    segments = SegmentStore(redis_url, clock)
    segments.put("default", parse_segment({"id": "all", "name": "All", "audience": ""}))
    segments._redis.hset(
        "dg:segments:default", "x", b'{"id": "x", "audience": "orders > 1", "colour": "red"}'
    )
    assert [each.id for each in segments.all("default")] == ["all"]
    assert segments.compiled("default").of(View(Profile(id="v:a"), 0, site)) == ["all"]
    segments._redis.hset("dg:segments:default", "", b"many")
    assert segments.version("default") == 0
    progress = ProgressStore(redis_url)
    progress._redis.set("dg:segments-progress:default", b"{")
    assert progress.read("default") is None
    arms = ArmStore(redis_url, clock)
    arms._redis.hset("dg:arms:default", mapping={"": "1", b"\xff": b"\x80"})
    assert arms.learned("default") == {}
    for each in (store, segments, progress, arms):
        each._redis.close()


def test_a_store_that_answers_nonsense_leaves_what_was_known(clock, site, caplog):
    answers = iter([(b"1", "known")])
    kept = Refreshed(lambda *_: next(answers), "", 1.0, clock)
    assert kept.get("default") == "known"
    clock.advance(2)
    assert kept.get("default") == "known" and "cannot be read" in caplog.text


def test_without_redis_writes_fail_and_decisions_use_what_was_known(own_redis, clock, site):
    store = CampaignStore(own_redis.url, clock)
    store.put("default", parse(written()), 1)
    assert names(store, site) == ["hero-shoes"]
    own_redis.kill()
    clock.advance(1)
    assert names(store, site) == ["hero-shoes"]
    assert names(CampaignStore(own_redis.url, clock), site) == []
    for broken in (
        lambda: store.put("default", parse(written()), 1),
        lambda: store.delete("default", "a", 1),
        lambda: store.get("default", "a"),
        lambda: store.all("default"),
        lambda: store.versions("default", "a"),
    ):
        with pytest.raises(CampaignsUnavailable) as caught:
            broken()
        assert caught.value.retry_after > 0
    own_redis.start()
    clock.advance(5)
    assert names(store, site) == ["hero-shoes"]
    store._redis.close()


@pytest.mark.parametrize("puts", [1, 2, 3])
def test_a_redis_that_lost_its_data_and_was_filled_again_is_noticed(redis_url, clock, site, puts):
    """However many changes the new data has had when a process looks: its numbers are not those of the old."""
    campaigns, segments = CampaignStore(redis_url, clock), SegmentStore(redis_url, clock)
    for n in range(2):
        campaigns.put("default", parse(written(id=f"old{n}")), 1)
        segments.put("default", parse_segment({"id": f"old{n}", "name": "Old", "audience": ""}))
    asked = View(Profile(id="v:a"), 0, site)
    assert names(campaigns, site) == segments.compiled("default").of(asked) == ["old0", "old1"]
    campaigns._redis.flushall()
    others = CampaignStore(redis_url, clock), SegmentStore(redis_url, clock)
    for n in range(puts):
        others[0].put("default", parse(written(id=f"new{n}")), 1)
        others[1].put("default", parse_segment({"id": f"new{n}", "name": "New", "audience": ""}))
    clock.advance(REFRESH_SECONDS + 60)
    wanted = [f"new{n}" for n in range(puts)]
    assert names(campaigns, site) == segments.compiled("default").of(asked) == wanted
    for store in (campaigns, segments, *others):
        store._redis.close()
