"""The catalogue: validation that names the field, what the shop put wins, refresh by changes."""

import time

import msgspec
import pytest
import redis

from recommender.catalogue.catalogue import Catalogue
from recommender.catalogue.item import Item, ItemInvalid
from recommender.catalogue.redis import CatalogueUnavailable, RedisItems
from recommender.catalogue.store import CatalogueFull
from recommender.jobs.lock import RedisLock
from tests.support.catalogue_documents import parse_item, parse_items
from tests.support.machine import Clock, RedisServer
from tracker.unavailable import Unavailable


@pytest.mark.parametrize(
    ("item", "field"),
    [
        ({}, "items[0].id"),
        ({"id": ""}, "items[0].id"),
        ({"id": "x" * 1_000_000}, "items[0].id"),
        ({"id": "a\nb"}, "items[0].id"),
        ({"id": True}, "items[0].id"),
        ({"id": "p", "price": "9"}, "items[0].price"),
        ({"id": "p", "price": -1}, "items[0].price"),
        ({"id": "p", "price": float("nan")}, "items[0].price"),
        ({"id": "p", "name": 5}, "items[0].name"),
        ({"id": "p", "category": "c" * 501}, "items[0].category"),
        ({"id": "p", "url": "javascript:alert(1)"}, "items[0].url"),
        ({"id": "p", "image": "data:text/html,x"}, "items[0].image"),
        ({"id": "p", "available": "yes"}, "items[0].available"),
        ({"id": "p", "color": "x" * 9000}, "items[0]"),
        ("p", "items[0]"),
    ],
)
def test_a_bad_item_names_its_field(item: object, field: str) -> None:
    with pytest.raises(ItemInvalid) as raised:
        parse_items({"items": [item]})
    assert raised.value.field == field


@pytest.mark.parametrize("body", [{}, {"items": {}}, "x", None, 3])
def test_a_body_without_a_list_is_refused(body: object) -> None:
    with pytest.raises(ItemInvalid):
        parse_items(body)


def test_further_attributes_are_kept() -> None:
    item = parse_item({"id": 7, "name": "Tea", "color": "green", "tags": ["a"], "price": None})
    assert item == Item(id="7", name="Tea", extra={"color": "green", "tags": ["a"]})
    assert item.public() == {
        "id": "7",
        "name": "Tea",
        "category": "",
        "price": None,
        "url": "",
        "image": "",
        "available": True,
        "color": "green",
        "tags": ["a"],
    }


@pytest.mark.redis
def test_two_processes_see_each_other_s_changes(redis_url: str, clock: Clock) -> None:
    here, there = (Catalogue(RedisItems(redis.Redis.from_url(redis_url), "s"), clock) for _ in range(2))
    here.put([Item(id=f"p{n}", price=float(n)) for n in range(1200)])
    assert there.get("p7") == Item(id="p7", price=7.0)
    assert len(there) == 1200
    place, _ = there.changed_since(0)
    here.put([Item(id="p7", price=8.0)])
    assert there.get("p7") == Item(id="p7", price=7.0), "looked at each second only"
    clock.advance(1.1)
    assert there.get("p7") == Item(id="p7", price=8.0)
    assert there.changed_since(place)[1] == ["p7"], "only what changed was read"
    assert here.delete("p7")
    assert not here.delete("p7")
    clock.advance(1.1)
    assert there.get("p7") is None
    assert len(there.all()) == 1199


@pytest.mark.redis
def test_events_teach_but_do_not_override(redis_url: str, clock: Clock) -> None:
    catalogue = Catalogue(RedisItems(redis.Redis.from_url(redis_url), "s"), clock)
    catalogue.put_from_events(
        [Item(id="a", name="seen", price=1.0, url="/a", sent_by_site=True), Item(id="b", name="only seen")]
    )
    catalogue.put([Item(id="a", name="the shop's", available=False)])
    catalogue.put_from_events([Item(id="a", name="seen again", price=2.0, url="/a", sent_by_site=True)])
    assert catalogue.get("a") == Item(id="a", name="the shop's", price=2.0, url="/a", available=False)
    assert catalogue.get("b") == Item(id="b", name="only seen")
    catalogue.delete("b")
    catalogue.put_from_events([Item(id="b", name="seen once more")])
    assert catalogue.get("b") is None


@pytest.mark.redis
def test_an_unchanged_item_is_no_change(redis_url: str, clock: Clock) -> None:
    catalogue = Catalogue(RedisItems(redis.Redis.from_url(redis_url), "s"), clock)
    catalogue.put([Item(id="a")])
    place, _ = catalogue.changed_since(0)
    catalogue.put([Item(id="a")])
    assert catalogue.changed_since(place) == (place, [])


@pytest.mark.redis
def test_a_full_catalogue_says_so(redis_url: str, clock: Clock) -> None:
    catalogue = Catalogue(RedisItems(redis.Redis.from_url(redis_url), "s", limit=2), clock)
    catalogue.put([Item(id="a"), Item(id="b")])
    with pytest.raises(CatalogueFull, match="at most 2"):
        catalogue.put([Item(id="c")])


@pytest.mark.redis
def test_an_emptied_store_is_noticed(redis_url: str, clock: Clock) -> None:
    client = redis.Redis.from_url(redis_url)
    catalogue = Catalogue(RedisItems(client, "s"), clock)
    catalogue.put([Item(id="a")])
    client.flushall()
    clock.advance(2)
    assert catalogue.get("a") is None


@pytest.mark.redis
@pytest.mark.parametrize("puts", [1, 2, 3, 5])
def test_a_store_that_was_emptied_and_filled_again_is_noticed(
    redis_url: str, clock: Clock, puts: int
) -> None:
    """However many changes the new one has had when a process looks: its numbers are not those of the old one."""
    client = redis.Redis.from_url(redis_url)
    catalogue = Catalogue(RedisItems(client, "s"), clock)
    for name in "abc":
        catalogue.put([Item(id=name)])
    client.flushall()
    for n in range(puts):
        RedisItems(client, "s").put({f"new{n}": msgspec.msgpack.encode(Item(id=f"new{n}"))}, 0)
    clock.advance(2)
    assert [item.id for item in catalogue.all()] == [f"new{n}" for n in range(puts)]
    clock.advance(2)
    RedisItems(client, "s").put({"more": msgspec.msgpack.encode(Item(id="more"))}, 0)
    assert catalogue.get("more")


@pytest.mark.redis
def test_the_lock_expires_and_belongs_to_its_holder(own_redis: RedisServer) -> None:
    client = redis.Redis.from_url(own_redis.url)
    one, two = RedisLock(client, "train:s", 0.3), RedisLock(client, "train:s", 30)
    assert one.take()
    assert not two.take()
    assert not two.release()
    assert one.extend()
    assert one.release()
    assert one.take()
    time.sleep(0.4)
    assert two.take(), "the holder died"
    assert not one.extend()
    own_redis.kill()
    with pytest.raises(Unavailable):
        two.take()
    with pytest.raises(CatalogueUnavailable):
        RedisItems(client, "s").changes(0)
