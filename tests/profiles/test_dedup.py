"""The ring of counted events: a day long at least, and never larger than its bound."""

from profiles.fold import dedup
from profiles.fold.dedup import (
    ENTRIES_KEPT,
    ENTRY_BYTES,
    Seen,
    digest,
    find,
    merged,
    remember,
    stamp,
    trim,
)
from tracker.durations import HOUR_MS

NOW = 1_795_000_000_000


def entry(name: str, position: int = 1) -> bytes:
    return digest(name) + stamp(0, position)


def test_an_event_is_found_with_the_message_that_brought_it() -> None:
    seen: Seen = []
    remember(seen, entry("a", 7), NOW)
    assert find(seen, digest("a")) == stamp(0, 7)
    assert find(seen, digest("b")) is None


def test_no_entry_is_found_across_two_others() -> None:
    seen: Seen = []
    for number in range(300):
        remember(seen, entry(f"e{number}"), NOW)
    (bucket,) = seen
    astride = bucket[1][4 : 4 + dedup.ID_BYTES]
    assert find(seen, astride) is None


def test_a_retry_is_found_for_a_day_and_forgotten_after_it() -> None:
    seen: Seen = []
    remember(seen, entry("a"), NOW)
    remember(seen, entry("b"), NOW + 24 * HOUR_MS)
    trim(seen)
    assert find(seen, digest("a")) is not None
    remember(seen, entry("c"), NOW + 27 * HOUR_MS)
    trim(seen)
    assert find(seen, digest("a")) is None
    assert find(seen, digest("b")) is not None


def test_the_ring_never_outgrows_its_bound_and_forgets_the_oldest_first() -> None:
    seen: Seen = []
    for number in range(3 * ENTRIES_KEPT):
        remember(seen, entry(f"e{number}"), NOW + number * HOUR_MS // 1000)
        assert sum(len(entries) for _, entries in seen) <= 1.05 * ENTRIES_KEPT * ENTRY_BYTES
    assert all(len(entries) % ENTRY_BYTES == 0 for _, entries in seen)
    assert find(seen, digest(f"e{3 * ENTRIES_KEPT - 1}")) is not None
    assert find(seen, digest(f"e{2 * ENTRIES_KEPT + 10}")) is not None
    assert find(seen, digest("e0")) is None


def test_a_clock_that_went_back_loses_nothing() -> None:
    seen: Seen = []
    remember(seen, entry("a"), NOW)
    remember(seen, entry("b"), NOW - 3 * HOUR_MS)
    trim(seen)
    assert None not in (find(seen, digest("a")), find(seen, digest("b")))
    assert dedup.ids(seen) == {digest("a"), digest("b")}


def test_merged_rings_know_what_each_knew() -> None:
    one: Seen = []
    other: Seen = []
    remember(one, entry("a"), NOW)
    remember(one, entry("c"), NOW + HOUR_MS)
    remember(other, entry("b"), NOW)
    both = merged(one, other)
    assert dedup.ids(both) == {digest(name) for name in "abc"}
    assert [hour for hour, _ in both] == sorted({NOW // HOUR_MS, NOW // HOUR_MS + 1})
