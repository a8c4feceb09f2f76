"""Offers that the page's own server requested: seen, clicked and dismissed in the browser, proved by the token."""

import json
import os
import shutil
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from html import escape
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import BrowserContext, Page

from offers.feedback.token import TokenSigner
from tests.support.machine import ROOT, Clock, free_port
from tests.support.snippet_pages import Shop, eventually, names
from tests.support.tracker_server import TrackerServer
from tests.support.web_stage import SECRET, stage_of
from tests.support.wsgi import serving
from tracker.sites import Site

pytestmark = [pytest.mark.browser, pytest.mark.slow]
TOLD = {"offer": {"campaign": "c", "variant": "v", "content": {}}, "slot": "hero", "token": "t"}
PROPS = {"campaign": "c", "variant": "v", "slot": "hero", "token": "t"}
INSIDE = "<h2>Ten % off</h2><a href='#offer'>Look</a> <button data-dangol-dismiss>Close</button>"
FORMS = [
    f'data-dangol-offer="{escape(json.dumps(TOLD))}"',
    "data-dangol-offer=c data-dangol-variant=v data-dangol-slot=hero data-dangol-token=t",
]


def declared(form: str = FORMS[0], token: str = "t") -> str:
    return f"<section id=offer {form.replace('&quot;t&quot;', f'&quot;{token}&quot;')}>{INSIDE}</section>"


def test_a_plain_answer_is_told_of_by_commands_each_once(
    shop: Shop, page: Page, tracker: TrackerServer
) -> None:
    page.goto(shop.url)
    page.evaluate("told => { window.told = Object.freeze(told) }", TOLD)
    page.evaluate(
        "dangol('viewed', told, document.querySelector('#slot')); dangol('viewed', told, document.body)"
    )
    eventually(lambda: "Offer Viewed" in names(tracker.unique()))
    page.evaluate("for (let i = 0; i < 3; i++) { dangol('clicked', {...told}); dangol('dismissed', told) }")
    events = tracker.wait_for(4)
    assert sorted(names(events)) == ["Offer Clicked", "Offer Dismissed", "Offer Viewed", "page"]
    assert all(event.props == PROPS for event in events[1:])
    # Nothing, or no offer, is told of without any harm.
    page.evaluate("dangol('viewed'); dangol('clicked', null); dangol('dismissed', {offer: null, token: 'x'})")
    page.wait_for_timeout(500)
    assert len(tracker.unique()) == 4
    page.evaluate("dangol('slot', 'hero', () => 0)")
    eventually(lambda: tracker.asked().get("dismissed") == ["c"])


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("late", [False, True])
def test_a_declared_offer_is_seen_clicked_and_dismissed(
    shop: Shop, page: Page, tracker: TrackerServer, form: str, late: bool
) -> None:
    html = declared(form) + "<p>Beside</p>"
    shop.pages["/"] = ("" if late else html) + shop.page()
    page.goto(shop.url)
    if late:
        page.wait_for_timeout(200)
        page.evaluate("html => document.body.insertAdjacentHTML('afterbegin', html)", html)
    assert names(tracker.wait_for(2)) == ["page", "Offer Viewed"]
    page.click("p:text('Beside')")
    page.click("#offer a")
    page.click("#offer a")
    eventually(lambda: "Offer Clicked" in names(tracker.unique()))
    page.click("#offer button")
    events = tracker.wait_for(4)
    assert names(events) == ["page", "Offer Viewed", "Offer Clicked", "Offer Dismissed"]
    assert all(event.props == PROPS for event in events[1:])
    assert not page.is_visible("#offer")
    page.goto(shop.url + "/")
    if late:
        page.evaluate("html => document.body.insertAdjacentHTML('afterbegin', html)", html)
    eventually(lambda: not page.is_visible("#offer"))  # the server may not know yet


def test_half_of_a_declared_offer_must_be_on_screen_for_a_second(
    shop: Shop, page: Page, tracker: TrackerServer
) -> None:
    style = "<style>#offer { margin-top: 1500px; height: 200px }</style>"
    shop.pages["/"] = style + declared() + shop.page()
    page.goto(shop.url)
    page.wait_for_timeout(1_400)
    page.evaluate("scrollTo(0, 9e9); setTimeout(() => scrollTo(0, 0), 300)")
    page.wait_for_timeout(1_600)
    assert names(tracker.unique()) == ["page"]
    page.evaluate("scrollTo(0, 9e9)")
    assert names(tracker.wait_for(2)) == ["page", "Offer Viewed"]


