"""The fold: the only place where an event changes a profile.

``fold`` is pure. ``apply`` does the same in place, on a profile that the caller owns; ingest uses it because it is
faster. Both count a message of the log at most once, however often it is read and in whatever order events arrive.
"""

from collections.abc import Mapping
from typing import Any, Literal

import msgspec

from profiles import touches
from profiles.consent import record as consent
from profiles.consent.statement import PREFERENCES_UPDATED, statement_of
from profiles.encoding import codec
from profiles.facts import ORDER_EVENTS, Facts
from profiles.fold import affinity, claims, commerce, dedup, event_counts, orders, sessions
from profiles.fold.orders import Applied
from profiles.fold.session_cuts import Hit
from profiles.fold.sessions import Placed, locate, place
from profiles.ids import hinted_id, owner_of, session_id
from profiles.model import VISITORS_KEPT, Profile, Session, Touch
from profiles.session_rules import SessionRules
from tracker import values
from tracker.event import SITE, Event
from tracker.standard_events.deeds import DECISIONS, is_own_deed, joins_visit

POSITIONS_KEPT = 32
RENAMED_KEPT, RENAMED_ALWAYS = 64, 4
TRAIT_BYTES = 512

Verdict = Literal["applied", "duplicate", "replayed"]


class LogPosition(msgspec.Struct, frozen=True, gc=False):
    """Where in the log a message stands: ``key`` is its visitor or user id, ``partition`` names log and partition."""

    key: str
    partition: int
    position: int


class Settings(msgspec.Struct, frozen=True):
    """The settings of a site that the fold depends on. ``currency`` "": every amount is in the site's."""

    sessions: SessionRules = SessionRules()
    currency: str = ""


class Outcome(msgspec.Struct, frozen=True, gc=False):
    """The result of applying an event.

    ``session`` is "" where the event belongs to none; ``touch`` is then the visitor's last. ``renamed`` lists the
    sessions that changed (``profiles.fold.sessions.Placed``), and when. ``repeated``: the order was reported before.
    ``doubtful``: the order is set aside and counts nowhere. ``cut``: how much exceeded a limit
    (``profiles.fold.orders.Applied``).
    """

    verdict: Verdict
    session: str = ""
    touch: Touch = Touch()
    renamed: tuple[tuple[str, str, int], ...] = ()
    repeated: bool = False
    doubtful: bool = False
    cut: int = 0


HIDDEN_FROM_CLAIMS = ("consents", "exposure", "cart")
UNCHANGED_BY_CLAIMS = (
    *HIDDEN_FROM_CLAIMS,
    "consents_cut",
    "wish",
    "device",
    "browser",
    "os",
    "country",
    "lang",
    "demo",
)
"""Fields of a proven customer that no claim changes. ``claims.prove`` clears what claims had set before."""


def fold(
    profile: Profile, event: Event, facts: Facts, settings: Settings, at: LogPosition
) -> tuple[Profile, Outcome]:
    """The profile after ``event``, and the outcome. ``profile`` stays as it is."""
    changed = codec.copy(profile)
    return changed, apply(changed, event, facts, settings, at)


def apply(
    profile: Profile, event: Event, facts: Facts, settings: Settings, at: LogPosition, claimed: bool = False
) -> Outcome:
    """``fold`` in place: ``profile`` is the caller's own. ``claimed``: see ``apply_claimed``."""
    verdict = _verdict(profile, event, at)
    if verdict == "applied":
        return _apply(profile, event, facts, settings, at, claimed)
    return (
        Outcome(verdict) if verdict == "duplicate" else _replay(profile, event, facts, settings.sessions, at)
    )


def apply_claimed(
    profile: Profile, event: Event, facts: Facts, settings: Settings, at: LogPosition
) -> Outcome:
    """``apply`` to a customer that a browser only claims to be. The event is added to the history. Of a proven customer
    it changes no consent, exposure or cart, and no device or place."""
    if not profile.proven:
        return apply(profile, event, facts, settings, at, claimed=True)
    held = {name: getattr(profile, name) for name in UNCHANGED_BY_CLAIMS}
    for name in HIDDEN_FROM_CLAIMS:
        setattr(profile, name, type(held[name])())
    try:
        return apply(profile, event, facts, settings, at, claimed=True)
    finally:
        for name, value in held.items():
            setattr(profile, name, value)


