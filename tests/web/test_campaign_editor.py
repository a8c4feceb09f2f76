"""The campaign editor keeps what it is given: amounts to the last digit, what cannot be saved, what others wrote."""

import json
from html import unescape
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from offers.campaign.campaign import WEEKDAYS, CampaignInvalid
from offers.campaign.document import document, parse
from profiles.model import Profile
from profiles.store.port import ABSENT, Write
from tests.support.browser import chromium
from tests.support.campaign_forms import WHOLE, sent
from tests.support.consents import answers
from tests.support.html import squeezed
from tests.support.machine import Clock
from tests.support.web_stage import PASSWORD, Stage, csrf_of, stage_of
from tests.support.wsgi import serving
from tracker.sites import Site
from web.desk.campaigns import typed
from web.desk.campaigns.form import document_of, draft_of, draft_of_form

PRICE = st.floats(0, 1e9, exclude_max=True)
WEIGHT = st.floats(0, 1e6)
CLOCK = st.builds("{:02}:{:02}".format, st.integers(0, 23), st.integers(0, 59))
HOURS = st.builds(
    lambda days, hours: {**({"days": days} if days else {}), "from": hours[0], "to": hours[1]},
    st.lists(st.sampled_from(WEEKDAYS), max_size=9),
    st.tuples(CLOCK, CLOCK).filter(lambda hours: hours[0] != hours[1]),
)
BUDGETS = st.fixed_dictionaries(
    {"cpm": PRICE, "cpc": PRICE},
    optional={
        "impressions": st.integers(0, 10**15 - 1),
        "clicks": st.integers(0, 10**15 - 1),
        "spend": st.floats(0, 1e15, exclude_max=True),
    },
).filter(lambda budget: "spend" not in budget or budget["cpm"] > 0 or budget["cpc"] > 0)
TEXT = st.text(st.characters(codec="utf-8", exclude_characters="\r"), max_size=40)
VALUE = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.just("a\nb"),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=8,
)


@pytest.fixture
def stage(tmp_path: Path, redis_url: str, site: Site, clock: Clock) -> Stage:
    return stage_of(tmp_path, redis_url, site, clock)


def campaign(**changes: Any) -> dict[str, Any]:
    return {**WHOLE, **changes}


def put(stage: Stage, **changes: Any) -> None:
    assert stage.call("PUT", "/v1/campaigns/boots", json=campaign(**changes)).status_code == 200


@given(
    holdout=st.floats(0, 0.9),
    priority=st.integers(-1_000_000, 1_000_000),
    dayparts=st.lists(HOURS, max_size=4),
    budget=st.none() | BUDGETS,
    weight=WEIGHT.filter(bool),
    html=TEXT.filter(str.strip).map(lambda text: text.replace("{", "(")),
    content=st.dictionaries(TEXT.map(lambda text: text.replace("{", "(")), VALUE, min_size=1, max_size=3),
)
def test_any_campaign_comes_back_as_it_was(
    holdout: float,
    priority: int,
    dayparts: list[Any],
    budget: dict[str, Any] | None,
    weight: float,
    html: str,
    content: dict[str, Any],
) -> None:
    creatives = [
        {"id": "a", "kind": "html", "content": html, "weight": weight},
        {"id": "b", "kind": "json", "content": content, "weight": 0.0},
    ]
    told = {"holdout": holdout, "priority": priority, "dayparts": dayparts, "budget": budget}
    stored = parse(campaign(creatives=creatives, **told))
    again = sent(document(stored))
    assert parse(document_of(draft_of(stored))) == stored
    assert parse(document_of(draft_of_form(again))) == stored


@pytest.mark.redis
@pytest.mark.parametrize(
    "budget",
    [{"impressions": 1_234_567, "spend": 1_500_000.55, "cpm": 2.5}, {"impressions": 0}, {}],
)
def test_saving_without_a_change_changes_nothing(stage: Stage, budget: dict[str, Any]) -> None:
    put(stage, budget=budget)
    stored = stage.campaigns.get("default", "boots")
    desk = stage.desk()
    page = desk.get("/desk/campaigns/edit?id=boots").text
    form = sent(document(stored), csrf=csrf_of(page), version=version_in(page))
    assert desk.post("/desk/campaigns/edit", data=form).status_code == 302
    assert stage.campaigns.get("default", "boots") == stored


