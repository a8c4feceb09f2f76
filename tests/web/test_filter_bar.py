"""The filter bar and the files: on every page of the desk, of every table, and the same over the API."""

import re
from collections.abc import Iterator
from html import unescape
from pathlib import Path

import pytest

from offers.bandit.contexts import SlotCounts
from offers.bandit.thompson_sampling import Arm
from offers.feedback.token import Token
from profiles.model import CartLine, Exposure, Profile, Session, Touch
from profiles.store.port import ABSENT, Write
from tests.support.desk_pages import FUNNEL_STEPS, NARROWED, UNNARROWED
from tests.support.desk_rows import FULL, answer_row, fill, visit
from tests.support.desk_tables import check_tables, links
from tests.support.machine import Clock
from tests.support.web_stage import Stage, csrf_of, stage_of
from tracker.sites import Site
from warehouse.reports.filtered import FILTER_COLUMNS
from web.openapi.description import document
from web.reports.filters import FILTERS

PARTS = {
    "/desk/associations": "a page of the products', about all visits",
    "/desk/goals": "a part of the overview, with its address",
    "/desk/customers/list": "a list of the customers', with its address",
    "/desk/customers/scoring": "a part of the customers' page",
    "/desk/customers/list.csv": "a file",
    "/desk/funnel/people": "a list of the funnel's, with its address",
    "/desk/access/user": "a form",
    "/desk/segments/edit": "a form",
    "/desk/campaigns/edit": "a form",
    "/desk/password": "a form",
    "/desk/merge": "a form",
    "/desk/login": "the door",
    "/desk/stopped": "a message",
    "/desk/models/training": "a part of the models' page",
}


@pytest.fixture
def stage(tmp_path: Path, redis_url: str, site: Site, clock: Clock) -> Stage:
    """The known week, four people of whom one came by e-mail on a phone and is here now, and a campaign's answers."""
    stage = stage_of(tmp_path, redis_url, site, clock)
    now = int(clock() * 1000)
    fill(stage.warehouse, clock())
    here = visit("v:b", now - 120_000, FULL[:2], channel="e-mail", device="phone", country="KR")
    here += visit("v:c", now - 30_000, FULL[:1], channel="direct", device="desktop", country="DE")
    people = [Profile(id=f"v:{name}", visitors=[name], last_seen=now) for name in "abc"]
    kim = Profile(id="u:kim", user="kim", traits={"name": "Kim"}, last_seen=now - 1)
    kim.sessions = [Session("s1", now - 9, now - 1, Touch(now - 9, "e-mail", "news"))]
    kim.cart, kim.exposure = {"p7": CartLine(2, 9.5)}, {"hero": Exposure(3, 1, now - 1)}
    people.append(kim)
    people.append(Profile(id="u:lee", user="lee", traits={"name": "Kim Lee"}, last_seen=now - 1))
    stage.profiles.save("default", [Write(each.id, ABSENT, each) for each in people])
    hero = {
        "name": "Hero",
        "slots": ["hero"],
        "creatives": [{"id": "a", "kind": "html", "content": "<p>Hi</p>"}],
    }
    assert stage.call("PUT", "/v1/campaigns/hero", json=hero).status_code == 200
    learned = SlotCounts({"": {"a": Arm(4.0, 1.0)}})
    stage.stores.campaigns.arms.publish("default", {"hero": {"hero": learned}}, now)
    segment = {"name": "B alone", "audience": "known = false"}
    assert stage.call("PUT", "/v1/segments/everyone", json=segment).status_code == 200
    for number, each in enumerate(here):
        token = stage.stores.campaigns.signer.sign(
            Token("default", "hero", "a", "hero", 0.5, now, "", f"n{number}")
        )
        shown = answer_row(token, "Offer Viewed", each.ts + 1)
        same = {name: getattr(each, name) for name in ("profile", "session", "channel", "device", "country")}
        here.append(shown._replace(**same)) if number < 3 else None
    stage.warehouse.append(here, [], {})
    return stage


