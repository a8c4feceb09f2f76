"""What a funnel's page offers beside its numbers, and the warehouse queries behind it, on a week that is known."""

import re
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest

from profiles.model import Counts, Profile
from profiles.store.port import Write
from tests.support.desk_rows import FULL, HOSTILE, at, fill, visit
from tests.support.html import squeezed
from tests.support.machine import Clock
from tests.support.web_stage import PASSWORD, Stage, csrf_of, stage_of
from tracker.sites import Site
from web.reports.cache import CountJob

STEPS = "step=page:*&step=event:Product+Viewed&step=event:Product+Added&step=event:Order+Completed&window=1d"


@pytest.fixture
def stage(tmp_path: Path, redis_url: str, site: Site, clock: Clock) -> Stage:
    stage = stage_of(tmp_path, redis_url, site, clock)
    fill(stage.warehouse, clock())
    for number, name in enumerate("abcd"):
        profile = Profile(id=f"v:{name}", visitors=[name], counts=Counts(visits=1, orders=number))
        stage.profiles.save("default", [Write(profile.id, b"", profile)])
    return stage


def report(stage: Stage, name: str, query: str = "") -> dict:
    steps = f"{STEPS}&" if name.startswith("funnel") else ""
    answer = stage.call("GET", f"/v1/reports/{name}?{steps}{query}")
    assert answer.status_code == 200, answer.json
    return answer.json


def test_several_things_can_be_excluded_each_in_its_gap(stage: Stage) -> None:
    def reached(*without: str) -> list[int]:
        steps = report(stage, "funnel", "&".join(f"without={each}" for each in without))["steps"]
        return [step["visitors"] for step in steps]

    assert reached() == [4, 3, 2, 1]
    assert reached("page:/checkout") == [4, 3, 2, 0] == reached("3:page:/checkout")
    assert reached("1:page:/checkout", "2:page:/checkout") == [4, 3, 2, 1]
    assert reached("2:event:Nothing", "1:event:Nothing", "3:page:/checkout") == [4, 3, 2, 0]
    assert reached("event:Product+Viewed") == [4, 3, 0, 0]
    for query, field in (
        ("without=4:page:/", "without"),
        ("without=0:page:/", "without"),
        ("without=2:x", "without"),
        ("without=page:/&order=any", "order"),
        ("&".join(["without=page:/"] * 9), "without"),
    ):
        refused = stage.call("GET", f"/v1/reports/funnel?{STEPS}&{query}")
        assert refused.status_code == 400 and refused.json["error"]["field"] == field, query
    page = stage.desk().get(f"/desk/funnel?{STEPS}&without=3:page:/checkout&without=event:Nothing").text
    assert page.count('name="barred"') == 2 and 'value="page:/checkout"' in page
    assert re.findall(r'<option value="(\d)" selected>', page) == ["3"]
    assert '<div class="count">0<' in squeezed(page)
    people = re.findall(r'class="leavers"\s+href="([^"]+)"', page)[2].replace("&amp;", "&")
    assert "1 person" not in stage.desk().get(people).text and "2 people" in stage.desk().get(people).text
    any_order = stage.desk().get(f"/desk/funnel?{STEPS}&without=page:/&order=any").text
    assert "strict where something" in any_order


def test_a_breakdown_adds_up(stage: Stage) -> None:
    rows = report(stage, "funnel/breakdown", "group=channel")["rows"]
    assert {row["value"]: row["visitors"] for row in rows} == {
        "organic search": [1, 1, 1, 1],
        "e-mail": [1, 1, 1, 0],
        "direct": [2, 1, 0, 0],
    }


@pytest.mark.parametrize("group", ["landing", "new", "stage", "device"])
def test_every_partition_is_the_whole_funnel(stage: Stage, group: str) -> None:
    rows = report(stage, "funnel/breakdown", f"group={group}")["rows"]
    assert [sum(row["visitors"][at] for row in rows) for at in range(4)] == [4, 3, 2, 1]
    by_visit = report(stage, "funnel/breakdown", f"group={group}&by=visit")["rows"]
    assert [sum(row["visitors"][at] for row in by_visit) for at in range(4)] == [4, 3, 2, 1]


