"""The contract of a profile store, on memory, a real Redis and a real cluster; and what only Redis can do wrong."""

import threading
from collections.abc import Callable

import msgspec
import pytest
import redis

from profiles.ids import order_id
from profiles.model import Profile
from profiles.orders.order import Line, Order, Told
from profiles.orders.shared import SharedOrder
from profiles.redis.store import RedisProfiles
from profiles.store.memory import MemoryProfiles
from profiles.store.port import ABSENT, Alias, ProfileStore, ProfilesUnavailable, Stored, Write
from tests.support.machine import RedisServer
from tracker.durations import DAY_SECONDS

SITE = "default"


@pytest.fixture(
    params=["memory", *(pytest.param(name, marks=pytest.mark.redis) for name in ("redis", "cluster"))]
)
def store(request: pytest.FixtureRequest) -> ProfileStore:
    if request.param == "memory":
        return MemoryProfiles()
    if request.param == "redis":
        return RedisProfiles(request.getfixturevalue("redis_url"))
    store = RedisProfiles(request.getfixturevalue("cluster").url)
    store.client.flushall(target_nodes=redis.RedisCluster.PRIMARIES)
    request.addfinalizer(store.close)
    return store


def put(store: ProfileStore, name: str, value: Profile | Alias, site: str = SITE) -> bytes:
    version = store.load(site, [name])[name].version
    return store.save(site, [Write(name, version, value)])[name]


def test_what_is_saved_is_found_by_visitor_and_by_user(store: ProfileStore) -> None:
    put(store, "v:a1", Profile("v:a1", visitors=["a1"]))
    put(store, "u:kim", Profile("u:kim", user="kim"))
    assert store.find(SITE, "a1") == Profile("v:a1", visitors=["a1"])
    assert store.find(SITE, None, "kim").id == "u:kim"
    assert store.find(SITE, "a1", "kim").id == "u:kim"
    assert store.find(SITE, "a1", "nobody").id == "v:a1"
    assert store.find(SITE, "nobody", "nobody") is None
    assert store.find("other", "a1") is None
    assert store.find(SITE) is None


def test_what_several_told_of_an_order_is_nobody_and_goes_with_whom_it_belongs_to(
    store: ProfileStore,
) -> None:
    key, other = b"\1" * 8, b"\2" * 8
    kim = Profile("u:kim", user="kim", visitors=["a1"], orders={key: Order(page=Told(5)), other: Order()})
    put(store, "u:kim", kim)
    put(store, "v:b2", Profile("v:b2", visitors=["b2"]))
    mine = SharedOrder({"v:a1": Order(page=Told(5, 10, "", (Line("p"),))), "v:b2": Order()}, "u:kim")
    put(store, order_id(key), mine)
    put(store, order_id(other), SharedOrder({"v:b2": Order(site=Told(1)), "u:kim": Order()}, "v:b2"))
    assert store.load(SITE, [order_id(key)])[order_id(key)].shared == mine
    assert store.save(SITE, [Write(order_id(key), ABSENT, mine)]) == {}, (
        "only onto the version that was loaded"
    )
    assert (store.count(SITE), sorted(one.id for one in store.scan(SITE))) == (2, ["u:kim", "v:b2"])
    store.erase(SITE, "u:kim")
    left = store.load(SITE, [order_id(key), order_id(other)])
    assert left[order_id(key)] == Stored()
    assert left[order_id(other)].shared == SharedOrder({"v:b2": Order(site=Told(1))}, "v:b2")


def test_a_browser_that_feeds_a_customer_is_found_and_is_no_person_of_its_own(store: ProfileStore) -> None:
    put(store, "u:kim", Profile("u:kim", user="kim", proven=False, claimants=["a1"], claims=["plan"]))
    put(store, "v:a1", Profile("v:a1", visitors=["a1"], fed=["kim"]))
    put(store, "v:b2", Profile("v:b2", visitors=["b2"]))
    found = store.find(SITE, "a1")
    assert found is not None and (found.id, found.fed) == ("v:a1", ["kim"])
    assert store.count(SITE) == 2
    assert sorted(one.id for one in store.people(SITE)) == ["u:kim", "v:b2"]
    assert sorted(one.id for one in store.scan(SITE)) == ["u:kim", "v:a1", "v:b2"]


def test_of_two_writers_one_is_told(store: ProfileStore) -> None:
    version = put(store, "v:a1", Profile("v:a1"))
    first = store.save(SITE, [Write("v:a1", version, Profile("v:a1", last_seen=1))])
    second = store.save(SITE, [Write("v:a1", version, Profile("v:a1", last_seen=2))])
    assert first.keys() == {"v:a1"}
    assert second == {}
    assert store.find(SITE, "a1").last_seen == 1
    assert store.save(SITE, [Write("v:a1", ABSENT, Profile("v:a1"))]) == {}


def test_writes_are_independent(store: ProfileStore) -> None:
    put(store, "v:a1", Profile("v:a1"))
    saved = store.save(SITE, [Write("v:a1", ABSENT, Profile("v:a1")), Write("v:b2", ABSENT, Profile("v:b2"))])
    assert saved.keys() == {"v:b2"}


