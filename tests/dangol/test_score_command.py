"""``dangol score`` and a run that somebody asked for: what they print, and what is there afterwards."""

from pathlib import Path

import pytest
from click.testing import CliRunner

from dangol import compose
from dangol.cli import main
from dangol.jobs.jobs import Jobs
from dangol.settings import Settings
from profiles.model import Profile
from profiles.store.port import ABSENT, Write
from recommender.jobs.lock import RedisLock
from tests.support.scored_shop import history, order
from tests.support.warehouse_rows import NOON

pytestmark = pytest.mark.redis


@pytest.fixture
def settings(tmp_path: Path, redis_url: str, monkeypatch: pytest.MonkeyPatch) -> Settings:
    monkeypatch.setenv("DANGOL_DATA", str(tmp_path))
    monkeypatch.setenv("DANGOL_PROFILES", redis_url)
    monkeypatch.setenv("DANGOL_LOG", f"{redis_url}?stream=e")
    monkeypatch.setenv("DANGOL_RISK_DAYS", "60")
    settings = Settings(data=str(tmp_path), profiles=redis_url, log=f"{redis_url}?stream=e", risk_days=60)
    monkeypatch.setattr("time.time", lambda: NOON / 1000)
    compose.warehouse(settings).append(history(400, 300), [], {})
    compose.profiles(settings).save(
        "default", [Write(f"v:{n}", ABSENT, Profile(f"v:{n}")) for n in range(400)]
    )
    return settings


def test_the_command_prints_the_card(settings: Settings) -> None:
    found = CliRunner().invoke(main, ["score"])
    assert found.exit_code == 0, found.output
    card = compose.score_cards(settings).load("default")
    assert card and card.risk
    said, held = card.risk.said, card.risk.held
    assert found.output.startswith("400 profiles written\n400 customers\n")
    assert (
        f"of {said} customers we said that they would order nothing in 60 days; {held} did not"
        in found.output
    )
    assert "drift:" in found.output and "a back-test" in found.output
    run = compose.score_runs(settings).read("default")
    assert run and (run.state, run.written) == ("done", 400)


def test_the_command_does_not_run_beside_the_schedule(settings: Settings) -> None:
    assert RedisLock(compose.profiles(settings).client, "scores").take()
    found = CliRunner().invoke(main, ["score"])
    assert found.exit_code == 1 and "another process" in found.output


def test_the_schedule_takes_up_what_was_asked_for(settings: Settings) -> None:
    jobs = Jobs(settings)
    jobs.score_asked()
    assert compose.score_cards(settings).load("default") is None, "nobody asked"
    jobs.score_runs.request("default")
    jobs.score_asked()
    assert compose.score_cards(settings).load("default")
    run = jobs.score_runs.read("default")
    assert run and (run.state, run.written) == ("done", 400)
    compose.warehouse(settings).append([order("v:1", NOON, 10.0, "late")], [], {})
    jobs.score_asked()
    assert jobs.score_runs.read("default") == run, "once"
