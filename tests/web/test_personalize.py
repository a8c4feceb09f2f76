"""POST /v1/personalize: what DESIGN §11 promises, and that nothing a page sends or a store does breaks it."""

import json
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from ingest.enrich.enrich import facts
from profiles.facts import Facts
from profiles.fold.fold import LogPosition, Settings, fold
from profiles.model import Affinity, Counts, ItemTouch, Profile, Session, Touch
from profiles.sansio import Call, Steps
from profiles.store.port import Alias, Write
from tests.support.consents import answers
from tests.support.machine import Clock, RedisServer
from tests.support.web_stage import Stage, stage_of
from tracker.durations import DAY_MS
from tracker.event import Event, decode
from tracker.sites import Site

ITEMS = [
    {
        "id": f"{kind[:2]}{n}",
        "name": f"{kind} {n}",
        "category": kind,
        "price": 10.0 + n,
        "url": f"/p/{kind}{n}",
    }
    for kind in ("shoes", "books")
    for n in range(6)
]
HERO: dict[str, Any] = {
    "name": "Hero",
    "status": "live",
    "slots": ["hero"],
    "creatives": [{"id": "a", "kind": "html", "content": "<p>Hello <script>alert(1)</script></p>"}],
}


@pytest.fixture
def stage(tmp_path: Path, redis_url: str, site: Site, clock: Clock) -> Stage:
    return stage_of(tmp_path, redis_url, site, clock)


@pytest.fixture
def shop(stage: Stage) -> Stage:
    assert stage.call("PUT", "/v1/items", json={"items": ITEMS}).status_code == 200
    return stage


def save(stage: Stage, profile: Profile) -> None:
    assert stage.profiles.save("default", [Write(profile.id, b"", profile)])


def shoe_lover(now: int, **more: Any) -> Profile:
    touches = [ItemTouch(f"sh{n}", "view", now - 5000 + n, "shoes") for n in range(2)]
    session = Session("s1", now - 6000, now - 1000, Touch())
    return Profile(id="v:a1", visitors=["a1"], items=touches, sessions=[session], last_seen=now, **more)


def vip(stage: Stage) -> None:
    """Whoever ordered belongs to the segment."""
    document = {"name": "VIP", "audience": "orders > 0"}
    assert stage.call("PUT", "/v1/segments/vip", json=document).status_code == 200


def ask(stage: Stage, *slots: dict[str, Any], key: str | None = "wk_test", **more: Any) -> Any:
    return stage.call("POST", "/v1/personalize", key, json={"visitor": "a1", "slots": list(slots), **more})


def items(answer: Any, slot: str = "row") -> list[str]:
    assert answer.status_code == 200, answer.text
    return [item["id"] for item in answer.json["slots"][slot]["items"]]


ROW = {"id": "row", "kind": "items", "limit": 4}


def test_a_visitor_sees_what_suits_with_the_reason_and_what_is_needed_to_draw_it(
    shop: Stage, clock: Clock
) -> None:
    save(shop, shoe_lover(int(clock() * 1000), traits={"email": "a@b.example"}))
    answer = ask(shop, ROW, page={"url": "http://shop/p/sh1", "item": "sh1"})
    shown = answer.json["slots"]["row"]["items"]
    assert all(item["id"].startswith("sh") for item in shown[:2])
    assert "sh1" not in [item["id"] for item in shown]
    assert shown[0]["reason"]["kind"] and shown[0]["name"].startswith("shoes") and shown[0]["price"] > 0
    assert shown[0]["currency"] == "EUR"
    assert answer.json["visitor"] == {"stage": "prospect", "segments": []}
    assert answer.json["took_ms"] >= 0
    assert "b.example" not in answer.text and "traits" not in answer.text


def test_a_stranger_gets_popular_items(shop: Stage) -> None:
    assert len(items(ask(shop, ROW))) == 4
    assert len(items(ask(shop, ROW, visitor=None))) == 4


def test_filters_and_limits_are_kept(shop: Stage) -> None:
    row = {**ROW, "filter": {"category": "books"}, "limit": 3, "strategy": "popular"}
    assert [item[:2] for item in items(ask(shop, row))] == ["bo"] * 3


