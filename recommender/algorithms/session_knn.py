"""Next item by the sessions most like the current one.

VMIS-kNN (Kersbergen et al., "Serenade", SIGMOD 2022): an index item → most recent sessions instead of all sessions.
The votes carry VSTAN's weights (Ludewig et al. 2021): similarity falls with a click's distance from the last one,
with a past session's age, and with a candidate's distance from the item both sessions share.
"""

import threading
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

from recommender.data.interactions import ADD, PURCHASE, VIEW, Floats, Interactions, Ints, Longs
from recommender.data.params import Params
from tracker.durations import DAY_MS


class _Scratch(threading.local):
    """Dense accumulators of one thread, left zeroed after use: allocating them costs more than the voting."""

    sessions: Floats
    items: Floats
    rank: Longs  # of an item in the current session, 1 = oldest, times RANK; 0 = absent
    mark: Ints  # never read where it was not just written: needs no zeroing
    there = False

    def made(self, sessions: int, items: int) -> "_Scratch":
        if not self.there:
            self.sessions, self.items = np.zeros(sessions, np.float32), np.zeros(items, np.float32)
            self.rank = np.zeros(items, np.int64)
            self.mark = np.zeros(max(sessions, items), np.int32)
            self.there = True
        return self

    def once(self, codes: Ints) -> Ints:
        """Each of ``codes`` once, without a sort."""
        row = np.arange(len(codes), dtype=np.int32)
        self.mark[codes] = row
        last: Ints = codes[self.mark[codes] == row]
        return last


RANK = 1 << 32
MIN_WEIGHT = 2.0**-60
MAX_DISTANCE = 64  # steps; what is farther from the shared item weighs as if it were this far


class _Votes(NamedTuple):
    """One row for each item of each neighbour session: the item and its weight. The rows of neighbour n begin at
    ``first[n]``; ``near[n]`` is the place in the current session of the newest item both share."""

    item: Ints
    weight: Floats
    first: Longs
    near: Longs


@dataclass(frozen=True, slots=True)
class NextItems:
    """Next items, best first, and the votes they were counted from."""

    items: Ints
    scores: Floats
    current: list[int]
    votes: _Votes
    _scratch: _Scratch

    def strongest_source(self, items: Ints) -> list[int]:
        """For each of ``items`` (distinct) the item of the current session that brought most of its votes."""
        votes, own, width = self.votes, self._scratch.rank, len(self.current)
        own[items] = np.arange(1, len(items) + 1)
        which = own[votes.item]
        own[items] = 0
        rows = np.flatnonzero(which)
        near = votes.near[np.searchsorted(votes.first, rows, "right") - 1]
        cell = (which[rows] - 1) * width + near
        brought = np.bincount(cell, votes.weight[rows], len(items) * width).reshape(-1, width)
        return [self.current[place] for place in brought.argmax(axis=1).tolist()]


