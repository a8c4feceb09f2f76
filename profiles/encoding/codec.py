"""A profile as bytes: a msgpack array of what differs from profile to profile.

What Redis holds of a visitor is mostly repetition, so three things are written down once: every string (``words``,
after a list of common ones that is never stored), every way in (``touches``), every time (as what has passed since
another one). Rows of numbers lie in columns of the same width, see ``profiles.encoding.columns``. ``decode`` gives back
exactly the profile that ``encode`` was given, whatever it holds.
"""

from collections import defaultdict
from itertools import chain, count, repeat
from operator import sub
from typing import Any

import msgspec

from profiles.encoding.columns import Column, pack, unpack, unpack_sums
from profiles.ids import OWNER_LENGTH, session_id
from profiles.model import (
    Affinity,
    CartLine,
    Counts,
    EventCount,
    Exposure,
    ItemTouch,
    Profile,
    Session,
    Touch,
)
from profiles.standard_events import STANDARD_EVENTS

COMMON = (
    *(
        "",
        "direct",
        "organic search",
        "paid search",
        "social",
        "e-mail",
        "AI assistant",
        "referral",
        "campaign",
    ),
    *("view", "add", "remove", "purchase", "dismiss", "list"),
    *("prospect", "customer", "regular", "advocate", "at-risk", "lost"),
    *("organic", "cpc", "email", "google", "naver", "daum", "facebook", "instagram"),
    *("desktop", "phone", "tablet", "other", "Chrome", "Chrome Mobile", "Mobile Safari", "Safari", "Firefox"),
    *("Edge", "Samsung Internet", "Windows", "Mac OS X", "Android", "iOS", "Linux", "KR", "ko-KR", "ko", "/"),
)
"""Words known without being stored. Their order is part of the format: new ones go last, and change it."""

_STANDARD = {name: number for number, name in enumerate(STANDARD_EVENTS)}
_COMMON = {word: number for number, word in enumerate(COMMON)}
_NO_TOUCH = Touch()

_Way = tuple[int, int, int, int, int, int, int]
_Visit = tuple[int | str, int, int, int, int, int, int, int, Column]
_Items = tuple[Column, Column, Column, Column]
_Trust = tuple[list[str], bool, list[str], list[str]]
_Rest = tuple[dict[str, Any], list[str], dict[str, float], dict[str, bool], bool, list[tuple[str, str]]]


class ProfileInvalid(ValueError):
    """Stored bytes that are not a profile."""


class _Stored(msgspec.Struct, array_like=True, gc=False):
    """A profile's bytes, field by field. An ``int`` for a string is its word's number; times count from ``first``."""

    words: list[str]
    first: int
    last: int
    id: int | str  # the number of what follows "u:" or "v:", times two, plus one for a customer
    visitors: list[int]
    user: int | None
    touches: list[_Way]
    first_touch: int
    last_touch: int
    counts: Counts
    sessions: list[_Visit]
    items: _Items  # item, kind, time since the one before, category
    cart: dict[int, tuple[float, float]]
    affinities: dict[int, tuple[float, int]]
    last_order: int | None
    client: tuple[int, int, int, int, int]  # device, browser, os, country, lang
    stage: int
    exposure: dict[int, list[int]]  # views, clicks, last, and when dismissed, if ever
    seen: list[tuple[int, bytes]]
    positions: dict[int, tuple[int, int]]
    cursor: int | str  # the number of the session
    rest: _Rest | None  # traits, segments, scores, consent, demo, renamed
    # Profiles stored by earlier releases end here.
    renamed_at: list[int] = []
    orders: list[tuple[bytes, float, int]] = []
    # A standard event's number, or ~ that of its name's word; how long before the last event of any kind.
    event_counts: dict[int, tuple[int, int]] = {}
    subject: int | None = None  # None: the first of the visitors


class _Claimed(_Stored, array_like=True, gc=False):
    """The same where claims play a part: most profiles end before."""

    trust: _Trust | None = None  # fed, proven, claims, claimants


_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(_Claimed)


_Numbers = defaultdict[Any, int]


def _numbers(known: dict[Any, int]) -> _Numbers:
    """Numbers things as they come: ``numbers[thing]``."""
    return defaultdict(count(len(known)).__next__, known)


