"""What a campaign's page says of its effect, on campaigns of which the truth is known."""

import csv
import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from offers.feedback.token import Token
from tests.support.html import squeezed
from tests.support.machine import Clock
from tests.support.warehouse_rows import row
from tests.support.web_stage import Stage, stage_of
from tracker.durations import DAY_MS, HOUR_MS
from tracker.sites import Site

pytestmark = pytest.mark.redis
CAMPAIGN: dict[str, Any] = {
    "name": "Boots",
    "status": "live",
    "slots": ["hero"],
    "holdout": 0.3,
    "allocation": "fixed",
    "reward": "conversion",
    "goal": {"event": "Order Completed", "window": "2d"},
    "plan": {"days": 14, "effect": 0.5},
    "creatives": [
        {"id": "a", "kind": "html", "content": "<p>a</p>"},
        {"id": "b", "kind": "html", "content": "<p>b</p>"},
    ],
}


@pytest.fixture
def stage(tmp_path: Path, redis_url: str, site: Site, clock: Clock) -> Stage:
    return stage_of(tmp_path, redis_url, site, clock)


def play(stage: Stage, rates: dict[str, float], people: int = 2_000, days: int = 20, **habits: float) -> None:
    """``people`` enrolled over ``days`` until now; ``rates`` of orders by variant, "" is the holdout's. ``habits``: how
    likely who could see it dismisses and unsubscribes, and who clicks."""
    assert stage.call("PUT", "/v1/campaigns/boots", json=CAMPAIGN).status_code == 200
    draw, now = np.random.default_rng(7), int(stage.stores.clock() * 1000)
    rows = []
    for number in range(people):
        held = bool(draw.random() < 0.3)
        variant = "" if held else str(draw.choice(["a", "b"]))
        ts = now - int(draw.integers(1, days * DAY_MS))
        device = str(draw.choice(["phone", "desktop"]))
        token = Token(
            "default",
            "boots",
            variant,
            "hero",
            1.0 if held else 0.5,
            ts,
            f"prospect|{device}|e-mail",
            f"n{number}",
            held,
            holdout=0.3,
            global_holdout=0.0,
        )
        signed = stage.stores.campaigns.signer.sign(token)
        props = json.dumps({"campaign": "boots", "variant": variant, "token": signed})
        who = {"profile": f"v:{number}", "visitor": str(number), "type": "track"}

        def event(name: str, at: int, **more: Any) -> None:
            rows.append(row(at, **{**who, "name": name, "props": props, "id": f"{name}{number}", **more}))  # noqa: B023

        event("Offer Withheld" if held else "Offer Decided", ts)
        if not held:
            event("Offer Viewed", ts + 1_000)
            for name, habit in (("Offer Clicked", "click"), ("Offer Dismissed", "dismiss")):
                if draw.random() < habits.get(habit, 0.0):
                    event(name, ts + 2_000)
            if draw.random() < habits.get("unsubscribe", 0.0):
                event("Unsubscribed", ts + HOUR_MS, props="{}")
        if draw.random() < rates[variant]:
            event("Order Completed", ts + HOUR_MS, props="{}", order=f"o{number}", revenue=40.0)
    stage.warehouse.append(rows, [], {})


def told(stage: Stage) -> Any:
    answer = stage.call("GET", "/v1/reports/campaigns/boots")
    assert answer.status_code == 200
    return answer.json


def page_of(stage: Stage, language: str = "en") -> str:
    return squeezed(stage.desk().get("/desk/campaigns/boots", headers={"Accept-Language": language}).text)


def verdict_in(page: str) -> str:
    return page.partition('id="verdict"')[2].partition("</section>")[0]


