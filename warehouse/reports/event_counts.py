"""What happened in a span, event by event: the overview's events, page views, visitors and pages."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from warehouse.definitions.conditions import PAGEVIEW
from warehouse.index.distinct_people import DistinctPeople
from warehouse.index.encoded import Codes, EncodedEvents, Longs
from warehouse.index.scan import Mask, Scan
from warehouse.index.titles import titles
from warehouse.question.periods import Periods
from warehouse.reports.grouped_rows import Rows, largest, rows_of


@dataclass(frozen=True, slots=True)
class _BlockEvents:
    """What one block adds."""

    events: Longs  # by period
    pageviews: Longs  # by period
    demo: int  # how many events are demo data
    views: Longs  # by page
    occurs: Mask  # which of the block's labels do


class EventCounts:
    """Events count at their own time, whatever visit they belong to. ``periods`` are the days, or the hours, of the
    series."""

    def __init__(self, scan: Scan, periods: Periods) -> None:
        self._scan, self._periods = scan, periods
        kinds = scan.query_labels(f"{PAGEVIEW} as pageview")
        self._pageview = kinds["pageview"].to_numpy().astype(np.bool_)
        pages = scan.labels["path"].combine_chunks().dictionary_encode()
        self._page, self._pages = pages.indices.to_numpy(), pages.dictionary
        self._demo = scan.touchpoints["demo"].to_numpy()
        events, people = sum(len(block.at) for block in scan.blocks), len(scan.people)
        self._seen = DistinctPeople(periods.count, people, events)
        self._viewers = DistinctPeople(len(self._pages), people, events)
        self._parts = scan.map(self._part)
        self._views: Longs = np.sum([part.views for part in self._parts], axis=0)

    def answers(self, limit: int) -> dict[str, Callable[[], Rows]]:
        """By name, what makes the rows."""
        return {"pages": lambda: self._most_seen(limit), "whole": self._whole, "events": self._by_period}

    def _part(self, index: int, block: EncodedEvents) -> _BlockEvents:
        scan = self._scan
        persons = scan.persons[index]
        viewed = scan.block_labels(index, self._pageview)[block.label]
        views = np.flatnonzero(viewed)
        page = scan.block_labels(index, self._page)[block.label[views]]
        self._viewers.add(page, persons[block.profile[views]])
        occurs = np.zeros(len(block.labels), np.bool_)
        occurs[block.label] = True
        demo = scan.block_touchpoints(index, self._demo)
        events, pageviews = self._counted(block, persons, viewed)
        return _BlockEvents(
            events=events,
            pageviews=pageviews,
            views=np.bincount(page, minlength=len(self._pages)),
            demo=int(demo.any() and np.count_nonzero(demo[block.touchpoint])),
            occurs=occurs,
        )

    def _counted(self, block: EncodedEvents, persons: Longs, viewed: Mask) -> tuple[Longs, Longs]:
        """Events and page views of each period, and who came; a block is of one day or two, or of nothing."""
        count = self._periods.count
        events, pageviews = np.zeros(count, np.int64), np.zeros(count, np.int64)
        if not len(block.at):
            return events, pageviews
        bounds = np.array([block.at.min(), block.at.max()], np.int64) + block.base
        least, most = self._periods.of(bounds).tolist()
        of_row = self._periods.of(block.ts) if most > least else None
        for period in range(least, most + 1):
            rows: Codes | slice = slice(None) if of_row is None else np.flatnonzero(of_row == period)
            came = np.zeros(len(block.profiles), np.bool_)
            came[block.profile[rows]] = True
            who = persons[came]
            self._seen.add(np.full(len(who), period), who)
            events[period], pageviews[period] = len(block.profile[rows]), np.count_nonzero(viewed[rows])
        return events, pageviews

    def _whole(self) -> Rows:
        _, who = self._seen.each()
        came = np.zeros(len(self._scan.people), np.bool_)
        came[who] = True
        return rows_of(
            visitors=[int(np.count_nonzero(came))],
            events=[sum(int(part.events.sum()) for part in self._parts)],
            pageviews=[sum(int(part.pageviews.sum()) for part in self._parts)],
            demo=[any(part.demo for part in self._parts)],
        )

    def _by_period(self) -> Rows:
        return rows_of(
            period=np.arange(self._periods.count),
            visitors=self._seen.counts(),
            events=np.sum([part.events for part in self._parts], axis=0),
            pageviews=np.sum([part.pageviews for part in self._parts], axis=0),
        )

    def _most_seen(self, limit: int) -> Rows:
        chosen, texts = largest(self._views, self._pages, limit)
        occurs = np.zeros(len(self._scan.labels), np.bool_)
        for base, part in zip(self._scan.label_base, self._parts, strict=True):
            occurs[base : base + len(part.occurs)] = part.occurs
        called = titles(self._scan, self._page, self._pageview & occurs, chosen)
        return rows_of(
            path=texts, title=called, pageviews=self._views[chosen], visitors=self._viewers.counts()[chosen]
        )
