"""Which events of a visitor are counted by name, and that no order of events and merges makes a difference."""

import random
from collections.abc import Iterable

from hypothesis import given
from hypothesis import strategies as st

from profiles.facts import Facts
from profiles.fold import event_counts, fold, identity
from profiles.fold.event_counts import NAME_CHARACTERS, NAMES_KEPT, OTHERS, PAGE
from profiles.fold.fold import LogPosition, Settings
from profiles.model import EventCount, Profile
from profiles.standard_events import STANDARD_EVENTS
from tracker.event import Event

START = 1_795_000_000_000
LONG = "x" * (NAME_CHARACTERS + 1)

# More names than are kept, standard ones among them.
names = st.integers(0, 90).map(lambda n: f"Event {n}") | st.sampled_from([*STANDARD_EVENTS, LONG])
happenings = st.lists(st.tuples(names, st.integers(START, START + 10**9)), max_size=300)


def counted(happened: Iterable[tuple[str, int]]) -> Profile:
    profile = Profile("v:a")
    for name, ts in happened:
        event_counts.count(profile, name, ts)
    return profile


def plain(happened: list[tuple[str, int]]) -> dict[str, EventCount]:
    """The same, from everything at once: standard names, then the shortest, then all others together."""
    found: dict[str, EventCount] = {}
    own = {name for name, _ in happened if len(name) <= NAME_CHARACTERS}
    kept = sorted(own, key=lambda name: (name not in STANDARD_EVENTS, len(name), name))[:NAMES_KEPT]
    for name, ts in happened:
        one = found.setdefault(name if name in kept else OTHERS, EventCount(0, 0))
        one.count, one.last = one.count + 1, max(one.last, ts)
    return found


@given(happenings, st.randoms(use_true_random=False))
def test_any_order_counts_the_same(happened: list[tuple[str, int]], draw: random.Random) -> None:
    shuffled = draw.sample(happened, len(happened))
    assert counted(happened).event_counts == counted(shuffled).event_counts == plain(happened)


@given(happenings, happenings, happenings)
def test_merges_in_any_order_are_as_one_visitor(
    one: list[tuple[str, int]], two: list[tuple[str, int]], three: list[tuple[str, int]]
) -> None:
    expected = plain(one + two + three)
    left, right, last = counted(one), counted(two), counted(three)
    event_counts.merge(left, right)
    event_counts.merge(left, last)
    assert left.event_counts == expected
    left, right, last = counted(one), counted(two), counted(three)
    event_counts.merge(last, right)
    event_counts.merge(last, left)
    assert last.event_counts == expected


def test_a_full_profile_keeps_the_standard_and_the_shortest_names() -> None:
    profile = counted([(f"Clicked {number:020}", START) for number in range(500)])
    event_counts.count(profile, "Order Completed", START + 1)
    event_counts.count(profile, "Signup", START + 2)
    assert len(profile.event_counts) == NAMES_KEPT + 1
    assert profile.event_counts["Order Completed"] == EventCount(1, START + 1)
    assert profile.event_counts["Signup"] == EventCount(1, START + 2)
    assert sum(one.count for one in profile.event_counts.values()) == 502


def event(number: int, name: str, ts: int) -> Event:
    kind = "track" if name else "page"
    return Event("default", f"e{number}", kind, ts, received=ts, source="snippet", name=name, visitor="a")  # type: ignore[arg-type]


def happen(profile: Profile, number: int, name: str, ts: int, **facts: object) -> fold.Outcome:
    at = LogPosition("a", 1, number)
    return fold.apply(profile, event(number, name, ts), Facts(**facts), Settings(), at)  # type: ignore[arg-type]


def test_the_fold_counts_each_event_once_and_keeps_the_newest_time() -> None:
    profile = Profile("v:a")
    happen(profile, 1, "Newsletter Signed Up", START + 5_000)
    happen(profile, 2, "", START + 6_000)
    happen(profile, 3, "Newsletter Signed Up", START)  # late
    assert happen(profile, 3, "Newsletter Signed Up", START).verdict == "replayed"
    retry = event(1, "Newsletter Signed Up", START + 9_000)
    assert fold.apply(profile, retry, Facts(), Settings(), LogPosition("a", 1, 9)).verdict == "duplicate"
    assert profile.event_counts == {
        "Newsletter Signed Up": EventCount(2, START + 5_000),
        PAGE: EventCount(1, START + 6_000),
    }


def test_an_order_that_two_profiles_report_counts_once() -> None:
    one, other = Profile("u:k"), Profile("v:a")
    happen(one, 1, "Order Completed", START, order="o1", revenue=5.0)
    happen(other, 2, "Order Completed", START + 1, order="o1", revenue=5.0)
    happen(other, 3, "Order Completed", START + 2, order="o2", revenue=5.0)
    identity.merge(one, other)
    assert (
        one.event_counts["Order Completed"]
        == EventCount(one.counts.orders, START + 2)
        == EventCount(2, START + 2)
    )
