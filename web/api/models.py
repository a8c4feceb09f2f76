"""Models over HTTP: the versions on a site's registry, which one serves, and trainings on demand."""

import logging
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import msgspec
from flask import Response
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from recommender.jobs.lock import Busy
from recommender.jobs.runs import Run, TrainingRuns
from recommender.model.card import Card
from recommender.model.model import ModelUnusable
from recommender.model.registry import ModelRegistry
from tracker.sites import Sites
from tracker.unavailable import Unavailable
from web.http.json_body import answer
from web.http.problem import Problem
from web.http.routes import Routes, get, post
from web.http.site_keys import Keys
from web.stores import Shop

logger = logging.getLogger(__name__)

TRAINING = "/v1/models/training"
HIT_RATE, RANK = MEASURES = ("HR@20", "MRR@20")


@dataclass(frozen=True, slots=True)
class Version:
    """A model in a table: times in ms, ``live_*`` are those of the model that it was compared with, None: not known."""

    version: str
    state: str
    made: int
    first: int
    last: int
    events: int
    visitors: int
    items: int
    factors: int
    hr_20: float | None
    mrr_20: float | None
    live_hr_20: float | None
    live_mrr_20: float | None
    verdict: str


@dataclass(frozen=True, slots=True)
class Models:
    """``runs`` are the trainings; the schedule starts those that were requested."""

    shops: Callable[[str], Shop]
    runs: TrainingRuns
    keys: Keys

    def routes(self) -> Routes:
        return (
            get("/v1/models", self.listed),
            post("/v1/models/train", self.train),
            get(TRAINING, self.training),
            post("/v1/models/<version>/live", self.live),
        )

    def listed(self) -> Response:
        registry = self.shops(self.keys.secret_key().id).registry
        live = registry.live_version()
        return answer({"live": live, "models": [document(card, live) for card in registry.cards()]})

    def train(self) -> Response:
        run = request_training(self.runs, self.keys.secret_key().id)
        return answer(run, 202, {"Location": TRAINING})

    def training(self) -> Response:
        run = self.runs.read(self.keys.secret_key().id)
        if run is None:
            raise Problem(404, "Nothing was trained lately")
        return answer(run)

    def live(self, version: str) -> Response:
        registry = self.shops(self.keys.secret_key().id).registry
        return answer(document(serve_version(registry, version), version))


def document(card: Card, live: str | None) -> dict[str, Any]:
    """The card, and its ``state``."""
    return {"state": state_of(card, live), **msgspec.structs.asdict(card)}


def state_of(card: Card, live: str | None) -> str:
    """live, refused or kept."""
    return "live" if card.version == live else "kept" if card.accepted else "refused"


def versions(registry: ModelRegistry) -> list[Version]:
    """All that are kept, the newest first."""
    live = registry.live_version()
    return [_version(card, live) for card in registry.cards()]


def _version(card: Card, live: str | None) -> Version:
    ours, theirs = card.metrics.get("candidate", {}), card.metrics.get("live", {})
    return Version(
        version=card.version,
        state=state_of(card, live),
        made=card.made,
        first=card.first,
        last=card.last,
        events=card.events,
        visitors=card.profiles,
        items=card.items,
        factors=card.factors,
        hr_20=ours.get(HIT_RATE),
        mrr_20=ours.get(RANK),
        live_hr_20=theirs.get(HIT_RATE),
        live_mrr_20=theirs.get(RANK),
        verdict=card.verdict,
    )


def request_training(runs: TrainingRuns, site: str) -> Run:
    """Ask the schedule for a training. Raises Problem 409 while one waits or runs."""
    try:
        return runs.request(site)
    except Busy as busy:
        raise Problem(409, str(busy).capitalize()) from busy


def serve_version(registry: ModelRegistry, version: str) -> Card:
    """Let ``version`` serve from now on. Raises Problem 404, or 409 where it cannot be read: what was live stays."""
    card = next((card for card in registry.cards() if card.version == version), None)
    if card is None:
        raise Problem(404, f"There is no model {version[:100]!r}", "version")
    try:
        registry.publish(version)
    except ModelUnusable as error:
        logger.error("model not served: %s", error)
        raise Problem(409, f"The model {version} cannot be read; the live one stays", "version") from error
    return card


class Trainings(Collector):
    """How each site's newest training ended, asked for when it is scraped."""

    def __init__(self, sites: Sites, runs: TrainingRuns) -> None:
        self._sites, self._runs = sites, runs

    def collect(self) -> Iterator[Metric]:
        failures = GaugeMetricFamily(
            "dangol_training_failures",
            "trainings that failed one after another; 0 after one that did not",
            labels=["site"],
        )
        ended = GaugeMetricFamily(
            "dangol_training_ended_timestamp_seconds", "when the newest training ended", labels=["site"]
        )
        try:
            for site in self._sites.all():
                run = self._runs.read(site)
                if run:
                    failures.add_metric([site], run.failures)
                if run and run.finished:
                    ended.add_metric([site], run.finished / 1000)
        except Unavailable:  # a store that is down must not take the other figures along
            return
        yield failures
        yield ended
