"""The visitor's own page: who may open it, what it tells, what its forms change, and what they refuse."""

import re
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import urljoin, urlsplit

import pytest

from profiles.facts import Facts
from profiles.fold.fold import LogPosition as At
from profiles.fold.fold import Settings, apply
from profiles.model import Affinity, Counts, ItemTouch, Profile
from profiles.store.port import ABSENT, Alias, Write
from tests.support.browser import chromium, keep
from tests.support.machine import Clock, RedisServer
from tests.support.web_stage import Stage, stage_of
from tests.support.wsgi import serving
from tracker.admission.buckets import RedisBuckets
from tracker.durations import DAY_MS
from tracker.event import decode
from tracker.log.memory import MemoryLog
from tracker.sites import Site
from web.app import create_app
from web.me.passes import FORM_SECONDS, LINK_SECONDS

pytestmark = pytest.mark.redis
NOW = 1_795_000_000_000


def mina() -> Profile:
    return Profile(
        id="u:mina",
        visitors=["a1"],
        user="mina",
        traits={"email": "mina@example.com", "name": "<b>Mina</b>"},
        first_seen=NOW - DAY_MS,
        last_seen=NOW,
        counts=Counts(visits=7, pageviews=40, views=21, orders=2, revenue=180.0, offer_views=5),
        affinities={"shoes": Affinity(6.0, NOW), "garden": Affinity(2.0, NOW)},
        items=[ItemTouch("p1", "view", NOW, "shoes"), ItemTouch("p2", "view", NOW, "garden")],
        device="phone",
    )


@pytest.fixture
def stage(tmp_path: Path, redis_url: str, site: Site, clock: Clock) -> Stage:
    stage = stage_of(tmp_path, redis_url, site, clock)
    people = [mina(), Profile(id="v:b2", visitors=["b2"], counts=Counts(visits=1))]
    stage.profiles.save("default", [Write(each.id, ABSENT, each) for each in people])
    stage.profiles.save("default", [Write("v:a1", ABSENT, Alias("u:mina"))])
    return stage


def link(stage: Stage, who: str = "mina") -> str:
    url = stage.call("POST", f"/v1/profiles/{who}/link").json["url"]
    parts = urlsplit(url)
    return f"{parts.path}?{parts.query}"


def form_of(page: str) -> dict[str, str]:
    """The hidden fields of the page's forms."""
    return dict(re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)"', page))


def stored(stage: Stage, user: str = "mina") -> Profile:
    found = stage.profiles.find("default", user=user)
    assert found is not None
    return found


def test_the_shops_link_tells_everything_in_plain_words(stage: Stage) -> None:
    stage.call("PUT", "/v1/segments/vip", json={"name": "Our regulars", "audience": "orders > 1"})
    page = stage.client.get(link(stage))
    assert page.status_code == 200
    for part in (
        "Visits: 7.",
        "€180.00",
        "mina@example.com",
        "&lt;b&gt;Mina&lt;/b&gt;",
        "shoes",
        "a customer",
    ):
        assert part in page.text
    assert "Our regulars" in page.text
    assert "<b>Mina" not in page.text and "<script" not in page.text
    assert page.headers["Cache-Control"] == "no-store" and page.headers["Referrer-Policy"] == "no-referrer"
    assert "frame-ancestors 'none'" in page.headers["Content-Security-Policy"]


def test_it_speaks_the_visitors_language(stage: Stage) -> None:
    page = stage.client.get(link(stage), headers={"Accept-Language": "ko-KR,ko;q=0.9"})
    assert 'lang="ko"' in page.text and "방문 7번" in page.text and "Visits" not in page.text


def test_the_cookie_opens_the_page_but_hides_what_was_told_to_the_shop(stage: Stage) -> None:
    client = stage.client
    client.set_cookie("dangol_v", "a1")
    page = client.get("/me").text
    assert "Visits: 7." in page and "email" in page
    assert "mina@example.com" not in page and "m•••" in page


def test_without_link_or_cookie_nothing_is_told(stage: Stage, clock: Clock) -> None:
    assert stage.client.get("/me").status_code == 404
    client = stage.client
    client.set_cookie("dangol_v", "nobody")
    assert client.get("/me").status_code == 404
    assert stage.client.get("/me?site=other").status_code == 404
    good = link(stage)
    page = stage.client.get(good).text
    for bad in (
        good[:-1] + ("x" if good[-1] != "x" else "y"),
        "/me?pass=" + form_of(page)["form"],
        "/me?pass=%00",
    ):
        refused = stage.client.get(bad)
        assert refused.status_code == 403 and "Visits" not in refused.text
    clock.advance(LINK_SECONDS + 1)
    assert stage.client.get(good).status_code == 403


