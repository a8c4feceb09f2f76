"""Next item by the sessions most like the current one.

VMIS-kNN (Kersbergen et al., "Serenade", SIGMOD 2022): an index item → most recent sessions instead of all sessions.
The votes carry VSTAN's weights (Ludewig et al. 2021): similarity falls with a click's distance from the last one,
with a past session's age, and with a candidate's distance from the item both sessions share.
"""

import threading
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

from recommender.interactions import ADD, PURCHASE, VIEW, Floats, Interactions, Ints, Longs
from recommender.params import DAY_MS, Params


class _Scratch(threading.local):
    """Dense accumulators of one thread, left zeroed after use: allocating them costs more than the voting."""

    sessions: Floats | None = None
    items: Floats | None = None
    rank: Ints | None = None  # of an item in the current session, 1 = oldest, 0 = absent
    mark: Ints | None = None  # never read where it was not just written: needs no zeroing


class _Votes(NamedTuple):
    """One row for each item of each neighbour session: the item, its weight, and which neighbour it is of.

    ``near`` is, by neighbour, the place in the current session of the newest item both share.
    """

    item: Ints
    weight: Floats
    neighbour: Ints
    near: Ints


class Voted(NamedTuple):
    """Next items, best first, and the votes they were counted from."""

    items: Ints
    scores: Floats
    current: list[int]
    votes: _Votes

    def because(self, item: int) -> int:
        """The item of the current session that brought most of its votes."""
        own = np.flatnonzero(self.votes.item == item)
        near = self.votes.near[self.votes.neighbour[own]]
        return self.current[int(np.bincount(near, self.votes.weight[own], len(self.current)).argmax())]


_NONE = np.zeros(0, np.int32)
NOBODY = Voted(_NONE, np.zeros(0, np.float32), [], _Votes(_NONE, np.zeros(0, np.float32), _NONE, _NONE))

FAR = 64  # steps; what is farther from the shared item weighs as if it were this far


@dataclass(frozen=True, slots=True)
class SessionIndex:
    """Past sessions, oldest first, and for each item the most recent sessions that held it.

    Session s is ``items[starts[s]:starts[s + 1]]`` in order of time, over at ``ended[s]`` (ms); item i occurs in
    sessions ``posts[post_starts[i]:post_starts[i + 1]]``. ``idf`` is log(sessions / sessions with the item).
    """

    starts: Longs
    items: Ints
    ended: Longs
    post_starts: Longs
    posts: Ints
    idf: Floats
    _scratch: _Scratch = field(default_factory=_Scratch, repr=False, compare=False)

    def next(self, current: list[int], params: Params, count: int) -> Voted:
        """The ``count`` best next items after ``current``: item codes, oldest first; those not indexed are skipped."""
        known = [item for item in current if 0 <= item < len(self.idf)][-params.session_last :]
        neighbours, similarity = self._neighbours(known, params)
        if not len(neighbours):
            return NOBODY
        votes = self._votes(known, neighbours, similarity, params)
        items, scores = self._count(votes, count)
        return Voted(items, scores, known, votes)

    def _neighbours(self, known: list[int], params: Params) -> tuple[Ints, Floats]:
        """The most similar past sessions and how similar each is."""
        total = self._scratch.sessions
        if total is None:
            total = self._scratch.sessions = np.zeros(len(self.ended), np.float32)
        found: list[Ints] = []
        for distance, item in enumerate(_newest_first(known)):
            posts = self.posts[self.post_starts[item] : self.post_starts[item + 1]]
            found.append(posts[total[posts] == 0])
            total[posts] += np.float32(np.exp(-params.session_decay * distance) * self.idf[item])
        if not found:
            return NOBODY.items, NOBODY.scores
        sessions = np.concatenate(found)
        similarity = total[sessions]
        total[sessions] = 0.0
        # Age is counted from the newest session: how long ago that was changes no order.
        age = (self.ended[-1] - self.ended[sessions]) / (params.session_half_life_days * DAY_MS)
        similarity *= np.exp2(-np.minimum(age, 60.0)).astype(np.float32)
        if len(sessions) > params.session_neighbours:
            best = np.argpartition(-similarity, params.session_neighbours)[: params.session_neighbours]
            sessions, similarity = sessions[best], similarity[best]
        return sessions, similarity

    def _votes(self, known: list[int], sessions: Ints, similarity: Floats, params: Params) -> _Votes:
        rank = self._scratch.rank
        if rank is None:
            rank = self._scratch.rank = np.zeros(len(self.idf), np.int32)
        low = self.starts[sessions]
        size = self.starts[sessions + 1] - low
        first = np.cumsum(size) - size
        neighbour = np.repeat(np.arange(len(sessions), dtype=np.int32), size)
        row = np.arange(len(neighbour))
        item = self.items[(low - first)[neighbour] + row]
        rank[known] = np.arange(1, len(known) + 1)  # the latest occurrence counts
        shared = rank[item]
        rank[known] = 0
        newest = np.maximum.reduceat(shared, first)
        # Where the newest shared item last stood in its session (of repeated places the last is kept).
        there = np.flatnonzero(shared == newest[neighbour])
        place = np.zeros(len(sessions), np.int64)
        place[neighbour[there]] = there
        distance = np.minimum(np.abs(row - place[neighbour]), FAR)
        fade = np.exp(-params.session_distance * np.maximum(np.arange(FAR + 1) - 1, 0)).astype(np.float32)
        return _Votes(item, fade[distance] * similarity[neighbour], neighbour, newest - 1)

    def _count(self, votes: _Votes, count: int) -> tuple[Ints, Floats]:
        total, mark = self._scratch.items, self._scratch.mark
        if total is None or mark is None:
            total = self._scratch.items = np.zeros(len(self.idf), np.float32)
            mark = self._scratch.mark = np.zeros(len(self.idf), np.int32)
        np.add.at(total, votes.item, votes.weight)
        row = np.arange(len(votes.item), dtype=np.int32)
        mark[votes.item] = row
        items = votes.item[mark[votes.item] == row]  # each once, without a sort
        scores = total[items] * np.sqrt(self.idf[items])
        total[items] = 0.0
        if len(items) > 2 * count:
            top = np.argpartition(-scores, count)[:count]
            items, scores = items[top], scores[top]
        order = np.lexsort((items, -scores))[:count]
        return items[order], scores[order]