def test_an_offer_comes_sanitised_with_its_token(shop: Stage) -> None:
    assert shop.call("PUT", "/v1/campaigns/hero", json=HERO).status_code == 200
    time.sleep(0.6)  # web workers look for new campaigns twice a second
    slot = ask(shop, {"id": "hero", "kind": "offer"}).json["slots"]["hero"]
    assert slot["offer"] == {
        "campaign": "hero",
        "variant": "a",
        "kind": "html",
        "content": {"html": "<p>Hello </p>"},
    }
    assert (
        shop.stores.campaigns.signer.read(slot["token"], "default", int(shop.stores.clock() * 1000)).slot
        == "hero"
    )


def test_a_slot_without_a_campaign_gets_no_offer(shop: Stage) -> None:
    assert ask(shop, {"id": "nowhere", "kind": "offer"}).json["slots"] == {"nowhere": {"offer": None}}


def test_what_the_holdout_withholds_is_logged(shop: Stage) -> None:
    assert shop.call("PUT", "/v1/campaigns/hero", json={**HERO, "holdout": 1.0}).status_code in (200, 400)
    if shop.campaigns.get("default", "hero") is None:
        held = {**HERO, "holdout": 0.9}
        assert shop.call("PUT", "/v1/campaigns/hero", json=held).status_code == 200
    time.sleep(0.6)
    consumer = shop.stores.log.consumer("test", "one")
    for visitor in range(12):
        ask(shop, {"id": "hero", "kind": "offer"}, visitor=f"w{visitor}")
    deadline, names = time.monotonic() + 5, set()
    while not names and time.monotonic() < deadline:
        names = {decode(message.value).name for message in consumer.poll(100, 0.2)}
    assert names <= {"Offer Withheld", "Offer Decided"} and names


def test_without_consent_to_personalization_the_answer_is_neutral(shop: Stage, clock: Clock) -> None:
    save(shop, shoe_lover(int(clock() * 1000), consents=answers({"personalization": False})))
    stranger = items(ask(shop, ROW, visitor="nobody"))
    assert items(ask(shop, ROW)) == stranger


def test_decisions_about_bots_and_who_opted_out_make_nobody(shop: Stage) -> None:
    held = {**HERO, "holdout": 0.9}
    assert shop.call("PUT", "/v1/campaigns/hero", json=held).status_code == 200
    consumer = shop.stores.log.consumer("test", "one")

    def met(visitor: str, **headers: str) -> None:
        body = {"visitor": visitor, "slots": [{"id": "hero", "kind": "offer"}]}
        answer = shop.call("POST", "/v1/personalize", "wk_test", json=body, headers=headers)
        assert answer.status_code == 200

    for number in range(8):
        met(f"q{number}", DNT="1")
        met(f"q{number}", **{"Sec-GPC": "1"})
    met("bot", **{"User-Agent": "Googlebot/2.1"})
    deadline, events = time.monotonic() + 10, []
    while not events and time.monotonic() < deadline:
        events = [decode(message.value) for message in consumer.poll(100, 0.2)]
    assert [event.visitor for event in events] == ["bot"]
    assert facts(events[0], shop.site).bot  # so ingest keeps it out of profiles and reports


def test_what_was_decided_about_somebody_is_nothing_that_they_did() -> None:
    decided = Event(
        site="s",
        id="d",
        type="track",
        name="Offer Withheld",
        visitor="a",
        ts=5,
        received=5,
        source="api",
        props={"campaign": "c"},
    )
    profile, outcome = fold(Profile(id="v:a"), decided, Facts(), Settings(), LogPosition("a", 0, 1))
    assert outcome.session == "" and profile.sessions == [] and profile.event_counts == {}
    assert (profile.counts.visits, profile.counts.events) == (0, 0)
    assert fold(profile, decided, Facts(), Settings(), LogPosition("a", 0, 1))[1].verdict == "replayed"