def test_who_came_before_the_period_is_returning(stage: Stage, clock: Clock) -> None:
    stage.warehouse.append(visit("v:a", at(clock(), 60), FULL[:1]), [], {})
    rows = report(stage, "funnel/breakdown", "group=new")["rows"]
    assert {row["value"]: row["visitors"][0] for row in rows} == {"returning": 1, "new": 3}


def test_the_trend_adds_up_and_knows_the_days(stage: Stage) -> None:
    rows = report(stage, "funnel/trend")["rows"]
    assert len(rows) == 30
    busy = {row["start"]: (row["began"], row["finished"]) for row in rows if row["began"]}
    assert busy == {"2026-11-15": (2, 0), "2026-11-16": (2, 1)}
    weeks = report(stage, "funnel/trend", "every=week")["rows"]
    assert {row["start"]: row["began"] for row in weeks if row["began"]} == {"2026-11-09": 2, "2026-11-16": 2}


def test_where_those_who_left_went(stage: Stage, clock: Clock) -> None:
    more = (*FULL[:2], ("page", "/help"), ("page", "/bye"))
    stage.warehouse.append(visit("v:f", at(clock(), 4), more), [], {})
    rows = report(stage, "funnel/instead", "at=2")["rows"]
    assert {row["name"]: row["visitors"] for row in rows} == {"page:/help": 1, "": 1}
    assert stage.call("GET", f"/v1/reports/funnel/instead?{STEPS}&at=4").json["error"]["field"] == "step"
    assert stage.call("GET", f"/v1/reports/funnel/instead?{STEPS}&at=x").json["error"]["field"] == "at"
    reverse = stage.call("GET", "/v1/reports/funnel/reverse?goal=event:Order%20Completed").json
    assert reverse["reached"] and all(0 < step["share"] <= 1 for step in reverse["steps"])
    assert stage.call("GET", "/v1/reports/funnel/reverse").json["error"]["field"] == "goal"


def test_the_people_of_a_step(stage: Stage) -> None:
    def ids(query: str) -> list[str]:
        return [row["id"] for row in report(stage, "funnel/people", query)["people"]]

    assert ids("at=1") == ["v:d"] and ids("at=2") == ["v:c"] and ids("at=2&which=went+on") == ["v:a", "v:b"]
    assert ids("at=4&which=all") == ["v:a"]


def test_drop_outs_become_a_segment_in_two_clicks(stage: Stage) -> None:
    desk = stage.desk()
    page = desk.get(f"/desk/funnel?{STEPS}").text
    links = [link.replace("&amp;", "&") for link in re.findall(r'class="leavers"\s+href="([^"]+)"', page)]
    listed = desk.get(links[1]).text
    assert "/desk/visitors/v%3Ac" in listed and "1 person" in listed
    assert "A fixed list of up to 10,000 people" in listed
    query = re.findall(r'name="query" value="([^"]+)"', listed)[0].replace("&amp;", "&")
    form = {"csrf": csrf_of(listed), "query": query, "name": "카트 이탈"}
    made = desk.post("/desk/funnel/people", data=form).headers["Location"]
    segment = parse_qs(urlsplit(made).query)["made"][0]
    assert stage.stores.segments.store.get("default", segment).name == "카트 이탈"
    assert stage.call("GET", "/v1/profiles/c").json["segments"] == [segment]
    branch = report(stage, "funnel/breakdown", "group=segment")["rows"]
    assert [(row["value"], row["visitors"]) for row in branch] == [(segment, [1, 1, 0, 0])]
    assert branch[0]["conversion_interval"]["whole"] == 1 and not branch[0]["conversion_interval"]["enough"]
    narrowed = report(stage, "funnel", f"segment={segment}")["steps"]
    assert [step["visitors"] for step in narrowed] == [1, 1, 0, 0]
    assert stage.call("GET", f"/v1/reports/overview?segment={segment}").json["visitors"] == 1


