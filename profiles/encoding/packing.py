"""A profile as its stored layout: strings, touches and times written once, and referred to by number afterwards."""

from collections import defaultdict
from itertools import chain, count
from operator import sub
from typing import Any

from profiles.encoding.columns import pack
from profiles.encoding.consent_rows import pack_consents
from profiles.encoding.layout import (
    COMMON,
    NOT_DISMISSED,
    ClaimFields,
    ItemColumns,
    MergeFields,
    SessionRow,
    StoredProfile,
    StoredProfileWithClaims,
    StoredProfileWithConsent,
    StoredProfileWithOrders,
    StoredProfileWithWish,
    TouchRow,
)
from profiles.encoding.order_rows import pack_orders
from profiles.ids import OWNER_LENGTH, session_id
from profiles.model import Exposure, ItemTouch, Profile, Session, Touch
from profiles.standard_events import STANDARD_EVENTS

_STANDARD = {name: number for number, name in enumerate(STANDARD_EVENTS)}
_COMMON = {word: number for number, word in enumerate(COMMON)}
_NO_TOUCH = Touch()
_LAYOUTS = {
    0: StoredProfile,
    2: StoredProfileWithClaims,
    3: StoredProfileWithOrders,
    5: StoredProfileWithConsent,
    6: StoredProfileWithWish,
}
"""By how many rare fields follow."""

_Numbers = defaultdict[Any, int]


def pack_profile(profile: Profile) -> StoredProfile:
    words, touches, first = _numbers(_COMMON), _numbers({_NO_TOUCH: 0}), profile.first_seen
    cart, affinities, exposure = profile.cart, profile.affinities, profile.exposure
    client = (profile.device, profile.browser, profile.os, profile.country, profile.lang)
    rare: tuple[Any, ...] = (profile.traits, [], profile.scores, {})
    rare += (profile.demo, [(old, new) for old, new, _ in profile.renamed])
    more: tuple[Any, ...] = (_packed_claims(profile), _packed_merges(profile))
    wish = profile.wish
    if profile.orders or profile.consents or wish.at:
        more += (pack_orders(profile.orders, first, words),)
    if profile.consents or wish.at:
        more += (pack_consents(profile.consents, first, words), profile.consents_cut)
    if wish.at:
        more += ((wish.at, wish.pause_until, wish.every_days),)
    stored = _LAYOUTS[
        len(more) if any(more) else 0
    ](
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
        0,
        {words[name]: _packed_exposure(one, first, words) for name, one in exposure.items()}
        if exposure
        else {},
        profile.seen,
        {words[name]: place for name, place in profile.positions.items()},
        _packed_cursor(profile),
        rare if any(rare) else None,
        [at for _, _, at in profile.renamed] if profile.renamed else [],
        [],
        _packed_event_counts(profile, words),
        None if profile.subject == "".join(profile.visitors[:1]) else words[profile.subject],
        *(more if any(more) else ()),
    )
    stored.touches = _packed_touches(touches, first, words)
    stored.words = list(words)[len(COMMON) :]
    return stored


def _numbers(first: dict[Any, int]) -> _Numbers:
    """``numbers[thing]`` is the thing's number; a new thing gets the next one."""
    return defaultdict(count(len(first)).__next__, first)


def _packed_claims(profile: Profile) -> ClaimFields | None:
    """Profiles of earlier releases have none: what was merged into them was believed then."""
    if profile.proven and not (profile.fed or profile.claims or profile.claimants):
        return None
    return profile.fed, profile.proven, profile.claims, profile.claimants


def _packed_merges(profile: Profile) -> MergeFields | None:
    if not profile.merged.at and not profile.parts:
        return None
    one = profile.merged
    return (one.into, one.at, one.partition, one.position), profile.parts


def _packed_exposure(one: Exposure, first: int, words: _Numbers) -> list[int]:
    packed, dismissed = [one.views, one.clicks, one.last - first], one.dismissed
    if one.variant:
        met = (one.last - one.first, words[one.variant])
        return [*packed, dismissed - first if dismissed else NOT_DISMISSED, *met]
    return [*packed, dismissed - first] if dismissed else packed


def _packed_id(profile_id: str, words: _Numbers) -> int | str:
    if profile_id.startswith(("v:", "u:")):
        return words[profile_id[2:]] << 1 | (profile_id[0] == "u")
    return profile_id


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


def _packed_touches(touches: _Numbers, first: int, words: _Numbers) -> list[TouchRow]:
    return [
        (
            *(one.ts - first, words[one.channel], words[one.origin], words[one.medium]),
            *(words[one.campaign], words[one.keyword], words[one.landing]),
        )
        for one in touches
        if one is not _NO_TOUCH
    ]


def _packed_sessions(
    sessions: list[Session], before: int, words: _Numbers, touches: _Numbers
) -> list[SessionRow]:
    packed: list[SessionRow] = []
    for session in sessions:
        owner, start, marks = session.id[:OWNER_LENGTH], session.start, session.marks
        packed.append(
            (
                words[owner] if session.id == session_id(owner, start) else session.id,
                start - before,
                session.last - start,
                touches[session.touch] if not session.said else _packed_said(session, touches),
                session.events,
                session.pageviews,
                words[session.hint],
                words[session.campaign],
                pack(list(map(sub, marks, chain((0,), marks)))),
            )
        )
        before = start
    return packed


def _packed_said(session: Session, touches: _Numbers) -> list[int]:
    return [touches[session.touch], *(touches[one.touch] << 1 | one.campaign for one in session.said)]


def _packed_items(items: list[ItemTouch], first: int, words: _Numbers) -> ItemColumns:
    times = [item.ts for item in items]
    return (
        pack([words[item.item] for item in items]),
        pack([words[item.kind] for item in items]),
        pack(list(map(sub, times, chain((first,), times)))),
        pack([words[item.category] for item in items]),
    )


def _short(number: float) -> float:
    """The same number, as an int where that is one: msgpack writes it in fewer bytes and reads it as a float."""
    return int(number) if -(2**31) < number < 2**31 and number == int(number) else number