def test_a_write_key_makes_no_links(stage: Stage) -> None:
    assert stage.call("POST", "/v1/profiles/mina/link", "wk_test").status_code == 403
    assert stage.call("POST", "/v1/profiles/nobody/link").json["error"]["field"] == "id"


def test_purposes_are_switched_at_once_and_written_into_history(stage: Stage) -> None:
    address = link(stage)
    hidden = form_of(stage.client.get(address).text)
    answer = stage.client.post("/me/choices", data={**hidden, "purpose": ["marketing"]})
    assert answer.status_code == 303
    assert stored(stage).consent == {"personalization": False, "marketing": True}
    said = [decode(record.value) for record in records(stage)]
    assert [(event.type, event.user, event.props["personalization"]) for event in said] == [
        ("consent", "mina", False)
    ]
    page = stage.client.get(urljoin("/me/choices", answer.headers["Location"])).text
    assert "Saved. Your choices apply from now on." in page
    assert re.search(r'value="personalization">', page) and re.search(r'value="marketing" checked', page)
    shown = {"user": "mina", "slots": [{"id": "hero", "kind": "offer"}]}
    offer = {
        "name": "For shoe lovers",
        "status": "live",
        "slot": "hero",
        "audience": "affinity('shoes') > 0.1",
        "creatives": [{"id": "a", "kind": "json", "content": {"title": "Hi"}}],
    }
    stage.call("PUT", "/v1/campaigns/c", json=offer)
    assert stage.call("POST", "/v1/personalize", json=shown).json["slots"]["hero"]["offer"] is None


def test_interests_are_strengthened_and_forgotten(stage: Stage) -> None:
    hidden = form_of(stage.client.get(link(stage)).text)
    sent = {**hidden, "i:shoes": "gone", "i:garden": "more", "i:books": "more"}
    assert stage.client.post("/me/interests", data=sent).status_code == 303
    profile = stored(stage)
    assert set(profile.affinities) == {"garden"} and profile.affinities["garden"].weight == 4.0
    assert [touch.item for touch in profile.items] == ["p2"]
    # History tells a rebuilt profile the same, and saying it twice changes nothing.
    (said,) = [decode(record.value) for record in records(stage)]
    assert said.type == "consent" and said.props == {"interests": {"shoes": 0.0, "garden": 4.0}}
    rebuilt = mina()
    for position in range(2):
        apply(rebuilt, said, Facts(), Settings(), At(said.key, 0, position))
    assert rebuilt.affinities == profile.affinities and rebuilt.items == profile.items


def test_erasing_needs_the_box_and_then_leaves_nothing(stage: Stage) -> None:
    client = stage.client
    client.set_cookie("dangol_v", "a1")
    hidden = form_of(client.get("/me").text)
    assert "saved=unsure" in client.post("/me/erase", data=hidden).headers["Location"]
    assert stored(stage)
    gone = client.post("/me/erase", data={**hidden, "sure": "yes"})
    assert gone.status_code == 200 and "dangol_v=;" in str(gone.headers.getlist("Set-Cookie"))
    assert stage.profiles.find("default", user="mina") is None
    assert client.get("/me").status_code == 404


def test_forms_from_elsewhere_are_refused(stage: Stage, clock: Clock) -> None:
    client = stage.client
    client.set_cookie("dangol_v", "a1")
    hidden = form_of(client.get("/me").text)
    other = stage.client
    other.set_cookie("dangol_v", "b2")
    tries: list[tuple[Any, dict[str, str], dict[str, str]]] = [
        (client, {}, {}),
        (client, {**hidden, "form": link(stage).partition("=")[2]}, {}),
        (client, hidden, {"Sec-Fetch-Site": "cross-site"}),
        (other, hidden, {}),
        (stage.client, hidden, {}),
    ]
    for browser, data, headers in tries:
        assert browser.post("/me/choices", data=data, headers=headers).status_code == 403
    clock.advance(FORM_SECONDS + 1)
    assert client.post("/me/choices", data=hidden).status_code == 403
    assert stored(stage).consent == {}


