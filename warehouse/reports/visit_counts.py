"""The visits of a span: when they began, how they came about, where they entered and left, what they ordered."""

import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from tracker.durations import HOUR_MS
from warehouse.definitions.bounce import is_bounce
from warehouse.definitions.conditions import PAGEVIEW
from warehouse.definitions.currencies import UNITS
from warehouse.definitions.shares import Clusters, clusters_of
from warehouse.index.distinct_people import DistinctPeople, distinct
from warehouse.index.encoded import EncodedEvents, Longs
from warehouse.index.scan import Mask, starts
from warehouse.index.scanned_orders import ScannedOrders, sums
from warehouse.index.whole_visits import WholeVisits
from warehouse.question.periods import Periods
from warehouse.reports.grouped_rows import Rows, grouped, rows_of

NO_PAGE = ""
"""The entry and the exit of a visit without any page view."""


@dataclass(frozen=True, slots=True)
class _BlockVisits:
    """The visits of one block, one a row; ``entry`` and ``exit`` are pages."""

    began: Longs
    person: Longs
    touchpoint: Longs
    bounced: Mask
    entry: Longs
    exit: Longs


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


class VisitCounts:
    """Visits as ``warehouse.definitions.visits`` defines them. Of ``orders``, a group has those that were placed in its
    visits, and a period those that were placed in it."""

    def __init__(self, visits: WholeVisits, periods: Periods, orders: ScannedOrders) -> None:
        self._visits, self._scan, self._periods, self._orders = visits, visits.scan, periods, orders
        self._people = len(self._scan.people)
        kinds = self._scan.query_labels(f"{PAGEVIEW} as pageview")
        self._pageview = kinds["pageview"].to_numpy().astype(np.bool_)
        names = pa.concat_arrays([self._scan.labels["path"].combine_chunks(), pa.array([NO_PAGE])])
        pages = names.dictionary_encode()
        self._pages = pages.dictionary
        codes = pages.indices.to_numpy()
        self._page, self._none = codes[:-1], codes[-1]
        parts = self._scan.map(self._part)
        self._all = _BlockVisits(
            *(np.concatenate([getattr(part, each.name) for part in parts]) for each in fields(_BlockVisits))
        )
        self._touchpoint = self._touchpoints()

    def answers(
        self, columns: Sequence[str], named: Sequence[str], limit: int
    ) -> dict[str, Callable[[], Rows]]:
        """By name, what makes the rows. ``columns``: of touchpoints, to group visits by; of ``named`` the group "" is
        left out."""
        made: dict[str, Callable[[], Rows]] = {
            "entry": lambda: self._groups(self._all.entry, limit),
            "exit": lambda: self._groups(self._all.exit, limit),
            "hours": self._hours,
            "visits": self._by_period,
            "bounces": self._bounces,
            "orders": self._orders_by_period,
        }
        for column in columns:
            made[column] = lambda column=column: self._came(column, column in named, limit)  # type: ignore[misc]
        return made

    def _part(self, index: int, block: EncodedEvents) -> _BlockVisits:
        scan, begin, end = self._scan, block.first[:-1], block.first[1:]
        opened = self._visits.opened[index]
        viewed = scan.block_labels(index, self._pageview)[block.label]
        views = np.flatnonzero(viewed)
        page = np.append(scan.block_labels(index, self._page)[block.label[views]], self._none)
        before = np.zeros(len(viewed) + 1, np.int64)
        np.cumsum(viewed, out=before[1:])
        some = before[end] > before[begin]
        return _BlockVisits(
            began=self._visits.began(index),
            person=scan.persons[index][block.profile[opened]],
            touchpoint=block.touchpoint[opened].astype(np.int64) + scan.touchpoint_base[index],
            bounced=is_bounce(self._visits.deeds[index]),
            entry=page[np.where(some, before[begin], -1)],
            exit=page[np.where(some, before[end] - 1, -1)],
        )

    def _by_period(self) -> Rows:
        count = self._periods.count
        period = self._periods.of(self._all.began)
        sessions, bounces = self._visits_by(period, count)
        people = self._bouncing(period, count)
        return rows_of(period=np.arange(count), sessions=sessions, bounces=bounces, people=people)

    def _bounces(self) -> Rows:
        """Of all visits, by person."""
        return rows_of(people=self._bouncing(np.zeros(len(self._all.person), np.int64), 1))

    def _bouncing(self, codes: Longs, count: int) -> list[Clusters]:
        """The visits of each code by person: how many, and how many of them bounced."""
        pairs = codes * (self._people + 1) + self._all.person
        pairs = np.sort(pairs << 1 | self._all.bounced)
        begins = np.flatnonzero(starts(pairs >> 1))
        visits = np.diff(np.append(begins, len(pairs)))
        bounced = np.add.reduceat(pairs & 1, begins) if len(begins) else begins
        bounds = np.searchsorted(pairs[begins] >> 1, np.arange(count + 1) * (self._people + 1)).tolist()
        return [clusters_of(bounced[a:b], visits[a:b]) for a, b in itertools.pairwise(bounds)]

    def _orders_by_period(self) -> Rows:
        count, placed = self._periods.count, self._orders.placed
        period = np.full(len(placed), -1)
        period[placed] = self._periods.of(self._orders.ts[placed])
        orders, revenue = self._orders.by(period, count)
        return rows_of(period=np.arange(count), orders=orders, revenue=revenue / UNITS)

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
        names = values.dictionary
        if column == "country":
            names, counts = self._with_countries(names, counts)
            count = len(names)
        if named:
            counts[0][np.array(values.dictionary.to_pylist(), object) == ""] = 0
        if not (counts[0].any() or (column == "country" and counts[2].any())):
            return []
        visitors = distinct(codes[touchpoint.way], touchpoint.person, count, self._people)
        return grouped(names, limit, visitors, *counts, orders_alone=column == "country")

    def _with_countries(self, names: pa.Array, counts: list[Longs]) -> tuple[pa.Array, list[Longs]]:
        """``counts`` by country, with the orders of no visit, of which a server's may say where they came from."""
        orders = self._orders
        apart = orders.placed & orders.country.is_valid().to_numpy(zero_copy_only=False)
        if not apart.any():
            return names, counts
        told = orders.country.filter(pa.array(apart)).dictionary_encode()
        new = told.dictionary.filter(pc.invert(pc.is_in(told.dictionary, names)))
        names = pa.concat_arrays([names, new])
        counts = [np.append(each, np.zeros(len(new), np.int64)) for each in counts]
        codes = pc.index_in(told.dictionary, names).to_numpy()[told.indices.to_numpy()]
        for at, values in ((2, orders.orders), (3, orders.revenue)):
            counts[at] = counts[at] + sums(codes, values[apart], len(names))
        return names, counts

    def _groups(self, pages: Longs, limit: int) -> Rows:
        """WholeVisits by a page of theirs. The largest groups first."""
        count = len(self._pages)
        visitors = distinct(pages, self._all.person, count, self._people)
        return grouped(
            self._pages, limit, visitors, *self._visits_by(pages, count), *self._orders_by(pages, count)
        )

    def _hours(self) -> Rows:
        orders = self._orders
        bought = orders.ts[orders.placed & (orders.orders > 0)]
        counts = [
            np.bincount(_hour(self._periods.span.wall(ts)), minlength=7 * 24)
            for ts in (self._all.began, bought)
        ]
        some = np.flatnonzero((counts[0] > 0) | (counts[1] > 0))
        some = some[np.lexsort((some // 24, some % 24))]
        return rows_of(hour=some % 24, weekday=some // 24, sessions=counts[0][some], orders=counts[1][some])


def _hour(wall: Longs) -> Longs:
    """Weekday (0 is Monday) * 24 + hour: 1970-01-01 was a Thursday."""
    return (wall // HOUR_MS + 3 * 24) % (7 * 24)