_NONE, _NO_WEIGHT = np.zeros(0, np.int32), np.zeros(0, np.float32)
_NO_VOTES = _Votes(_NONE, _NO_WEIGHT, np.zeros(0, np.int64), np.zeros(0, np.int64))
NO_NEXT_ITEMS = NextItems(_NONE, _NO_WEIGHT, [], _NO_VOTES, _Scratch())


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
    _cache: dict[object, Floats] = field(default_factory=dict, repr=False, compare=False)

    def next(self, current: list[int], params: Params, count: int) -> NextItems:
        """The ``count`` best next items after ``current``: item codes, oldest first; those not indexed are skipped."""
        known = [item for item in current if 0 <= item < len(self.idf)][-params.session_last :]
        scratch = self._scratch.made(len(self.ended), len(self.idf))
        neighbours, similarity = self._neighbours(known, params, scratch)
        if not len(neighbours):
            return NO_NEXT_ITEMS
        votes = self._votes(known, neighbours, similarity, params, scratch)
        items, scores = self._count(votes, count, scratch)
        return NextItems(items, scores, known, votes, scratch)

    def prepare(self, params: Params) -> None:
        """Make ready what every answer needs, so that the first one does not have to."""
        self._freshness(params)
        self._rarity()
        self._fade(params)

    def _neighbours(self, known: list[int], params: Params, scratch: _Scratch) -> tuple[Ints, Floats]:
        """The most similar past sessions and how similar each is."""
        if not known:
            return _NONE, _NO_WEIGHT
        newest = np.array(_newest_first(known))
        low, high = self.post_starts[newest], self.post_starts[newest + 1]
        spans = zip(low.tolist(), high.tolist(), strict=True)
        posts = np.concatenate([self.posts[start:end] for start, end in spans])
        weight = np.exp(-params.session_decay * np.arange(len(newest))).astype(np.float32) * self.idf[newest]
        np.add.at(scratch.sessions, posts, np.repeat(weight, high - low))
        sessions = scratch.once(posts)
        similarity = scratch.sessions[sessions]
        scratch.sessions[sessions] = 0.0
        similarity *= self._freshness(params)[sessions]
        if len(sessions) > params.session_neighbours:
            best = np.argpartition(-similarity, params.session_neighbours)[: params.session_neighbours]
            sessions, similarity = sessions[best], similarity[best]
        return sessions, similarity

    def _votes(
        self, known: list[int], sessions: Ints, similarity: Floats, params: Params, scratch: _Scratch
    ) -> _Votes:
        low = self.starts[sessions]
        size = self.starts[sessions + 1] - low
        last = size.cumsum()
        first, row = last - size, np.arange(last[-1])
        item = self.items[np.repeat(low - first, size) + row]
        scratch.rank[known] = np.arange(1, len(known) + 1) * RANK  # the latest occurrence counts
        shared = scratch.rank[item] + row
        scratch.rank[known] = 0
        # The newest shared item, and where it last stood in its session.
        newest, place = np.divmod(np.maximum.reduceat(shared, first), RANK)
        distance = np.abs(row - np.repeat(place, size))
        weight = self._fade(params).take(distance, mode="clip") * np.repeat(similarity, size)
        return _Votes(item, weight, first, newest - 1)

    def _count(self, votes: _Votes, count: int, scratch: _Scratch) -> tuple[Ints, Floats]:
        np.add.at(scratch.items, votes.item, votes.weight)
        items = scratch.once(votes.item)
        scores = scratch.items[items] * self._rarity()[items]
        scratch.items[items] = 0.0
        if len(items) > 2 * count:
            top = np.argpartition(-scores, count)[:count]
            items, scores = items[top], scores[top]
        order = np.lexsort((items, -scores))[:count]
        return items[order], scores[order]

    def _freshness(self, params: Params) -> Floats:
        """By session; age is counted from the newest one: how long ago that was changes no order."""
        days = params.session_half_life_days
        fresh = self._cache.get(("fresh", days))
        if fresh is None:
            age = (self.ended[-1:] - self.ended) / (days * DAY_MS)
            fresh = self._cache[("fresh", days)] = np.exp2(-np.minimum(age, 60.0)).astype(np.float32)
        return fresh

    def _rarity(self) -> Floats:
        """By item, √idf."""
        rarity = self._cache.get("rarity")
        if rarity is None:
            rarity = self._cache["rarity"] = np.sqrt(self.idf)
        return rarity

    def _fade(self, params: Params) -> Floats:
        """By steps from the shared item."""
        pace = params.session_distance
        fade = self._cache.get(("fade", pace))
        if fade is None:
            steps = np.maximum(np.arange(MAX_DISTANCE + 1) - 1, 0)
            fade = self._cache[("fade", pace)] = np.exp(-pace * steps).astype(np.float32)
        return fade


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
    # A vote fades with age: a session that weighs half as much counts as one that is a half-life older.
    older = (
        np.log2(np.maximum(rows.session_weights()[codes], MIN_WEIGHT))
        * params.session_half_life_days
        * DAY_MS
    )
    ended = ended + older.astype(np.int64)
    by_age = np.argsort(ended, kind="stable")
    starts = np.concatenate([[0], np.cumsum(size[by_age])]).astype(np.int64)
    move = np.arange(len(item)) + np.repeat(first[by_age] - starts[:-1], size[by_age])
    number = np.repeat(np.arange(len(codes), dtype=np.int32), size[by_age])
    items = item[move]
    posts, post_starts, held = _postings(items, number, len(rows.items), params.session_postings)
    idf = np.log(max(len(codes), 1) / np.maximum(held, 1)).astype(np.float32)
    # An item that every session holds still tells something on a tiny site.
    return SessionIndex(starts, items, ended[by_age], post_starts, posts, np.maximum(idf, 0.05))


def _postings(items: Ints, number: Ints, count: int, limit: int) -> tuple[Ints, Longs, Longs]:
    """Most recent sessions of each item, where each item's begin, and how many held it; newer sessions have higher
    numbers."""
    pairs = (items.astype(np.int64) << 32) | number
    pairs.sort()  # not np.unique: it hashes first, which takes ten times as long
    pairs = pairs[np.diff(pairs, prepend=-1) != 0]
    session = (pairs & 0xFFFFFFFF).astype(np.int32)
    held = np.bincount(pairs >> 32, minlength=count)
    from_end = np.repeat(np.cumsum(held), held) - np.arange(len(session))
    kept = from_end <= limit
    starts = np.concatenate([[0], np.cumsum(np.minimum(held, limit))]).astype(np.int64)
    return session[kept], starts, held