def test_whoever_asks_too_often_waits(stage: Stage) -> None:
    address = link(stage)
    codes = [stage.client.get(address).status_code for _ in range(40)]
    assert codes[0] == 200 and codes[-1] == 429
    assert int(stage.client.get(address).headers["Retry-After"]) >= 1


def test_addresses_of_one_ipv6_network_ask_together(stage: Stage) -> None:
    bases = [{"REMOTE_ADDR": f"2001:db8:1:2::{number:x}"} for number in range(40)]
    assert stage.client.get("/me", environ_base=bases[0]).status_code != 429
    assert [stage.client.get("/me", environ_base=base).status_code for base in bases][-1] == 429


def test_asking_another_process_helps_nobody(
    tmp_path: Path, redis_url: str, site: Site, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tracker.admission.buckets.TIMEOUT", 10.0)  # a busy machine
    bucket = RedisBuckets(redis_url)
    doors = []
    for name in "ab":
        stores = stage_of(tmp_path / name, redis_url, site, clock).stores
        process = create_app(replace(stores, access=replace(stores.access, bucket=bucket.take)))
        doors.append(process.flask.test_client())
    codes = [doors[turn % 2].get("/me").status_code for turn in range(60)]  # each alone would admit thirty
    assert 429 not in codes[:30] and 429 in codes[30:]


def test_the_store_may_be_down(tmp_path: Path, own_redis: RedisServer, site: Site, clock: Clock) -> None:
    stage = stage_of(tmp_path, own_redis.url, site, clock)
    own_redis.kill()
    client = stage.client
    client.set_cookie("dangol_v", "a1")
    answer = client.get("/me")
    assert answer.status_code == 503 and "try again later" in answer.text


@pytest.mark.browser
def test_it_works_below_a_folder_of_the_shop_s_domain(stage: Stage) -> None:
    def proxied(environ: dict[str, Any], start_response: Any) -> Any:
        """As a web server does that hands /s/… on without its prefix."""
        path = environ["PATH_INFO"]
        if not path.startswith("/s/"):
            start_response("404 Not Found", [])
            return [b"the shop"]
        return stage.app(environ | {"PATH_INFO": path[2:]}, start_response)

    with serving(proxied) as url, chromium() as browser:
        context = browser.new_context()
        context.add_cookies([{"name": "dangol_v", "value": "a1", "url": url}])
        page = context.new_page()
        missing: list[str] = []
        page.on("response", lambda answer: missing.append(answer.url) if answer.status >= 400 else None)
        page.goto(url + "/s/me")
        assert page.evaluate("getComputedStyle(document.querySelector('.card')).borderRadius") != "0px"
        page.get_by_label("Personalized offers").uncheck()
        page.get_by_role("button", name="Save my choices").click()
        page.wait_for_selector("text=Your choices apply")
        assert page.url.startswith(url + "/s/me?") and stored(stage).consent["personalization"] is False
        page.get_by_label("Yes, erase all my data").check()
        page.get_by_role("button", name="Erase").click()
        page.wait_for_selector("text=Your data is erased")
        assert page.evaluate("getComputedStyle(document.querySelector('.card')).borderRadius") != "0px"
        assert not missing


@pytest.mark.browser
def test_it_reads_well_on_a_phone(stage: Stage) -> None:
    address = link(stage)
    with serving(stage.app) as url, chromium() as browser:
        page = browser.new_page(viewport={"width": 360, "height": 740})
        problems: list[str] = []
        page.on("console", lambda message: problems.append(message.text) if message.type == "error" else None)
        page.goto(url + address)
        assert page.evaluate("document.documentElement.scrollWidth") <= 360
        keep(page, "me-phone", full=True)
        page.get_by_role("group", name="garden").get_by_label("Not interested").check()
        page.get_by_role("button", name="Save my interests").click()
        page.wait_for_selector("text=It applies from now on")
        assert page.get_by_role("group", name="garden").count() == 0
        page.get_by_label("Personalized offers").uncheck()
        page.get_by_role("button", name="Save my choices").click()
        page.wait_for_selector("text=Your choices apply")
        page.get_by_label("Yes, erase all my data").check()
        page.get_by_role("button", name="Erase").click()
        page.wait_for_selector("text=Your data is erased")
        assert problems == []
    assert stage.profiles.find("default", user="mina") is None


def records(stage: Stage) -> list[Any]:
    """Everything in the log."""
    log = stage.stores.log
    assert isinstance(log, MemoryLog)
    return [message for partition in log.partitions for message in partition]
