"""Sessions cut anew: the deeds of some sessions, known by their marks, and one that came late, sorted and cut again.

A mark is (ts - session.start) << 2 | flags. A deed that says of its arrival what the session's first deed says has only
a flag; what others say is in ``Session.said``. Of one millisecond only one deed speaks: one with a campaign before
others, the first by name where campaigns split, else the one that came first.
"""

from bisect import bisect_left, insort
from collections.abc import Sequence
from typing import NamedTuple

import msgspec
from msgspec.structs import replace

from profiles.ids import session_id
from profiles.model import Said, Session, Touch
from profiles.session_rules import SessionRules, splits
from profiles.touches import alike

MARKS_KEPT = 400
SAID_KEPT = 8

_PAGEVIEW, _TOLD = 1, 2
_SHIFT = 2
_NOTHING = Touch()


class Hit(msgspec.Struct, frozen=True, gc=False):
    """The part of a deed that sessions need. ``key``: campaign or click id; ``hint``: the source's own session id."""

    ts: int
    key: str = ""
    pageview: bool = False
    touch: Touch | None = None
    hint: str = ""


class _Block(NamedTuple):
    """One deed, or a session whose deeds are not known one by one."""

    ts: int
    key: str
    touch: Touch | None
    last: int
    pageview: bool = False
    late: bool = False
    whole: Session | None = None


def known_singly(session: Session) -> bool:
    """Whether the session's deeds are known one by one."""
    return len(session.marks) == session.events


def count(session: Session, hit: Hit, rules: SessionRules) -> None:
    """Count a deed between the session's bounds, in place. What it says of its arrival moves none of them."""
    known = known_singly(session)
    if known and session.events >= MARKS_KEPT:
        settle(session)
        known = False
    session.events += 1
    session.pageviews += hit.pageview
    _remember(session, hit, known, bool(hit.key) and not rules.by_campaign)


def spoken(session: Session, ts: int) -> bool:
    """Whether a deed at ``ts`` is known: what another of the same millisecond says is not heard."""
    mark = (ts - session.start) << _SHIFT
    place = bisect_left(session.marks, mark)
    return place < len(session.marks) and session.marks[place] < mark + (1 << _SHIFT)


def settle(session: Session) -> None:
    """Forget the single deeds, in place: the session stays in one piece."""
    session.marks = []
    if session.said:
        told = [one for one in session.said if one.campaign and not alike(one.touch, session.touch)]
        session.said = told[-1:]


def cut(owner: str, around: Sequence[Session], late: Hit, rules: SessionRules) -> list[Session]:
    """The sessions that the deeds of ``around`` and the late one make."""
    blocks = [block for session in around for block in _blocks(session)]
    blocks.append(_Block(late.ts, late.key, late.touch, late.ts, late.pageview, late=True))
    blocks.sort(key=lambda block: _place(block, rules))
    return [_session(owner, group, rules) for group in _groups(blocks, rules)]


def _place(block: _Block, rules: SessionRules) -> tuple[int, bool, str, bool, bool]:
    key = block.key if rules.by_campaign else ""
    return block.ts, not block.key, key, block.late, block.touch is None


def _remember(session: Session, hit: Hit, known: bool, campaign: bool) -> None:
    """``campaign``: it carries one and opens no session."""
    touch = hit.touch
    same = touch is not None and alike(touch, session.touch)
    told = hit.key == session.campaign and (same or hit.key != "")
    if known:
        mark = (hit.ts - session.start) << _SHIFT | told << 1 | hit.pageview
        if session.marks and mark < session.marks[-1]:
            insort(session.marks, mark)
        else:
            session.marks.append(mark)
    if touch is not None and not (same and told) and (known or campaign):
        insort(session.said, Said(touch, campaign), key=lambda one: one.touch.ts)
        if len(session.said) > SAID_KEPT:
            plain = [one for one in session.said if not one.campaign]
            session.said.remove(plain[-1] if plain else session.said[0])


def _blocks(session: Session) -> list[_Block]:
    if not known_singly(session):
        touch = session.touch if session.touch.ts else None
        return [_Block(session.start, session.campaign, touch, session.last, whole=session)]
    said = {one.touch.ts: one for one in session.said}
    blocks, heard = [], -1
    for mark in reversed(session.marks):  # of one millisecond, the one that speaks comes last
        ts = session.start + (mark >> _SHIFT)
        told = mark & _TOLD or ts == session.start
        key, touch = "", None
        if ts != heard:
            other = said.get(ts)
            if told:
                key = session.campaign
                touch = replace(session.touch, ts=ts) if session.touch.ts else None
            if other is not None:
                touch = other.touch
                key = key or (_named(touch) if other.campaign else "")
        heard = ts
        blocks.append(_Block(ts, key, touch, ts, bool(mark & _PAGEVIEW)))
    return blocks


def _named(touch: Touch) -> str:
    """In place of a key that is not kept, where campaigns split nothing."""
    return touch.campaign or touch.origin or touch.channel


def _groups(blocks: list[_Block], rules: SessionRules) -> list[list[_Block]]:
    """Sorted blocks cut into sessions: the definition that every order of arrival comes down to."""
    groups: list[list[_Block]] = []
    start = last = 0
    moment = -1
    campaign = ""
    for block in blocks:
        if block.ts == moment and block.whole is None:
            block = block._replace(key="", touch=None)
        moment = block.ts
        if groups and not splits(start, last, campaign, block.ts, block.key, rules):
            groups[-1].append(block)
            last = max(last, block.last)
        else:
            groups.append([block])
            start, last, campaign = block.ts, block.last, block.key
    return groups


def _session(owner: str, group: list[_Block], rules: SessionRules) -> Session:
    first = group[0]
    last = max(block.last for block in group)
    session = Session(session_id(owner, first.ts), first.ts, last, first.touch or _NOTHING)
    session.campaign = first.key
    singly = not any(block.whole for block in group) and len(group) <= MARKS_KEPT
    for block in group:
        session.events += block.whole.events if block.whole else 1
        session.pageviews += block.whole.pageviews if block.whole else block.pageview
        if block.whole is not None:
            session.said += block.whole.said
        if block is not first or singly:
            campaign = block is not first and bool(block.key) and not rules.by_campaign
            _remember(session, Hit(block.ts, block.key, block.pageview, block.touch), singly, campaign)
    return session
