"""The fold: the only place where an event changes a profile.

``fold`` is pure. ``apply`` does the same in place on a profile that the caller owns, which is what ingest
can afford. Both count a message of the log at most once, however often it is read and in whatever order
events arrive.
"""

from collections.abc import Mapping
from typing import Any, Literal, NamedTuple

import msgspec

from profiles import codec, commerce, dedup, sessions
from profiles.facts import Facts
from profiles.identity import recency
from profiles.model import (
    VISITORS_KEPT,
    Profile,
    Purpose,
    Session,
    Touch,
)
from profiles.sessions import Hit, Placed, Rules, locate, owner_of, place, session_id
from profiles.stages import Thresholds, stage_of
from tracker.event import Event

POSITIONS_KEPT = 32
RENAMED_KEPT, RENAMED_ALWAYS = 64, 4
TRAITS_KEPT = 60
TRAIT_BYTES = 512

Verdict = Literal["applied", "duplicate", "replayed"]


class Place(NamedTuple):
    """Where in the log a message stands: ``key`` is its visitor or user id, ``partition`` names log and partition."""

    key: str
    partition: int
    position: int


class Settings(msgspec.Struct, frozen=True):
    """What of a site's settings the fold depends on."""

    sessions: Rules = Rules()
    stages: Thresholds = Thresholds()


class Outcome(NamedTuple):
    """What became of an event.

    ``session`` is "" where it belongs to none; ``touch`` is then the visitor's last. ``retired`` sessions are
    now part of others.
    """

    verdict: Verdict
    session: str = ""
    touch: Touch = Touch()
    retired: tuple[tuple[str, str], ...] = ()


PURPOSES: tuple[Purpose, ...] = ("analytics", "personalization", "marketing")


def fold(
    profile: Profile, event: Event, facts: Facts, settings: Settings, at: Place
) -> tuple[Profile, Outcome]:
    """The profile after ``event``, and what became of the event. ``profile`` stays as it is."""
    changed = codec.copy(profile)
    return changed, apply(changed, event, facts, settings, at)


def apply(profile: Profile, event: Event, facts: Facts, settings: Settings, at: Place) -> Outcome:
    """``fold`` in place: ``profile`` is the caller's own."""
    verdict = _verdict(profile, event, at)
    if verdict == "applied":
        return _apply(profile, event, facts, settings)
    return Outcome(verdict) if verdict == "duplicate" else _replay(profile, event, facts, settings.sessions)


def replayed(profile: Profile, at: Place) -> bool:
    """Whether the message was applied before, whether counted or found to be a retry."""
    known = profile.positions.get(at.key)
    return known is not None and known[0] == at.partition and at.position <= known[1]


def counted(profile: Profile, event: Event) -> bool:
    """Whether an event of this id was counted in this profile."""
    return dedup.find(profile.seen, dedup.digest(event.id)) is not None


def makes_session(event: Event) -> bool:
    """Whether the event is part of a visit. A server's call about a customer (an order paid, a trait) is none."""
    if event.type == "track":
        return event.visitor is not None or event.source != "segment"
    return event.type == "page" or event.type == "screen"


def trim(profile: Profile) -> None:
    """Forget, in place, what no event and no replay needs any more. The session of the last event is kept."""
    dedup.trim(profile.seen)
    # Another worker may still have to tell the warehouse of the newest.
    profile.renamed = profile.renamed[-RENAMED_ALWAYS:]
    profile.sessions = sessions.trim(profile.sessions, profile.last_seen, profile.cursor)


def _verdict(profile: Profile, event: Event, at: Place) -> Verdict:
    entry_id = dedup.digest(event.id)
    found = dedup.find(profile.seen, entry_id)
    stamp = dedup.stamp(at.partition, at.position)
    if replayed(profile, at):
        # An id that was forgotten since belongs to the message that brought it first, most likely this one.
        return "replayed" if found is None or found == stamp else "duplicate"
    positions = profile.positions
    positions.pop(at.key, None)
    positions[at.key] = (at.partition, at.position)
    if len(positions) > POSITIONS_KEPT:
        del positions[next(iter(positions))]
    if found is not None:
        return "duplicate"
    dedup.remember(profile.seen, entry_id + stamp, event.received)
    return "applied"


