"""Finding a person by what an agent types, on a real Redis and a real cluster."""

import random
from collections.abc import Iterator

import pytest
import redis
from hypothesis import given, settings
from hypothesis import strategies as st
from rapidfuzz.distance import OSA

from dangol.jobs import people_index
from profiles.fold.orders import named_order_key
from profiles.model import Profile
from profiles.orders.order import Order, Told
from profiles.redis.store import RedisProfiles
from profiles.search.search import PersonSearch
from profiles.search.similar import Dictionary, decomposed
from profiles.search.terms import NONE, terms_of
from profiles.store.port import Alias, ProfilesUnavailable, Write
from tests.support.machine import RedisServer
from tracker.sites import Site

SITE = "default"


@pytest.fixture(params=[pytest.param(name, marks=pytest.mark.redis) for name in ("redis", "cluster")])
def store(request: pytest.FixtureRequest) -> Iterator[RedisProfiles]:
    if request.param == "redis":
        made = RedisProfiles(request.getfixturevalue("redis_url"))
    else:
        made = RedisProfiles(request.getfixturevalue("cluster").url)
        made.client.flushall(target_nodes=redis.RedisCluster.PRIMARIES)
    yield made
    made.close()


def customer(who: str, /, at: int = 1, orders: tuple[str, ...] = (), **traits: object) -> Profile:
    held = {named_order_key(each): Order(page=Told(5)) for each in orders}
    return Profile(f"u:{who}", user=who, traits=traits, last_seen=at, orders=held)


def put(store: RedisProfiles, profile: Profile) -> None:
    version = store.load(SITE, [profile.id])[profile.id].version
    assert store.save(SITE, [Write(profile.id, version, profile)])


def found(store: RedisProfiles, text: str) -> list[tuple[str, str]]:
    return [(one.person.id, one.by) for one in PersonSearch(store.index, store).search(SITE, text)]


def ours(store: RedisProfiles) -> list[bytes]:
    return sorted(store.client.scan_iter(match="dg:who:*"))


def test_an_agent_finds_a_person_by_whatever_they_say(store: RedisProfiles) -> None:
    put(store, customer("c1", name="김민준", email="Min.Jun@Shop.example", phone="010-1234-5678"))
    put(store, customer("c2", name="José García", phone="+34 600 11 22 33", orders=("A-1007",)))
    put(store, customer("c3", firstName="Minjun", lastName="Kim", email="kim@other.example"))
    assert found(store, "c2") == [("u:c2", "id")]
    assert found(store, " min.jun@shop.EXAMPLE ") == [("u:c1", "e-mail")]
    assert found(store, "min.jun") == [("u:c1", "e-mail"), ("u:c3", "name")]
    put(store, customer("c4", name="이 서연"))
    assert found(store, "이서연") == [("u:c4", "name")]
    assert found(store, "+82 10 1234 5678") == [("u:c1", "phone")]
    assert found(store, "01012345678") == [("u:c1", "phone")]
    assert found(store, "5678") == [("u:c1", "phone")]
    assert found(store, "A-1007") == [("u:c2", "order")]
    assert found(store, "garcia jose") == [("u:c2", "name")]
    assert found(store, "garc") == [("u:c2", "name")]
    assert found(store, "김 민준") == [("u:c1", "name")]
    assert found(store, "zzz") == found(store, "") == []
    assert found(store, "kim minjun") == [("u:c3", "name")]


@pytest.mark.parametrize(
    ("typed", "name"),
    [("Jonh Smith", "John Smith"), ("김민쥰", "김민준"), ("Gracia", "García"), ("smyth", "Smith")],
)
def test_a_name_with_a_typo_is_found_and_told_apart(store: RedisProfiles, typed: str, name: str) -> None:
    put(store, customer("c1", name=name))
    put(store, customer("c2", name="Nobody Else"))
    assert found(store, typed) == [("u:c1", "similar name")]


def test_who_came_last_stands_first_and_the_exact_before_the_similar(store: RedisProfiles) -> None:
    for at, (who, name) in enumerate([("a", "Kim A"), ("b", "Kim B"), ("c", "Kimm")]):
        put(store, customer(who, at, name=name))
    assert found(store, "kim") == [("u:c", "name"), ("u:b", "name"), ("u:a", "name")]
    assert found(store, "kim a") == [("u:a", "name")]


def test_what_a_person_was_called_before_finds_them_no_more(store: RedisProfiles) -> None:
    put(store, customer("c1", name="Maiden Name", email="old@shop.example", orders=("A1",)))
    put(store, customer("c1", name="New Name", email="new@shop.example", orders=("A1", "A2")))
    assert found(store, "maiden") == [] == found(store, "old@shop.example")
    assert [found(store, each) for each in ("new name", "new@shop.example", "A1", "A2")] == [
        [("u:c1", "name")],
        [("u:c1", "e-mail")],
        [("u:c1", "order")],
        [("u:c1", "order")],
    ]


@pytest.mark.redis
def test_a_process_that_has_just_started_takes_the_old_terms_out_too(redis_url: str) -> None:
    first = RedisProfiles(redis_url)
    put(first, customer("c1", name="Maiden Name"))
    second = RedisProfiles(redis_url)
    put(second, customer("c1", name="New Name"))
    assert found(first, "maiden") == []
    assert found(first, "new") == [("u:c1", "name")]
    assert b"maiden" not in b"".join(key for key in first.client.scan_iter(match="dg:who:*:n:*"))
    for each in (first, second):
        each.close()


