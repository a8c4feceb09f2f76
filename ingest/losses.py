"""Counts what was lost of the values of applied events, and adds it to the store once a second."""

import logging
import time
from collections.abc import Callable, Iterable
from typing import Protocol

from prometheus_client import Counter

from profiles.losses import SiteLoss
from tracker.fields.losses import FIELDS, REASONS, Loss
from tracker.unavailable import Unavailable

logger = logging.getLogger(__name__)

ADD_SECONDS = 1.0
_FIELDS, _REASONS = frozenset(FIELDS), frozenset(REASONS)


class Losses(Protocol):
    """Where losses are added up."""

    def add(self, losses: Iterable[SiteLoss]) -> None:
        """Raises Unavailable."""


class LossCounter:
    """``note`` counts in memory; ``add`` hands over what was counted, and tries again later where that fails.

    An event is noted when it is applied, and not when it is read again, so nothing counts twice. What a killed process
    had noted within its last ADD_SECONDS is not counted. A field that an event lost often counts once for it.
    """

    def __init__(
        self, losses: Losses | None, metric: Counter, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._losses, self._metric, self._clock = losses, metric, clock
        self._noted: dict[tuple[str, str, str], SiteLoss] = {}
        self._added = clock()

    def note(self, site: str, lost: Iterable[Loss], at: int) -> None:
        """The losses of one event of the site that the tracker received ``at`` (ms)."""
        for (field, reason), example in {(each.field, each.reason): each.example for each in lost}.items():
            if field not in _FIELDS or reason not in _REASONS:
                continue  # whoever else writes to the log makes no names of ours
            before = self._noted.get((site, field, reason))
            count = 1 + (before.events if before else 0)
            self._noted[site, field, reason] = SiteLoss(site, field, reason, count, at, example[:100])
            self._metric.labels(site, field, reason).inc()

    def add(self, now: bool = False) -> None:
        """Hand over what was noted, if the last time is ADD_SECONDS ago or it has to be ``now``."""
        if not self._noted or (not now and 0 <= self._clock() - self._added < ADD_SECONDS):
            return
        self._added = self._clock()
        try:
            if self._losses is not None:
                self._losses.add(list(self._noted.values()))
        except Unavailable as error:
            logger.warning("lost values are counted later: %s", error)
        else:
            self._noted = {}
