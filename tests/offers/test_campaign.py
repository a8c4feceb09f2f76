"""The campaign document: read, checked and written back, as JSON and as YAML."""

from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from offers.campaign.campaign import CampaignInvalid, Cap, Plan
from offers.campaign.document import document, dump_yaml, load_yaml, parse
from tests.support.machine import ROOT
from tests.support.offers import written
from tracker.durations import DAY_MS, WEEK_MS

CONTENT = "creatives[0].content"


def test_reads_the_whole_document():
    campaign = parse(
        written(
            tier="override",
            priority=5,
            start="2026-12-01",
            end="2026-12-24T18:00",
            holdout=0.1,
            budget={"impressions": 1000, "clicks": 50, "spend": 20, "cpc": 0.4},
            goal={"event": "Order Completed", "window": "7d"},
            plan={"effect": 0.05},
            allocation="fixed",
            dayparts=[{"days": ["mon", "fri"], "from": "18:00", "to": "02:00"}],
            group="winter",
            creatives=[
                {"id": "a", "kind": "html", "content": "<p>a</p>", "weight": 3},
                {"id": "b", "kind": "json", "content": {"title": "b"}},
                {"id": "c", "kind": "image", "content": {"src": "/b.png", "alt": "b", "link": "/sale"}},
            ],
        )
    )
    assert campaign.caps == (Cap(limit=3, per="session"),)
    assert campaign.goal.window_ms == WEEK_MS
    assert campaign.plan == Plan(days=28, effect=0.05, measure="rate")
    assert parse(document(campaign)) == campaign


def test_slot_is_an_alias_of_slots_and_a_single_cap_of_a_list():
    campaign = parse(written(slots=None, slot="hero", caps={"limit": 2, "per": "day"}, budget=100))
    assert campaign.slots == ("hero",)
    assert campaign.caps == (Cap(limit=2, per="day"),)
    assert campaign.budget is not None and campaign.budget.impressions == 100


@pytest.mark.parametrize(
    ("changes", "field", "part"),
    [
        ({"audience": "affinity('shoes') >"}, "audience", "character 20"),
        ({"audience": "colour = 'red'"}, "audience", "no field 'colour'"),
        ({"colour": "red"}, "colour", "unknown field"),
        ({"name": None}, "name", "required"),
        ({"slots": None}, "slots", "required"),
        ({"slots": []}, "slots", "1 to 20"),
        ({"slot": "hero"}, "slot", "not both"),
        ({"slots": ["hero", "hero"]}, "slots[1]", "twice"),
        ({"slots": ["<script>"]}, "slots[0]", "letters"),
        ({"id": "../x"}, "id", "letters"),
        ({"id": "x" * 65}, "id", "letters"),
        ({"name": "  "}, "name", "characters"),
        ({"status": "on"}, "status", "Invalid enum"),
        ({"tier": 3}, "tier", "Expected `str`"),
        ({"priority": 2_000_000}, "priority", "between"),
        ({"caps": [{"limit": 0, "per": "day"}]}, "caps[0].limit", "between"),
        ({"caps": [{"limit": 1, "per": "year"}]}, "caps[0].per", "Invalid enum"),
        ({"caps": [{"limit": 1, "per": "day"}, {"limit": 2, "per": "day"}]}, "caps[1].per", "twice"),
        ({"holdout": 1.5}, "holdout", "between"),
        ({"holdout": float("nan")}, "holdout", "between"),
        ({"start": "yesterday"}, "start", "ISO"),
        ({"start": "2026-12-02", "end": "2026-12-01"}, "end", "not after"),
        ({"dayparts": [{"from": "25:00"}]}, "dayparts[0].from", "time of day"),
        ({"goal": {"event": "x", "window": "7 weeks"}}, "goal.window", "7d"),
        ({"plan": {"days": 0}}, "plan.days", "between"),
        ({"plan": {"days": 366}}, "plan.days", "between"),
        ({"plan": {"effect": 0}}, "plan.effect", "between"),
        ({"plan": {"effect": float("nan")}}, "plan.effect", "between"),
        ({"plan": {"measure": "clicks"}}, "plan.measure", "Invalid enum"),
        ({"budget": {"spend": 5}}, "budget.spend", "price"),
        ({"budget": {"clicks": -1}}, "budget.clicks", "0 or more"),
        ({"creatives": []}, "creatives", "1 to 20"),
        ({"creatives": [{"id": "a", "kind": "flash", "content": "x"}]}, "creatives[0].kind", "Invalid enum"),
        ({"creatives": [{"id": "a", "kind": "html", "content": {"x": 1}}]}, "creatives[0].content", "text"),
        ({"creatives": [{"id": "a", "kind": "json", "content": "x"}]}, "creatives[0].content", "object"),
        ({"creatives": [{"id": "a", "kind": "image", "content": {"src": "javascript:alert(1)"}}]}, CONTENT, "src"),
        ({"creatives": [{"id": "a", "kind": "json", "content": {"l": [" java\tscript:x"]}}]}, CONTENT, "runs code"),
        ({"creatives": [{"id": "a", "kind": "html", "content": "x"}] * 2}, "creatives[1].id", "twice"),
        ({"creatives": [{"id": "a", "kind": "html", "content": "x", "weight": 0}]}, "creatives[0].weight", "0"),
    ],
)  # fmt: skip
def test_names_the_field_that_is_wrong(changes: dict[str, Any], field: str, part: str):
    with pytest.raises(CampaignInvalid) as caught:
        parse(written(**changes))
    assert caught.value.field == field
    assert part in caught.value.message