def pages_of(stage: Stage) -> Iterator[str]:
    """Every address of the desk that shows a page and needs no further name."""
    for rule in stage.app.url_map.iter_rules():
        path = str(rule)
        reads = "GET" in (rule.methods or ()) and not path.startswith("/desk/reports")
        if reads and path.startswith("/desk") and "<" not in path:
            yield path


def test_every_page_has_the_bar_or_a_reason_not_to(stage: Stage) -> None:
    known = {**NARROWED, **UNNARROWED, **PARTS}
    assert sorted(set(pages_of(stage)) - set(known)) == [], "say here whether it has the filter bar"


@pytest.mark.parametrize("path", NARROWED)
def test_each_filter_can_be_set_on_each_page_and_taken_along(stage: Stage, path: str) -> None:
    filters = "channel=e-mail&device=phone&country=KR&page=/&segment=everyone"
    page = stage.desk().get(f"{path}?{NARROWED[path]}&{filters}&from=2026-11-01&to=2026-11-18").text
    bar = page.partition('class="range"')[2]
    for name in FILTERS:
        assert f'id="filter-{name}"' in bar, name
    assert len(re.findall("<li>", bar.partition('class="chips"')[2].partition("</ul>")[0])) == len(FILTERS)
    assert all("channel=e-mail" in link and "page=%2F" in link for link in links(page))
    assert handed_on(page) == {*NARROWED, *UNNARROWED}


def handed_on(page: str) -> set[str]:
    """Pages that the menu takes the filters and the dates to."""
    menu = re.findall(r'href="([^"]+)"', page.partition("<nav")[2].partition("</nav>")[0])
    return {href.partition("?")[0] for href in menu if "channel=e-mail" in href and "from=2026-11-01" in href}


@pytest.mark.parametrize(("path", "why"), UNNARROWED.items())
def test_a_page_without_the_bar_says_why_and_hands_the_filters_on(stage: Stage, path: str, why: str) -> None:
    page = stage.desk().get(f"{path}?channel=e-mail&from=2026-11-01&to=2026-11-18").text
    bar = page.partition('class="range"')[2].partition("</p>")[0]
    assert "disabled" in bar and why in bar
    assert handed_on(page) == {*NARROWED, *UNNARROWED}
    korean = stage.desk().get(path, headers={"Accept-Language": "ko"}).text
    assert 'id="whole"' in korean and why not in korean


def test_a_click_in_the_paths_narrows_them_and_the_other_reports(stage: Stage) -> None:
    desk = stage.desk()
    page = desk.get("/desk/paths?anchor=page:/&depth=3&channel=direct").text
    nodes = {
        unescape(link).partition("page=")[2]: unescape(link)
        for link in re.findall(r'<a href="(/desk/paths[^"]+)" aria-label="Only visits', page)
    }
    assert "%2F" in nodes  # the anchor itself; events are no pages
    assert "channel=direct" in nodes["%2F"] and "anchor=page%3A%2F" in nodes["%2F"]
    desk = stage.desk()
    whole = desk.get("/desk/paths?depth=3").text
    checkout = next(
        unescape(link)
        for link in re.findall(r'<a href="(/desk/paths[^"]+)" aria-label="Only visits', whole)
        if "page=%2Fcheckout" in link
    )
    narrowed = desk.get(checkout).text
    assert "/checkout" in narrowed.partition('class="chips"')[2].partition("</ul>")[0]
    assert ">1 visit<" in narrowed and "Only visits that saw /checkout" not in narrowed
    onward = re.findall(r'<a href="(/desk\?[^"]+)">', narrowed.partition("<nav")[2])[0]
    assert "page=%2Fcheckout" in onward
    overview = desk.get(unescape(onward)).text
    figures = dict(re.findall(r'class="name">([^<]+)</span><span class="value">([^<]+)<', overview))
    assert figures["Visitors"] == "1"


def test_nothing_is_taken_along_that_was_not_chosen(stage: Stage) -> None:
    page = stage.desk().get("/desk").text
    assert 'href="/desk/funnel"' in page and 'href="/desk/live"' in page


