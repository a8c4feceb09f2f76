"""Evaluation cases: moments of held-out history, with what was known then and what the visitor chose next."""

import random
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from profiles.model import ITEMS_KEPT, ItemTouch
from recommender.data.interactions import ADD, KINDS, PURCHASE, VIEW, Interactions
from recommender.data.params import Params
from recommender.serving.visitor import Visitor, visitor_of_touches

CHOSEN = (VIEW, ADD, PURCHASE)
UNLIMITED = 1 << 30  # touches of a profile that forgets nothing


@dataclass(frozen=True, slots=True)
class Case:
    """One question to the recommender, and what the visitor chose afterwards.

    ``touches`` (oldest first) is what the live profile held at ``now`` (ms): each is earlier than that. ``chosen`` came
    at ``now`` or later, the last of it at ``until``.
    """

    group: int  # cases of one session are not independent
    touches: tuple[ItemTouch, ...]
    start: int  # of the current session, ms
    now: int
    chosen: frozenset[str]
    until: int = 0  # ms
    person: int = -1  # nor are sessions of one person; -1: of nobody else's

    def visitor(self, params: Params) -> Visitor:
        return visitor_of_touches(self.touches, None, params, self.now, self.start)


def next_item(future: Interactions, past: Interactions | None = None) -> Iterator[Case]:
    """For every prefix of every session of ``future``: which item comes next. Repeats count like any other item.

    The question is asked right after the session's last touch that is earlier than the choice: lines of one order,
    which have one time, do not tell each other. All that the visitor did until then is known, in ``past`` and in
    sessions that overlap with this one, as far as a profile keeps it.
    """
    histories = _histories([past, future] if past is not None else [future], {*_names(future)})
    for rows in _sessions(future):
        touches = [_touch(future, int(row)) for row in rows]
        person = int(future.profile[rows[0]])
        every = histories[future.profiles[person]]
        before = 0  # touches of the session that are earlier than the one at ``place``
        for place, touch in enumerate(touches):
            if touch.ts > touches[before].ts:
                before = place
            if before and KINDS.index(touch.kind) in CHOSEN:
                now = touches[before - 1].ts + 1
                held = every[: bisect_left(every, now, key=_ts)][-ITEMS_KEPT:]
                chosen = frozenset((touch.item,))
                group = int(future.session[rows[0]])
                yield Case(group, tuple(held), touches[0].ts, now, chosen, touch.ts, person)


def _sessions(rows: Interactions) -> list[npt.NDArray[np.int64]]:
    """The rows of each session of each person, in order of time."""
    order = np.lexsort((np.arange(len(rows)), rows.profile, rows.session))
    session, profile = rows.session[order], rows.profile[order]
    edges = np.flatnonzero((np.diff(session) != 0) | (np.diff(profile) != 0)) + 1
    return sorted(np.split(order, edges), key=lambda each: int(each[0])) if len(order) else []


def last_days(future: Interactions, past: Interactions, kept: int = ITEMS_KEPT) -> Iterator[Case]:
    """For every visitor with a past: which items he chooses in ``future``, all of them.

    ``kept`` is how many touches a profile holds."""
    now = int(future.ts[0]) if len(future) else 0
    chosen: dict[int, dict[str, int]] = defaultdict(dict)
    wanted = np.isin(future.kind, CHOSEN)
    for profile, item, ts in zip(future.profile[wanted], future.item[wanted], future.ts[wanted], strict=True):
        chosen[int(profile)][future.items[item]] = int(ts)
    known = _histories([past], {*_names(future)})
    for person, items in chosen.items():
        every = known.get(future.profiles[person], [])
        touches = tuple(every[: bisect_left(every, now, key=_ts)][-kept:])
        if touches:
            until = max(items.values())
            yield Case(person, touches, touches[-1].ts, now, frozenset(items), until, person)


def sample(cases: list[Case], limit: int, seed: int) -> list[Case]:
    """At most ``limit`` of them, drawn at random."""
    return cases if len(cases) <= limit else random.Random(seed).sample(cases, limit)


def _histories(parts: Sequence[Interactions], wanted: Collection[str]) -> dict[str, list[ItemTouch]]:
    """All touches of the ``wanted`` profiles in all ``parts``, in order of time."""
    found: dict[str, list[ItemTouch]] = defaultdict(list)
    for rows in parts:
        known = np.array([name in wanted for name in rows.profiles], np.bool_)
        for row in np.flatnonzero(known[rows.profile]).tolist():
            found[rows.profiles[rows.profile[row]]].append(_touch(rows, row))
    for touches in found.values():
        touches.sort(key=_ts)
    return found


def _names(rows: Interactions) -> list[str]:
    return [rows.profiles[code] for code in np.unique(rows.profile)]


def _touch(rows: Interactions, row: int) -> ItemTouch:
    return ItemTouch(rows.items[rows.item[row]], KINDS[rows.kind[row]], int(rows.ts[row]))


def _ts(touch: ItemTouch) -> int:
    return touch.ts
