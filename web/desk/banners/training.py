"""A training that failed: every page warns of it, since the models grow old."""

from typing import Any

from flask import Flask

from recommender.jobs.runs import Run, TrainingRuns
from tracker.sites import Site
from tracker.unavailable import Unavailable


def register_training_banner(app: Flask, runs: TrainingRuns) -> None:
    """``training_failed(site)`` for every page: the last run if it failed."""

    def training_failed(site: Site) -> Run | None:
        try:
            run = runs.read(site.id)
        except Unavailable:
            return None
        return run if run and run.failures else None

    @app.context_processor
    def trouble() -> dict[str, Any]:
        return {"training_failed": training_failed}
