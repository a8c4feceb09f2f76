"""Stage and segments on every surface, while only time passes: no event, no job, no write."""

import ast
import re
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import msgspec
import pytest

from dangol.transfer.person_export import export
from ingest.dead_letters import DeadLetters
from offers.segments.views import Views
from profiles.encoding import codec
from profiles.encoding.packing import pack_profile
from profiles.lifecycle import stage_of as stage_at
from profiles.lifecycle import thresholds_of
from profiles.model import Counts, Profile
from profiles.store.port import Write
from tests.support.desk_rows import FULL, visit
from tests.support.machine import FOLDERS, ROOT, Clock
from tests.support.sites import UTC_SITE, site_with
from tests.support.web_stage import Stage, stage_of
from tracker.durations import DAY_MS, DAY_SECONDS
from tracker.sites import Site

STAGES = {0: "customer", 91: "at-risk", 366: "lost"}
SAID = {"customer": "Customer", "at-risk": "At risk", "lost": "Lost"}
WORDS = {
    "customer": "a customer\n",
    "at-risk": "a customer we have not seen for a while",
    "lost": "a customer we have not seen for long",
}
"""On /me."""
STEPS = "step=page:*&window=1d"


@pytest.fixture
def stage(tmp_path: Path, redis_url: str, site: Site, clock: Clock) -> Stage:
    """Kim ordered and is here no more; Lee only looked. A segment and a campaign for each stage."""
    stage = stage_of(tmp_path, redis_url, site, clock)
    now = int(clock() * 1000)
    bought = Counts(visits=1, orders=1, revenue=50.0)
    kim = Profile(id="u:kim", visitors=["k"], user="kim", traits={"name": "Kim"}, counts=bought)
    kim.first_seen = kim.last_seen = kim.last_order = now
    lee = Profile(id="u:lee", visitors=["l"], user="lee", traits={"name": "Lee Kim"})
    lee.first_seen = lee.last_seen = now
    stage.profiles.save("default", [Write(each.id, b"", each) for each in (kim, lee)])
    rows = visit("u:kim", now - 3_600_000, FULL, visitor="k", user="kim") + visit("u:lee", now, FULL[:1])
    stage.warehouse.append(rows, [], {})
    for name in SAID:
        audience = f"stage = '{name}'"
        segment = {"name": SAID[name], "audience": audience}
        assert stage.call("PUT", f"/v1/segments/{name}", json=segment).status_code == 200
        offer = {"name": name, "status": "live", "slots": ["hero"], "audience": audience}
        offer["creatives"] = [{"id": "a", "kind": "html", "content": "{{ stage }}"}]
        assert stage.call("PUT", f"/v1/campaigns/{name}", json=offer).status_code == 200
    return stage


def stored(stage: Stage) -> dict[str, bytes]:
    return {name: each.version for name, each in stage.profiles.load("default", ["u:kim", "u:lee"]).items()}


def get(stage: Stage, path: str) -> Any:
    answer = stage.call("GET", path)
    assert answer.status_code == 200, answer.text
    return answer


def told_by_api(stage: Stage, name: str, since: str) -> dict[str, Any]:
    """What each surface of the API says of Kim's stage, by surface."""
    profile = get(stage, "/v1/profiles/kim").json
    visitor = get(stage, "/v1/reports/visitor?id=kim").json["profile"]
    people = {one["id"]: one["stage"] for one in get(stage, "/v1/reports/visitors?q=kim").json["people"]}
    latest = {one["id"]: one["stage"] for one in get(stage, f"/v1/reports/visitors?{since}").json["people"]}
    sizes = {row["id"]: row["members"] for row in get(stage, "/v1/reports/segments").json["rows"]}
    members = get(stage, f"/v1/reports/segment?id={name}").json["people"]
    parts = {
        by: get(stage, f"/v1/reports/funnel/breakdown?{STEPS}&{since}&group={by}").json["rows"]
        for by in ("stage", "segment")
    }
    ask = {"user": "kim", "slots": [{"id": "hero", "kind": "offer"}]}
    shown = stage.call("POST", "/v1/personalize", json=ask).json
    asked = {"audience": f"stage = '{name}'", "visitor": "kim"}
    preview = stage.call("POST", "/v1/audiences/preview", json=asked).json
    csv = get(stage, "/v1/reports/visitors?q=kim&format=csv").text
    return {
        "profile": profile["stage"],
        "its segments": profile["segments"],
        "report of one": visitor["stage"],
        "found": people["u:kim"],
        "latest": latest["u:kim"],
        "sizes": [each for each, size in sizes.items() if size],
        "members": [(each["id"], each["stage"]) for each in members],
        "by stage": sorted(row["value"] for row in parts["stage"]),
        "by segment": [row["value"] for row in parts["segment"]],
        "visitor": shown["visitor"],
        "offer": shown["slots"]["hero"]["offer"]["campaign"],
        "preview": (preview["size"], preview["visitor"]["matched"]),
        "csv": re.findall(r"^u:kim,kim,[^,]*,([^,]+),", csv, re.M),
    }


