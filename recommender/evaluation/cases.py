"""Evaluation cases: moments of held-out history, with what was known then and what the visitor chose next."""

import random
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from profiles.model import ITEMS_KEPT, ItemTouch
from recommender.data.interactions import ADD, KINDS, PURCHASE, VIEW, Interactions
from recommender.data.params import Params
from recommender.serving.visitor import Visitor, visitor_of_touches

CHOSEN = (VIEW, ADD, PURCHASE)
UNLIMITED = 1 << 30  # touches of a profile that forgets nothing


@dataclass(frozen=True, slots=True)
class Case:
    """``touches`` (oldest first) is what the live profile held at ``now``; ``chosen`` what came then."""

    group: int  # cases of one session or visitor are not independent
    touches: tuple[ItemTouch, ...]
    start: int  # of the current session, ms
    now: int
    chosen: frozenset[str]

    def visitor(self, params: Params) -> Visitor:
        return visitor_of_touches(self.touches, None, params, self.now, self.start)


def next_item(future: Interactions, past: Interactions | None = None) -> Iterator[Case]:
    """For every prefix of every session of ``future``: which item comes next. Repeats count like any other item.

    A visitor's own ``past`` and his earlier sessions are known, as far as a profile keeps them.
    """
    known = histories(past) if past is not None else {}
    order = np.lexsort((np.arange(len(future)), future.session))
    edges = np.flatnonzero(np.diff(future.session[order])) + 1
    sessions = np.split(order, edges) if len(order) else []
    for rows in sorted(sessions, key=lambda rows: int(rows[0])):
        touches = [_touch(future, int(row)) for row in rows]
        profile = future.profiles[int(future.profile[rows[0]])]
        before = known.get(profile, [])
        for place in range(1, len(touches)):
            if KINDS.index(touches[place].kind) in CHOSEN:
                held = (*before, *touches[:place])[-ITEMS_KEPT:]
                moment = touches[place - 1].ts
                chosen = frozenset((touches[place].item,))
                yield Case(int(future.session[rows[0]]), held, touches[0].ts, moment, chosen)
        known[profile] = [*before, *touches][-ITEMS_KEPT:]


def last_days(future: Interactions, past: Interactions, kept: int = ITEMS_KEPT) -> Iterator[Case]:
    """For every visitor with a past: which items he chooses in ``future``, all of them.

    ``kept`` is how many touches a profile holds."""
    known = histories(past, kept)
    chosen: dict[str, set[str]] = defaultdict(set)
    wanted = np.isin(future.kind, CHOSEN)
    for profile, item in zip(future.profile[wanted], future.item[wanted], strict=True):
        chosen[future.profiles[profile]].add(future.items[item])
    now = int(future.ts[0]) if len(future) else 0
    for group, (profile, items) in enumerate(chosen.items()):
        if profile in known:
            touches = tuple(known[profile])
            yield Case(group, touches, touches[-1].ts, now, frozenset(items))


def sample(cases: list[Case], limit: int, seed: int) -> list[Case]:
    """At most ``limit`` of them, drawn at random."""
    return cases if len(cases) <= limit else random.Random(seed).sample(cases, limit)


def histories(rows: Interactions, kept: int = ITEMS_KEPT) -> dict[str, list[ItemTouch]]:
    """The last ``kept`` touches of each profile."""
    order = np.argsort(rows.profile, kind="stable")
    edges = np.flatnonzero(np.diff(rows.profile[order])) + 1
    own = np.split(order, edges) if len(order) else []
    return {
        rows.profiles[rows.profile[each[0]]]: [_touch(rows, int(row)) for row in each[-kept:]] for each in own
    }


def _touch(rows: Interactions, row: int) -> ItemTouch:
    return ItemTouch(rows.items[rows.item[row]], KINDS[rows.kind[row]], int(rows.ts[row]))