def replayed(profile: Profile, at: LogPosition) -> bool:
    """Whether the message was applied before: counted, or found to be a retry."""
    known = profile.positions.get(at.key)
    return known is not None and known[0] == at.partition and at.position <= known[1]


def counted(profile: Profile, event: Event) -> bool:
    """Whether this profile has counted an event with this id."""
    return dedup.found(profile.seen, event) is not None


def retried(profile: Profile, event: Event, at: LogPosition) -> bool:
    """Whether the event is a retry: another message brought it first."""
    found = dedup.found(profile.seen, event)
    return found is not None and found != dedup.stamp(at.partition, at.position)


def brought(profile: Profile, event: Event, at: LogPosition) -> bool:
    """Whether this profile has counted the event by this very message."""
    return dedup.found(profile.seen, event) == dedup.stamp(at.partition, at.position)


def trim(profile: Profile) -> None:
    """Remove, in place, what no event and no replay needs any more. The session of the last event is kept."""
    dedup.trim(profile.seen)
    # Another worker may still have to write the newest to the warehouse.
    profile.renamed = profile.renamed[-RENAMED_ALWAYS:]
    profile.sessions = sessions.trim(profile.sessions, profile.last_seen, profile.cursor)


def _verdict(profile: Profile, event: Event, at: LogPosition) -> Verdict:
    entry, stamp = dedup.entry_of(event), dedup.stamp(at.partition, at.position)
    found = dedup.find(profile.seen, entry, event.sender == SITE)
    if replayed(profile, at):
        # An id that was forgotten since belongs to the message that brought it first, most likely this one.
        return "replayed" if found is None or found == stamp else "duplicate"
    positions = profile.positions
    positions.pop(at.key, None)
    positions[at.key] = (at.partition, at.position)
    if len(positions) > POSITIONS_KEPT:
        # A browser that only claims to be the customer never displaces one that is.
        del positions[next((key for key in positions if key in profile.claimants), next(iter(positions)))]
    if found is not None:
        return "replayed" if found == stamp else "duplicate"
    dedup.remember(profile.seen, entry + stamp, event.received)
    return "applied"


def _replay(profile: Profile, event: Event, facts: Facts, rules: SessionRules, at: LogPosition) -> Outcome:
    """The outcome of the first time, reconstructed from the profile as it is now."""
    owner, renamed = _owner(event), tuple(profile.renamed)
    told = False, facts.doubtful
    if event.type == "track" and event.name in ORDER_EVENTS:
        told = orders.seen_before(profile, event, facts, dedup.stamp(at.partition, at.position))[:2]
    hint, deed = facts.session_hint, is_own_deed(event, facts.session_hint)
    session = locate(profile.sessions, owner, event.ts, rules, hint) if deed or joins_visit(event) else None
    if session is not None:
        return Outcome("replayed", session.id, session.touch, renamed, *told)
    if deed:
        name = hinted_id(owner, hint) if hint else session_id(owner, event.ts)
        return Outcome("replayed", name, facts.touch or Touch(), renamed, *told)
    return Outcome("replayed", "", profile.last_touch, renamed, *told)


