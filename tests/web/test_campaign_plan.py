"""What a marketer is told before a campaign begins, on a history whose figures are known."""

import json
import random
import re
from pathlib import Path
from typing import Any

import pytest

from profiles.model import Counts, Profile
from profiles.store.port import ABSENT, Write
from tests.support.html import squeezed
from tests.support.machine import Clock
from tests.support.warehouse_rows import row
from tests.support.web_stage import Stage, csrf_of, stage_of
from tracker.durations import DAY_MS, HOUR_MS
from tracker.sites import Site

pytestmark = pytest.mark.redis
CAMPAIGN: dict[str, Any] = {
    "id": "boots",
    "name": "Boots",
    "slots": ["hero"],
    "holdout": 0.1,
    "goal": {"event": "Order Completed", "window": "2d"},
    "plan": {"days": 28, "effect": 0.2},
    "creatives": [{"id": "a", "kind": "html", "content": "<p>a</p>"}],
}
PEOPLE, RATE, DAYS = 1_500, 0.2, 28


@pytest.fixture
def stage(tmp_path: Path, redis_url: str, site: Site, clock: Clock) -> Stage:
    return stage_of(tmp_path, redis_url, site, clock)


def play(stage: Stage, days: int = DAYS) -> None:
    """PEOPLE who each come twice, every fifth orders; half of them are on phones. Those of the first 300 meet a
    campaign in the slot ``cart``."""
    draw, today = random.Random(1), int(stage.stores.clock() * 1000) // DAY_MS * DAY_MS
    rows, people = [], []
    for number in range(PEOPLE):
        ts = today - 2 * DAY_MS - draw.randrange(1, days * 24) * HOUR_MS
        who = {"profile": f"v:{number}", "visitor": str(number)}
        rows += [row(ts + at, id=f"p{number}-{at}", **who) for at in (0, HOUR_MS)]
        if number % 5 == 0:
            order = {"type": "track", "name": "Order Completed", "order": str(number), "revenue": 50.0}
            rows.append(row(ts + HOUR_MS, id=f"o{number}", **order, **who))
        if number < 300:
            props = json.dumps({"campaign": "cart", "token": "t"})
            rows.append(row(ts + 1, id=f"c{number}", type="track", name="Offer Viewed", props=props, **who))
        device = "phone" if number % 2 else "desktop"
        people.append(
            Profile(id=f"v:{number}", visitors=[str(number)], counts=Counts(visits=1), device=device)
        )
    stage.warehouse.append(rows, [], {})
    stage.profiles.save("default", [Write(f"v:{at}", ABSENT, each) for at, each in enumerate(people)])


def plan(stage: Stage, **changes: Any) -> Any:
    answer = stage.call("POST", "/v1/campaigns/plan", json={**CAMPAIGN, **changes})
    assert answer.status_code == 200
    return answer.json


def test_the_history_tells_people_rate_and_spread(stage: Stage) -> None:
    play(stage)
    told = plan(stage)
    assert told["people_a_day"] == pytest.approx(PEOPLE / DAYS) and told["people_counted"] == "visitors"
    assert told["rate"] == pytest.approx(RATE) and told["revenue"] == pytest.approx(10.0)
    assert told["deviation"] == pytest.approx(20.0, rel=0.01) and told["converted"] == 300
    outlook = told["outlook"]
    assert outlook["planned"]["holdout"] == 0.1 and outlook["quickest"]["holdout"] == 0.5
    assert outlook["planned"]["effect"] > 0.2 and outlook["planned"]["days"] > DAYS
    assert stage.call("GET", "/v1/campaigns/boots").status_code == 404


def test_the_audience_narrows_people_and_an_order_ends_no_audience(stage: Stage) -> None:
    play(stage)
    phones = plan(stage, audience="device = 'phone'")
    assert phones["audience_share"] == pytest.approx(0.5) and phones["rate_of"] == "audience"
    assert phones["people_a_day"] == pytest.approx(PEOPLE / DAYS / 2)
    first = plan(stage, audience="orders = 0")
    assert first["rate_of"] == "everybody" and first["rate"] == pytest.approx(RATE)


def test_a_slot_that_was_filled_tells_its_own_people(stage: Stage) -> None:
    play(stage)
    cart = {**CAMPAIGN, "id": "cart", "slots": ["cart"]}
    assert stage.call("PUT", "/v1/campaigns/cart", json=cart).status_code == 200
    told = plan(stage, slots=["cart"])
    assert told["people_counted"] == "slots" and told["people_a_day"] == pytest.approx(300 / DAYS)


@pytest.mark.parametrize("days", [0, 5])
def test_too_little_history_is_a_sentence_and_no_number(stage: Stage, days: int) -> None:
    if days:
        play(stage, days)
    assert plan(stage)["outlook"] is None
    page = previewed(stage)
    assert "Too little history for a plan" in page and "you need" not in page


def previewed(stage: Stage, language: str = "en") -> str:
    desk = stage.desk()
    page = desk.get("/desk/campaigns/edit").text
    form = {
        "csrf": csrf_of(page),
        "holdout": "10",
        "plan_days": "28",
        "plan_effect": "20",
        "goal_window": "2d",
    }
    return squeezed(
        desk.post("/desk/campaigns/preview", data=form, headers={"Accept-Language": language}).text
    )


def test_the_editor_says_it_in_both_languages(stage: Stage) -> None:
    play(stage)
    told = plan(stage)["outlook"]["planned"]
    page = previewed(stage)
    found = re.search(r"With 10% holdout and 54 people a day you find ±(\d+)% of the rate in 28 days", page)
    assert found is not None and int(found[1]) == round(100 * told["effect"])
    assert f"To find ±20% you need {told['days']} days." in page
    assert "The quickest holdout is 50%" in page and "Of them 20% reached the goal within 2 d" in page
    korean = previewed(stage, "ko")
    assert "홀드아웃 10%, 하루 54명이면" in korean and "holdout" not in korean
