"""The form to sign up in a real browser: nothing is ticked before, what was agreed to goes along, a pop-up waits."""

from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Page, Route

from profiles.model import Profile
from profiles.store.port import ABSENT, Write
from tests.support.machine import Clock
from tests.support.snippet_pages import Shop, eventually
from tests.support.tracker_server import TrackerServer
from tests.support.web_stage import Stage, stage_of
from tests.support.wsgi import serving
from tracker.event import decode
from tracker.log.memory import MemoryLog
from tracker.sites import Site

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.redis]
CONTENT = {
    "title": "News",
    "text": "Once a week.",
    "signup": {
        "consent": "Yes, I want news by e-mail.",
        "version": "footer-3",
        "button": "Sign up",
        "label": "Your e-mail",
        "done": "Look into your inbox.",
        "topics": ["sale"],
    },
}


@pytest.fixture
def stage(tmp_path: Path, redis_url: str, clock: Clock) -> Stage:
    return stage_of(tmp_path, redis_url, Site(id="default", write_key="wk_test", secret_key="sk_test"), clock)


def offer(stage: Stage, **more: Any) -> None:
    content = {**CONTENT, "signup": {**CONTENT["signup"], **more}}  # type: ignore[dict-item]
    document = {
        "name": "Sign up",
        "status": "live",
        "slot": "hero",
        "creatives": [{"id": "a", "kind": "json", "content": content}],
    }
    assert stage.call("PUT", "/v1/campaigns/c", json=document).status_code == 200


def open_shop(shop: Shop, page: Page, tracker: TrackerServer, url: str) -> None:
    """The tracker and the API are one host outside of tests: here what the form asks is passed on."""
    (tracker.folder / "web.url").write_text(url)

    def pass_on(route: Route) -> None:
        route.fulfill(response=route.fetch(url=f"{url}/v1/subscribe"))

    page.route("**/v1/subscribe", pass_on)
    shop.pages["/"] = shop.page("dangol('slot', 'hero', '#slot')")
    page.goto(shop.url)


def told(stage: Stage, name: str) -> list[Any]:
    log = stage.stores.log
    assert isinstance(log, MemoryLog)
    events = [decode(message.value) for messages in log.partitions for message in messages]
    return [each for each in events if each.name == name]


def test_who_signs_up_confirms_and_is_written_to(
    stage: Stage, shop: Shop, page: Page, tracker: TrackerServer
) -> None:
    offer(stage)
    with serving(stage.app) as url:
        open_shop(shop, page, tracker, url)
        page.wait_for_selector("#slot form")
        assert not page.is_checked("#slot input[type=checkbox]"), "the visitor ticks it"
        page.fill("#slot input[type=email]", "mina@shop.example")
        page.click("#slot form button")
        assert told(stage, "Email Confirmation Requested") == [], "not without the tick"
        page.check("#slot input[type=checkbox]")
        page.click("#slot form button")
        page.wait_for_selector("text=Look into your inbox.")
        (asked,) = told(stage, "Email Confirmation Requested")
        assert (asked.props["email"], asked.props["text"]) == (
            "mina@shop.example",
            "Yes, I want news by e-mail.",
        )
        assert (asked.props["textVersion"], asked.props["topics"]) == ("footer-3", ["sale"])
        assert asked.props["source"].startswith("127.0.0.1") and asked.props["token"]
        visitor = page.evaluate("localStorage.dangol_v")
        assert asked.visitor == visitor
        mina = Profile(f"v:{visitor}", visitors=[visitor])
        stage.profiles.save("default", [Write(mina.id, ABSENT, mina)])
        page.goto(url + urlsplit(asked.props["confirm"]).path)
        assert stage.profiles.find("default", visitor=visitor).consents == []  # type: ignore[union-attr]
        page.click("form button")
        page.wait_for_selector("[role=status]")
        (kept,) = stage.profiles.find("default", visitor=visitor).consents  # type: ignore[union-attr]
        assert kept.given and kept.verified_at and kept.topic == "sale" and kept.text_version == "footer-3"
    eventually(lambda: "Offer Clicked" in [each.name for each in tracker.unique()])


def test_a_pop_up_waits_for_the_way_out_and_a_closed_one_is_dismissed(
    stage: Stage, shop: Shop, page: Page, tracker: TrackerServer
) -> None:
    offer(stage, popup="exit")
    with serving(stage.app) as url:
        open_shop(shop, page, tracker, url)
        page.wait_for_selector("#slot dialog", state="attached")
        page.mouse.move(300, 300)
        assert not page.is_visible("#slot dialog")
        page.evaluate("document.body.dispatchEvent(new MouseEvent('mouseout', {clientY: -1, bubbles: true}))")
        page.wait_for_selector("#slot dialog[open]")
        assert page.inner_text("#slot dialog strong") == "News"
        page.keyboard.press("Escape")
        page.wait_for_selector("#slot dialog", state="hidden")
        eventually(lambda: {"Offer Viewed", "Offer Dismissed"} <= {each.name for each in tracker.unique()})
        page.evaluate("document.body.dispatchEvent(new MouseEvent('mouseout', {clientY: -1, bubbles: true}))")
        assert not page.is_visible("#slot dialog")


@pytest.mark.parametrize("wrong", [{"consent": ""}, {"version": ""}, {"popup": "often"}, {"topics": "sale"}])
def test_a_form_without_a_proof_is_no_creative(stage: Stage, wrong: dict[str, Any]) -> None:
    content = {**CONTENT, "signup": {**CONTENT["signup"], **wrong}}  # type: ignore[dict-item]
    document = {"name": "x", "slot": "hero", "creatives": [{"id": "a", "kind": "json", "content": content}]}
    refused = stage.call("PUT", "/v1/campaigns/c", json=document)
    assert refused.status_code == 400 and "signup" in refused.json["error"]["message"]


def test_a_token_of_somebody_else_signs_nobody_up(stage: Stage) -> None:
    offer(stage)
    slots = {"visitor": "a1", "slots": [{"id": "hero", "kind": "offer"}]}
    token = stage.call("POST", "/v1/personalize", "wk_test", json=slots).json["slots"]["hero"]["token"]
    form = {"email": "mina@shop.example", "textVersion": "v1", "token": token}
    for visitor, status in (("b2", 400), ("a1", 202)):
        done = stage.call("POST", "/v1/subscribe", None, json={**form, "visitor": visitor})
        assert done.status_code == status
    assert (
        stage.call("POST", "/v1/subscribe", None, json={**form, "visitor": "a1", "token": "x"}).status_code
        == 400
    )
