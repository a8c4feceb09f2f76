"""The training of models: when it is due, and that only one runs in the whole installation."""

import time
from collections.abc import Callable

from dangol import compose
from dangol.settings import Settings
from recommender.model.card import Card
from recommender.training.progress import Progress
from recommender.training.train import train
from tracker.durations import HOUR_MS
from tracker.machine_clock import passed

AGAIN_MS = HOUR_MS
"""A training that failed is not tried again before, unless somebody asks."""


class Training:
    """``run`` trains a site, one at a time in the whole installation; ``runs`` tells everybody how far it is."""

    def __init__(self, settings: Settings, clock: Callable[[], float] = time.time) -> None:
        self._settings, self._clock = settings, clock
        self.runs = compose.runs(settings)

    def run(self, site: str) -> Card:
        """Train now, in this thread. Raises Busy, NothingToLearn, ParamsInvalid, ProfilesUnavailable, …: whatever it
        is, what was live stays live."""

        def work(progress: Progress) -> Card:
            history, registry = compose.history(self._settings), compose.model_registry(self._settings, site)
            items = compose.catalogue(self._settings, site).all()
            return train(site, history, registry, clock=self._clock, items=items, progress=progress)

        return self.runs.run(site, work)

    def due(self, site: str) -> bool:
        """Whether the site has no model, or its last training, by any process, was ``train_hours`` ago."""
        now = self._clock() * 1000
        last = self.runs.read(site)
        if last and last.state == "failed" and not passed(last.finished or last.started or 0, now, AGAIN_MS):
            return False
        registry = compose.model_registry(self._settings, site)
        made = max((card.made for card in registry.cards() if not card.refreshed), default=None)
        if made is None or registry.live_version() is None:
            return True
        return passed(made, now, self._settings.train_hours * HOUR_MS)
