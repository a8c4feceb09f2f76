"""The overview's figures along a walk: what its SQL says, counted in arrays."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import date
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from warehouse.span import DAY_MS, Span
from warehouse.trails import Codes, Longs, Trail
from warehouse.visits import CAUSED, PAGEVIEW
from warehouse.walk import Walk, starts, unique

FLAGS = 1 << 26
"""Pairs up to which one byte for each possible one is quicker than sorting those that occur."""
HOUR_MS = 3_600_000

_EPOCH = date(1970, 1, 1)

Rows = list[dict[str, Any]]


@dataclass(frozen=True, slots=True)
class _Part:
    """What one trail adds. Visits: one a row; ``entry`` and ``exit`` are pages, -1 for none."""

    events: Longs  # by day
    pageviews: Longs  # by day
    seen: Longs  # day * people + person
    words: Longs  # how often each of the trail's words occurs
    viewers: Longs  # page * people + person, each once
    wall: Longs  # of a visit's start
    person: Longs
    touch: Longs
    bounced: npt.NDArray[np.bool_]
    entry: Longs
    exit: Longs


@dataclass(frozen=True, slots=True)
class _Touches:
    """Ways in which visits came about, one a row of ``table``, with their figures; ``who`` came which way, as
    row * people + person."""

    table: pa.Table
    sessions: Longs
    bounces: Longs
    orders: Codes
    revenue: Codes
    who: Longs


class Tally:
    """``answers`` of the overview's queries, by the same names."""

    def __init__(self, walk: Walk, span: Span) -> None:
        self._walk, self._span = walk, span
        self._people, self._day = len(walk.people), (span.first - _EPOCH).days
        self._days = (span.last - span.first).days + 1
        kinds = walk.of_words(f"{PAGEVIEW} as pageview, {CAUSED} as caused")
        self._pageview, self._caused = (
            kinds[name].to_numpy().astype(np.bool_) for name in ("pageview", "caused")
        )
        pages = walk.words["path"].combine_chunks().dictionary_encode()
        self._page, self._pages = pages.indices.to_numpy().astype(np.int64), pages.dictionary
        parts = walk.map(self._part)
        self._viewers = [part.viewers for part in parts]
        self._all = _Part(
            *(_together([getattr(part, name) for part in parts], name) for name in _Part.__slots__)
        )
        self._words = np.zeros(len(walk.words), np.int64)
        for base, part in zip(walk.word_base, parts, strict=True):
            self._words[base : base + len(part.words)] = part.words
        self._views = np.bincount(
            self._page[self._pageview], self._words[self._pageview], len(self._pages)
        ).astype(np.int64)
        self._orders = self._bought()
        self._touch = self._touches()

    def answers(self, columns: Sequence[str], named: Sequence[str], limit: int) -> dict[str, Rows]:
        """``columns``: of touches, to group visits by; of ``named`` the group "" is left out."""
        found = self._all
        sessions, bounces = self._visits_by(found.wall // DAY_MS - self._day, self._days)
        answers = {
            "whole": self._whole(),
            "days": _rows(
                day=np.arange(self._days) + self._day,
                visitors=self._distinct(found.seen, self._days),
                events=found.events,
                pageviews=found.pageviews,
            ),
            "visits": _rows(day=np.arange(self._days) + self._day, sessions=sessions, bounces=bounces),
            "orders": self._orders_by_day(),
            "pages": self._most_seen(limit),
            "hours": self._hours(),
            "entry": self._groups(found.entry, self._pages, limit),
            "exit": self._groups(found.exit, self._pages, limit),
        }
        for column in columns:
            answers[column] = self._came(column, column in named, limit)
        return answers

    def _part(self, index: int, trail: Trail) -> _Part:
        people, offset = self._people, self._walk.word_base[index]
        person = self._walk.persons[index][trail.profile]
        ts = trail.ts
        wall = self._span.wall(ts[trail.first[:-1]])
        day = self._days_of(ts)
        here = slice(offset, offset + len(trail.words))
        viewed = self._pageview[here][trail.word]
        views = np.flatnonzero(viewed)
        page = self._page[here][trail.word[views]]
        change = np.ones(len(day), np.bool_)
        change[1:] = (day[1:] != day[:-1]) | (person[1:] != person[:-1])
        begin, end = trail.first[:-1], trail.first[1:]
        deeds = _before(self._caused[here][trail.word])
        seen = _before(viewed)
        some, last = seen[end] > seen[begin], max(len(page) - 1, 0)
        entry, exit_ = (
            np.where(some, page[np.clip(at, 0, last)], -1) if len(page) else np.full(len(begin), -1)
            for at in (seen[begin], seen[end] - 1)
        )
        return _Part(
            events=np.bincount(day, minlength=self._days),
            pageviews=np.bincount(day[views], minlength=self._days),
            seen=day[change].astype(np.int64) * people + person[change],
            words=np.bincount(trail.word, minlength=len(trail.words)),
            viewers=unique(page * people + person[views]),
            wall=wall,
            person=person[begin],
            touch=trail.touch[begin].astype(np.int64) + self._walk.touch_base[index],
            bounced=deeds[end] - deeds[begin] == 1,
            entry=entry,
            exit=exit_,
        )

    def _days_of(self, ts: Longs) -> Codes:
        """The day of each row, from 0. A trail is of one day or two; one of nothing but bots is empty."""
        if not len(ts):
            return np.zeros(0, np.int32)
        least, most = (
            int(self._span.wall(np.array([bound]))[0]) // DAY_MS - self._day for bound in (ts.min(), ts.max())
        )
        if least == most:
            return np.full(len(ts), least, np.int32)
        return (self._span.wall(ts) // DAY_MS - self._day).astype(np.int32)

    def _whole(self) -> Rows:
        found = self._all
        people = np.zeros(self._people, np.bool_)
        people[found.seen % max(self._people, 1)] = True
        demo = self._walk.touches["demo"].to_numpy()
        # A trail that was cut may hold touches that no row of it has any more.
        used = self._walk.map(
            lambda k, trail: bool(demo[self._walk.touch_base[k] :][: len(trail.touches)][trail.touch].any())
        )
        return [
            {
                "visitors": int(people.sum()),
                "events": int(found.events.sum()),
                "pageviews": int(found.pageviews.sum()),
                "demo": any(used),
            }
        ]

    def _bought(self) -> dict[str, Codes]:
        """Each order once, at its first event: its visit (-1 for none), time on the wall, revenue, and 1 where it
        is one and no refund alone."""
        columns: dict[str, list[Codes]] = {
            name: [] for name in ("key", "visit", "ts", "revenue", "completed")
        }
        offset = 0
        for trail in self._walk.trails:
            once = {name: trail.orders[name].to_numpy() for name in trail.orders.column_names}
            once = {name: values[~once["repeated"]] for name, values in once.items()}
            row = once["row"]
            visit = np.searchsorted(trail.first, row, "right") - 1 + offset
            columns["visit"].append(np.where(row < trail.first[-1], visit, -1))
            columns["ts"].append(trail.at[row].astype(np.int64) + trail.base)
            for name in ("key", "revenue", "completed"):
                columns[name].append(once[name])
            offset += len(trail.visits)
        every = {name: np.concatenate(values) for name, values in columns.items()}
        order = np.lexsort((every["ts"], every["key"]))
        first = np.flatnonzero(starts(every["key"][order]))
        chosen = order[first]
        completed = every["completed"][order].astype(np.int64)
        return {
            "visit": every["visit"][chosen],
            "wall": self._span.wall(every["ts"][chosen].astype(np.int64)),
            "revenue": every["revenue"][chosen].astype(np.float64),
            "orders": np.maximum.reduceat(completed, first) if len(first) else completed,
        }

    def _orders_by_day(self) -> Rows:
        day = self._orders["wall"] // DAY_MS - self._day
        orders, revenue = (np.bincount(day, self._orders[name], self._days) for name in ("orders", "revenue"))
        return _rows(day=np.arange(self._days) + self._day, orders=orders.astype(np.int64), revenue=revenue)

    def _visits_by(self, codes: Longs, count: int) -> tuple[Longs, Longs]:
        """How many visits, and how many of them bounced, of each code."""
        return np.bincount(codes, minlength=count), np.bincount(codes[self._all.bounced], minlength=count)

    def _touches(self) -> _Touches:
        """The visits by how they came about, each way once, and who came that way."""
        table = self._walk.touches
        codes = np.zeros(len(table), np.int64)
        for name in (each for each in table.column_names if each not in ("hash", "demo")):
            values = table[name].combine_chunks().dictionary_encode()
            codes = codes * len(values.dictionary) + values.indices.to_numpy()
            _, first, codes = np.unique(codes, return_index=True, return_inverse=True)
        touch, count = codes[self._all.touch], len(first)
        sessions, bounces = self._visits_by(touch, count)
        visit = self._orders["visit"]
        mine, some = touch[visit[visit >= 0]], visit >= 0
        orders, revenue = (
            np.bincount(mine, self._orders[name][some], count) for name in ("orders", "revenue")
        )
        who = self._pairs(touch, self._all.person, count)
        return _Touches(table.take(pa.array(first)), sessions, bounces, orders, revenue, who)

    def _came(self, column: str, named: bool, limit: int) -> Rows:
        """The visits by one column of their touch; with ``named`` those without a name are left out."""
        touch = self._touch
        values = touch.table[column].combine_chunks().dictionary_encode()
        codes, count = values.indices.to_numpy().astype(np.int64), len(values.dictionary)
        ways, persons = np.divmod(touch.who, max(self._people, 1))
        visitors = self._distinct(codes[ways] * self._people + persons, count)
        counts = [
            np.bincount(codes, each, count).astype(each.dtype)
            for each in (touch.sessions, touch.bounces, touch.orders, touch.revenue)
        ]
        if named:
            counts[0][np.array(values.dictionary.to_pylist(), object) == ""] = 0
        return _grouped(values.dictionary, limit, visitors, *counts)

    def _groups(self, codes: Longs, names: pa.Array, limit: int) -> Rows:
        """Visits by their code, an index of ``names``, or -1: not counted. The largest groups first."""
        some = codes >= 0
        counts = np.bincount(codes[some], minlength=len(names))
        bounces = np.bincount(codes[some & self._all.bounced], minlength=len(names))
        visitors = self._distinct(codes[some] * self._people + self._all.person[some], len(names))
        visit = self._orders["visit"]
        mine = np.where(visit >= 0, codes[np.maximum(visit, 0)] if len(codes) else -1, -1)
        bought = {
            name: np.bincount(mine[mine >= 0], self._orders[name][mine >= 0], len(names))
            for name in ("orders", "revenue")
        }
        return _grouped(names, limit, visitors, counts, bounces, bought["orders"], bought["revenue"])

    def _most_seen(self, limit: int) -> Rows:
        visitors = self._page_visitors()
        chosen, texts = _largest(self._views, self._pages, limit)
        return _rows(
            path=texts,
            title=self._titles(chosen),
            pageviews=self._views[chosen],
            visitors=visitors[chosen],
        )

    def _page_visitors(self) -> Longs:
        """How many people saw each page: half of the pages in each of two threads."""
        people, pages = max(self._people, 1), len(self._pages)
        middle = int(np.searchsorted(np.cumsum(self._views), self._views.sum() // 2))

        def half(bounds: tuple[int, int]) -> Longs:
            low, high = (bound * people for bound in bounds)
            parts = [each[slice(*np.searchsorted(each, (low, high)))] for each in self._viewers]
            return np.bincount(unique(np.concatenate(parts)) // people, minlength=pages)

        with ThreadPoolExecutor(2, "pages") as pool:
            first, second = pool.map(half, ((0, middle), (middle, pages)))
        return first + second

    def _titles(self, pages: Longs) -> list[str]:
        """The latest title of each of the pages, "" for those without."""
        wanted = np.zeros(len(self._pages), np.bool_)
        wanted[pages] = True
        titles = self._walk.words["title"].to_pylist()
        asked = np.flatnonzero(wanted[self._page] & self._pageview & (self._words > 0)).tolist()
        words = [word for word in asked if titles[word]]
        named: dict[int, set[str]] = {}
        for word in words:
            named.setdefault(int(self._page[word]), set()).add(titles[word])
        last = self._last([word for word in words if len(named[int(self._page[word])]) > 1])
        best: dict[int, tuple[int, str]] = {}
        for word in words:
            page = int(self._page[word])
            best[page] = max(best.get(page, (-2, "")), (last.get(word, -1), titles[word]))
        return [best[page][1] if page in best else "" for page in pages.tolist()]

    def _last(self, words: Sequence[int]) -> dict[int, int]:
        """When each of the words occurred last."""
        wanted = np.zeros(len(self._walk.words), np.bool_)
        wanted[list(words)] = True
        last = np.full(len(wanted), -1)
        for trail, base in zip(self._walk.trails, self._walk.word_base, strict=True):
            here = wanted[base : base + len(trail.words)]
            if here.any():
                rows = np.flatnonzero(here[trail.word])
                np.maximum.at(last, trail.word[rows].astype(np.int64) + base, trail.ts[rows])
        return {word: int(last[word]) for word in words}

    def _hours(self) -> Rows:
        visits, bought = self._all.wall, self._orders["wall"][self._orders["orders"] > 0]
        sessions, orders = (np.bincount(_hour(wall), minlength=7 * 24) for wall in (visits, bought))
        some = np.flatnonzero((sessions > 0) | (orders > 0))
        some = some[np.lexsort((some // 24, some % 24))]
        return _rows(hour=some % 24, weekday=some // 24, sessions=sessions[some], orders=orders[some])

    def _pairs(self, groups: Longs, persons: Longs, count: int) -> Longs:
        """Pairs group * people + person, each once."""
        pairs = groups * self._people + persons
        if count * self._people <= FLAGS:
            flags = np.zeros(count * self._people, np.bool_)
            flags[pairs] = True
            return np.flatnonzero(flags)
        found: Longs = unique(pairs)
        return found

    def _distinct(self, pairs: Longs, groups: int) -> Longs:
        """How many people each group has, of pairs group * people + person."""
        people = max(self._people, 1)
        if groups * people <= FLAGS:
            flags = np.zeros(groups * people, np.bool_)
            flags[pairs] = True
        return np.bincount(unique(pairs) // people, minlength=groups)


def _grouped(
    names: pa.Array,
    limit: int,
    visitors: Longs,
    sessions: Longs,
    bounces: Longs,
    orders: Codes,
    revenue: Codes,
) -> Rows:
    """Groups with a visit at least, those with most visits first."""
    chosen, texts = _largest(sessions, names, limit)
    return _rows(
        name=texts,
        sessions=sessions[chosen],
        visitors=visitors[chosen],
        bounces=bounces[chosen],
        orders=orders[chosen].astype(np.int64),
        revenue=revenue[chosen],
    )


def _together(values: list[Codes], name: str) -> Codes:
    """By day and by page numbers add; all else stands one behind the other."""
    if name in ("events", "pageviews"):
        total: Codes = np.sum(values, axis=0)
        return total
    return np.concatenate(values)


def _before(flags: npt.NDArray[np.bool_]) -> Longs:
    """How many are set before each row, and before the end."""
    counts = np.zeros(len(flags) + 1, np.int64)
    np.cumsum(flags, out=counts[1:])
    return counts


def _hour(wall: Longs) -> Longs:
    """Weekday (0 is Monday) * 24 + hour."""
    return (wall // DAY_MS + 3) % 7 * 24 + wall // HOUR_MS % 24


def _largest(counts: Longs, names: pa.Array, limit: int) -> tuple[Longs, list[str]]:
    """The groups with the largest counts, of equal ones by name; those that do not occur are none."""
    some = np.flatnonzero(counts)
    if len(some) > limit:
        least = np.partition(counts[some], -limit)[-limit]
        some = some[counts[some] >= least]
    texts = names.take(pa.array(some)).to_pylist()
    order = sorted(range(len(some)), key=lambda at: (-counts[some[at]], texts[at]))[:limit]
    return some[np.array(order, np.int64)], [texts[at] for at in order]


def _rows(**columns: Any) -> Rows:
    values = [column.tolist() if isinstance(column, np.ndarray) else column for column in columns.values()]
    return [dict(zip(columns, row, strict=True)) for row in zip(*values, strict=True)]