def encode(profile: Profile) -> bytes:
    words, touches, first = _numbers(_COMMON), _numbers({_NO_TOUCH: 0}), profile.first_seen
    cart, affinities, exposure = profile.cart, profile.affinities, profile.exposure
    client = (profile.device, profile.browser, profile.os, profile.country, profile.lang)
    rest = (profile.traits, profile.segments, profile.scores, profile.consent)
    rest += (profile.demo, [(old, new) for old, new, _ in profile.renamed])  # type: ignore[assignment]
    trust = _packed_trust(profile)
    stored = (_Claimed if trust else _Stored)(
        [],
        first,
        profile.last_seen - first,
        _packed_id(profile.id, words),
        [words[visitor] for visitor in profile.visitors],
        None if profile.user is None else words[profile.user],
        [],
        touches[profile.first_touch],
        touches[profile.last_touch],
        profile.counts,
        _packed_sessions(profile.sessions, first, words, touches),
        _packed_items(profile.items, first, words),
        {words[name]: (_short(line.quantity), _short(line.price)) for name, line in cart.items()}
        if cart
        else {},
        {words[name]: (_short(one.weight), one.ts - first) for name, one in affinities.items()},
        profile.last_order - first if profile.last_order else None,
        tuple([words[text] for text in client]),  # type: ignore[arg-type]
        words[profile.stage],
        {words[name]: _packed_exposure(one, first) for name, one in exposure.items()} if exposure else {},
        profile.seen,
        {words[name]: place for name, place in profile.positions.items()},
        _packed_cursor(profile),
        rest if any(rest) else None,  # type: ignore[arg-type]
        [at for _, _, at in profile.renamed] if profile.renamed else [],
        profile.orders,
        _packed_event_counts(profile, words),
        None if profile.subject == "".join(profile.visitors[:1]) else words[profile.subject],
        *((trust,) if trust else ()),
    )
    stored.touches = _packed_touches(touches, first, words)
    stored.words = list(words)[len(COMMON) :]
    return _encoder.encode(stored)


def decode(raw: bytes | memoryview) -> Profile:
    """Raises ProfileInvalid."""
    try:
        return _profile(_decoder.decode(raw))
    except (msgspec.DecodeError, LookupError, TypeError, ValueError) as error:
        raise ProfileInvalid(str(error)) from error


def copy(profile: Profile) -> Profile:
    """A profile that shares nothing with this one."""
    return decode(encode(profile))


def _profile(stored: _Claimed) -> Profile:
    words, first = [*COMMON, *stored.words], stored.first
    touches = _touches(stored, words)
    sessions = _sessions(stored, words, touches)
    device, browser, system, country, lang = [words[number] for number in stored.client]
    traits, segments, scores, consent, demo, renamed = stored.rest or ({}, [], {}, {}, False, [])
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
        segments,
        scores,
        words[stored.stage],  # type: ignore[arg-type]  # written from a Stage
        consent,
        {words[number]: _exposure(first, *seen) for number, seen in stored.exposure.items()},
        stored.seen,
        {words[number]: place for number, place in stored.positions.items()},
        demo,
        stored.cursor if isinstance(stored.cursor, str) else sessions[stored.cursor].id,
        [
            (old, new, at)
            for (old, new), at in zip(renamed, chain(stored.renamed_at, repeat(0)), strict=False)
        ],
        stored.orders,
        _event_counts(stored, words),
        "".join(words[number] for number in stored.visitors[:1])
        if stored.subject is None
        else words[stored.subject],
        *(stored.trust or ([], True, [], [])),
    )


def _packed_trust(profile: Profile) -> _Trust | None:
    """Profiles of earlier releases have none: what was merged into them was believed then."""
    if profile.proven and not (profile.fed or profile.claims or profile.claimants):
        return None
    return profile.fed, profile.proven, profile.claims, profile.claimants


def _packed_exposure(one: Exposure, first: int) -> list[int]:
    packed = [one.views, one.clicks, one.last - first]
    return [*packed, one.dismissed - first] if one.dismissed else packed


