"""Sessions in event time: in whatever order events arrive, the sessions are those of the sorted events.

An event in order extends the visitor's latest session or starts the next. An event out of order changes only
the sessions around it, which are computed again from the marks they keep of each of their events. A session
that has dropped its marks (older than LATENESS, or too long) stays in one piece.

A session belongs to one visitor id, its owner: two devices of one customer make two sessions. Its id is
its owner and its start, so that a replay, another worker or sorted input give the same id.
"""

from bisect import insort
from typing import NamedTuple

import msgspec

from profiles.ids import hinted_id, session_id
from profiles.model import SESSIONS_KEPT, Session, Touch
from profiles.session_rules import SessionRules, splits
from tracker.durations import DAY_MS

LATENESS = DAY_MS
"""How far behind the visitor's newest event an event may come and still be placed exactly, in ms."""
MARKS_KEPT = 400
SESSIONS_LIMIT = 64

# A mark is (ts - session.start) << 2 | flags.
_PAGEVIEW, _KEYED = 1, 2
_SHIFT = 2


class Hit(msgspec.Struct, frozen=True, gc=False):
    """The part of an event that sessions need. ``key``: campaign or click id; ``hint``: the source's own session id."""

    ts: int
    key: str = ""
    pageview: bool = False
    touch: Touch | None = None
    hint: str = ""


class Placed(msgspec.Struct, frozen=True, gc=False):
    """The session of an event, by how many the sessions became more, and which ids changed.

    ``renamed`` holds pairs (old, new). A session is part of another one now, or, paired with itself, was cut out of
    one: what happened since its start, whatever session that was said to be, is its own or a later one's.
    """

    session: Session
    started: int = 0
    renamed: tuple[tuple[str, str], ...] = ()


class _Block(NamedTuple):
    """One event, or a session whose events are not known one by one. Sorts as sessions see them."""

    ts: int
    unkeyed: bool
    key: str
    last: int
    flags: int = 0
    whole: Session | None = None


def place(sessions: list[Session], owner: str, hit: Hit, rules: SessionRules) -> Placed:
    """Count ``hit`` where its time belongs among ``sessions``, in place."""
    if hit.hint:
        return _place_hinted(sessions, owner, hit)
    latest = None
    for session in reversed(sessions):
        if session.id.startswith(owner) and not session.hint:
            latest = session
            break
    if latest is not None and (hit.ts < latest.last or (hit.ts == latest.last and hit.key)):
        return _place_late(sessions, owner, hit, rules)
    if latest is None or splits(latest.start, latest.last, latest.campaign, hit.ts, hit.key, rules):
        session = Session(session_id(owner, hit.ts), hit.ts, hit.ts, Touch(), campaign=hit.key)
        _insert(sessions, session)
        _count(session, hit)
        return Placed(session, 1)
    latest.last = hit.ts
    _count(latest, hit)
    return Placed(latest)


def locate(sessions: list[Session], owner: str, ts: int, rules: SessionRules) -> Session | None:
    """The session of ``owner`` going on at ``ts``."""
    for session in reversed(sessions):
        if session.start <= ts <= session.last + rules.timeout and session.id.startswith(owner):
            return session
    return None


def trim(sessions: list[Session], newest: int, cursor: str = "") -> list[Session]:
    """The sessions to keep: those an event may still change, at least the last SESSIONS_KEPT, and ``cursor``'s."""
    horizon = newest - LATENESS
    spare = len(sessions) - SESSIONS_KEPT
    kept = []
    for index, session in enumerate(sessions):
        if session.last < horizon:
            session.marks = []
            if index < spare and session.id != cursor:
                continue
        kept.append(session)
    return kept[-SESSIONS_LIMIT:]


def _count(session: Session, hit: Hit) -> None:
    """Count an event between the session's bounds. Events mostly come in order: a mark mostly goes last."""
    if len(session.marks) == session.events:
        if session.events >= MARKS_KEPT:
            session.marks = []
        else:
            keyed = _KEYED if hit.key and hit.key == session.campaign else 0
            mark = (hit.ts - session.start) << _SHIFT | keyed | hit.pageview
            if session.marks and mark < session.marks[-1]:
                insort(session.marks, mark)
            else:
                session.marks.append(mark)
    session.events += 1
    session.pageviews += hit.pageview
    if hit.touch is not None and (not session.touch.ts or hit.touch.ts < session.touch.ts):
        session.touch = hit.touch


def _insert(sessions: list[Session], session: Session) -> None:
    if sessions and session.start < sessions[-1].start:
        insort(sessions, session, key=lambda known: known.start)
    else:
        sessions.append(session)