def version_in(page: str) -> str:
    return page.partition('name="version" value="')[2].partition('"')[0]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1500", 1500),
        ("1,234,567", 1_234_567),
        ("1.234.567,5", 1_234_567.5),
        ("1,500.5", 1500.5),
        ("1 500", 1500),
        ("12,5", 12.5),
        ("0,125", 0.125),
        (" .5 ", 0.5),
    ],
)
def test_numbers_are_read_as_people_write_them(text: str, value: float) -> None:
    assert typed.number("spend", text) == value


@pytest.mark.parametrize(
    "text", ["1,500", "1e5", "inf", "nan", "1,234,56", "1,2,3", "٣", "€5", "9" * 401, ""]
)
def test_what_is_no_clear_number_is_refused(text: str) -> None:
    with pytest.raises(CampaignInvalid, match="spend"):
        typed.number("spend", text)


def test_a_count_has_no_fractions() -> None:
    assert typed.whole("impressions", "100,000") == 100_000 and typed.whole("x", "1.000.000") == 1_000_000
    for text in ("1.9", "1.500", "1,5", "1e999", "nan"):
        with pytest.raises(CampaignInvalid, match="impressions"):
            typed.whole("impressions", text)


@pytest.mark.parametrize(
    ("text", "days"),
    [
        ("mon-fri 09:00-18:00", WEEKDAYS[:5]),
        ("Sat – Mon 9:00 – 18:00", ("sat", "sun", "mon")),
        ("mon, wed-thu: 09:00-18:00", ("mon", "wed", "thu")),
        ("09:00-18:00", WEEKDAYS),
    ],
)
def test_hours_of_a_range_of_days(text: str, days: tuple[str, ...]) -> None:
    assert typed.dayparts(text) == [{"days": list(days), "from": "09:00", "to": "18:00"}]


@pytest.mark.parametrize(
    "text",
    ["mon-xyz 09:00-18:00", "mon 09:00-12:00, 13:00-18:00", "mon", "- 09:00-10:00", "mon to fri 09:00-18:00"],
)
def test_hours_that_say_something_else_are_refused(text: str) -> None:
    with pytest.raises(CampaignInvalid, match="dayparts"):
        typed.dayparts(text)


@pytest.mark.redis
@pytest.mark.parametrize(
    ("field", "text", "place"),
    [
        ("impressions", "inf", "impressions"),
        ("impressions", "1e999", "impressions"),
        ("clicks", "nan", "clicks"),
        ("spend", "1e400", "spend"),
        ("priority", "nan", "priority"),
        ("priority", "9" * 5_000, "priority"),
        ("holdout", "95", "holdout"),
        ("caps", "9" * 5_000 + " per day", "caps"),
        ("goal_window", "soon", "goal_window"),
        ("variant_weight", "1e400", "variant_weight-1"),
        ("variant_content", "[" * 90_000, "variant_content-1"),
        ("variant_content", '{"a": 1e999}', "variant_content-1"),
        ("variant_content", '{"a": "\\ud800"}', "variant_content-1"),
        ("variant_items", "[" * 90_000, "variant_items-1"),
    ],
)
def test_what_cannot_be_saved_comes_back_with_a_message_at_the_field(
    stage: Stage, field: str, text: str, place: str
) -> None:
    desk = stage.desk()
    form = sent(WHOLE, csrf=csrf_of(desk.get("/desk/campaigns/edit").text), saved="", visitor="nobody")
    form.setlist(field, [text, *form.getlist(field)[1:]])
    if field == "variant_content":
        form.setlist("variant_kind", ["json", "json"])
    answer = desk.post("/desk/campaigns/edit", data=form)
    assert answer.status_code == 200 and f'id="{place}-problem"' in answer.text
    assert text[:300] in unescape(answer.text) and 'aria-invalid="true"' in answer.text
    assert stage.campaigns.get("default", "boots") is None
    assert desk.post("/desk/campaigns/preview", data=form).status_code == 200


def test_the_holdout_is_refused_in_percent() -> None:
    with pytest.raises(CampaignInvalid, match="between 0 and 90 percent"):
        document_of(draft_of_form(sent(WHOLE, holdout="95")))
    assert document_of(draft_of_form(sent(WHOLE, holdout="12,5 %")))["holdout"] == 0.125


