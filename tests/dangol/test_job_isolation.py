"""Jobs run for every site: a failure of one site does not touch the others."""

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest

from dangol import compose
from dangol.jobs import jobs
from dangol.jobs.jobs import Jobs
from dangol.jobs.schedule import table
from dangol.settings import Settings
from tracker.sites import Sites, new_site

pytestmark = pytest.mark.redis

EACH = {
    # the job, and what it asks of each site first
    "learn_offers": "learner.run",
    "segments": "membership.due",
    "consent_notices": "notices.run",
    "score": "scoring.run",
    "score_asked": "score_runs.is_requested",
    "train_asked": "training.runs.is_requested",
    "train": "training.due",
    "refresh": "refresh",
    "fetch_feeds": "feeds.run",
    "merge_duplicates": "duplicates.run",
    "classify": "channels.due",
    "learn_items": "products",
    "learn_orders": "plausible",
    "index_people": "keep_index",
    "reconcile": "reconciliation.run",
    "compact": "scan",
}
WHOLE = {"erase", "mirror", "check", "vacuum", "retire", "watch_ingest"}
"""Of the warehouse or the stores as a whole."""


@pytest.fixture
def settings(tmp_path: Any, redis_url: str) -> Settings:
    settings = Settings(data=str(tmp_path), profiles=redis_url, log=f"{redis_url}?stream=e")
    sites = Sites(settings.sites_file)
    for site in ("before", "bad", "behind"):
        sites.save(new_site(site))
    return settings


def test_every_job_is_tried_here(settings: Settings) -> None:
    assert {job.run.__name__ for job in table(settings)} == set(EACH) | WHOLE


@pytest.mark.parametrize("job", EACH)
def test_one_sites_failure_never_touches_anothers(
    job: str, settings: Settings, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    asked: list[str] = []

    def broken(*given: Any, **_: Any) -> Any:
        names = {getattr(each, "id", each) for each in given if isinstance(getattr(each, "id", each), str)}
        [site] = names & {"before", "bad", "behind", "default"}
        asked.append(site)
        if site == "bad":
            raise ZeroDivisionError(site)
        return []

    work = Jobs(settings)
    if job in ("refresh", "learn_items", "learn_orders", "index_people"):
        monkeypatch.setattr(jobs, EACH[job], broken)
    elif job == "compact":
        house = SimpleNamespace(compact=lambda: None, scan=broken)
        monkeypatch.setattr(compose, "warehouse", lambda _: house)
    else:
        part: Any = work
        *path, last = EACH[job].split(".")
        for name in path:
            part = getattr(part, name)
        monkeypatch.setattr(part, last, broken)
        if job == "segments":
            monkeypatch.setattr(work.membership, "run", lambda _: pytest.fail("not due"))
    if job == "refresh":
        monkeypatch.setattr(compose, "model_registry", lambda _, site: SimpleNamespace(id=site))
    run: Callable[[], object] = getattr(work, job)
    with pytest.raises(ZeroDivisionError):  # the schedule tells it
        run()
    assert set(asked) == {"default", "before", "bad", "behind"}
    assert "site bad" in caplog.text and "site behind" not in caplog.text