def test_aliases_are_followed_and_loaded_with_what_they_lead_to(store: ProfileStore) -> None:
    put(store, "v:a1", Alias("v:b2"))
    put(store, "v:b2", Alias("u:kim", ("u:lee",)))
    put(store, "u:kim", Profile("u:kim"))
    assert store.find(SITE, "a1").id == "u:kim"
    found = store.load(SITE, ["v:a1", "v:nobody"])
    assert found.keys() == {"v:a1", "v:b2", "u:kim", "v:nobody"}
    assert found["v:b2"].value == Alias("u:kim", ("u:lee",))
    assert found["v:nobody"].version == ABSENT


def test_what_the_caller_knows_comes_back_as_it_is_until_it_has_changed(store: ProfileStore) -> None:
    version = put(store, "v:a1", Profile("v:a1", last_seen=1))
    mine = {"v:a1": Stored(version, Profile("v:a1", last_seen=1)), "v:b2": Stored(version, Profile("v:b2"))}
    found = store.load(SITE, ["v:a1", "v:b2"], mine)
    assert found["v:a1"] is mine["v:a1"]
    assert found["v:b2"] == Stored()
    put(store, "v:a1", Alias("u:kim"))
    assert store.load(SITE, ["v:a1"], mine)["v:a1"].target == "u:kim"


def test_a_circle_of_aliases_is_no_profile_and_no_hang(store: ProfileStore) -> None:
    put(store, "v:a1", Alias("v:b2"))
    put(store, "v:b2", Alias("v:a1"))
    assert store.find(SITE, "a1") is None
    assert store.load(SITE, ["v:a1"]).keys() == {"v:a1", "v:b2"}


def test_update_changes_one_profile(store: ProfileStore) -> None:
    def grow(profile: Profile) -> Profile:
        return msgspec.structs.replace(profile, last_seen=profile.last_seen + 1)

    assert store.update(SITE, "v:a1", grow) is None
    put(store, "v:a1", Alias("u:kim"))
    put(store, "u:kim", Profile("u:kim"))
    assert store.update(SITE, "v:a1", grow).last_seen == 1
    assert store.find(SITE, None, "kim").last_seen == 1


def test_erase_removes_a_person_by_any_id(store: ProfileStore) -> None:
    put(store, "v:a1", Alias("u:kim"))
    put(store, "v:b2", Alias("u:lee"))
    put(store, "u:kim", Profile("u:kim", visitors=["a1", "b2"]))
    put(store, "u:lee", Profile("u:lee"))
    assert sorted(store.erase(SITE, "v:a1")) == ["u:kim", "v:a1"]
    assert store.find(SITE, "a1", "kim") is None
    assert store.find(SITE, "b2").id == "u:lee"
    assert store.erase(SITE, "v:a1") == []


def test_scan_and_count_see_profiles_only(store: ProfileStore) -> None:
    for number in range(1200):
        put(store, f"v:{number}", Profile(f"v:{number}"))
    put(store, "v:alias", Alias("v:1"))
    put(store, "v:1", Profile("v:1"), "other*")
    assert sorted(profile.id for profile in store.scan(SITE)) == sorted(f"v:{n}" for n in range(1200))
    assert (store.count(SITE), store.count("other*"), store.count("other")) == (1200, 1, 0)


def race(store: ProfileStore, change: Callable[[Profile], Profile], times: int) -> None:
    def loop() -> None:
        for _ in range(times):
            store.update(SITE, "v:a1", change)

    threads = [threading.Thread(target=loop) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


@pytest.mark.redis
def test_no_update_is_lost_between_racing_writers(redis_url: str) -> None:
    store = RedisProfiles(redis_url)
    put(store, "v:a1", Profile("v:a1"))

    def count(profile: Profile) -> Profile:
        profile.counts.events += 1
        return profile

    race(store, count, 50)
    assert store.find(SITE, "a1").counts.events == 200


@pytest.mark.redis
def test_every_key_has_a_lifetime_and_touch_renews_it(redis_url: str) -> None:
    store = RedisProfiles(redis_url, days_kept=400)
    put(store, "v:a1", Profile("v:a1"))
    put(store, "v:b2", Alias("v:a1"))
    client = redis.Redis.from_url(redis_url)
    assert all(client.ttl(key) > 399 * DAY_SECONDS for key in client.scan_iter())
    client.expire("p:default:v:b2", 10)
    store.touch(SITE, ["v:b2"])
    assert client.ttl("p:default:v:b2") > 399 * DAY_SECONDS
    client.close()


@pytest.mark.redis
def test_a_redis_that_is_away_says_so_and_comes_back_with_everything(own_redis: RedisServer) -> None:
    store = RedisProfiles(own_redis.url)
    put(store, "v:a1", Profile("v:a1"))
    own_redis.kill()
    for call in (
        lambda: store.find(SITE, "a1"),
        lambda: store.save(SITE, [Write("v:a1", ABSENT, Profile("v:a1"))]),
        lambda: store.count(SITE),
        lambda: list(store.scan(SITE)),
        store.ping,
    ):
        with pytest.raises(ProfilesUnavailable) as caught:
            call()
        assert caught.value.retry_after > 0
    own_redis.start()
    store.ping()
    version = store.load(SITE, ["v:a1"])["v:a1"].version
    assert store.save(
        SITE, [Write("v:a1", version, Profile("v:a1", last_seen=5))]
    )  # the script is loaded anew
    assert store.find(SITE, "a1").last_seen == 5
    store.close()