def test_what_a_page_cannot_take_is_shown_with_its_reason(stage: Stage) -> None:
    desk = stage.desk()
    live = desk.get("/desk/live?from=2026-11-01&to=2026-11-02").text
    assert "Live data only" in live
    assert re.search(r'id="from" type="date"[^>]* disabled aria-describedby="undated"', live)
    assert '<input type="hidden" name="from" value="2026-11-01">' in live  # handed on, not lost
    search = desk.get("/desk/visitors?q=kim&channel=e-mail").text
    if "Results for" in search:
        assert "Search covers all visitors" in search
    campaign = desk.get("/desk/campaigns/hero?channel=e-mail").text
    assert "Filters do not apply" in campaign
    assert '<input type="hidden" name="channel" value="e-mail">' in campaign


def test_live_is_narrowed(stage: Stage) -> None:
    def visitors(query: str) -> int:
        return stage.call("GET", f"/v1/reports/live?{query}").json["visitors"]

    assert visitors("") == 2
    for query in ("channel=e-mail", "device=phone", "country=KR", "channel=direct", "country=DE"):
        assert visitors(query) == 1, query
    assert visitors("channel=e-mail&country=DE") == visitors("segment=nobody") == visitors("page=/x") == 0
    assert visitors("page=/") == visitors("segment=everyone") == 2
    page = stage.desk().get("/desk/live?country=KR").text
    assert "<b>1</b><span>visitor now" in page and 'data-live="/desk/live?country=KR&amp;part=1"' in page
    assert "<b>1</b><span>visitor now" in stage.desk().get("/desk/live?country=KR&part=1").text


def test_visitors_are_narrowed(stage: Stage) -> None:
    def ids(query: str) -> list[str]:
        listed = stage.call("GET", f"/v1/reports/visitors?{query}").json["people"]
        page = stage.desk().get(f"/desk/visitors?{query}").text
        shown = re.findall(r'href="/desk/visitors/(?:v|u)%3A(\w+)"', page)
        known = [each["id"][2:] for each in listed if each["last_seen"]]
        assert shown == known
        return known

    assert ids("") == ["c", "b", "a"]
    assert ids("country=KR") == ["b"] and ids("channel=organic+search") == ["a"]
    assert ids("page=/checkout") == ["a"] and ids("segment=nobody") == []
    assert ids("from=2026-11-01&to=2026-11-16") == ["a", "b", "c"]  # who came by then, the last first
    assert "No matching visitors" in stage.desk().get("/desk/visitors?country=XX").text


def test_campaigns_are_narrowed(stage: Stage) -> None:
    def impressions(query: str) -> int:
        listed = stage.call("GET", f"/v1/reports/campaigns?{query}").json["campaigns"]
        page = stage.desk().get(f"/desk/campaigns?{query}").text
        counted = sum(each["impressions"] for each in listed)
        assert re.findall(r'<td [^>]*class="number">([^<]+)<', page)[0] == str(counted)
        return counted

    assert impressions("") == 3 and impressions("country=KR") == 2 and impressions("country=DE") == 1
    assert impressions("channel=paid+search") == impressions("segment=nobody") == 0
    assert impressions("page=/") == impressions("segment=everyone") == 3


@pytest.mark.parametrize(
    "path",
    [
        *(f"{path}?{query}" for path, query in NARROWED.items()),
        *(f"/desk/funnel/{part}?{FUNNEL_STEPS}&at=1" for part in ("trend", "groups", "instead", "people")),
        *UNNARROWED,
        *(path for path, why in PARTS.items() if why == "a form" or "goals" in path),
        "/desk/visitors?q=ki",
        "/desk/visitors/kim",
        "/desk/dossier/a",
        "/desk/campaigns/hero",
    ],
)
def test_each_table_of_each_page_is_there_as_csv_and_json(stage: Stage, path: str) -> None:
    desk = stage.desk()
    check_tables(desk, desk.get(path).text, path)


