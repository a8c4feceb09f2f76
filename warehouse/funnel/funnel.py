"""The visitor funnel: how many go from step to step.

A visitor begins in the span: with an event of the first step. A visitor reaches step k when some sequence of events
that begins in the span, each later than the one before and of its step, arrives there within the window of its first
event, be it after the end of the span: a day alone counts as that day within a month. In any order the other steps lie
within the window, before or after the first. By session the visit begins in the span, and counts whole. Totals, times,
trend, breakdown and drop-offs all have this one meaning.

DuckDB finds the events of the steps, as numbers; the sequences are matched in arrays
(``warehouse/funnel/step_order.py``). In SQL alone the same takes four times as long: a self join or a window function
for each step sorts all events again each time.
"""

import itertools
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow.compute as pc

from warehouse.definitions.event_order import POSITION
from warehouse.definitions.shares import NO_SHARE, Share, share_of
from warehouse.definitions.visits import LONGEST_MS
from warehouse.events import Events
from warehouse.funnel.step_order import (
    Exclusion,
    Longs,
    StepEvents,
    StepMatches,
    first_arrivals,
    gather,
    in_any_order,
    in_order,
)
from warehouse.index.encoded import EncodedEvents
from warehouse.index.scan import Mask, Scan
from warehouse.question.refused import QueryRefused
from warehouse.question.scope import Scope
from warehouse.question.span import Span
from warehouse.question.steps import Step, flags_of, parse_step, parse_window

__all__ = ["Funnel", "FunnelStep", "Rules", "Step", "funnel", "parse_step", "parse_window"]

CONDITIONS_LIMIT = 20
TIES_TOLD = 1023
"""Events of one owner in one millisecond whose order is told; those after it are taken to happen at once."""
MANY = 1 << 18
"""Events from which a second thread helps."""


@dataclass(frozen=True, slots=True)
class FunnelStep:
    """``conversion`` is of the step before, ``share`` of the first, each with its interval; ``drop`` those of the step
    before who did not get here. ``median`` and ``p90``: seconds since the step before, None where nobody got here."""

    name: str
    visitors: int
    conversion: float
    share: float
    drop: int
    median: float | None = None
    p90: float | None = None
    conversion_interval: Share = NO_SHARE
    share_interval: Share = NO_SHARE


@dataclass(frozen=True, slots=True)
class Funnel:
    """``visitors`` of a step counts visits when the funnel is by session."""

    steps: tuple[FunnelStep, ...]
    demo: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """How sequences count: see above. ``by_session``: each within one visit, of the visits that begin in the span.
    ``without``: events that break a sequence, between its ends or between step ``after`` (from 0) and the next."""

    window: int
    by_session: bool = False
    any_order: bool = False
    without: tuple[tuple[Step, int | None], ...] = ()

    @property
    def owner(self) -> str:
        """The column whose values are counted."""
        return "session" if self.by_session else "profile"

    def around(self, span: Span) -> tuple[int, int]:
        """From when to when (ms) the events of sequences of ``span`` are looked for; of visits, when they begin."""
        if self.by_session:
            return span.start, span.end
        return span.start - (self.window if self.any_order else 0), span.end + self.window

    @property
    def source(self) -> str:
        """What SQL reads their events from."""
        return "visit_events" if self.by_session else "events"


def funnel(events: Events, site: str, steps: Sequence[Step], rules: Rules | int, span: Span) -> Funnel:
    """Who got how far, of the events of ``site`` in ``span``. ``rules`` may be just the window, in ms.

    Raises QueryRefused, WarehouseUnavailable.
    """
    rules = Rules(window=rules) if isinstance(rules, int) else rules
    found = search(events, site, steps, rules, span)
    counts = np.zeros(len(steps), np.int64)
    took: list[list[Longs]] = [[] for _ in steps]
    for part in found.parts:
        counts += part.counts
        for at, waited in enumerate(part.waited):
            took[at].append(waited)
    return Funnel(tuple(_figures(steps, counts.tolist(), took)), found.demo)


@dataclass(frozen=True, slots=True)
class Part:
    """Some of the owners (visitors or visits), by ``hashes`` of their ids (DuckDB's). For each step: the owners
    who reach it (indexes of ``hashes``), how long the first sequence took since the step before, and when it arrived,
    in ms."""

    hashes: npt.NDArray[np.uint64]
    reached: list[Longs]
    waited: list[Longs]
    arrived: list[Longs]

    @property
    def counts(self) -> list[int]:
        return [len(owners) for owners in self.reached]


@dataclass(frozen=True, slots=True)
class Found:
    parts: list[Part]
    demo: bool

    def owners(self, step: int, beyond: bool | None = None) -> npt.NDArray[np.uint64]:
        """Hashes of the owners who reach ``step`` (from 0): all, only those who get further, or who do not."""
        chosen = []
        for part in self.parts:
            here = part.reached[step]
            if beyond is not None:
                following = part.reached[step + 1]
                here = following if beyond else np.setdiff1d(here, following, assume_unique=True)
            chosen.append(part.hashes[here])
        return np.concatenate(chosen)


