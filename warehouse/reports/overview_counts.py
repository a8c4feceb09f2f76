"""The figures of the overview, counted in the arrays of a scan."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import date
from typing import Any

import numpy as np
import pyarrow as pa

from tracker.durations import DAY_MS, HOUR_MS
from warehouse.definitions.bounce import is_bounce
from warehouse.definitions.conditions import CAUSED, PAGEVIEW
from warehouse.definitions.currencies import UNITS
from warehouse.index.distinct_people import DistinctPeople, distinct
from warehouse.index.encoded import Codes, EncodedEvents, Longs
from warehouse.index.scan import Mask, Scan
from warehouse.index.scanned_orders import ScannedOrders, sums
from warehouse.index.titles import titles
from warehouse.question.span import Span

_EPOCH = date(1970, 1, 1)

Rows = list[dict[str, Any]]


@dataclass(frozen=True, slots=True)
class _Part:
    """What one block adds. Visits: one a row; ``entry`` and ``exit`` are pages, -1 for none."""

    events: Longs  # by day
    pageviews: Longs  # by day
    demo: Longs  # one number: how many events are demo data
    views: Longs  # by page
    wall: Longs  # of a visit's start
    person: Longs
    touchpoint: Longs
    bounced: Mask
    entry: Longs
    exit: Longs
    occurs: Mask  # which of the block's labels do


@dataclass(frozen=True, slots=True)
class _Touchpoints:
    """Ways in which visits came about, one a row of ``table``, with their figures; ``way[i]`` is one in which
    ``person[i]`` came, each pair once."""

    table: pa.Table
    sessions: Longs
    bounces: Longs
    orders: Longs
    revenue: Longs
    way: Longs
    person: Longs


class OverviewCounts:
    """``answers`` by name: rows whose names are those of the overview's parts."""

    def __init__(self, scan: Scan, span: Span, orders: ScannedOrders) -> None:
        self._scan, self._span, self._orders = scan, span, orders
        self._people, self._day = len(scan.people), (span.first - _EPOCH).days
        self._days = (span.last - span.first).days + 1
        kinds = scan.query_labels(f"{PAGEVIEW} as pageview, {CAUSED} as caused")
        self._pageview, self._caused = (
            kinds[name].to_numpy().astype(np.bool_) for name in ("pageview", "caused")
        )
        pages = scan.labels["path"].combine_chunks().dictionary_encode()
        self._page, self._pages = pages.indices.to_numpy(), pages.dictionary
        self._demo = scan.touchpoints["demo"].to_numpy()
        events = sum(len(block.at) for block in scan.blocks)
        self._seen = DistinctPeople(self._days, self._people, events)
        self._viewers = DistinctPeople(len(self._pages), self._people, events)
        parts = scan.map(self._part)
        self._all = _Part(
            *(_together([getattr(part, name) for part in parts], name) for name in _Part.__slots__)
        )
        self._occurs = np.zeros(len(scan.labels), np.bool_)
        for base, part in zip(scan.label_base, parts, strict=True):
            self._occurs[base : base + len(part.occurs)] = part.occurs
        self._touchpoint = self._touchpoints()

    def answers(self, columns: Sequence[str], named: Sequence[str], limit: int) -> dict[str, Rows]:
        """``columns``: of touchpoints, to group visits by; of ``named`` the group "" is left out."""
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
        with ThreadPoolExecutor(2, "overview") as pool:
            return dict(zip(asked, pool.map(lambda ask: ask(), asked.values()), strict=True))

    def _part(self, index: int, block: EncodedEvents) -> _Part:
        scan, begin, end = self._scan, block.first[:-1], block.first[1:]
        persons = scan.persons[index]
        viewed = scan.block_labels(index, self._pageview)[block.label]
        views = np.flatnonzero(viewed)
        page = scan.block_labels(index, self._page)[block.label[views]]
        self._viewers.add(page, persons[block.profile[views]])
        caused = _before(scan.block_labels(index, self._caused)[block.label])
        before, last = _before(viewed), max(len(page) - 1, 0)
        some = before[end] > before[begin]
        entry, exit_ = (
            np.where(some, page[np.clip(at, 0, last)], -1) if len(page) else np.full(len(begin), -1)
            for at in (before[begin], before[end] - 1)
        )
        occurs = np.zeros(len(block.labels), np.bool_)
        occurs[block.label] = True
        demo = scan.block_touchpoints(index, self._demo)
        events, pageviews = self._counted_by_day(block, persons, viewed)
        return _Part(
            events=events,
            pageviews=pageviews,
            views=np.bincount(page, minlength=len(self._pages)),
            demo=np.array([demo.any() and np.count_nonzero(demo[block.touchpoint])]),
            wall=self._span.wall(block.at[begin].astype(np.int64) + block.base),
            person=persons[block.profile[begin]],
            touchpoint=block.touchpoint[begin].astype(np.int64) + scan.touchpoint_base[index],
            bounced=is_bounce(caused[end] - caused[begin]),
            entry=entry,
            exit=exit_,
            occurs=occurs,
        )

    def _counted_by_day(self, block: EncodedEvents, persons: Longs, viewed: Mask) -> tuple[Longs, Longs]:
        """Events and page views of each day, and who came; a block is of one day or two, or of nothing."""
        events, pageviews = np.zeros(self._days, np.int64), np.zeros(self._days, np.int64)
        if not len(block.at):
            return events, pageviews
        bounds = np.array([block.at.min(), block.at.max()], np.int64) + block.base
        least, most = (self._span.wall(bounds) // DAY_MS - self._day).tolist()
        of_row = self._span.wall(block.ts) // DAY_MS - self._day if most > least else None
        for day in range(least, most + 1):
            rows = slice(None) if of_row is None else np.flatnonzero(of_row == day)
            came = np.zeros(len(block.profiles), np.bool_)
            came[block.profile[rows]] = True
            who = persons[came]
            self._seen.add(np.full(len(who), day), who)
            events[day], pageviews[day] = len(block.profile[rows]), np.count_nonzero(viewed[rows])
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
        return _rows(day=np.arange(self._days) + self._day, orders=orders, revenue=revenue / UNITS)

    def _visits_by(self, codes: Longs, count: int) -> tuple[Longs, Longs]:
        """How many visits, and how many of them bounced, of each code."""
        return np.bincount(codes, minlength=count), np.bincount(codes[self._all.bounced], minlength=count)

    def _orders_by(self, codes: Longs, count: int) -> tuple[Longs, Longs]:
        """Orders and revenue of each code; ``codes`` are those of the visits."""
        visit = self._orders.visit
        mine = np.where(visit >= 0, codes[visit], -1) if len(codes) else np.full(len(visit), -1)
        return self._orders.by(mine, count)

    def _touchpoints(self) -> _Touchpoints:
        """The visits by how they came about, each way once, and who came that way."""
        table = self._scan.touchpoints
        codes = np.zeros(len(table), np.int64)
        for name in (each for each in table.column_names if each != "demo"):
            values = table[name].combine_chunks().dictionary_encode()
            codes = codes * len(values.dictionary) + values.indices.to_numpy()
            _, first, codes = np.unique(codes, return_index=True, return_inverse=True)
        touchpoint, count = codes[self._all.touchpoint], len(first)
        who = DistinctPeople(count, self._people, len(touchpoint))
        who.add(touchpoint, self._all.person)
        counts = (*self._visits_by(touchpoint, count), *self._orders_by(touchpoint, count))
        return _Touchpoints(table.take(pa.array(first)), *counts, *who.each())

    def _came(self, column: str, named: bool, limit: int) -> Rows:
        """The visits by one column of their touchpoint; with ``named`` those without a name are left out."""
        touchpoint = self._touchpoint
        values = touchpoint.table[column].combine_chunks().dictionary_encode()
        codes, count = values.indices.to_numpy(), len(values.dictionary)
        counts = [
            sums(codes, each, count)
            for each in (touchpoint.sessions, touchpoint.bounces, touchpoint.orders, touchpoint.revenue)
        ]
        if named:
            counts[0][np.array(values.dictionary.to_pylist(), object) == ""] = 0
        if not counts[0].any():
            return []
        visitors = distinct(codes[touchpoint.way], touchpoint.person, count, self._people)
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
        called = titles(self._scan, self._page, self._pageview & self._occurs, chosen)
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
    orders: Longs,
    revenue: Longs,
) -> Rows:
    """Groups with a visit at least, those with most visits first."""
    chosen, texts = _largest(sessions, names, limit)
    return _rows(
        name=texts,
        sessions=sessions[chosen],
        visitors=visitors[chosen],
        bounces=bounces[chosen],
        orders=orders[chosen],
        revenue=revenue[chosen] / UNITS,
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