def test_the_tables_are_where_they_are_looked_for(stage: Stage) -> None:
    """Else the walk above would find none missing where there are none."""
    desk = stage.desk()
    for path, tables in {
        "/desk/access": 2,
        "/desk/segments": 1,
        "/desk/visitors?q=ki": 1,
        "/desk/visitors/kim": 3,
        "/desk/dossier/a": 2,
        "/desk/campaigns/hero": 3,
    }.items():
        assert desk.get(path).text.count("<table") == tables, path


def test_why_somebody_belongs_to_an_audience_is_there_as_csv_and_json(stage: Stage) -> None:
    desk = stage.desk()
    form = {"csrf": csrf_of(desk.get("/desk/setup").text), "id": "hero", "name": "Hero", "visitor": "kim"}
    form["audience"] = "orders = 0 and trait('name') = 'Kim'"
    page = desk.post("/desk/campaigns/preview", data=form).text
    assert page.count("<table") == 1
    check_tables(desk, page, "the preview")
    csv = desk.get(next(link for link in links(page) if "format=csv" in link)).text
    assert csv.splitlines()[1:] == ["orders = 0,True,0", "trait('name') = 'Kim',True,Kim"]


def test_the_api_says_everything_that_the_desk_shows(stage: Stage) -> None:
    """Every report of the desk is one of the API, described, with the filter bar's parameters where it is narrowed."""
    rules = {str(rule) for rule in stage.app.url_map.iter_rules()}
    described = document("https://x.example")["paths"]
    reports = {rule.removeprefix("/desk/reports") for rule in rules if rule.startswith("/desk/reports")}
    reports.remove("/access")  # who may sign in is for administrators, not for whoever has a site's key
    assert (
        reports
        and {rule.removeprefix("/v1/reports") for rule in rules if rule.startswith("/v1/reports")} == reports
    )
    whole = {
        "/segment",
        "/segments",
        "/visitor",
        "/vocabulary",
        "/audience",
        "/models",
        "/associations",
        "/data-quality",
        "/agents",
    }
    for report in reports:
        path = "/v1/reports" + re.sub(r"<(\w+)>", r"{\1}", report)
        assert path in described, path
        if report in whole or "<" in report:
            continue
        parameters = (*described[path]["parameters"], *described[path]["get"].get("parameters", ()))
        named = {each.get("$ref", "").rpartition("/")[2] for each in parameters}
        assert set(FILTERS) <= named and "format" in named, path


def test_filters_name_columns_that_every_event_has() -> None:
    assert {"channel", "device", "country"} <= set(FILTER_COLUMNS)


def test_segments_and_one_person_as_files(stage: Stage) -> None:
    rows = stage.call("GET", "/v1/reports/segments").json["rows"]
    assert [(row["id"], row["name"], row["members"]) for row in rows] == [("everyone", "B alone", 3)]
    tables = {
        "visits": "start,channel,origin,campaign,keyword,landing",
        "cart": "product,quantity,price",
        "offers": "campaign,views,clicks,last,dismissed,first,variant",
    }
    for table, columns in tables.items():
        lines = stage.call("GET", f"/v1/reports/visitor?id=kim&format=csv&table={table}").text.splitlines()
        assert lines[0].lstrip("\ufeff") == columns and len(lines) == 2, table
    assert lines[1].startswith("hero,3,1,")
    found = stage.call("GET", "/v1/reports/visitors?q=lee").json
    assert [each["id"] for each in found["people"]] == ["u:lee"] and found["total"] == 1
    taught = stage.call("GET", "/v1/reports/campaigns/hero?format=csv&table=learned").text.splitlines()
    assert taught[0].endswith("slot,context,variant,shown,rate,share") and taught[1] == "hero,,a,4.0,0.25,1.0"
    person = stage.call("GET", "/v1/reports/visitor?id=a").json
    assert person["profile"]["id"] == "v:a" and [each["revenue"] for each in person["orders"]] == [50.0]
    csv = stage.call("GET", "/v1/reports/visitor?id=a&format=csv&table=ids").text
    assert csv.splitlines()[0].lstrip("\ufeff").startswith("visitor,first,last,events")
    assert stage.call("GET", "/v1/reports/visitor?id=nobody").status_code == 404