def search(events: Events, site: str, steps: Sequence[Step], rules: Rules, span: Span) -> Found:
    """Match the steps of every owner. Raises QueryRefused, WarehouseUnavailable."""
    found = step_rows(events, site, steps, rules, span)
    if not rules.by_session:
        found = found.begun(span.start, span.end)
    return Found(follow(found, steps, rules), found.demo)


def step_rows(events: Events, site: str, steps: Sequence[Step], rules: Rules, span: Span) -> "StepRows":
    """The events of the steps, for sequences that begin in ``span`` or not."""
    _check(steps, rules)
    asked = [*steps, *(step for step, _ in rules.without)]
    start, end = rules.around(span)
    margin = LONGEST_MS if rules.by_session else 0
    clock = TimeRange(start - margin, end - start + 2 * margin)
    if not all(step.indexed for step in asked):
        return _queried(events, site, asked, rules, span, clock)
    if rules.by_session:
        return _scanned(events.visits(site, start, end).scan, asked, True, clock)
    return _scanned(events.scan(site, start, end), asked, False, clock)


_Rows = tuple[Longs, Longs, Longs, Longs]
"""Of each event: owner, ms, its place among those of its visit and millisecond, flags."""


@dataclass(frozen=True, slots=True)
class TimeRange:
    """ms since ``base``, of which there are ``length``."""

    base: int
    length: int


@dataclass(frozen=True, slots=True)
class StepRows:
    """The events of the steps, in no order: ``hashes[owner]``, and ``packed`` with time << ``bits`` | flags of the
    steps; time is ms of ``clock`` << ``tie_bits`` | the place among events of the same visit and millisecond."""

    owner: Longs
    packed: Longs
    hashes: npt.NDArray[np.uint64]
    bits: int
    tie_bits: int
    clock: TimeRange

    @classmethod
    def of(cls, rows: "_Rows", hashes: npt.NDArray[np.uint64], bits: int, clock: TimeRange) -> "StepRows":
        owner, ms, ties, flags = rows
        tie_bits = int(ties.max(initial=0)).bit_length()
        packed = ((ms - clock.base << tie_bits | ties) << bits) | flags
        return cls(owner, packed, hashes, bits, tie_bits, clock)

    @property
    def time_bits(self) -> int:
        return max(1, self.clock.length.bit_length()) + self.tie_bits

    def since(self, ms: int) -> int:
        """The least that ``packed`` may be from ``ms`` on."""
        return (ms - self.clock.base) << (self.tie_bits + self.bits)

    def begun(self, start: int, end: int) -> "StepRows":
        """The same where only sequences begin whose first step is in ``start`` ≤ ts < ``end``, ms."""
        outside = (self.packed < self.since(start)) | (self.packed >= self.since(end))
        return replace(self, packed=np.where(outside, self.packed & ~1, self.packed))

    @property
    def demo(self) -> bool:
        """The last flag says so."""
        return bool(np.any(self.packed & (1 << (self.bits - 1))))


def _queried(
    events: Events, site: str, steps: Sequence[Step], rules: Rules, span: Span, clock: TimeRange
) -> StepRows:
    """From SQL."""
    sql, params, bits = _hits(steps, rules)
    table = events.table(sql, Scope(site, *rules.around(span)), params)
    codes = pc.dictionary_encode(table["owner"].combine_chunks())
    owner = codes.indices.to_numpy(zero_copy_only=False)
    ms, ties, flags = (table[name].to_numpy() for name in ("ms", "tie", "flags"))
    return StepRows.of((owner, ms, ties, flags), codes.dictionary.to_numpy(), bits, clock)


def _scanned(scan: Scan, steps: Sequence[Step], by_session: bool, clock: TimeRange) -> StepRows:
    """From a scan, of visits when ``by_session``: what an event is decides which steps it fulfils."""
    flags, params = flags_of(steps)
    bits = len(steps) + 1
    of_word = scan.query_labels(f"{flags} as flags", params)["flags"].to_numpy().astype(np.int64)
    (nobody,) = scan.query("select hash('') as nobody", {}, {})["nobody"].to_pylist()
    hashes = np.concatenate([block.visits for block in scan.blocks])
    visit_base = [0, *itertools.accumulate(len(block.visits) for block in scan.blocks)]
    someone = scan.people != nobody
    demo = scan.touchpoints["demo"].to_numpy().astype(np.int64)

    def part(index: int, block: EncodedEvents) -> _Rows:
        here = scan.block_labels(index, of_word)
        rows = np.flatnonzero((here > 0)[block.label])
        if by_session:
            visit = np.searchsorted(block.first, rows, "right") - 1
            owner = visit + visit_base[index]
        else:
            owner = scan.persons[index][block.profile[rows]]
            if not someone.all():
                rows, owner = rows[someone[owner]], owner[someone[owner]]
        marks = here[block.label[rows]]
        shown = scan.block_touchpoints(index, demo)
        if shown.any():
            marks |= shown[block.touchpoint[rows]] << (bits - 1)
        ms = block.at[rows].astype(np.int64) + block.base
        return owner, ms, _ties(owner, ms, rows >= block.first[-1]), marks

    parts = scan.map(part)
    owners, ms, ties, marks = (np.concatenate([each[k] for each in parts]) for k in range(4))
    return StepRows.of((owners, ms, ties, marks), hashes if by_session else scan.people, bits, clock)