def test_an_effect_is_told_with_its_bounds_and_the_better_variant(stage: Stage) -> None:
    play(stage, {"": 0.05, "a": 0.1, "b": 0.3}, click=0.2)
    report, page = told(stage), page_of(stage)
    rate = report["comparison"]["lift"]["rate"]
    assert 0 < rate["low"] < 0.15 < rate["high"]
    said = verdict_in(page)
    assert (
        "effect shown" in said and "The campaign raises the rate, by " in said and "could see it, 2" in said
    )
    assert "Variant b is the best" in page and report["experiment"]["variants"]["winner"] == "b"
    assert [each["winner"] for each in report["variants"]] == [False, True]
    days = [each["rate"]["high"] - each["rate"]["low"] for each in report["experiment"]["course"]]
    assert days[-1] < days[len(days) // 2] < days[2]
    assert said.count('class="band"') == 1 and said.count('class="zero"') == 1
    planned = report["comparison"]["lift"]["planned"]["rate"]
    assert (
        planned["high"] - planned["low"] < 0.8 * (rate["high"] - rate["low"])
        and "At the planned end, " in page
    )
    korean = verdict_in(page_of(stage, "ko"))
    assert "이 캠페인은 전환율을" in korean and "노출하지 않은" in korean and "campaign raises" not in korean


def test_no_effect_is_not_called_one_and_no_variant_is_the_best(stage: Stage) -> None:
    play(stage, {"": 0.1, "a": 0.1, "b": 0.1})
    report, page = told(stage), page_of(stage)
    assert report["experiment"]["progress"]["complete"] and report["experiment"]["variants"]["winner"] is None
    said = verdict_in(page)
    assert "no effect shown" in said and "No effect is shown: it is between −" in said
    assert "It is not shown that a variant is the best." in page and "is the best:" not in page


def test_too_early_says_how_many_days_and_who_is_open(stage: Stage) -> None:
    play(stage, {"": 0.1, "a": 0.12, "b": 0.4}, people=200, days=3)
    report, page = told(stage), page_of(stage)
    progress = report["experiment"]["progress"]
    assert not progress["complete"] and progress["days_left"] > 3
    assert progress["open"] > 50 and progress["open"] + progress["counted"] == 200
    said = verdict_in(page)
    assert "too early" in said and f"people: {progress['days_left']} more days at this pace" in said
    assert f"Still open: {progress['open']} people, whose 2 d are not over." in said
    assert "told when the people of the plan are there" in page
    assert "winner" not in page and "is the best:" not in page


def test_harm_is_a_warning(stage: Stage) -> None:
    play(stage, {"": 0.3, "a": 0.1, "b": 0.1}, dismiss=0.3, unsubscribe=0.1, click=0.02)
    report, page = told(stage), page_of(stage)
    harms = {each["name"]: each["harm"] for each in report["experiment"]["guardrails"]}
    assert harms == {"dismissed": True, "unsubscribed": True, "returned": False}
    said = verdict_in(page)
    assert (
        "harm shown" in said and "The campaign lowers the rate, by " in said and "consider ending it" in said
    )
    assert "makes more people unsubscribe" in said and "dismissed the offer than clicked" in said
    assert "more people return orders" not in page


def test_parts_sum_to_all_and_are_corrected_for_their_number(stage: Stage) -> None:
    play(stage, {"": 0.05, "a": 0.1, "b": 0.1})
    report = told(stage)
    parts = report["experiment"]["parts"]
    assert [(each["kind"], each["name"]) for each in parts] in (
        [("device", "phone"), ("device", "desktop")],
        [("device", "desktop"), ("device", "phone")],
    )
    counted = report["experiment"]["progress"]["counted"]
    assert sum(each["shown"]["visitors"] + each["withheld"]["visitors"] for each in parts) == counted
    whole = report["comparison"]["lift"]["rate"]
    for each in parts:
        width = each["rate"]["high"] - each["rate"]["low"]
        assert width > 1.5 * (
            whole["high"] - whole["low"]
        )  # of half the people it would be 1.41 times as wide
    rows = list(csv.DictReader(io.StringIO(file_of(stage, "effects"))))
    assert [row["name"] for row in rows] == [each["name"] for each in parts]
    assert len(file_of(stage, "course").splitlines()) == len(report["experiment"]["course"]) + 1
    assert "corrected for the number of parts: 2" in page_of(stage)


def file_of(stage: Stage, table: str) -> str:
    text: str = stage.call("GET", f"/v1/reports/campaigns/boots?format=csv&table={table}").text
    return text.removeprefix("\ufeff")