def _apply(
    profile: Profile, event: Event, facts: Facts, settings: Settings, at: LogPosition, claimed: bool
) -> Outcome:
    _update_ids(profile, event, facts, claimed)
    if event.name in DECISIONS:
        return Outcome("applied", "", profile.last_touch)
    counts = profile.counts
    counts.events += 1
    renamed: tuple[tuple[str, str, int], ...] = ()
    session: Session | None = None
    told = Applied()
    if is_own_deed(event, facts.session_hint):
        placed = _sessionize(profile, event, facts, settings.sessions)
        session = placed.session
        counts.visits += placed.started
        if placed.renamed:
            renamed = _renamed_at(profile, placed.renamed, event.received)
            profile.renamed = [*profile.renamed, *renamed][-RENAMED_KEPT:]
        profile.cursor = session.id
    elif joins_visit(event):
        rules, hint = settings.sessions, facts.session_hint
        session = locate(profile.sessions, _owner(event), event.ts, rules, hint)
    if event.type == "page" or event.type == "screen":
        counts.pageviews += 1
        event_counts.count(profile, event_counts.PAGE, event.ts)
    elif event.type == "track":
        if event.name in ORDER_EVENTS:
            stamp = dedup.stamp(at.partition, at.position)
            told = orders.apply(profile, event, facts, settings.currency, stamp, claimed)
        elif facts.doubtful:
            told = Applied(doubtful=True)
        else:
            event_counts.count(profile, event.name, event.ts)
            commerce.track(profile, event, facts)
            if event.name == PREFERENCES_UPDATED:
                consent.note(profile, statement_of(event).answers)
    else:
        _apply_description(profile, event, claimed)
    if session is None:
        return Outcome("applied", "", profile.last_touch, (), *told)
    return Outcome("applied", session.id, session.touch, renamed, *told)


def _apply_description(profile: Profile, event: Event, claimed: bool) -> None:
    """What a consent, group or identify call says about the person, in place."""
    if event.type == "consent":
        said = statement_of(event)
        consent.note(profile, said.answers)
        consent.wish(profile, said.wish)
        interests = event.props.get("interests")
        if isinstance(interests, dict) and not (claimed and profile.proven):
            affinity.correct(profile, interests, event.ts)
    elif event.type == "group":
        # The call's traits are the group's: a company's name is not the visitor's.
        group = event.props.get("groupId") or event.context.get("groupId")
        _set_traits(profile, {"groupId": group}, claimed)
    elif event.type == "identify":
        _set_traits(profile, event.traits, claimed)


def _renamed_at(
    profile: Profile, renamed: tuple[tuple[str, str], ...], received: int
) -> tuple[tuple[str, str, int], ...]:
    """``renamed`` with a time later than any before: the warehouse keeps the newest, and an event from a spool was
    received earlier than it arrived."""
    at = max(received, 1 + max((at for _, _, at in profile.renamed), default=0))
    return tuple((old, new, at) for old, new in renamed)


def _owner(event: Event) -> str:
    return owner_of(event.site, event.visitor or f"u:{event.user}")


def _sessionize(profile: Profile, event: Event, facts: Facts, rules: SessionRules) -> Placed:
    hit = Hit(event.ts, facts.campaign_key, event.type != "track", facts.touch, facts.session_hint)
    placed = place(profile.sessions, _owner(event), hit, rules)
    if placed.changed:
        touches.note_changes(profile)
    elif placed.started:
        touches.note_visit(profile, placed.session)
    return placed


def _update_ids(profile: Profile, event: Event, facts: Facts, claimed: bool) -> None:
    """Ids, times and what the newest event says about device and place."""
    visitor = event.visitor
    profile.subject = profile.subject or visitor or event.user or ""
    if visitor and claimed:
        claims.claimed_by(profile, visitor)
    elif visitor and visitor not in profile.visitors:
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
        # A server call has no device or country of the visitor.
        if facts.device:
            profile.device, profile.browser, profile.os = facts.device, facts.browser, facts.os
        profile.country = facts.country or profile.country
        profile.lang = event.lang or profile.lang
    profile.demo = profile.demo or facts.demo


def _set_traits(profile: Profile, traits: Mapping[str, Any], claimed: bool) -> None:
    """Traits of the newest call win. What is too large for a profile stays in the warehouse's row."""
    # The tracker has settled the values, but for those that an earlier release has stored.
    for name, value in values.settled(traits).items():
        if value is None or _small(value):
            (claims.claim_trait if claimed else claims.learn_trait)(profile, name, value)


def _small(value: object) -> bool:
    if isinstance(value, str):
        return len(value) <= TRAIT_BYTES
    return isinstance(value, bool | int | float) or len(msgspec.json.encode(value)) <= TRAIT_BYTES