def _replay(profile: Profile, event: Event, facts: Facts, rules: Rules) -> Outcome:
    """What became of the event the first time, found in the profile as it is now."""
    owner, retired = _owner(event), tuple(profile.renamed)
    if not makes_session(event):
        return Outcome("replayed", "", profile.last_touch, retired)
    name = session_id(owner, event.ts)
    if facts.session_hint:
        name = sessions.hinted_id(owner, facts.session_hint)
        session = next((known for known in profile.sessions if known.id == name), None)
    else:
        session = locate(profile.sessions, owner, event.ts, rules)
    if session is None:
        return Outcome("replayed", name, facts.touch or Touch(), retired)
    return Outcome("replayed", session.id, session.touch, retired)


def _apply(profile: Profile, event: Event, facts: Facts, settings: Settings) -> Outcome:
    _recognise(profile, event, facts)
    counts = profile.counts
    counts.events += 1
    retired: tuple[tuple[str, str], ...] = ()
    session: Session | None = None
    if makes_session(event):
        placed = _sessionize(profile, event, facts, settings.sessions)
        session, retired = placed.session, placed.retired
        counts.visits += placed.started
        if retired:
            profile.renamed = [*profile.renamed, *retired][-RENAMED_KEPT:]
        profile.cursor = session.id
    if event.type == "page" or event.type == "screen":
        counts.pageviews += 1
    elif event.type == "track":
        commerce.track(profile, event, facts)
    elif event.type == "consent":
        _consent(profile, event.props)
    elif event.type == "group":
        # The call's traits are the group's: a company's name is not the visitor's.
        _learn(profile, {"groupId": event.props.get("groupId") or event.context.get("groupId")})
    elif event.type == "identify":
        _learn(profile, event.traits)
    profile.stage = stage_of(profile, profile.last_seen, settings.stages)
    if session is None:
        return Outcome("applied", "", profile.last_touch)
    return Outcome("applied", session.id, session.touch, retired)


def _owner(event: Event) -> str:
    return owner_of(event.site, event.visitor or f"u:{event.user}")


def _sessionize(profile: Profile, event: Event, facts: Facts, rules: Rules) -> Placed:
    touch = facts.touch
    if touch is not None:
        if not profile.first_touch.ts or touch.ts < profile.first_touch.ts:
            profile.first_touch = touch
        if recency(touch) >= recency(profile.last_touch):
            profile.last_touch = touch
    hit = Hit(event.ts, facts.campaign_key, event.type != "track", touch, facts.session_hint)
    return place(profile.sessions, _owner(event), hit, rules)


def _recognise(profile: Profile, event: Event, facts: Facts) -> None:
    """Ids, times and what the newest event says about device and place."""
    visitor = event.visitor
    if visitor and visitor not in profile.visitors:
        profile.visitors.append(visitor)
        if len(profile.visitors) > VISITORS_KEPT:
            del profile.visitors[0]
    if event.user and profile.user is None:
        profile.user = event.user
    ts = event.ts
    if not profile.first_seen or ts < profile.first_seen:
        profile.first_seen = ts
    if ts >= profile.last_seen:
        profile.last_seen = ts
        # A server speaks for the visitor without being where they are.
        if facts.device:
            profile.device, profile.browser, profile.os = facts.device, facts.browser, facts.os
        profile.country = facts.country or profile.country
        profile.lang = event.lang or profile.lang
    profile.demo = profile.demo or facts.demo


def _consent(profile: Profile, purposes: Mapping[str, Any]) -> None:
    for purpose in PURPOSES:
        given = purposes.get(purpose)
        if isinstance(given, bool):
            profile.consent[purpose] = given


def _learn(profile: Profile, traits: Mapping[str, Any]) -> None:
    """Traits of the newest call win. What is too large for a profile stays in the warehouse's row."""
    for name, value in traits.items():
        if value is None:
            profile.traits.pop(name, None)
        elif (name in profile.traits or len(profile.traits) < TRAITS_KEPT) and _small(value):
            profile.traits[name] = value


def _small(value: object) -> bool:
    if isinstance(value, str):
        return len(value) <= TRAIT_BYTES
    return isinstance(value, bool | int | float) or len(msgspec.json.encode(value)) <= TRAIT_BYTES
