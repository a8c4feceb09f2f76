"""The visitor funnel: how many go from step to step.

A visitor reaches step k when some chain of events, each strictly later than the one before and of its step,
arrives there within the window of its first event. DuckDB finds the events of the steps, as numbers; the
chains are followed in arrays (``warehouse/chains.py``). In SQL alone the same takes four times as long:
a self join or a window function for each step sorts all events again each time.
"""

from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from warehouse.chains import Hits, Level, Longs, Without, first_of_runs, in_any_order, in_order, owners
from warehouse.refused import QueryRefused
from warehouse.scope import Events, Scope
from warehouse.span import Span
from warehouse.steps import Step, parse_step, parse_window

__all__ = ["Funnel", "FunnelStep", "Rules", "Step", "funnel", "parse_step", "parse_window"]

STEPS_LIMIT = 20
KEY_BITS = 62
CHUNK = 1 << 21
"""Events from which a second thread helps."""


@dataclass(frozen=True, slots=True)
class FunnelStep:
    """``conversion`` is of the step before, ``share`` of the first; ``drop`` those of the step before who did
    not get here. ``median`` and ``p90``: seconds since the step before, None where nobody got here."""

    name: str
    visitors: int
    conversion: float
    share: float
    drop: int
    median: float | None = None
    p90: float | None = None


@dataclass(frozen=True, slots=True)
class Funnel:
    """``visitors`` of a step counts visits when the funnel is by session."""

    steps: tuple[FunnelStep, ...]
    demo: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """How chains count. ``by_session``: each within one visit. ``without``: events that break a chain, between
    its ends or between step ``after`` (from 0) and the next."""

    window: int
    by_session: bool = False
    any_order: bool = False
    without: tuple[tuple[Step, int | None], ...] = ()


def funnel(events: Events, site: str, steps: Sequence[Step], rules: Rules | int, span: Span) -> Funnel:
    """Who got how far, of the events of ``site`` in ``span``. ``rules`` may be just the window, in ms.

    Raises QueryRefused, WarehouseUnavailable.
    """
    rules = Rules(window=rules) if isinstance(rules, int) else rules
    found = search(events, site, steps, rules, span)
    counts = np.zeros(len(steps), np.int64)
    waits: list[list[Longs]] = [[] for _ in steps]
    for hits, levels in found.parts:
        for step, level in enumerate(levels):
            counts[step] += len(owners(level, hits))
            waits[step].append(_waits(level, hits))
    return Funnel(tuple(_steps(steps, counts, waits)), found.demo)


@dataclass(frozen=True, slots=True)
class Found:
    """The levels of each part of the visitors. ``hashes`` has each owner's hash of its id (DuckDB's)."""

    parts: list[tuple[Hits, list[Level]]]
    hashes: npt.NDArray[np.uint64]
    base: int
    demo: bool


def search(events: Events, site: str, steps: Sequence[Step], rules: Rules, span: Span) -> Found:
    """Follow the chains of every visitor (or visit)."""
    _check(steps, rules)
    conditions = [*steps, *(step for step, _ in rules.without)]
    bits = len(conditions)
    texts, params = [], dict[str, Any]()
    for number, step in enumerate(conditions):
        text, more = step.sql(f"step{number}")
        texts.append(text)
        params |= more
    flags = " | ".join(f"(case when {text} then {1 << number} else 0 end)" for number, text in enumerate(texts))
    owner = "session" if rules.by_session else "profile"
    # Two visitors whose 64-bit hashes agree would count as one: at 500,000 visitors one chance in 100 million.
    sql = f"""
        select hash({owner}) as owner, ((ts - $base) << {bits}) | ({flags}) as packed, demo
        from events where {" or ".join(texts)}
    """
    table = events.table(sql, Scope(site, span.start, span.end), {**params, "base": span.start})
    codes = pc.dictionary_encode(table["owner"].combine_chunks())
    if isinstance(codes, pa.ChunkedArray):
        codes = codes.combine_chunks()
    owner_codes = codes.indices.to_numpy(zero_copy_only=False)
    packed = table["packed"].to_numpy()
    hashes = codes.dictionary.to_numpy(zero_copy_only=False)
    time_bits = max(1, (span.end - span.start).bit_length())

    def follow(hits: Hits) -> tuple[Hits, list[Level]]:
        if rules.any_order:
            same = [sum(earlier == step for earlier in steps[:at]) for at, step in enumerate(steps)]
            return hits, list(in_any_order(hits, same, rules.window))
        without = [Without(len(steps) + at, after) for at, (_, after) in enumerate(rules.without)]
        return hits, list(in_order(hits, len(steps), rules.window, without))

    parts = list(_parts(owner_codes, packed, bits, time_bits, len(hashes)))
    if len(parts) > 1:
        with ThreadPoolExecutor(2) as pool:
            done = list(pool.map(lambda part: follow(part()), parts))
    else:
        done = [follow(part()) for part in parts]
    return Found(done, hashes, span.start, bool(pc.any(table["demo"]).as_py()))
