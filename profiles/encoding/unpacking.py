"""A profile from its stored layout."""

from itertools import chain, repeat

from profiles.encoding.columns import unpack, unpack_sums
from profiles.encoding.consent_rows import former, unpack_consents
from profiles.encoding.layout import COMMON, NOT_DISMISSED, StoredProfile, StoredProfileWithWish
from profiles.encoding.order_rows import unpack_old, unpack_orders
from profiles.ids import session_id
from profiles.model import (
    Affinity,
    CartLine,
    EventCount,
    Exposure,
    ItemTouch,
    Merge,
    Profile,
    Said,
    Session,
    Touch,
    Wish,
)
from profiles.standard_events import STANDARD_EVENTS

_NO_TOUCH, NO_WISH = Touch(), Wish()


def unpack_profile(stored: StoredProfileWithWish) -> Profile:
    words, first = [*COMMON, *stored.words], stored.first
    touches = _touches(stored, words)
    sessions = _sessions(stored, words, touches)
    device, browser, system, country, lang = [words[number] for number in stored.client]
    traits, _segments, scores, former_consent, demo, renamed = stored.rare or ({}, [], {}, {}, False, [])
    return Profile(
        _id(stored.id, words),
        [words[number] for number in stored.visitors],
        None if stored.user is None else words[stored.user],
        traits,
        first,
        first + stored.last,
        touches[stored.first_touch],
        touches[stored.last_touch],
        stored.counts,
        sessions,
        _items(stored, words),
        {words[number]: CartLine(*line) for number, line in stored.cart.items()},
        {words[number]: Affinity(weight, first + ts) for number, (weight, ts) in stored.affinities.items()},
        0 if stored.last_order is None else first + stored.last_order,
        *(device, browser, system, country, lang),
        scores,
        unpack_consents(stored.consents, first, words) if stored.consents else former(former_consent),
        {words[number]: _exposure(words, first, *seen) for number, seen in stored.exposure.items()},
        stored.seen,
        {words[number]: place for number, place in stored.positions.items()},
        demo,
        stored.cursor if isinstance(stored.cursor, str) else sessions[stored.cursor].id,
        [
            (old, new, at)
            for (old, new), at in zip(renamed, chain(stored.renamed_at, repeat(0)), strict=False)
        ],
        unpack_orders(stored.orders, first, words) if stored.orders else unpack_old(stored.old_orders),
        _event_counts(stored, words),
        "".join(words[number] for number in stored.visitors[:1])
        if stored.subject is None
        else words[stored.subject],
        *(stored.claims or ([], True, [], [])),
        *((Merge(*stored.merges[0]), stored.merges[1]) if stored.merges else (Merge(), [])),
        stored.consents_cut,
        Wish(*stored.wish) if stored.wish else NO_WISH,
    )


def _exposure(
    words: list[str],
    first: int,
    views: int,
    clicks: int,
    last: int,
    dismissed: int = NOT_DISMISSED,
    before: int = 0,
    variant: int = 0,
) -> Exposure:
    when = first + dismissed if dismissed != NOT_DISMISSED else 0
    name = words[variant]
    return Exposure(views, clicks, first + last, when, first + last - before if name else 0, name)


def _id(stored: int | str, words: list[str]) -> str:
    if isinstance(stored, str):
        return stored
    return f"{'u' if stored & 1 else 'v'}:{words[stored >> 1]}"


def _event_counts(stored: StoredProfile, words: list[str]) -> dict[str, EventCount]:
    last = stored.first + stored.last
    return {
        STANDARD_EVENTS[number] if number >= 0 else words[~number]: EventCount(times, last - before)
        for number, (times, before) in stored.event_counts.items()
    }


def _touches(stored: StoredProfile, words: list[str]) -> list[Touch]:
    touches = [_NO_TOUCH]
    for ts, *numbers in stored.touches:
        touches.append(Touch(stored.first + ts, *[words[number] for number in numbers]))
    return touches


def _sessions(stored: StoredProfile, words: list[str], touches: list[Touch]) -> list[Session]:
    sessions, start = [], stored.first
    for owner, since, length, touch, events, pageviews, hint, campaign, marks in stored.sessions:
        start += since
        name = owner if isinstance(owner, str) else session_id(words[owner], start)
        bounds = (start, start + length)
        began, *said = touch if isinstance(touch, list) else (touch,)
        visit = Session(name, *bounds, touches[began], events, pageviews, words[hint], words[campaign])
        visit.marks = unpack_sums(marks)
        if said:
            visit.said = [Said(touches[number >> 1], bool(number & 1)) for number in said]
        sessions.append(visit)
    return sessions


def _items(stored: StoredProfile, words: list[str]) -> list[ItemTouch]:
    names, kinds, since, categories = stored.items
    times = unpack_sums(since, stored.first)
    return [
        ItemTouch(words[name], words[kind], ts, words[category])  # type: ignore[arg-type]  # an ItemEvent
        for name, kind, ts, category in zip(
            unpack(names), unpack(kinds), times, unpack(categories), strict=True
        )
    ]
