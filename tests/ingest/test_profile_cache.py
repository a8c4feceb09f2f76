"""What a worker remembers of profiles is bounded by memory, and only ever what was stored last."""

from ingest.folding.profile_cache import ProfileCache, memory
from profiles.model import ItemTouch, Profile, Session, Touch


def heavy(profile_id: str) -> Profile:
    return Profile(profile_id, items=[ItemTouch(f"p{n}", "view", n) for n in range(100)])


def test_who_was_saved_longest_ago_goes_first() -> None:
    known = ProfileCache(3 * memory(Profile("")))
    for name in ("a", "b", "c", "a", "d"):
        known.keep("one", name, b"1", Profile(name))
    assert list(known.of("one")) == ["c", "a", "d"]
    assert known.bytes == 3 * memory(Profile(""))


def test_the_bound_is_one_for_all_sites() -> None:
    known = ProfileCache(2 * memory(Profile("")))
    for site in ("one", "two", "three"):
        known.keep(site, "a", b"1", Profile("a"))
    assert [len(known.of(site)) for site in ("one", "two", "three")] == [0, 1, 1]


def test_large_profiles_take_the_room_of_many() -> None:
    known = ProfileCache(memory(heavy("")))
    for name in "abcdefgh":
        known.keep("one", name, b"1", Profile(name))
    known.keep("one", "heavy", b"1", heavy("heavy"))
    assert list(known.of("one")) == ["heavy"]


def test_what_is_dropped_is_gone() -> None:
    known = ProfileCache()
    known.keep("one", "a", b"1", Profile("a"))
    known.drop("one", "a")
    known.drop("one", "a")
    assert (dict(known.of("one")), known.bytes) == ({}, 0)


def test_what_a_profile_holds_counts() -> None:
    marks = Profile("a", sessions=[Session("s", 0, 1, Touch(), marks=list(range(300)))])
    assert memory(marks) > memory(heavy("a")) / 2 > memory(Profile("a"))
    assert memory(Profile("a", seen=[(1, bytes(9_000))])) >= memory(Profile("a")) + 9_000
    assert memory(Profile("a", traits={"bio": "x" * 500})) >= memory(Profile("a")) + 500
