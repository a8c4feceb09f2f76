"""The desk's campaign pages: written, previewed, turned live and judged there, in a browser too."""

import re
from html import unescape
from pathlib import Path
from typing import Literal

import pytest

from offers.campaign.campaign import CampaignInvalid
from offers.campaign.document import parse
from profiles.model import Affinity, Profile
from profiles.store.port import ABSENT, Write
from tests.support.browser import chromium, keep
from tests.support.campaign_forms import WHOLE, sent
from tests.support.campaign_history import CAMPAIGN, play
from tests.support.installation import eventually
from tests.support.machine import Clock
from tests.support.web_stage import PASSWORD, Stage, csrf_of, stage_of
from tests.support.wsgi import serving
from tracker.sites import Site
from web.desk.campaigns.form import document_of, draft_of, draft_of_form, pressed

NOW = 1_795_000_000_000


@pytest.fixture
def stage(tmp_path: Path, redis_url: str, site: Site, clock: Clock) -> Stage:
    return stage_of(tmp_path, redis_url, site, clock)


def test_the_form_says_the_whole_document_and_back() -> None:
    campaign = parse(WHOLE)
    assert parse(document_of(draft_of(campaign))) == campaign
    assert parse(document_of(draft_of_form(sent(WHOLE)))) == campaign
    plain = parse({"id": "x", "name": "X", "slot": "hero", "creatives": [CAMPAIGN["creatives"][1]]})
    assert parse(document_of(draft_of(plain))) == plain


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"caps": "often"}, "caps"),
        ({"dayparts": "someday 09:00-18:00"}, "dayparts"),
        ({"holdout": "few"}, "holdout"),
        ({"priority": "first"}, "priority"),
        ({"impressions": "many"}, "budget.impressions"),
        ({"variant_kind": "json"}, "creatives[0].content"),
        ({"audience": "orders >"}, "audience"),
        ({"slots": ""}, "slots"),
    ],
)
def test_what_cannot_be_saved_names_the_field(changes: dict[str, str], field: str) -> None:
    form = sent(WHOLE)
    for name, text in changes.items():
        form.setlist(name, [text, *form.getlist(name)[1:]])
    with pytest.raises(CampaignInvalid) as refused:
        parse(document_of(draft_of_form(form)))
    assert refused.value.field == field


def test_variants_are_added_and_removed() -> None:
    draft = draft_of(parse(WHOLE))
    more = pressed(draft, "add")
    assert [each.id for each in more.variants] == ["a", "b", "c"]
    assert [each.id for each in pressed(more, "remove:1").variants] == ["a", "c"]
    one = pressed(pressed(draft, "remove:0"), "remove:0")
    assert [each.id for each in one.variants] == ["b"] and pressed(draft, "remove:٣") == draft


@pytest.mark.redis
def test_a_campaign_is_written_changed_and_turned_live(stage: Stage) -> None:
    desk = stage.desk()
    page = desk.get("/desk/campaigns/edit").text
    form = sent({**WHOLE, "status": "draft"}, csrf=csrf_of(page), do="save", saved="")
    wrong = form.copy()
    wrong.setlist("audience", ["orders >"])
    refused = desk.post("/desk/campaigns/edit", data=wrong).text
    assert (
        '<a href="#audience">Audience</a>: expected' in refused
        and 'id="audience-problem"' in refused
        and "orders &gt;" in refused
        and 'value="Boots"' in refused
    )
    assert stage.campaigns.get("default", "boots") is None
    saved = desk.post("/desk/campaigns/edit", data=form)
    assert saved.headers["Location"] == "/desk/campaigns/boots?saved=yes"
    stored = stage.campaigns.get("default", "boots")
    assert stored == parse({**WHOLE, "status": "draft"})
    assert "Another campaign uses the id boots" in desk.post("/desk/campaigns/edit", data=form).text
    turned = desk.post("/desk/campaigns/boots/status", data={"csrf": csrf_of(page), "status": "live"})
    assert turned.status_code == 302
    assert stage.call("GET", "/v1/campaigns/boots").json["status"] == "live"
    assert len(stage.call("GET", "/v1/campaigns/boots/versions").json["versions"]) == 2
    assert desk.post("/desk/campaigns/boots/status", data={"status": "live"}).status_code == 403
    bad = desk.post("/desk/campaigns/boots/status", data={"csrf": csrf_of(page), "status": "golden"})
    assert bad.status_code == 400
    assert desk.get("/desk/campaigns/edit?id=nothing").status_code == 404


@pytest.mark.redis
def test_the_preview_counts_explains_and_shows(stage: Stage) -> None:
    mina = Profile(
        id="u:mina",
        user="mina",
        traits={"first_name": "<i>Mina</i>"},
        affinities={"shoes": Affinity(2.0, NOW)},
        device="phone",
    )
    stage.profiles.save("default", [Write(mina.id, ABSENT, mina)])
    desk = stage.desk()
    token = csrf_of(desk.get("/desk/campaigns/edit").text)
    told = {"csrf": token, "visitor": "mina"}
    html = {**WHOLE, "audience": "device = 'phone'"}
    page = desk.post("/desk/campaigns/preview", data=sent(html, **told)).text
    assert "1 of 1 visitors match" in page and "mina is in the audience" in page
    assert "<p>Hi &lt;i&gt;Mina&lt;/i&gt;</p>" in page and "단골" in page
    page = desk.post("/desk/campaigns/preview", data=sent(WHOLE, **told)).text
    assert "These conditions do not match: orders &gt; 1" in page
    nobody = desk.post("/desk/campaigns/preview", data=sent(WHOLE, csrf=token, visitor="nobody")).text
    assert "Nobody is known by" in nobody
    wrong = sent(WHOLE, **told)
    wrong.setlist("audience", ["orders >"])
    assert "Audience</a>: expected" in desk.post("/desk/campaigns/preview", data=wrong).text
    assert desk.post("/desk/campaigns/preview", data=sent(WHOLE)).status_code == 403
    whole = desk.post("/desk/campaigns/edit", data=sent(html, do="preview", **told)).text
    assert "mina is in the audience" in whole and "<textarea" in whole