def _newest_first(known: list[int]) -> list[int]:
    """Distinct items by their latest occurrence."""
    return list(dict.fromkeys(reversed(known)))


def build(rows: Interactions, params: Params) -> SessionIndex:
    """Index of every session with at least two events, the last ``session_items`` of each."""
    rows = rows.rows(np.isin(rows.kind, (VIEW, ADD, PURCHASE)))
    order = np.argsort(rows.session, kind="stable")  # rows are in order of time already
    session, item, ts = rows.session[order], rows.item[order], rows.ts[order]
    size = np.bincount(session, minlength=rows.sessions)
    from_end = np.repeat(np.cumsum(size), size) - np.arange(len(session))
    kept = (from_end <= params.session_items) & (size[session] > 1)
    session, item, ts = session[kept], item[kept], ts[kept]
    codes, first, size = np.unique(session, return_index=True, return_counts=True)
    ended = ts[first + size - 1] if len(codes) else np.zeros(0, np.int64)
    by_age = np.argsort(ended, kind="stable")
    starts = np.concatenate([[0], np.cumsum(size[by_age])]).astype(np.int64)
    move = np.arange(len(item)) + np.repeat(first[by_age] - starts[:-1], size[by_age])
    number = np.repeat(np.arange(len(codes), dtype=np.int32), size[by_age])
    items = item[move]
    posts, post_starts = _postings(items, number, len(rows.items), params.session_postings)
    held = np.bincount(_distinct(items, number)[0], minlength=len(rows.items))
    idf = np.log(max(len(codes), 1) / np.maximum(held, 1)).astype(np.float32)
    # An item that every session holds still tells something on a tiny site.
    return SessionIndex(starts, items, ended[by_age], post_starts, posts, np.maximum(idf, 0.05))


def _distinct(items: Ints, number: Ints) -> tuple[Ints, Ints]:
    """(item, session) pairs once each, by item, then session."""
    pairs = np.unique((items.astype(np.int64) << 32) | number)
    return (pairs >> 32).astype(np.int32), (pairs & 0xFFFFFFFF).astype(np.int32)


def _postings(items: Ints, number: Ints, count: int, limit: int) -> tuple[Ints, Longs]:
    """Most recent sessions of each item; newer sessions have higher numbers."""
    item, session = _distinct(items, number)
    size = np.bincount(item, minlength=count)
    from_end = np.repeat(np.cumsum(size), size) - np.arange(len(item))
    kept = from_end <= limit
    return session[kept], np.concatenate([[0], np.cumsum(np.minimum(size, limit))]).astype(np.int64)