def test_an_element_that_gets_another_offer_counts_that_one_and_what_is_broken_harms_nobody(
    shop: Shop, page: Page, tracker: TrackerServer
) -> None:
    broken = "<i data-dangol-offer='{broken'>x</i><i data-dangol-offer>z</i>"
    shop.pages["/"] = broken + declared() + shop.page()
    page.goto(shop.url)
    eventually(lambda: "Offer Viewed" in names(tracker.unique()))
    page.evaluate(
        "told => { document.querySelector('#offer').dataset.dangolOffer = JSON.stringify({...told, token: 't2'}) }",
        TOLD,
    )
    eventually(
        lambda: (
            [e.props["token"] for e in tracker.unique() if e.name == "Offer Viewed" and "token" in e.props][
                -1
            ]
            == "t2"
        )
    )
    page.click("#offer a")
    eventually(lambda: [e.props["token"] for e in tracker.unique() if e.name == "Offer Clicked"] == ["t2"])


COMMANDS = {
    "python": [sys.executable, "personalize.py"],
    "node": [shutil.which("node") or "", "personalize.mjs"],
    "php": [shutil.which("php") or "", "-S", "127.0.0.1:{port}", "personalize.php"],
}


@contextmanager
def recipe(language: str, dangol: str) -> Iterator[str]:
    """The server of a recipe, at its address."""
    if not COMMANDS[language][0]:
        pytest.skip(f"no {language} here: apt-get install {'php-cli' if language == 'php' else 'nodejs'}")
    port = free_port()
    command = [part.format(port=port) for part in COMMANDS[language]]
    environment = {**os.environ, "PORT": str(port), "DANGOL": dangol, "DANGOL_SECRET_KEY": "sk_test"}
    environment["DANGOL_SECONDS"] = "10"  # a busy machine must not change an answer
    process = subprocess.Popen(
        command, cwd=ROOT / "examples", env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    url = f"http://127.0.0.1:{port}"
    try:
        eventually(lambda: fetched(url), 15)
        yield url
    finally:
        process.kill()
        process.wait()


def fetched(url: str, **headers: str) -> tuple[str, Any] | None:
    try:
        with urllib.request.urlopen(urllib.request.Request(url, headers=headers), timeout=10) as response:
            return response.read().decode(), response.headers
    except OSError:
        return None


@pytest.mark.redis
@pytest.mark.parametrize("language", sorted(COMMANDS))
def test_a_recipe_shows_an_offer_whose_answers_count_for_the_visitor(
    context: BrowserContext,
    tracker: TrackerServer,
    tmp_path: Path,
    redis_url: str,
    clock: Clock,
    language: str,
) -> None:
    site = Site(id="default", write_key="wk_test", secret_key="sk_test")
    stage = stage_of(tmp_path, redis_url, site, clock)
    clock.now = time.time()
    campaign = {
        "name": "Spring",
        "status": "live",
        "slot": "hero",
        "caps": {"limit": 4, "per": "day"},
        "creatives": [
            {"id": "a", "kind": "json", "content": {"title": "<b>\"Ten' & more", "link": "/boots"}}
        ],
    }
    assert stage.call("PUT", "/v1/campaigns/c", json=campaign).status_code == 200
    with serving(stage.app) as dangol, recipe(language, dangol) as url:
        body, headers = fetched(url, **{"Sec-GPC": "1"}) or ("", {})
        assert "Our own headline" in body and "Set-Cookie" not in headers
        assert "no-store" in headers["Cache-Control"]
        page = context.new_page()
        page.goto(url)
        page.evaluate(
            """src => document.head.append(Object.assign(document.createElement('script'), {src}))
                || document.head.lastChild.setAttribute('data-key', 'wk_test')""",
            f"{tracker.host}/dangol.js",
        )
        assert page.inner_text("h1") == "<b>\"Ten' & more"
        assert page.get_attribute("section a", "href") == "/boots"
        eventually(lambda: "Offer Viewed" in names(tracker.unique()))
        page.click("section button")
        events = eventually(lambda: len(tracker.unique()) >= 3 and tracker.unique())
        cookie = next(each for each in context.cookies() if each["name"] == "dangol_v")
        assert {event.visitor for event in events} == {cookie["value"]}  # the snippet took the id over
        assert "Offer Dismissed" in names(events)
        told = next(event for event in events if event.name == "Offer Dismissed")
        token = TokenSigner(SECRET).read(str(told.props["token"]), "default", int(clock.now * 1000))
        assert (token.campaign, token.variant, token.slot) == ("c", "a", "hero")
        assert token.owner and token.belongs_to(told.visitor) and not token.belongs_to("somebody-else")
        # The cap is the visitor's (the browser may have fetched an icon, too): afterwards the page is the shop's own.
        same = {"Cookie": f"other=1; dangol_v={cookie['value']}"}
        pages = [fetched(url, **same) or ("", {}) for _ in range(4)]
        assert "data-dangol-offer" in pages[0][0]
        assert "Our own headline" in pages[-1][0] and "Set-Cookie" not in pages[-1][1]
    with recipe(language, f"http://127.0.0.1:{free_port()}") as url:
        assert "Our own headline" in (fetched(url) or [""])[0]