@pytest.mark.slow
@pytest.mark.redis
def test_the_results_show_the_loop(stage: Stage, redis_url: str) -> None:
    play(stage, "boots", redis_url)
    stage.call("PUT", "/v1/segments/s1", json={"name": "Shoe lovers", "audience": "affinity('shoes') > 0.5"})
    stage.evaluate_segments()
    desk = stage.desk()
    page = desk.get("/desk/campaigns/boots").text
    assert '<span class="name">Shoe lovers</span>' in page
    for part in (
        "Audience breakdown",
        "Experiment",
        "Lookalike audience",
        "Bandit allocation",
        "too early",
        "Estimate if shown to all",
        "invalid signature",
        "Dismissed",
        "/desk/reports/campaigns/boots?",
    ):
        assert part in page
    assert "not shown yet</b>" in page and "Do not rely" not in page and "Prospect · Phone · E-mail" in page
    listed = desk.get("/desk/reports/campaigns/boots?format=csv&table=days").text.splitlines()
    assert "dismissals" in listed[0] and len(listed) > 3
    # The events that occur on this site are counted in the background: no page waits for them long.
    edit = "/desk/campaigns/edit?id=boots"
    eventually(lambda: "days_since(&#39;Form Sent&#39;)" in desk.get(edit).text)
    eventually(lambda: '<option value="Offer Dismissed">' in desk.get(edit).text)
    expanded = desk.get("/desk/campaigns/boots?expand=yes").text
    assert "affinity(&#39;shoes&#39;)" in expanded and "Create a campaign for this audience" in expanded
    assert 'expand=yes#expansion"' in page and 'id="expansion"' in expanded
    proposed = re.search(r'href="(/desk/campaigns/edit\?like=boots&amp;audience=[^"]+)"', expanded)
    draft = desk.get(unescape(proposed[1])).text if proposed else ""
    assert "affinity(&#39;shoes&#39;)" in draft and "Warm feet" in draft and 'name="saved" value=""' in draft
    assert 'name="slots" value="hero"' in draft and "lookalike audience" in draft


def test_group_sizes_that_no_draw_gives_are_said_on_the_page(stage: Stage, redis_url: str) -> None:
    play(stage, "boots", redis_url, holdout=0.6)
    desk = stage.desk()
    assert "Do not rely on this comparison" in desk.get("/desk/campaigns/boots").text
    stage.call("PUT", "/v1/campaigns/new", json={**CAMPAIGN, "holdout": 0})
    assert (
        "Lift cannot be measured without a holdout"
        in desk.get("/desk/campaigns/new?from=x&to=2020-01-01").text
    )
    assert desk.get("/desk/campaigns/nothing").status_code == 404


@pytest.mark.slow
@pytest.mark.browser
@pytest.mark.redis
def test_the_pages_in_a_browser(stage: Stage, redis_url: str, axe: str) -> None:
    play(stage, "boots", redis_url)
    link = stage.call("POST", "/v1/profiles/1/link").json["url"].partition("/me?")[2]
    problems: list[str] = []
    with serving(stage.app) as url, chromium() as browser:
        for size, width, height in (("desk", 1280, 900), ("phone", 360, 740)):
            scheme: Literal["light", "dark"] = "light" if size == "desk" else "dark"
            context = browser.new_context(
                viewport={"width": width, "height": height}, locale="en-GB", color_scheme=scheme
            )
            page = context.new_page()
            page.on("console", lambda said: problems.append(said.text) if said.type == "error" else None)
            page.goto(url + "/desk/login")
            page.fill("[name=user]", "admin")
            page.fill("[name=password]", PASSWORD)
            page.press("[name=password]", "Enter")
            page.wait_for_url("**/desk")
            for name, path in (
                ("list", "/desk/campaigns"),
                ("results", "/desk/campaigns/boots?expand=yes"),
                ("editor", "/desk/campaigns/edit?id=boots"),
                ("me", f"/me?{link}"),
            ):
                page.goto(url + path)
                if name == "editor":
                    page.fill("#audience", "affinity('shoes') > 0.5")
                    page.fill("#visitor", "1")
                    page.wait_for_selector("#preview .offer-box")
                assert page.evaluate("document.documentElement.scrollWidth") <= width, (size, name)
                keep(page, f"campaign-{name}-{size}", full=True)
                page.evaluate(axe)
                found = page.evaluate("axe.run(document, {resultTypes: ['violations']})")
                problems.extend(
                    f"{name} {size}: {each['id']} {[node['target'] for node in each['nodes'][:3]]}"
                    for each in found["violations"]
                    if each["impact"] in ("serious", "critical")
                )
            context.close()
    assert problems == []
