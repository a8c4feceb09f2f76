"""The score card over HTTP, and a customer's scores in words on their page."""

from pathlib import Path

import pytest

from customers.scoring.card import RiskCard, ScoreCard
from customers.scoring.card_store import CardStore
from profiles.model import Profile
from tests.conftest import Clock
from tests.support.web_stage import Stage, stage_of
from tracker.sites import Site
from web.desk.visitors.scores import score_facts

pytestmark = pytest.mark.redis


@pytest.fixture
def stage(tmp_path: Path, redis_url: str, site: Site, clock: Clock) -> Stage:
    return stage_of(tmp_path, redis_url, site, clock)


def test_the_card_of_the_newest_run(stage: Stage, redis_url: str) -> None:
    assert stage.call("GET", "/v1/scores/card").status_code == 404
    risk = RiskCard("Pareto/NBD", 90, 1000, 0.77, 0.76, 0.117, 0.14, 0.018, 412, 398)
    card = ScoreCard(
        20_000, 1000, 90, risk, value_absent="history too short", value_needs="84 days are needed"
    )
    CardStore(redis_url).save("default", card)
    told = stage.call("GET", "/v1/scores/card").json
    assert (told["risk"]["said"], told["risk"]["held"]) == (412, 398)
    assert told["value"] is None and told["value_absent"] == "history too short"
    assert stage.call("GET", "/v1/scores/card", "wk_test").status_code == 403, "it tells what the shop earns"


def test_scores_in_words(stage: Stage, site: Site) -> None:
    scores = {
        "recency": 5.0, "risk90": 0.127, "clv": 1234.5, "clv_low": 100.0, "clv_high": 2400.0,
        "contribution": 900.0, "next_order": 20_000.0, "taste": 3.0, "day": 19_990.0,
    }  # fmt: skip
    with stage.app.test_request_context():
        told = dict(score_facts(Profile("u:a", scores=scores), site))
        assert score_facts(Profile("u:b"), site) == []
    assert told["Risk of no order in 90 days"] == "13%"
    assert told["Next order expected by"] == "4 Oct 2024"
    assert told["Recency"] == "5 of 5" and told["taste"] == "3"
    value = told["Expected contribution of the next 365 days"]
    assert value == "€1,234.50 (with 9 of 10 such customers: €100.00 to €2,400.00)"


def test_a_run_is_asked_for_once(stage: Stage) -> None:
    assert stage.call("GET", "/v1/scores/run").status_code == 404
    assert stage.call("POST", "/v1/scores/run", "wk_test").status_code == 403
    answer = stage.call("POST", "/v1/scores/run")
    assert (answer.status_code, answer.headers["Location"]) == (202, "/v1/scores/run")
    assert answer.json["state"] == stage.call("GET", "/v1/scores/run").json["state"] == "waiting"
    assert stage.call("POST", "/v1/scores/run").status_code == 409