def _exposure(first: int, views: int, clicks: int, last: int, dismissed: int | None = None) -> Exposure:
    return Exposure(views, clicks, first + last, 0 if dismissed is None else first + dismissed)


def _packed_id(profile_id: str, words: _Numbers) -> int | str:
    if profile_id.startswith(("v:", "u:")):
        return words[profile_id[2:]] << 1 | (profile_id[0] == "u")
    return profile_id


def _id(stored: int | str, words: list[str]) -> str:
    if isinstance(stored, str):
        return stored
    return f"{'u' if stored & 1 else 'v'}:{words[stored >> 1]}"


def _packed_cursor(profile: Profile) -> int | str:
    """Mostly the last session."""
    cursor, number = profile.cursor, len(profile.sessions)
    while cursor and number:
        number -= 1
        if profile.sessions[number].id == cursor:
            return number
    return cursor


def _packed_event_counts(profile: Profile, words: _Numbers) -> dict[int, tuple[int, int]]:
    last, standard = profile.last_seen, _STANDARD
    return {
        (standard[name] if name in standard else ~words[name]): (one.count, last - one.last)
        for name, one in profile.event_counts.items()
    }


def _event_counts(stored: _Stored, words: list[str]) -> dict[str, EventCount]:
    last = stored.first + stored.last
    return {
        STANDARD_EVENTS[number] if number >= 0 else words[~number]: EventCount(times, last - before)
        for number, (times, before) in stored.event_counts.items()
    }


def _packed_touches(touches: _Numbers, first: int, words: _Numbers) -> list[_Way]:
    return [
        (
            *(one.ts - first, words[one.channel], words[one.origin], words[one.medium]),
            *(words[one.campaign], words[one.keyword], words[one.landing]),
        )
        for one in touches
        if one is not _NO_TOUCH
    ]


def _touches(stored: _Stored, words: list[str]) -> list[Touch]:
    touches = [_NO_TOUCH]
    for ts, *numbers in stored.touches:
        touches.append(Touch(stored.first + ts, *[words[number] for number in numbers]))
    return touches


def _packed_sessions(
    sessions: list[Session], before: int, words: _Numbers, touches: _Numbers
) -> list[_Visit]:
    packed: list[_Visit] = []
    for session in sessions:
        owner, start, marks = session.id[:OWNER_LENGTH], session.start, session.marks
        packed.append(
            (
                words[owner] if session.id == session_id(owner, start) else session.id,
                start - before,
                session.last - start,
                touches[session.touch],
                session.events,
                session.pageviews,
                words[session.hint],
                words[session.campaign],
                pack(list(map(sub, marks, chain((0,), marks)))),
            )
        )
        before = start
    return packed


def _sessions(stored: _Stored, words: list[str], touches: list[Touch]) -> list[Session]:
    sessions, start = [], stored.first
    for owner, since, length, touch, events, pageviews, hint, campaign, marks in stored.sessions:
        start += since
        name = owner if isinstance(owner, str) else session_id(words[owner], start)
        bounds = (start, start + length)
        visit = Session(name, *bounds, touches[touch], events, pageviews, words[hint], words[campaign])
        visit.marks = unpack_sums(marks)
        sessions.append(visit)
    return sessions


def _packed_items(items: list[ItemTouch], first: int, words: _Numbers) -> _Items:
    times = [item.ts for item in items]
    return (
        pack([words[item.item] for item in items]),
        pack([words[item.kind] for item in items]),
        pack(list(map(sub, times, chain((first,), times)))),
        pack([words[item.category] for item in items]),
    )


def _items(stored: _Stored, words: list[str]) -> list[ItemTouch]:
    names, kinds, since, categories = stored.items
    times = unpack_sums(since, stored.first)
    return [
        ItemTouch(words[name], words[kind], ts, words[category])  # type: ignore[arg-type]  # an ItemEvent
        for name, kind, ts, category in zip(
            unpack(names), unpack(kinds), times, unpack(categories), strict=True
        )
    ]


def _short(number: float) -> float:
    """The same number, as an int where that is one: msgpack writes it in fewer bytes and reads it as a float."""
    return int(number) if -(2**31) < number < 2**31 and number == int(number) else number
