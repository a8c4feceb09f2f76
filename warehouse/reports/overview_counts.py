"""The overview's figures along a walk, counted in arrays."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import date
from typing import Any

import numpy as np
import pyarrow as pa

from tracker.durations import DAY_MS, HOUR_MS
from warehouse.index.encoded import Codes, Longs, Trail
from warehouse.index.groups import Pairs, distinct
from warehouse.index.orders import ordered
from warehouse.index.scan import Mask, Walk
from warehouse.index.titles import titles
from warehouse.question.span import Span
from warehouse.question.sql import CAUSED, PAGEVIEW

_EPOCH = date(1970, 1, 1)

Rows = list[dict[str, Any]]


@dataclass(frozen=True, slots=True)
class _Part:
    """What one trail adds. Visits: one a row; ``entry`` and ``exit`` are pages, -1 for none."""

    events: Longs  # by day
    pageviews: Longs  # by day
    demo: Longs  # one number: how many events are demo data
    views: Longs  # by page
    wall: Longs  # of a visit's start
    person: Longs
    touch: Longs
    bounced: Mask
    entry: Longs
    exit: Longs
    occurs: Mask  # which of the trail's words do


@dataclass(frozen=True, slots=True)
class _Touches:
    """Ways in which visits came about, one a row of ``table``, with their figures; ``way[i]`` is one in which
    ``person[i]`` came, each pair once."""

    table: pa.Table
    sessions: Longs
    bounces: Longs
    orders: Codes
    revenue: Codes
    way: Longs
    person: Longs


class Tally:
    """``answers`` by name: rows whose names are those of the overview's parts."""

    def __init__(self, walk: Walk, span: Span) -> None:
        self._walk, self._span = walk, span
        self._people, self._day = len(walk.people), (span.first - _EPOCH).days
        self._days = (span.last - span.first).days + 1
        kinds = walk.of_words(f"{PAGEVIEW} as pageview, {CAUSED} as caused")
        self._pageview, self._caused = (
            kinds[name].to_numpy().astype(np.bool_) for name in ("pageview", "caused")
        )
        pages = walk.words["path"].combine_chunks().dictionary_encode()
        self._page, self._pages = pages.indices.to_numpy(), pages.dictionary
        self._demo = walk.touches["demo"].to_numpy()
        events = sum(len(trail.at) for trail in walk.trails)
        self._seen = Pairs(self._days, self._people, events)
        self._viewers = Pairs(len(self._pages), self._people, events)
        parts = walk.map(self._part)
        self._all = _Part(
            *(_together([getattr(part, name) for part in parts], name) for name in _Part.__slots__)
        )
        self._occurs = np.zeros(len(walk.words), np.bool_)
        for base, part in zip(walk.word_base, parts, strict=True):
            self._occurs[base : base + len(part.occurs)] = part.occurs
        self._orders = ordered(walk, span)
        self._touch = self._touches()

    def answers(self, columns: Sequence[str], named: Sequence[str], limit: int) -> dict[str, Rows]:
        """``columns``: of touches, to group visits by; of ``named`` the group "" is left out."""
        asked: dict[str, Callable[[], Rows]] = {
            "pages": lambda: self._most_seen(limit),
            "entry": lambda: self._groups(self._all.entry, limit),
            "exit": lambda: self._groups(self._all.exit, limit),
            "hours": self._hours,
            "whole": self._whole,
            "days": self._by_day,
            "visits": self._visits_by_day,
            "orders": self._orders_by_day,
        }
        for column in columns:
            asked[column] = lambda column=column: self._came(column, column in named, limit)  # type: ignore[misc]
        with ThreadPoolExecutor(2, "tally") as pool:
            return dict(zip(asked, pool.map(lambda ask: ask(), asked.values()), strict=True))

    def _part(self, index: int, trail: Trail) -> _Part:
        walk, begin, end = self._walk, trail.first[:-1], trail.first[1:]
        persons = walk.persons[index]
        viewed = walk.words_of(index, self._pageview)[trail.word]
        views = np.flatnonzero(viewed)
        page = walk.words_of(index, self._page)[trail.word[views]]
        self._viewers.add(page, persons[trail.profile[views]])
        deeds = _before(walk.words_of(index, self._caused)[trail.word])
        before, last = _before(viewed), max(len(page) - 1, 0)
        some = before[end] > before[begin]
        entry, exit_ = (
            np.where(some, page[np.clip(at, 0, last)], -1) if len(page) else np.full(len(begin), -1)
            for at in (before[begin], before[end] - 1)
        )
        occurs = np.zeros(len(trail.words), np.bool_)
        occurs[trail.word] = True
        demo = walk.touches_of(index, self._demo)
        events, pageviews = self._counted_by_day(trail, persons, viewed)
        return _Part(
            events=events,
            pageviews=pageviews,
            views=np.bincount(page, minlength=len(self._pages)),
            demo=np.array([demo.any() and np.count_nonzero(demo[trail.touch])]),
            wall=self._span.wall(trail.at[begin].astype(np.int64) + trail.base),
            person=persons[trail.profile[begin]],
            touch=trail.touch[begin].astype(np.int64) + walk.touch_base[index],
            bounced=deeds[end] - deeds[begin] == 1,
            entry=entry,
            exit=exit_,
            occurs=occurs,
        )

    def _counted_by_day(self, trail: Trail, persons: Longs, viewed: Mask) -> tuple[Longs, Longs]:
        """Events and page views of each day, and who came; a trail is of one day or two, or of nothing."""
        events, pageviews = np.zeros(self._days, np.int64), np.zeros(self._days, np.int64)
        if not len(trail.at):
            return events, pageviews
        bounds = np.array([trail.at.min(), trail.at.max()], np.int64) + trail.base
        least, most = (self._span.wall(bounds) // DAY_MS - self._day).tolist()
        of_row = self._span.wall(trail.ts) // DAY_MS - self._day if most > least else None
        for day in range(least, most + 1):
            rows = slice(None) if of_row is None else np.flatnonzero(of_row == day)
            came = np.zeros(len(trail.profiles), np.bool_)
            came[trail.profile[rows]] = True
            who = persons[came]
            self._seen.add(np.full(len(who), day), who)
            events[day], pageviews[day] = len(trail.profile[rows]), np.count_nonzero(viewed[rows])
        return events, pageviews

    def _whole(self) -> Rows:
        came = np.zeros(self._people, np.bool_)
        came[self._seen.each()[1]] = True
        return [
            {
                "visitors": int(np.count_nonzero(came)),
                "events": int(self._all.events.sum()),
                "pageviews": int(self._all.pageviews.sum()),
                "demo": bool(self._all.demo.any()),
            }
        ]

    def _by_day(self) -> Rows:
        return _rows(
            day=np.arange(self._days) + self._day,
            visitors=self._seen.counts(),
            events=self._all.events,
            pageviews=self._all.pageviews,
        )

    def _visits_by_day(self) -> Rows:
        sessions, bounces = self._visits_by(self._all.wall // DAY_MS - self._day, self._days)
        return _rows(day=np.arange(self._days) + self._day, sessions=sessions, bounces=bounces)

    def _orders_by_day(self) -> Rows:
        orders, revenue = self._orders.by(self._orders.wall // DAY_MS - self._day, self._days)
        return _rows(day=np.arange(self._days) + self._day, orders=orders, revenue=revenue)

    def _visits_by(self, codes: Longs, count: int) -> tuple[Longs, Longs]:
        """How many visits, and how many of them bounced, of each code."""
        return np.bincount(codes, minlength=count), np.bincount(codes[self._all.bounced], minlength=count)

    def _orders_by(self, codes: Longs, count: int) -> tuple[Codes, Codes]:
        """Orders and revenue of each code; ``codes`` are those of the visits."""
        visit = self._orders.visit
        mine = np.where(visit >= 0, codes[visit], -1) if len(codes) else np.full(len(visit), -1)
        return self._orders.by(mine, count)

    def _touches(self) -> _Touches:
        """The visits by how they came about, each way once, and who came that way."""
        table = self._walk.touches
        codes = np.zeros(len(table), np.int64)
        for name in (each for each in table.column_names if each != "demo"):
            values = table[name].combine_chunks().dictionary_encode()
            codes = codes * len(values.dictionary) + values.indices.to_numpy()
            _, first, codes = np.unique(codes, return_index=True, return_inverse=True)
        touch, count = codes[self._all.touch], len(first)
        who = Pairs(count, self._people, len(touch))
        who.add(touch, self._all.person)
        counts = (*self._visits_by(touch, count), *self._orders_by(touch, count))
        return _Touches(table.take(pa.array(first)), *counts, *who.each())

    def _came(self, column: str, named: bool, limit: int) -> Rows:
        """The visits by one column of their touch; with ``named`` those without a name are left out."""
        touch = self._touch
        values = touch.table[column].combine_chunks().dictionary_encode()
        codes, count = values.indices.to_numpy(), len(values.dictionary)
        counts = [
            np.bincount(codes, each, count).astype(each.dtype)
            for each in (touch.sessions, touch.bounces, touch.orders, touch.revenue)
        ]
        if named:
            counts[0][np.array(values.dictionary.to_pylist(), object) == ""] = 0
        if not counts[0].any():
            return []
        visitors = distinct(codes[touch.way], touch.person, count, self._people)
        return _grouped(values.dictionary, limit, visitors, *counts)

    def _groups(self, pages: Longs, limit: int) -> Rows:
        """Visits by a page of theirs, -1 for none. The largest groups first."""
        some, count = pages >= 0, len(self._pages)
        visits = np.bincount(pages[some], minlength=count)
        bounces = np.bincount(pages[some & self._all.bounced], minlength=count)
        visitors = distinct(pages[some], self._all.person[some], count, self._people)
        return _grouped(self._pages, limit, visitors, visits, bounces, *self._orders_by(pages, count))

    def _most_seen(self, limit: int) -> Rows:
        views = self._all.views
        chosen, texts = _largest(views, self._pages, limit)
        called = titles(self._walk, self._page, self._pageview & self._occurs, chosen)
        return _rows(
            path=texts, title=called, pageviews=views[chosen], visitors=self._viewers.counts()[chosen]
        )

    def _hours(self) -> Rows:
        visits, bought = self._all.wall, self._orders.wall[self._orders.orders > 0]
        sessions, orders = (np.bincount(_hour(wall), minlength=7 * 24) for wall in (visits, bought))
        some = np.flatnonzero((sessions > 0) | (orders > 0))
        some = some[np.lexsort((some // 24, some % 24))]
        return _rows(hour=some % 24, weekday=some // 24, sessions=sessions[some], orders=orders[some])


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
    if name in ("events", "pageviews", "views", "demo"):
        total: Codes = np.sum(values, axis=0)
        return total
    return np.concatenate(values)


def _before(flags: Mask) -> Codes:
    """How many are set before each row, and before the end."""
    counts = np.zeros(len(flags) + 1, np.int32)
    np.cumsum(flags, out=counts[1:])
    return counts


def _hour(wall: Longs) -> Longs:
    """Weekday (0 is Monday) * 24 + hour: 1970-01-01 was a Thursday."""
    return (wall // HOUR_MS + 3 * 24) % (7 * 24)


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