@pytest.mark.parametrize("document", [None, [], "x", 3, {}])
def test_what_is_no_object_is_refused(document: object):
    with pytest.raises(CampaignInvalid):
        parse(document)


def test_the_address_and_the_document_agree_on_the_id():
    assert parse(written(id=None), "winter").id == "winter"
    with pytest.raises(CampaignInvalid) as caught:
        parse(written(), "winter")
    assert caught.value.field == "id"


def test_a_schedule_is_in_the_sites_timezone_and_an_end_day_is_included():
    seoul = ZoneInfo("Asia/Seoul")
    campaign = parse(written(start="2026-12-01", end="2026-12-01"))
    assert campaign.starts(seoul) == 1_796_050_800_000  # 2026-11-30T15:00Z
    assert campaign.ends(seoul) == 1_796_050_800_000 + DAY_MS
    assert parse(written(start="2026-12-01T00:00:00+00:00")).starts(seoul) == 1_796_083_200_000


def test_the_order_of_a_schedule_is_the_site_s():
    seoul = ZoneInfo("Asia/Seoul")
    early = written(start="2026-12-01T20:00:00+00:00", end="2026-12-01T18:00")  # in Seoul it has ended before
    with pytest.raises(CampaignInvalid) as caught:
        parse(early, zone=seoul)
    assert caught.value.field == "end"
    assert parse(early, zone=ZoneInfo("America/Los_Angeles")).end == "2026-12-01T18:00"
    assert parse(written(end="9999-12-31")).ends(seoul) is not None


def test_yaml_hours_need_no_quotes(tmp_path: Path):
    file = tmp_path / "c.yaml"
    file.write_text(
        "- {id: a, name: A, slot: s, dayparts: [{from: 9:05, to: 18:30}, {from: 20:00, to: 24:00}],"
        " creatives: [{id: x, kind: html, content: x}]}"
    )
    hours = [(part.start, part.end) for part in load_yaml(file)[0].dayparts]
    assert hours == [("09:05", "18:30"), ("20:00", "24:00")]


def test_yaml_reads_back_what_it_writes(tmp_path: Path):
    campaigns = [parse(written()), parse(written(id="b", start="2026-12-01"))]
    file = tmp_path / "c.yaml"
    file.write_text(dump_yaml(campaigns), encoding="utf-8")
    assert load_yaml(file) == campaigns


def test_yaml_days_need_no_quotes(tmp_path: Path):
    file = tmp_path / "c.yaml"
    file.write_text(
        "- {id: a, name: A, slot: s, start: 2026-12-01, creatives: [{id: x, kind: html, content: x}]}"
    )
    assert load_yaml(file)[0].start == "2026-12-01"


@pytest.mark.parametrize(
    ("text", "field"),
    [
        ("{", ""),
        ("campaigns: 3", "campaigns"),
        ("- {id: a}", "campaigns[0].name"),
        ("!!python/object/apply:os.system ['true']", ""),
    ],
)
def test_yaml_errors_say_where(tmp_path: Path, text: str, field: str):
    file = tmp_path / "c.yaml"
    file.write_text(text)
    with pytest.raises(CampaignInvalid) as caught:
        load_yaml(file)
    assert caught.value.field == field


def test_the_demo_campaigns_are_valid():
    campaigns = load_yaml(ROOT / "dangol" / "demo" / "campaigns.yaml")
    slots = {slot for campaign in campaigns for slot in campaign.slots}
    assert slots == {"hero", "cart", "exit"}
    for slot in ("hero", "cart"):
        assert any(c.tier == "fallback" and not c.audience and slot in c.slots for c in campaigns)


BOMB = "campaigns:\n- &a0 x\n" + "".join(
    f"- &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]\n" for n in range(1, 10)
)


@pytest.mark.parametrize(
    "text",
    [
        BOMB,
        "campaigns: &a\n- *a",
        f"campaigns:\n- id: {'9' * 5000}",
        "campaigns:\n- {id: a, start: 2026-13-45}",
        "campaigns:\n- {id: a, start: 2026-02-30T10:00:00Z}",
        "campaigns:\n- ? [a]\n  : b",
        "campaigns:\n- {id: a, priority: .inf}",
        "campaigns:\n- {id: a, priority: 18446744073709551616}",
        '"campaigns": [{"id": "a", "name": "\\ud800\\0"}]',
        "[" * 5_000,
        "\0",
    ],
    ids=range(11),
)
def test_yaml_that_is_a_bomb_or_no_campaign_is_refused(tmp_path: Path, text: str):
    file = tmp_path / "campaigns.yaml"
    file.write_text(text)
    with pytest.raises(CampaignInvalid, match="aliases" if "*a" in text else None):
        load_yaml(file)