def _ties(owner: Longs, ms: Longs, loose: Mask) -> Longs:
    """The place of each row among those of its visit and millisecond. Rows that belong to no visit (``loose``) stand
    behind the others, everybody's in one order."""
    same = (ms[1:] == ms[:-1]) & ((owner[1:] == owner[:-1]) | loose[:-1])
    if not same.any():
        return np.zeros(len(ms), np.int64)
    at = np.arange(len(ms))
    begin = np.maximum.accumulate(np.where(np.append(False, same), 0, at))
    return np.minimum(at - begin, TIES_TOLD)


def follow(found: StepRows, steps: Sequence[Step], rules: Rules) -> list[Part]:
    """The matches, of one half of the owners in each of two threads where there are many events."""
    if len(found.owner) < MANY:
        return [_match(found, steps, rules)]
    odd = (found.owner & 1).astype(np.bool_)

    def half(which: int) -> Part:
        mine = odd if which else ~odd
        part = replace(
            found, owner=found.owner[mine] >> 1, packed=found.packed[mine], hashes=found.hashes[which::2]
        )
        return _match(part, steps, rules)

    with ThreadPoolExecutor(2, "funnel") as pool:
        return list(pool.map(half, (0, 1)))


def _match(found: StepRows, steps: Sequence[Step], rules: Rules) -> Part:
    reached: list[list[Longs]] = [[] for _ in steps]
    waited: list[list[Longs]] = [[] for _ in steps]
    arrived: list[list[Longs]] = [[] for _ in steps]
    owners = len(found.hashes)
    for hits in gather(found.owner, found.packed, found.bits, found.time_bits, owners, found.tie_bits):
        for at, level in enumerate(_levels(hits, steps, rules)):
            first = first_arrivals(level, hits)
            reached[at].append(first.owner)
            waited[at].append(first.waited)
            arrived[at].append(first.time + found.clock.base)
    return Part(
        found.hashes, *([np.concatenate(each) for each in lists] for lists in (reached, waited, arrived))
    )


def _hits(steps: Sequence[Step], rules: Rules) -> tuple[str, dict[str, Any], int]:
    """SQL of the events that are any step's: owner, ms, tie and flags of ``bits``; the last flag is demo.
    Its parameters, and bits."""
    flags, params = flags_of(steps)
    bits = len(steps) + 1
    # Two visitors whose 64-bit hashes agree would count as one: at 500,000 visitors one chance in 100 million.
    owner, source = rules.owner, rules.source
    sql = f"""
        select hash({owner}) as owner, ts as ms, flags,
               least(row_number() over (partition by {owner}, session, ts order by {POSITION}, id) - 1, {TIES_TOLD})
               as tie
        from (select profile, session, ts, position, id,
                     ({flags} | (case when demo then {1 << len(steps)} else 0 end))::bigint as flags
              from {source} where {owner} <> '')
        where flags & {(1 << len(steps)) - 1} > 0
    """
    return sql, params, bits


def _levels(hits: StepEvents, steps: Sequence[Step], rules: Rules) -> Iterator[StepMatches]:
    if rules.any_order:
        same = [sum(earlier == step for earlier in steps[:at]) for at, step in enumerate(steps)]
        return in_any_order(hits, same, rules.window)
    without = [Exclusion(len(steps) + at, after) for at, (_, after) in enumerate(rules.without)]
    return in_order(hits, len(steps), rules.window, without)


def _check(steps: Sequence[Step], rules: Rules) -> None:
    if not steps:
        raise QueryRefused("step", "at least one")
    if len(steps) + len(rules.without) > CONDITIONS_LIMIT:
        raise QueryRefused("step", f"at most {CONDITIONS_LIMIT}, exclusions included")
    if rules.window <= 0:
        raise QueryRefused("window", "more than nothing")
    if rules.any_order and rules.without:
        raise QueryRefused("order", "strict where something must not come in between")
    if any(after is not None and not 0 <= after < len(steps) - 1 for _, after in rules.without):
        raise QueryRefused("without", "after a step that has a next one")


def _figures(
    steps: Sequence[Step], counts: Sequence[int], took: Sequence[list[Longs]]
) -> Iterator[FunnelStep]:
    for at, step in enumerate(steps):
        now, before = counts[at], counts[max(at - 1, 0)]
        seconds = np.concatenate(took[at]) / 1000 if at and took[at] else np.zeros(0)
        median, p90 = np.percentile(seconds, [50, 90]).tolist() if len(seconds) else (None, None)
        yield FunnelStep(
            name=step.name,
            visitors=now,
            conversion=now / before if before else 0.0,
            share=now / counts[0] if counts[0] else 0.0,
            drop=before - now,
            median=median,
            p90=p90,
            conversion_interval=share_of(now, before),
            share_interval=share_of(now, counts[0]),
        )
