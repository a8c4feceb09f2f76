"""Decision counts: how often each campaign was chosen, by day of the site, variant, stage, device and channel.

An event each would double what a shop sends. Only where two groups are compared, under a holdout, must it be known
who was decided about (``web/personalize/decision_log.py``).
"""

import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import date, datetime, tzinfo
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple
from uuid import uuid4

from offers.bandit.contexts import parts
from profiles.redis.commands import RedisCommands, Script
from tracker.durations import DAY_SECONDS
from tracker.redis_connection import REDIS_ERRORS, NoScriptError, connect
from tracker.sites import Site
from tracker.unavailable import Unavailable

KEEP_DAYS = 400
WRITTEN_TOGETHER = 50
"""Campaigns' days in one round trip; and, with an fsynced file, one wait for the disk."""
FIELDS_MOST = 500
"""Names that one campaign's day may have."""
SCRIPT = (Path(__file__).parent / "decision_counts.lua").read_text(encoding="utf-8")


class DecisionCountsUnavailable(Unavailable):
    """The counts cannot be read or written now."""


class DecisionCounts(NamedTuple):
    """Decisions on one campaign, by what a report is broken down by; each of these sums to their number."""

    variants: Mapping[str, int] = {}
    days: Mapping[str, int] = {}
    stages: Mapping[str, int] = {}
    devices: Mapping[str, int] = {}
    channels: Mapping[str, int] = {}

    @property
    def total(self) -> int:
        return sum(self.variants.values())


def count_decisions(decisions: Iterable[tuple[str, int, str]], zone: tzinfo) -> DecisionCounts:
    """The counts of decisions that are known one by one: variant, time (ms), context."""
    known = list(decisions)
    return DecisionCounts(
        Counter(variant for variant, _, _ in known),
        Counter(datetime.fromtimestamp(ts / 1000, zone).date().isoformat() for _, ts, _ in known),
        *(Counter(parts(context)[at] for _, _, context in known) for at in range(3)),
    )


class DecisionCountStore:
    """Counts on the hashes ``dg:decided:{site}:{campaign}:{day}``. ``add`` only remembers; ``flush`` writes."""

    def __init__(self, url: str, timeout: float = 1.0, clock: Callable[[], float] = time.time) -> None:
        self._commands, self._script = RedisCommands(connect(url, timeout)), Script(SCRIPT)
        self._clock, self._process = clock, uuid4().hex[:12]
        self._number = 0
        self._counted: dict[str, Counter[str]] = {}
        self._batch: dict[str, Counter[str]] = {}
        self._lock, self._writing = threading.Lock(), threading.Lock()

    def add(self, site: Site, made: Iterable[tuple[str, str, str]]) -> None:
        """Decisions of this moment: campaign, variant, context."""
        day = datetime.fromtimestamp(self._clock(), site.zone).date()
        for campaign, variant, context in made:
            names = (variant, *parts(context))
            fields = [f"{kind}:{name}" for kind, name in zip(_KINDS, names, strict=True)]
            with self._lock:
                self._counted.setdefault(_key(site.id, campaign, day), Counter()).update(fields)

    def flush(self) -> None:
        """Write what was added: once, however often it takes. Raises DecidedUnavailable: then flush again."""
        with self._writing, self._errors():
            self._write()  # what is left of a time that failed, under the number it had
            with self._lock:
                self._batch, self._counted = self._counted, {}
            self._number += 1
            self._write()

    def read(self, site: Site, campaign: str, days: Iterable[date]) -> DecisionCounts | None:
        """What was counted on these days of the site; None where they are longer ago than is kept. Raises
        DecidedUnavailable."""
        wanted = list(days)
        today = datetime.fromtimestamp(self._clock(), site.zone).date()
        if wanted and (today - wanted[0]).days >= KEEP_DAYS:
            return None
        found: dict[str, Counter[str]] = {kind: Counter() for kind in _KINDS}
        by_day: Counter[str] = Counter()
        with self._errors():
            answers = self._commands.execute([("HGETALL", _key(site.id, campaign, day)) for day in wanted])
        for day, pairs in zip(wanted, answers, strict=True):
            for name, count in _pairs(pairs):
                kind, _, value = name.partition(":")
                if kind in found:
                    found[kind][value] += count
                    by_day[day.isoformat()] += count if kind == "v" else 0
        variants, stages, devices, channels = found.values()
        return DecisionCounts(variants, +by_day, stages, devices, channels)

    def _write(self) -> None:
        while self._batch:
            some = list(islice(self._batch.items(), WRITTEN_TOGETHER))
            try:
                self._commands.execute(
                    [self._addition("EVALSHA", self._script.digest, *each) for each in some]
                )
            except NoScriptError:
                self._commands.execute([self._addition("EVAL", self._script.text, *each) for each in some])
            for key, _ in some:
                del self._batch[key]

    def _addition(self, command: str, script: str, key: str, counts: Counter[str]) -> tuple[Any, ...]:
        fields = [each for pair in counts.items() for each in pair]
        keep = (KEEP_DAYS * DAY_SECONDS, FIELDS_MOST)
        return command, script, 1, key, self._process, self._number, *keep, *fields

    @contextmanager
    def _errors(self) -> Iterator[None]:
        try:
            yield
        except REDIS_ERRORS as error:
            raise DecisionCountsUnavailable(str(error)) from error


_KINDS = ("v", "s", "d", "c")
"""Variant, stage, device, channel."""


def _key(site: str, campaign: str, day: date) -> str:
    return f"dg:decided:{site}:{campaign}:{day.isoformat()}"


def _pairs(raw: object) -> Iterator[tuple[str, int]]:
    """HGETALL's answer, which is a list, or of a cluster's client a mapping."""
    if isinstance(raw, Mapping):
        pairs = list(raw.items())
    else:
        assert isinstance(raw, list)
        pairs = list(zip(raw[::2], raw[1::2], strict=True))
    for name, count in pairs:
        yield name.decode(), int(count)