@pytest.mark.redis
def test_what_somebody_else_saved_meanwhile_is_not_lost(stage: Stage, clock: Clock) -> None:
    stage.users.put("kim", PASSWORD, "marketer")
    put(stage)
    clock.now += 60
    desk, kim = stage.desk(), stage.desk("kim")
    page = desk.get("/desk/campaigns/edit?id=boots").text
    token = csrf_of(kim.get("/desk/campaigns/boots").text)
    kim.post("/desk/campaigns/boots/status", data={"csrf": token, "status": "paused"})
    mine = sent(WHOLE, csrf=csrf_of(page), version=version_in(page), name="My boots")
    clock.now += 60
    warned = desk.post("/desk/campaigns/edit", data=mine).text
    assert "kim saved another version" in warned and "<del>Live now</del>" in warned
    assert "<ins>Paused</ins>" in warned and 'value="My boots"' in warned and "Overwrite" in warned
    found = stage.campaigns.get("default", "boots")
    assert found and (found.status, found.name) == ("paused", "Boots")
    mine["version"] = version_in(warned)
    assert desk.post("/desk/campaigns/edit", data=mine).status_code == 302
    found = stage.campaigns.get("default", "boots")
    assert found and (found.status, found.name) == ("live", "My boots")
    clock.now += 60
    stage.call("DELETE", "/v1/campaigns/boots")
    assert "deleted it" in desk.post("/desk/campaigns/edit", data=mine).text


def preview_of(stage: Stage, profile: Profile, visitor: str, **changes: Any) -> str:
    stage.profiles.save("default", [Write(profile.id, ABSENT, profile)])
    desk = stage.desk()
    token = csrf_of(desk.get("/desk/campaigns/edit").text)
    form = sent(campaign(**changes), csrf=token, visitor=visitor)
    return unescape(desk.post("/desk/campaigns/preview", data=form).text)


HELLO = [
    {
        "id": "a",
        "kind": "html",
        "content": "<p>Hi {{ trait.first_name | you }}, {{ visits | many }} times</p>",
    }
]
PHONE = Profile(id="u:mina", user="mina", traits={"first_name": "Mina"}, device="phone")


@pytest.mark.redis
def test_the_preview_tells_no_traits_of_a_page(stage: Stage) -> None:
    page = preview_of(stage, PHONE, "mina", audience="", creatives=HELLO, holdout=0)
    first, told, second = page.partition("only for your backend")
    assert "Hi you, 0 times" in first and "Mina," not in first and told and "Hi Mina, 0 times" in second


@pytest.mark.redis
def test_the_preview_respects_who_does_not_consent(stage: Stage) -> None:
    quiet = Profile(
        id="u:mina",
        user="mina",
        traits={"first_name": "Mina"},
        device="phone",
        consents=answers({"personalization": False}),
    )
    page = preview_of(stage, quiet, "mina", audience="device = 'phone'", creatives=HELLO, holdout=0)
    assert "does not consent to personalization" in page and "is in the audience" not in page
    assert "so this one is not" in page and "Hi you" in page and "Hi Mina" not in page


@pytest.mark.redis
def test_the_preview_for_everyone_tells_nothing_of_who_does_not_consent(stage: Stage) -> None:
    quiet = Profile(
        id="u:mina", user="mina", traits={"name": "Mina"}, consents=answers({"personalization": False})
    )
    page = preview_of(stage, quiet, "mina", audience="", creatives=HELLO, holdout=0)
    assert (
        "so it is shown without personal content" in page
        and "Hi you, many times" in page
        and "Hi Mina" not in page
    )


@pytest.mark.redis
def test_the_preview_says_who_is_held_out(stage: Stage) -> None:
    rare = 0.0001
    assert "in the holdout" not in preview_of(stage, PHONE, "mina", audience="", holdout=rare)
    pages = "".join(
        preview_of(stage, Profile(id=f"u:{n}", user=f"{n}"), f"{n}", audience="", holdout=0.9)
        for n in range(5)
    )
    assert "in the holdout and does not see this campaign" in pages


@pytest.mark.redis
def test_the_preview_draws_pictures_and_items_as_words(stage: Stage) -> None:
    creatives = [
        {
            "id": "a",
            "kind": "image",
            "content": {"src": "https://cdn.example/b.jpg", "alt": "Boots", "link": "/boots"},
            "items": {"strategy": "popular", "limit": 2},
        },
        {
            "id": "b",
            "kind": "html",
            "content": '<p title="<img>">x <img src="https://cdn.example/c.jpg" alt="a > b &amp; c"> y</p>',
        },
    ]
    page = preview_of(stage, PHONE, "mina", audience="", creatives=creatives, holdout=0)
    assert (
        "<dd>https://cdn.example/b.jpg</dd>" in page
        and "<dd>Boots</dd>" in page
        and "<dd>/boots</dd>" in page
    )
    assert '"src"' not in page and "up to 2 products, strategy “popular”" in page
    assert "Image “a > b & c”: https://cdn.example/c.jpg" in page and "<img src" not in page