def _place_hinted(sessions: list[Session], owner: str, hit: Hit) -> Placed:
    """The session that the source itself named: no rule splits or joins it."""
    name = hinted_id(owner, hit.hint)
    for session in reversed(sessions):
        if session.id == name:
            break
    else:
        session = Session(name, hit.ts, hit.ts, Touch(), hint=hit.hint)
        _insert(sessions, session)
        session.events, session.pageviews = 1, int(hit.pageview)
        session.touch = hit.touch or session.touch
        return Placed(session, 1)
    session.start, session.last = min(session.start, hit.ts), max(session.last, hit.ts)
    session.events += 1
    session.pageviews += hit.pageview
    if hit.touch is not None and (not session.touch.ts or hit.touch.ts < session.touch.ts):
        session.touch = hit.touch
    return Placed(session)


def _place_late(sessions: list[Session], owner: str, hit: Hit, rules: SessionRules) -> Placed:
    mine = [s for s in sessions if s.id.startswith(owner) and not s.hint]
    for session in mine:
        if session.start <= hit.ts <= session.last and _joins_inside(session, hit, rules):
            _count(session, hit)
            return Placed(session)
    around = _around(mine, hit.ts, rules.timeout)
    blocks = [block for session in around for block in _blocks(session)]
    blocks.append(
        _Block(hit.ts, not hit.key, hit.key, hit.ts, int(hit.pageview) | (_KEYED if hit.key else 0))
    )
    groups = _groups(sorted(blocks, key=lambda block: block[:5]), rules)
    touches = [s.touch for s in around if s.touch.ts] + ([hit.touch] if hit.touch else [])
    made = [_session(owner, group, touches) for group in groups]
    for session in around:
        sessions.remove(session)
    for session in made:
        _insert(sessions, session)
    return Placed(_holding(made, hit.ts), len(made) - len(around), _renamed(around, made))


def _renamed(before: list[Session], made: list[Session]) -> tuple[tuple[str, str], ...]:
    """Pairs (old id, new id) for rows that hold ids of the sessions ``before``, which are now ``made``."""
    old, new = {session.id for session in before}, {session.id for session in made}
    gone = [(session.id, _holding(made, session.start).id) for session in before if session.id not in new]
    cut = [
        (session.id, session.id)
        for session in made
        if session.id not in old and any(s.start < session.start <= s.last for s in before)
    ]
    return (*gone, *cut)


def _joins_inside(session: Session, hit: Hit, rules: SessionRules) -> bool:
    """Whether an event between the session's bounds can move no bound."""
    return (
        not hit.key
        or not rules.by_campaign
        or hit.key == session.campaign
        or len(session.marks) != session.events  # kept in one piece
    )


def _around(mine: list[Session], ts: int, timeout: int) -> list[Session]:
    """The sessions that an event at ``ts`` may change: the one before, if within reach, and the chain after it."""
    around: list[Session] = []
    reach = ts
    for session in mine:
        if session.start <= ts:
            if ts - session.last <= timeout:
                around.append(session)
                reach = max(reach, session.last)
        elif session.start - reach <= timeout:
            around.append(session)
            reach = session.last
        else:
            break
    return around


def _blocks(session: Session) -> list[_Block]:
    if len(session.marks) != session.events:
        return [_Block(session.start, not session.campaign, session.campaign, session.last, 0, session)]
    blocks = []
    for mark in session.marks:
        ts = session.start + (mark >> _SHIFT)
        key = session.campaign if mark & _KEYED else ""
        blocks.append(_Block(ts, not key, key, ts, mark & 3))
    return blocks


def _groups(blocks: list[_Block], rules: SessionRules) -> list[list[_Block]]:
    """Sorted blocks cut into sessions: the definition that every order of arrival comes down to."""
    groups: list[list[_Block]] = []
    start = last = instant = 0
    campaign = ""
    for block in blocks:
        if block.key:
            if block.ts == instant:  # two campaigns in one millisecond: the first by name is meant
                block = block._replace(key="", flags=block.flags & ~_KEYED)
            instant = block.ts
        if groups and not splits(start, last, campaign, block.ts, block.key, rules):
            groups[-1].append(block)
            last = max(last, block.last)
        else:
            groups.append([block])
            start, last, campaign = block.ts, block.last, block.key
    return groups


def _session(owner: str, group: list[_Block], touches: list[Touch]) -> Session:
    first = group[0]
    last = max(block.last for block in group)
    session = Session(session_id(owner, first.ts), first.ts, last, Touch(), campaign=first.key)
    for block in group:
        session.events += block.whole.events if block.whole else 1
        session.pageviews += block.whole.pageviews if block.whole else block.flags & _PAGEVIEW
    if not any(block.whole for block in group) and len(group) <= MARKS_KEPT:
        session.marks = sorted((block.ts - first.ts) << _SHIFT | _flags(block, first.key) for block in group)
    own = [touch for touch in touches if first.ts <= touch.ts <= last]
    session.touch = min(own, key=lambda touch: touch.ts, default=session.touch)
    return session


def _flags(block: _Block, campaign: str) -> int:
    return block.flags if block.key == campaign else block.flags & ~_KEYED


def _holding(made: list[Session], ts: int) -> Session:
    """The session of ``made``, oldest first, that an event at ``ts`` went into."""
    holding = made[0]
    for session in made:
        if session.start <= ts:
            holding = session
    return holding