def test_a_viewer_reads_but_saves_nothing(stage: Stage) -> None:
    stage.users.put("vera", PASSWORD, "viewer")
    vera = stage.desk("vera")
    page = vera.get(f"/desk/funnel?{STEPS}").text
    assert "/desk/funnel/saved" not in page
    form = {"csrf": csrf_of(page), "query": STEPS, "name": "x"}
    for path in ("/desk/funnel/saved", "/desk/funnel/people"):
        assert vera.post(path, data=form).status_code == 403
    assert stage.stores.reports.funnels.all("default") == []


def test_a_saved_funnel_is_found_again_and_shared(stage: Stage) -> None:
    desk = stage.desk()
    page = desk.get(f"/desk/funnel?{STEPS}").text
    form = {"csrf": csrf_of(page), "query": STEPS, "name": HOSTILE}
    assert desk.post("/desk/funnel/saved", data={**form, "csrf": ""}).status_code == 403
    link = desk.post("/desk/funnel/saved", data=form).headers["Location"]
    opened = desk.get(link).headers["Location"]
    assert opened.startswith("/desk/funnel?step=page%3A%2A") and "window=1d" in opened
    page = desk.get("/desk/funnel").text
    assert link in page and HOSTILE not in page
    assert desk.post(f"{link}/delete", data=form).status_code == 302
    assert desk.get(link).status_code == 404
    assert desk.post("/desk/funnel/saved", data={**form, "name": "  "}).status_code == 400


def test_the_funnel_beside_another(stage: Stage) -> None:
    page = stage.desk().get(f"/desk/funnel?{STEPS}&from=2026-11-15&to=2026-11-18&compare=before").text
    assert page.count("vs. 0") == 4
    page = stage.desk().get(f"/desk/funnel?{STEPS}&compare=segment:nobody").text
    assert page.count("vs. 0") == 4


@pytest.mark.parametrize("part", ["trend", "groups", "instead"])
def test_parts_come_alone_or_in_a_page(stage: Stage, part: str) -> None:
    desk = stage.desk()
    whole, alone = (desk.get(f"/desk/funnel/{part}?{STEPS}&at=1{more}").text for more in ("", "&part=1"))
    assert "<html" in whole and "<html" not in alone and "<h2>" in alone
    assert HOSTILE not in whole + alone


@pytest.mark.parametrize(
    ("query", "visitors"),
    [
        ("channel=direct", 2),
        ("device=phone", 1),
        ("page=/checkout", 1),
        ("page=/", 3),
        ("channel=direct&page=/", 1),
        ("country=KR", 0),
        ("segment=nobody", 0),
    ],
)
def test_every_report_can_be_narrowed(stage: Stage, query: str, visitors: int) -> None:
    overview = stage.call("GET", f"/v1/reports/overview?{query}").json
    assert (
        overview["visitors"] == visitors and sum(row["sessions"] for row in overview["channels"]) == visitors
    )
    assert report(stage, "funnel", query)["steps"][0]["visitors"] == visitors
    for name in ("paths", "retention", "funnel/trend", "funnel/breakdown"):
        report(stage, name, query)


@pytest.mark.parametrize("path", ["/desk", "/desk/funnel", "/desk/paths", "/desk/retention"])
def test_filters_stay_in_every_link_of_a_page(stage: Stage, path: str) -> None:
    page = stage.desk().get(f"{path}?channel=direct&page={HOSTILE}&from=2026-11-01&to=2026-11-18").text
    assert HOSTILE not in page and 'class="chips"' in page
    links = re.findall(r'href="(/desk/reports/[^"]+)"', page)
    assert all("channel=direct" in link for link in links)
    presets = re.findall(r'<a href="([^"]+)"', page.split('class="presets"')[1].split("</div>")[0])
    assert presets and all("channel=direct" in link for link in presets)


def test_answers_are_kept_and_say_how_old_they_are(
    stage: Stage, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        CountJob, "keeps", lambda job, most, now: job.made is None or now - job.made < most
    )  # it was slow
    desk = stage.desk()
    assert "Updated just now" in desk.get("/desk").text
    clock.advance(20)
    page = desk.get("/desk").text
    assert "Updated 20 s ago" in page and "fresh=1" in page
    assert stage.call("GET", "/v1/reports/overview").headers["Age"] == "0"  # another span: the API's 30 days
    assert "Updated just now" in desk.get("/desk?fresh=1").text