@pytest.mark.redis
def test_an_audience_of_a_segment_that_does_not_exist_is_hinted_at(stage: Stage) -> None:
    stage.call("PUT", "/v1/segments/vip", json={"name": "VIP", "audience": "orders > 3"})
    wanted = "segment = 'vip' and not segment in ('vipp', 'gone')"
    put(stage, audience=wanted)
    desk = stage.desk()
    for path in ("/desk/campaigns/edit?id=boots", "/desk/campaigns/boots"):
        assert "Unknown segment: gone, vipp." in desk.get(path).text
    assert "Unknown segment: gone, vipp." in preview_of(stage, PHONE, "", audience=wanted)


@pytest.mark.redis
def test_a_viewer_is_offered_nothing_that_they_may_not_do(stage: Stage) -> None:
    put(stage)
    stage.users.put("vera", PASSWORD, "viewer")
    vera = stage.desk("vera")
    assert "/desk/campaigns/edit" not in vera.get("/desk/campaigns").text
    page = vera.get("/desk/campaigns/boots").text
    assert ">Edit<" not in page and "/boots/status" not in page and "/restore" not in page
    form = vera.get("/desk/campaigns/edit?id=boots").text
    assert "can view this page" in form and "fieldset" in form and " disabled>" in form
    assert 'value="save"' not in form and "data-preview" not in form and "orders &gt; 1" in form
    for path in ("/desk/campaigns/edit", "/desk/segments/edit"):
        assert vera.get(path).status_code == 403
    stage.call("PUT", "/v1/segments/vip", json={"name": "VIP", "audience": "orders > 3"})
    assert "/segments/delete" not in vera.get("/desk/segments?delete=vip").text
    stage.call("DELETE", "/v1/campaigns/boots")
    assert "/desk/campaigns/edit" not in vera.get("/desk/campaigns").text


@pytest.mark.redis
def test_a_long_audience_is_folded_in_the_list(stage: Stage) -> None:
    long = " or ".join(f"orders = {number}" for number in range(200))
    put(stage, audience=long)
    page = squeezed(stage.desk().get("/desk/campaigns").text)
    assert '<details class="long"><summary>' in page and f'<code class="whole">{long}</code>' in page


@pytest.mark.browser
@pytest.mark.redis
def test_the_editor_in_a_browser_keeps_every_character_and_warns(stage: Stage) -> None:
    html = "\n<p>a</p>\n\n<p>b</p>\n"
    put(stage, creatives=[{"id": "a", "kind": "html", "content": html}], budget={"impressions": 1_234_567})
    stored = stage.campaigns.get("default", "boots")
    with serving(stage.app) as url, chromium() as browser:
        page = browser.new_context(locale="en-GB").new_page()
        asked: list[str] = []
        page.on("dialog", lambda dialog: (asked.append(dialog.type), dialog.accept()))
        page.goto(url + "/desk/login")
        page.fill("[name=user]", "admin")
        page.fill("[name=password]", PASSWORD)
        page.press("[name=password]", "Enter")
        page.wait_for_url("**/desk")
        page.goto(url + "/desk/campaigns/edit?id=boots")
        page.click("button[value=save]")
        page.wait_for_url("**/boots?saved=yes")
        assert stage.campaigns.get("default", "boots") == stored and asked == []
        page.goto(url + "/desk/campaigns/edit?id=boots")
        page.fill("#impressions", "many")
        page.goto(url + "/desk/campaigns")
        assert asked == ["beforeunload"]
        page.goto(url + "/desk/campaigns/edit?id=boots")
        page.fill("#impressions", "many")
        page.click("button[value=save]")
        page.wait_for_selector("#impressions-problem")
        assert page.input_value("#impressions") == "many" and asked == ["beforeunload"]
        assert page.evaluate("document.activeElement.id") == "impressions"
        page.click("a[href='/desk/campaigns']")  # what came back is not saved either
        page.wait_for_url("**/desk/campaigns")
        assert asked == ["beforeunload"] * 2


def test_the_json_of_a_draft_is_the_campaigns() -> None:
    many = {"rows": [[number] * 8 for number in range(2_000)]}
    big = parse(campaign(creatives=[{"id": "a", "kind": "json", "content": many}]))
    assert json.loads(draft_of(big).variants[0].content) == many
    assert parse(document_of(draft_of_form(sent(document(big))))) == big