def test_an_erased_person_leaves_nothing_in_the_index(store: RedisProfiles) -> None:
    put(store, customer("c1", name="김민준", email="a@b.example", phone="01012345678", orders=("A1",)))
    store.erase(SITE, "u:c1")
    store.index.tidy_words(SITE)
    assert ours(store) == []


def test_a_browser_that_became_a_customer_is_found_as_that_customer(store: RedisProfiles) -> None:
    visitor = Profile("v:a1", visitors=["a1"], traits={"email": "a@b.example"}, last_seen=1)
    put(store, visitor)
    assert found(store, "a@b.example") == [("v:a1", "e-mail")]
    put(store, customer("c1", email="a@b.example"))
    version = store.load(SITE, ["v:a1"])["v:a1"].version
    store.save(SITE, [Write("v:a1", version, Alias("u:c1"))])
    assert found(store, "a@b.example") == [("u:c1", "e-mail")]
    assert all(
        b"v:a1" not in each for key in ours(store) if b":x:" in key for each in store.client.smembers(key)
    )


def test_a_save_that_came_too_late_takes_nothing_out(store: RedisProfiles) -> None:
    put(store, customer("c1", name="Kept Name"))
    assert store.save(SITE, [Write("u:c1", b"not this", customer("c1", name="Lost Name"))]) == {}
    assert found(store, "kept name") == [("u:c1", "name")]


def test_visitors_whom_nobody_can_look_for_cost_the_index_nothing(store: RedisProfiles) -> None:
    for at in range(50):
        put(store, Profile(f"v:{at}", visitors=[str(at)]))
    assert ours(store) == []


def test_an_older_installation_gets_its_index_and_who_expired_leaves_it(
    store: RedisProfiles, site: Site
) -> None:
    put(store, customer("c1", name="Kim Minsu"))
    put(store, customer("c2", name="Lee Expired"))
    for key in store.client.scan_iter(match="dg:who:*"):
        store.client.delete(key)
    assert found(store, "minsu") == []
    assert people_index.build(store, site) == 2 and people_index.build(store, site) == 0
    assert found(store, "minsu") == [("u:c1", "name")]
    store.client.delete("p:default:u:c2")
    assert people_index.tidy(store, site) == 1
    assert found(store, "minsu") == [("u:c1", "name")] and store.index.words("default") == {
        "kim",
        "minsu",
    }


@pytest.mark.redis
def test_a_search_says_when_redis_is_away(own_redis: RedisServer) -> None:
    store = RedisProfiles(own_redis.url)
    own_redis.kill()
    with pytest.raises(ProfilesUnavailable):
        PersonSearch(store.index, store).search(SITE, "kim")


@pytest.mark.redis
def test_whatever_order_of_changes_the_index_is_what_the_profiles_are(redis_url: str) -> None:
    """The naive search reads every profile; processes are stopped between announcing and settling."""
    names = ["Kim Minsu", "Kim Jisoo", "Lee Minsu", "Park", ""]
    for seed in range(6):
        chance = random.Random(seed)
        store = RedisProfiles(redis_url)
        store.client.flushall()
        for _ in range(120):
            if chance.random() < 0.1:
                store.close()
                store = RedisProfiles(redis_url)
            who = f"c{chance.randrange(12)}"
            if chance.random() < 0.15:
                store.erase(SITE, f"u:{who}")
                continue
            phone = f"0101234{chance.randrange(4):04}"
            profile = customer(
                who, name=chance.choice(names), phone=phone, email=f"{chance.randrange(5)}@b.c"
            )
            if chance.random() < 0.2:  # killed after it was announced
                store.index.announce(SITE, {profile.id: terms_of(profile)})
                continue
            put(store, profile)
        everybody = list(store.people(SITE))
        for text, field in (("minsu", "name"), ("kim jisoo", "name"), ("0002", "phone"), ("3@b.c", "email")):
            naive = {
                each.id
                for each in everybody
                if all(part in str(each.traits.get(field, "")).lower() for part in text.split())
            }
            exact = {who for who, by in found(store, text) if by != "similar name"}
            assert exact >= naive
            if field != "name":
                assert exact == naive


@given(st.text(max_size=60))
@settings(max_examples=300, deadline=None)
def test_no_text_of_an_outsider_breaks_the_terms(text: str) -> None:
    profile = Profile("u:1", traits={"name": text, "email": text, "phone": text})
    made = terms_of(profile)
    assert len(made.words) <= 60
    assert made == NONE or made.exact or made.words
    Dictionary(made.words).similar(text[:40])


@given(
    st.text("abcde김민준", max_size=9), st.lists(st.text("abcde김민준", min_size=1, max_size=9), max_size=30)
)
@settings(max_examples=300, deadline=None)
def test_what_is_passed_over_is_never_similar(word: str, words: list[str]) -> None:
    """The quick look at lengths and letters leaves out nothing that the distance would find."""
    letters = decomposed(word)
    typos = 2 if len(letters) >= 8 else 1
    naive = {
        each
        for each in set(words)
        if each != word and len(letters) >= 3 and OSA.distance(letters, decomposed(each)) <= typos
    }
    assert set(Dictionary(set(words)).similar(word)) == naive