def test_a_decision_that_fails_gives_way_to_fallbacks(shop: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    shop.call("PUT", "/v1/campaigns/calm", json={**HERO, "tier": "fallback"})
    slot = {"id": "hero", "kind": "offer"}
    assert ask(shop, slot).json["slots"]["hero"]["offer"]["campaign"] == "calm"
    monkeypatch.setattr(type(shop.stores.campaigns.decider), "_selections", lambda *_: 1 / 0)
    assert ask(shop, slot).json["slots"]["hero"]["offer"]["campaign"] == "calm"


HELLO = {
    "name": "Hello",
    "status": "live",
    "slots": ["hero"],
    "audience": "affinity('shoes') > 0.1",
    "creatives": [{"id": "a", "kind": "json", "content": {"title": "{{ top_category | all }}"}}],
}


def test_a_consent_that_the_page_knows_to_be_withdrawn_holds_at_once(shop: Stage, clock: Clock) -> None:
    now = int(clock() * 1000)
    vip(shop)
    save(shop, shoe_lover(now, counts=Counts(orders=3), affinities={"shoes": Affinity(3.0, now)}))
    shop.call("PUT", "/v1/campaigns/hello", json=HELLO)
    calm = {**HELLO, "audience": "", "tier": "fallback"}
    shop.call("PUT", "/v1/campaigns/calm", json=calm)
    hero = {"id": "hero", "kind": "offer"}
    known = ask(shop, ROW, hero).json
    assert known["slots"]["hero"]["offer"]["campaign"] == "hello"
    assert known["visitor"] == {"stage": "regular", "segments": ["vip"]}
    stranger = items(ask(shop, ROW, visitor="nobody"))
    for said in ({"personalization": False}, {"personalization": False, "analytics": True}):
        told = ask(shop, ROW, hero, consent=said)
        assert items(told) == stranger
        assert told.json["slots"]["hero"]["offer"]["content"] == {"title": "all"}
        assert told.json["visitor"] == {"stage": "prospect", "segments": []}
    assert ask(shop, ROW, hero, consent={"personalization": True}).json["slots"] != told.json["slots"]
    assert ask(shop, ROW, consent={"personalization": "no"}).json["error"]["field"].startswith("consent")


def test_after_a_withdrawal_nothing_of_the_profile_is_told_even_if_the_page_says_yes(
    shop: Stage, clock: Clock
) -> None:
    save(
        shop,
        shoe_lover(
            int(clock() * 1000), counts=Counts(orders=3), consents=answers({"personalization": False})
        ),
    )
    told = ask(shop, ROW, consent={"personalization": True})
    assert told.json["visitor"] == {"stage": "prospect", "segments": []}
    assert items(told) == items(ask(shop, ROW, visitor="nobody"))


def test_a_number_that_can_be_guessed_tells_nothing_with_the_public_key(shop: Stage, clock: Clock) -> None:
    now = int(clock() * 1000)
    bought = [ItemTouch("sh1", "purchase", now - 90 * DAY_MS, "shoes")]
    vip(shop)
    kim = Profile("u:kim", visitors=["k1"], user="kim", items=bought, last_seen=now, counts=Counts(orders=3))
    shop.profiles.save("default", [Write(kim.id, b"", kim), Write("v:k1", b"", Alias("u:kim"))])
    again = {"id": "row", "kind": "items", "strategy": "buy_again", "limit": 5}
    for who in ({"user": "kim", "visitor": "thief"}, {"user": "kim", "visitor": None}):
        told = ask(shop, again, **who)
        assert told.json["visitor"] == {"stage": "prospect", "segments": []}
        assert "again" not in told.text.replace("buy_again", "")
    for key, who in (("wk_test", {"visitor": "k1"}), ("sk_test", {"user": "kim", "visitor": None})):
        told = ask(shop, again, key=key, **who)
        assert told.json["visitor"] == {"stage": "regular", "segments": ["vip"]}


def test_a_page_may_send_text_plain_with_the_key_in_the_body(shop: Stage) -> None:
    asked = {
        "writeKey": "wk_test",
        "visitor": "a1",
        "slots": [{**ROW, "strategy": None}],
        "page": {"item": 7},
    }
    answer = shop.client.post(
        "/v1/personalize",
        data=json.dumps(asked),
        content_type="text/plain",
        headers={"Origin": "https://shop.example"},
    )
    assert len(items(answer)) == 4
    assert answer.headers["Access-Control-Allow-Origin"] == "https://shop.example"


def test_preflight(shop: Stage) -> None:
    answer = shop.client.options("/v1/personalize", headers={"Origin": "https://shop.example"})
    assert answer.status_code == 204
    assert answer.headers["Access-Control-Allow-Origin"] == "https://shop.example"
    assert "Authorization" in answer.headers["Access-Control-Allow-Headers"]


def test_only_the_sites_own_pages_may_read(tmp_path: Path, redis_url: str, clock: Clock) -> None:
    site = Site(id="default", write_key="wk_test", secret_key="sk_test", origins=("https://shop.example",))
    stage = stage_of(tmp_path, redis_url, site, clock)
    for origin, readable in (("https://shop.example", True), ("https://evil.example", False)):
        for method in ("POST", "OPTIONS"):
            answer = stage.call(method, "/v1/personalize", "wk_test", json={}, headers={"Origin": origin})
            assert ("Access-Control-Allow-Origin" in answer.headers) is readable


BAD: list[tuple[Any, str | None]] = [
    ("{", None),
    ("[1]", None),
    ("\xff", None),
    ({}, "slots"),
    ({"slots": []}, "slots"),
    ({"slots": [{"id": "a"}]}, "slots[0].kind"),
    ({"slots": [{"kind": "items"}]}, "slots[0].id"),
    ({"slots": [{"id": "", "kind": "items"}]}, "slots[0].id"),
    ({"slots": [{"id": "a", "kind": "banner"}]}, "slots[0].kind"),
    ({"slots": [{"id": "a", "kind": "items", "strategy": "magic"}]}, "slots[0].strategy"),
    ({"slots": [{"id": "a", "kind": "items", "limit": 0}]}, "slots[0].limit"),
    ({"slots": [{"id": "a", "kind": "items", "limit": 10_000}]}, "slots[0].limit"),
    ({"slots": [{"id": "a", "kind": "items", "limit": "ten"}]}, "slots[0].limit"),
    ({"slots": [{"id": "a", "kind": "items", "filter": "shoes"}]}, "slots[0].filter"),
    ({"slots": [ROW, ROW]}, "slots[1].id"),
    ({"slots": [{**ROW, "id": f"r{n}"} for n in range(21)]}, "slots"),
    ({"slots": [ROW], "visitor": 7}, "visitor"),
    ({"slots": [ROW], "visitor": "x" * 300}, "visitor"),
    ({"slots": [ROW], "visitor": "a\nb"}, "visitor"),
    ({"slots": [ROW], "page": {"item": "x" * 101}}, "page.item"),
    ({"slots": [ROW], "page": "here"}, "page"),
    ("[" * 100_000, None),
]


@pytest.mark.parametrize(("sent", "field"), BAD)
def test_bad_input_is_refused_with_the_field(stage: Stage, sent: Any, field: str | None) -> None:
    raw = sent.encode("latin-1") if isinstance(sent, str) else json.dumps(sent).encode()
    answer = stage.call("POST", "/v1/personalize", "wk_test", data=raw)
    assert 400 <= answer.status_code < 500, answer.text
    error = answer.json["error"]
    assert error["message"] and error["code"] and error["field"] == field
    assert "$" not in error["message"]


def test_a_megabyte_of_id_is_too_large(stage: Stage) -> None:
    answer = ask(stage, ROW, visitor="x" * 1_000_000)
    assert answer.status_code == 413 and answer.json["error"]["code"] == "too_large"


@pytest.mark.parametrize(("key", "status"), [(None, 401), ("wrong", 401), ("wk_test", 200), ("sk_test", 200)])
def test_keys(stage: Stage, key: str | None, status: int) -> None:
    assert ask(stage, ROW, key=key).status_code == status


def test_an_empty_shop_answers_with_nothing(stage: Stage) -> None:
    assert items(ask(stage, ROW)) == []


def test_the_stores_may_be_down(tmp_path: Path, own_redis: RedisServer, site: Site, clock: Clock) -> None:
    stage = stage_of(tmp_path, own_redis.url, site, clock)
    stage.call("PUT", "/v1/items", json={"items": ITEMS})
    ask(stage, ROW)
    own_redis.kill()
    for _ in range(3):
        started = time.monotonic()
        answer = ask(stage, ROW, {"id": "hero", "kind": "offer"})
        assert len(items(answer)) == 4 and answer.json["slots"]["hero"] == {"offer": None}
        assert time.monotonic() - started < 0.5


def test_a_store_that_hangs_costs_no_more_than_the_budget(
    tmp_path: Path, redis_url: str, site: Site, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    stage = stage_of(tmp_path, redis_url, site, clock, personalize_seconds=1.0)
    stage.call("PUT", "/v1/items", json={"items": ITEMS})
    items(ask(stage, ROW, visitor=None))
    released = threading.Event()

    def hang(*_: object) -> Steps[None]:
        yield Call(lambda: released.wait(20))

    monkeypatch.setattr(type(stage.profiles), "finding", hang)
    took = []
    for _ in range(4):
        started = time.monotonic()
        answer = ask(stage, ROW, {"id": "hero", "kind": "offer"})
        took.append(time.monotonic() - started)
        assert len(items(answer)) == 4 and answer.json["slots"]["hero"] == {"offer": None}
    assert max(took) < 1.5
    assert took[-1] < 0.5  # by then nobody waits for it
    released.set()
