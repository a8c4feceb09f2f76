"""How often each event happened to a visitor, and when last, by the event's name.

The number of names is bounded. Which names stay depends only on the names (``_rank``), so that the result is the same
in any order of events, after a merge of two profiles, and from the warehouse. A name that stays has been there since
its first event, so its count is exact. All other names are counted together, under ``OTHERS``.
"""

from profiles.model import EventCount, Profile
from profiles.standard_events import STANDARD_EVENTS

NAMES_KEPT = 64
NAME_CHARACTERS = 64
"""A longer name is counted under OTHERS."""

OTHERS = ""
PAGE = "Page Viewed"

_STANDARD = frozenset(STANDARD_EVENTS)


def count(profile: Profile, name: str, ts: int) -> None:
    """Count an event of that name, in place."""
    counts = profile.event_counts
    known = counts.get(name)
    if known is None:
        if len(name) > NAME_CHARACTERS:
            name = OTHERS
        _add(counts, name, 1, ts)
        _trim(counts)
        return
    known.count += 1
    if ts > known.last:  # every event comes here, and max() takes as long as all the rest
        known.last = ts


def change(profile: Profile, name: str, more: int, before: int, now: int) -> None:
    """Count so many more events of a name that is always kept, or fewer, in place. ``before`` and ``now`` are when the
    last of those that can be taken back happened, before the change and after it."""
    counts = profile.event_counts
    known = counts.get(name)
    if known is None:
        if more > 0:
            _add(counts, name, more, now)
            _trim(counts)
        return
    known.count += more
    known.last = now if known.last == before else max(known.last, now)
    if known.count <= 0:
        del counts[name]


def merge(into: Profile, other: Profile) -> None:
    """Both profiles' events in ``into``."""
    for name, theirs in other.event_counts.items():
        _add(into.event_counts, name, theirs.count, theirs.last)
    _trim(into.event_counts)


def _add(counts: dict[str, EventCount], name: str, number: int, last: int) -> None:
    known = counts.get(name)
    if known is None:
        counts[name] = EventCount(number, last)
    else:
        known.count += number
        known.last = max(known.last, last)


def _trim(counts: dict[str, EventCount]) -> None:
    excess = len(counts) - NAMES_KEPT - (OTHERS in counts)
    if excess > 0:
        for name in sorted(counts, key=_rank)[-excess:]:
            gone = counts.pop(name)
            _add(counts, OTHERS, gone.count, gone.last)


def _rank(name: str) -> tuple[bool, int, str]:
    """Standard names first, then the shortest: those that carry an id or a text of the page are longer."""
    return name != OTHERS and name not in _STANDARD, len(name), name