@pytest.mark.redis
def test_every_surface_says_how_the_person_stands_now(stage: Stage, clock: Clock, tmp_path: Path) -> None:
    before, begun = stored(stage), clock()
    for days, name in STAGES.items():
        clock.now = begun + days * DAY_SECONDS
        since = "from=2026-11-01&to=2027-12-31"
        assert told_by_api(stage, name, since) == {
            "profile": name,
            "its segments": [name],
            "report of one": name,
            "found": name,
            "latest": name,
            "sizes": [name],
            "members": [("u:kim", name)],
            "by stage": sorted(["prospect", name]),
            "by segment": [name],
            "visitor": {"stage": name, "segments": [name]},
            "offer": name,
            "preview": (1, True),
            "csv": [name],
        }
        desk = stage.desk()
        badge = f'<span class="badge {name}">{SAID[name]}</span>'
        page = desk.get("/desk/visitors/u:kim").text
        assert badge in page and f"<dd>{SAID[name]}</dd>" in re.sub(r"\s*\n\s*", "", page)
        assert badge in desk.get("/desk/visitors?q=ki").text
        link = urlsplit(stage.call("POST", "/v1/profiles/kim/link").json["url"])
        me = stage.client.get(f"{link.path}?{link.query}").text
        assert WORDS[name] in me and f"<dd>{SAID[name]}</dd>" in me
        views = Views(stage.stores.segments.store, clock)
        document = export(
            stage.profiles,
            stage.warehouse,
            DeadLetters(tmp_path),
            stage.site,
            views.of(stage.site),
            user="kim",
        )
        assert document and (document["profile"]["stage"], document["segments"]) == (name, [name])
    assert stored(stage) == before, "nobody wrote anything"


def test_the_site_decides_when() -> None:
    kim = Profile("u:kim", last_seen=0, counts=Counts(orders=1))
    eager = thresholds_of(site_with(regular_orders=1, at_risk_days=10, lost_days=20))
    usual = thresholds_of(UTC_SITE)
    for days, expected in ((0, "regular"), (10, "at-risk"), (20, "lost")):
        assert stage_at(kim, days * DAY_MS, eager) == expected
        assert stage_at(kim, days * DAY_MS, usual) == "customer"
    assert stage_at(Profile("v:a", last_seen=1), 10**15, eager) == "prospect"


def test_no_profile_stores_a_stage_or_segments() -> None:
    """Whoever read one would not pass mypy. What earlier releases stored is read and left out."""
    assert not {"stage", "segments"} & set(Profile.__struct_fields__)
    packed = pack_profile(Profile("v:a", visitors=["a"], scores={"churn": 0.5}))
    assert packed.rare is not None
    old = msgspec.structs.replace(packed, former_stage=19, rare=(packed.rare[0], ["vip"], *packed.rare[2:]))
    assert codec.decode(msgspec.msgpack.encode(old)) == Profile("v:a", visitors=["a"], scores={"churn": 0.5})


def test_one_module_asks_for_the_stage() -> None:
    """Everybody else asks a View, which has the clock, the site's thresholds and its segments; the daily snapshot tells
    the stage of a million profiles, and needs nothing else of a View."""
    asking = {
        str(path.relative_to(ROOT))
        for folder in FOLDERS
        for path in (ROOT / folder).rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.ImportFrom) and node.module == "profiles.lifecycle"
    }
    assert asking == {"offers/audience/visitor.py", "dangol/jobs/score_writer.py"}
