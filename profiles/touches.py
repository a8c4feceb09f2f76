"""The touches of a profile: how its first visit began, and the latest that was not direct.

A visit's touch is what its first deed says; where that says nothing, the visit is direct, whatever later deeds say. A
campaign inside a visit that campaigns do not split is a last touch, too.
"""

from collections.abc import Iterator

from profiles.model import Profile, Session, Touch

DIRECT = "direct"

TouchOrder = tuple[int, str, str, str, str, str, str]


def in_order(touch: Touch) -> TouchOrder:
    """A sort key: by time, and the same for all who compare touches of one moment."""
    return (touch.ts, *_content(touch))


def recency(touch: Touch) -> tuple[bool, TouchOrder]:
    """A sort key for last touches: a direct visit never replaces the last channel that brought the visitor."""
    return touch.channel != DIRECT, in_order(touch)


def alike(one: Touch, other: Touch) -> bool:
    """Whether the touches differ in nothing but their time."""
    return _content(one) == _content(other)


def came(profile: Profile) -> bool:
    """Whether it is known how the person came: nothing is of whom only the shop itself has told of."""
    return profile.counts.visits > 0 or bool(profile.first_touch.ts or profile.last_touch.ts)


def first_touch(session: Session) -> Touch:
    """How the session began, with the time of its start where it was direct."""
    return session.touch if session.touch.ts else Touch(session.start)


def last_touches(session: Session) -> Iterator[Touch]:
    """What of the session may be a profile's last touch."""
    if session.touch.channel != DIRECT:
        yield session.touch
    for one in session.said:
        if one.campaign and not alike(one.touch, session.touch):
            yield one.touch


def note_visit(profile: Profile, session: Session) -> None:
    """Set, in place, the profile's touches after ``session`` has begun as the latest of its visitor."""
    _set_first(profile)
    if session.touch.channel != DIRECT and recency(session.touch) > recency(profile.last_touch):
        profile.last_touch = session.touch


def note_changes(profile: Profile) -> None:
    """Set, in place, the profile's touches after sessions have changed; one that is older than all is kept."""
    _set_first(profile)
    told = [touch for session in profile.sessions for touch in last_touches(session)]
    if profile.last_touch.ts < profile.sessions[0].start:
        told.append(profile.last_touch)
    profile.last_touch = max(told, key=recency, default=Touch())


def merge(into: Profile, other: Profile) -> None:
    """Set, in place, the touches of two profiles that are one person's."""
    known = [touch for touch in (into.first_touch, other.first_touch) if touch.ts]
    into.first_touch = min(known, key=in_order, default=Touch())
    into.last_touch = max(into.last_touch, other.last_touch, key=recency)


def _set_first(profile: Profile) -> None:
    """The sessions are sorted: the first of them, unless earlier ones were dropped."""
    oldest, known = profile.sessions[0].start, profile.first_touch.ts
    if not known or oldest <= known:
        began = [first_touch(session) for session in profile.sessions if session.start == oldest]
        profile.first_touch = min(began, key=in_order)


def _content(touch: Touch) -> tuple[str, str, str, str, str, str]:
    return (
        *(touch.channel, touch.origin, touch.medium),
        *(touch.campaign, touch.keyword, touch.landing),
    )
