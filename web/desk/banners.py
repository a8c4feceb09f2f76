"""Banners: what every page of the desk warns of.

A template calls each by its name. One that cannot be looked up now shows nothing: the page and the doctor tell of that.
"""

import functools
import time
from collections.abc import Callable
from threading import Lock
from typing import NamedTuple, TypeVar

from flask import Flask

from recommender.feeds.status import FeedRecords, FeedStatus
from recommender.jobs.runs import Run, TrainingRuns
from tracker.metrics import Spooled
from tracker.sites import Site
from tracker.unavailable import Unavailable
from web.health.ingest_progress import IngestLag
from web.stores import Health, ModelStores

EVENT_LOG_SECONDS, INGEST_SECONDS = 30.0, 10.0
"""How old an answer of the event log, and of ingest, may be."""

T = TypeVar("T")


class SpoolAlarm(NamedTuple):
    """``since`` (ms): events have waited since then. ``unreadable``: bytes that the disk did not give back."""

    since: int | None
    unreadable: int


def register_banners(app: Flask, health: Health, models: ModelStores, clock: Callable[[], float]) -> None:
    """Give every template the banners; each returns None or False when nothing is wrong."""
    banners = {
        "spool_alarm": _quiet(lambda: _spool_alarm(health.spooled(), clock())),
        "incomplete": health.incomplete,
        "log_incident": _kept(_quiet(health.log_incident), EVENT_LOG_SECONDS),
        "ingest_stands": _kept(_quiet(lambda: _standing(health.ingest_waits())), INGEST_SECONDS),
        "backups_behind": _quiet(health.backups_behind),
        "feed_trouble": _quiet(lambda site: _feed(models.feeds, site)),
        "training_failed": _quiet(lambda site: _failed(models.runs, site)),
    }
    app.context_processor(lambda: banners)


def _spool_alarm(found: Spooled, now: float) -> SpoolAlarm | None:
    stuck = found.oldest is not None and found.stuck(now)
    since = int(found.oldest * 1000) if stuck and found.oldest is not None else None
    return SpoolAlarm(since, found.unreadable) if since or found.unreadable else None


def _standing(lag: IngestLag) -> IngestLag | None:
    return lag if lag.still else None


def _failed(runs: TrainingRuns, site: Site) -> Run | None:
    """The last run of the site, if it failed: its model grows old."""
    run = runs.read(site.id)
    return run if run and run.failures else None


def _feed(feeds: FeedRecords, site: Site) -> FeedStatus | None:
    """The last fetch of the site's feed, if somebody should look at it."""
    status = feeds.read(site.id) if site.feed else None
    return status if status and status.url == site.feed and status.trouble else None


def _quiet(look: Callable[..., T]) -> Callable[..., T | None]:
    """``look``, or None where it cannot."""

    @functools.wraps(look)
    def quiet(*args: object) -> T | None:
        try:
            return look(*args)
        except (Unavailable, OSError):
            return None

    return quiet


def _kept(look: Callable[[], T | None], seconds: float) -> Callable[[], T | None]:
    """The last answer of ``look`` while it is less than ``seconds`` old."""
    lock, at = Lock(), float("-inf")
    found: T | None = None

    def kept() -> T | None:
        nonlocal at, found
        with lock:
            if time.monotonic() - at >= seconds:
                at, found = time.monotonic(), look()
            return found

    return kept
