"""Sessions in event time: in whatever order deeds arrive, the sessions are those of the sorted deeds.

A deed in order extends the visitor's latest session or starts the next. A deed out of order changes only
the sessions around it, which are cut again from the marks they keep of each of their deeds
(``profiles.fold.session_cuts``). A session that has dropped its marks (older than LATENESS, or too long) stays in one
piece. A session's touch is what its first deed says.

A session belongs to one visitor id, its owner: two devices of one customer make two sessions. Its id is
its owner and its start, so that a replay, another worker or sorted input give the same id.
"""

from bisect import insort

import msgspec

from profiles.fold.session_cuts import SAID_KEPT, Hit, count, cut, known_singly, settle, spoken
from profiles.ids import hinted_id, session_id
from profiles.model import SESSIONS_KEPT, Said, Session, Touch
from profiles.session_rules import SessionRules, over, splits
from profiles.touches import alike, last_touches
from tracker.durations import DAY_MS

LATENESS = DAY_MS
"""How far behind the visitor's newest event an event may come and still be placed exactly, in ms."""
SESSIONS_LIMIT = 64


class Placed(msgspec.Struct, frozen=True, gc=False):
    """The session of a deed, by how many the sessions became more, and which ids changed.

    ``renamed`` holds pairs (old, new). A session is part of another one now, or, paired with itself, was cut out of
    one: what happened since its start, whatever session that was said to be, is its own or a later one's.
    ``changed``: what the sessions say of the profile's touches may be another thing than before, in more than that a
    new session has begun after the others.
    """

    session: Session
    started: int = 0
    renamed: tuple[tuple[str, str], ...] = ()
    changed: bool = False


def place(sessions: list[Session], owner: str, hit: Hit, rules: SessionRules) -> Placed:
    """Count ``hit`` where its time belongs among ``sessions``, in place."""
    if hit.hint:
        return _place_hinted(sessions, owner, hit)
    latest = None
    for session in reversed(sessions):
        if session.id.startswith(owner) and not session.hint:
            latest = session
            break
    if latest is not None and (hit.ts < latest.last or (hit.ts == latest.last and _speaks(hit))):
        return _place_late(sessions, owner, hit, rules)
    if latest is None or splits(latest.start, latest.last, latest.campaign, hit.ts, hit.key, rules):
        touch = hit.touch or Touch()
        session = Session(session_id(owner, hit.ts), hit.ts, hit.ts, touch, campaign=hit.key)
        _insert(sessions, session)
        count(session, hit, rules)
        return Placed(session, 1)
    latest.last = hit.ts
    count(latest, hit, rules)
    return Placed(latest, changed=bool(hit.key) and not rules.by_campaign)


def locate(
    sessions: list[Session], owner: str, ts: int, rules: SessionRules, hint: str = ""
) -> Session | None:
    """The session of ``owner`` going on at ``ts``; only that of the hint, where there is one."""
    name = hinted_id(owner, hint) if hint else ""
    for session in reversed(sessions):
        if session.start > ts or not session.id.startswith(owner) or (name and session.id != name):
            continue
        if ts <= session.last or not over(session, ts, rules):
            return session
    return None


def trim(sessions: list[Session], newest: int, cursor: str = "") -> list[Session]:
    """The sessions to keep: those an event may still change, at least the last SESSIONS_KEPT, ``cursor``'s, and of
    those that are over for good the last one that was not direct."""
    horizon = newest - LATENESS
    spare = len(sessions) - SESSIONS_KEPT
    came = ""
    if spare > 0:
        over_for_good = (session for session in reversed(sessions) if session.last < horizon)
        came = next((session.id for session in over_for_good if any(last_touches(session))), "")
    kept = []
    for index, session in enumerate(sessions):
        if session.last < horizon:
            if session.marks:
                settle(session)
            if index < spare and session.id not in (cursor, came):
                continue
        kept.append(session)
    return kept[-SESSIONS_LIMIT:]


def _speaks(hit: Hit) -> bool:
    """Whether the deed says something of how the visitor came."""
    return hit.touch is not None or hit.key != ""


def _insert(sessions: list[Session], session: Session) -> None:
    if sessions and (session.start, session.id) < (sessions[-1].start, sessions[-1].id):
        insort(sessions, session, key=lambda known: (known.start, known.id))
    else:
        sessions.append(session)


def _place_hinted(sessions: list[Session], owner: str, hit: Hit) -> Placed:
    """The session that the source itself named: no rule splits or joins it."""
    name = hinted_id(owner, hit.hint)
    session = next((known for known in reversed(sessions) if known.id == name), None)
    if session is None:
        session = Session(name, hit.ts, hit.ts, hit.touch or Touch(), hint=hit.hint, campaign=hit.key)
        session.events, session.pageviews = 1, int(hit.pageview)
        _insert(sessions, session)
        return Placed(session, 1)
    first = (hit.ts, not hit.key) < (session.start, not session.campaign)
    told = session.touch if first and session.campaign else hit.touch if hit.key and not first else None
    if first:
        sessions.remove(session)
        session.start, session.touch, session.campaign = hit.ts, hit.touch or Touch(), hit.key
        _insert(sessions, session)
    if told is not None and told.ts:
        _note_campaign(session, told)
    session.last = max(session.last, hit.ts)
    session.events += 1
    session.pageviews += hit.pageview
    return Placed(session, changed=first or told is not None)


def _note_campaign(session: Session, touch: Touch) -> None:
    """Add a campaign that opened no session, in place; of those alike the last is kept."""
    same = [one.touch for one in session.said if alike(one.touch, touch)]
    newest = max((touch, *same), key=lambda one: one.ts)
    others = [one for one in session.said if not alike(one.touch, touch)]
    session.said = sorted([*others, Said(newest, True)], key=lambda one: one.touch.ts)[-SAID_KEPT:]


def _place_late(sessions: list[Session], owner: str, hit: Hit, rules: SessionRules) -> Placed:
    mine = [s for s in sessions if s.id.startswith(owner) and not s.hint]
    for session in mine:
        if session.start <= hit.ts <= session.last and _joins_inside(session, hit, rules):
            if _speaks(hit) and spoken(session, hit.ts):
                if hit.key:
                    break
                hit = Hit(hit.ts, pageview=hit.pageview)
            count(session, hit, rules)
            return Placed(session, changed=bool(hit.key) and not rules.by_campaign)
    around = _around(mine, hit.ts, rules.timeout)
    made = cut(owner, around, hit, rules)
    for session in around:
        sessions.remove(session)
    for session in made:
        _insert(sessions, session)
    return Placed(_holding(made, hit.ts), len(made) - len(around), _renamed(around, made), True)


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
        or not known_singly(session)  # kept in one piece
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


def _holding(made: list[Session], ts: int) -> Session:
    """The session of ``made``, oldest first, that an event at ``ts`` went into."""
    holding = made[0]
    for session in made:
        if session.start <= ts:
            holding = session
    return holding
