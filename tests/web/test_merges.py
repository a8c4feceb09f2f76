"""Two known customers are one, by the API and in the desk, and two again: on a real Redis and real tables."""

import re
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from dangol.transfer.person_export import export
from profiles.erasures import digest
from tests.support.ingest_streams import event
from tests.support.machine import Clock
from tests.support.settled_shop import Shop
from tests.support.sites import UTC_SITE, view_of
from tests.support.web_stage import PASSWORD, csrf_of, stage_of
from tracker.event import SITE
from tracker.sites import Site

pytestmark = pytest.mark.redis


def order(number: int, user: str, revenue: float = 10.0, minutes: float = 0) -> Any:
    props = {"order_id": f"o{number}", "revenue": revenue, "products": [{"product_id": "p1"}]}
    name = "Order Completed"
    return event(f"b{number}", minutes, None, user, name=name, props=props, sender=SITE)


@pytest.fixture
def shop(tmp_path: Path, redis_url: str, site: Site, clock: Clock) -> Shop:
    shop = Shop(stage_of(tmp_path, redis_url, site, clock), tmp_path, redis_url, clock)
    shop.send(
        event("i1", 0, "kims", "kim", type="identify", traits={"email": "kim@shop.test", "name": "Kim"}),
        event("i2", 0, "lees", "lee", type="identify", traits={"name": "Lee"}),
        event("i3", 0, "parks", "park", type="identify"),
        event("i4", 0, "anna"),
        order(1, "kim"),
        order(2, "lee", 20.0),
        order(3, "park", 40.0),
    )
    return shop


def test_everything_that_is_read_sees_one_person_and_two_again(shop: Shop) -> None:
    answer = shop.merge("kim", "lee")
    assert (answer.status_code, answer.json) == (202, {"id": "u:kim", "into": "u:lee"})
    for who in ("kim", "lee", "kims", "lees"):
        found = shop.profile(who)
        assert (found["id"], found["counts"]["orders"], found["counts"]["revenue"]) == ("u:lee", 2, 30.0)
        assert found["traits"]["email"] == "kim@shop.test"
        assert found["subject"] == "lees"
    assert shop.people() == {"u:lee", "u:park", "v:anna"}
    assert shop.stage.profiles.count("default") == 3
    ask = {"visitor": "kims", "slots": [{"id": "also", "kind": "items", "strategy": "popular"}]}
    stage = shop.stage.call("POST", "/v1/personalize", "wk_test", json=ask).json["visitor"]["stage"]
    assert stage == shop.profile("lee")["stage"] != "prospect"
    told = export(shop.stage.profiles, shop.stage.warehouse, shop.letters, UTC_SITE, view_of, user="kim")
    assert told is not None
    assert set(told["users"]) == {"kim", "lee"}
    assert {each["id"] for each in told["events"]} >= {"i1", "i2", "b1", "b2"}
    # Both go on: each account counts its own, and who reads sees all.
    shop.send(order(4, "kim", minutes=5), order(5, "lee", minutes=6), event("p9", 7, "kims"))
    assert shop.orders("kim") == 4
    answer = shop.separate("kim")
    assert (answer.status_code, answer.json) == (202, {"id": "u:kim", "from": "u:lee"})
    assert (shop.orders("kim"), shop.orders("lee")) == (2, 2)
    assert shop.profile("kims")["id"] == "u:kim"
    assert shop.profile("kim")["counts"]["pageviews"] == 1
    assert "email" not in shop.profile("lee")["traits"]
    assert shop.people() == {"u:kim", "u:lee", "u:park", "v:anna"}
    assert not list(shop.letters.list())


def test_what_cannot_be_merged_is_refused(shop: Shop) -> None:
    assert shop.merge("kim", "lee", "wk_test").status_code == 403
    assert shop.separate("kim", "wk_test").status_code == 403
    assert shop.merge("kim", "lee", "nonsense").status_code == 401
    for who, into, status, field in (
        ("nobody", "lee", 404, "id"),
        ("kim", "nobody", 404, "into"),
        ("kim", "kim", 409, "into"),
        ("kim", "kims", 409, "into"),
        ("anna", "lee", 409, "id"),
        ("kim", "anna", 409, "into"),
    ):
        answer = shop.merge(who, into)
        assert (answer.status_code, answer.json["error"]["field"]) == (status, field), (who, into)
    for body in ("[]", "{}", '{"into": 5}', "nonsense", '{"into": "\\u0000"}'):
        answer = shop.stage.call("POST", "/v1/profiles/kim/merge", data=body)
        assert answer.status_code in (400, 404), body
    assert shop.separate("kim").status_code == 409
    assert shop.separate("nobody").status_code == 404
    assert shop.people() == {"u:kim", "u:lee", "u:park", "v:anna"}


def test_twice_chains_circles_and_undoing_in_the_middle(shop: Shop) -> None:
    assert shop.merge("kim", "lee").status_code == 202
    assert shop.merge("kim", "lee").status_code == 202
    assert shop.merge("lee", "kim").status_code == 409
    assert shop.merge("lee", "park").status_code == 202
    assert shop.merge("park", "kim").status_code == 409
    for who in ("kim", "lee", "park"):
        assert (shop.profile(who)["id"], shop.orders(who)) == ("u:park", 3)
    assert shop.people() == {"u:park", "v:anna"}
    shop.separate("lee")  # and kim stays lee's
    assert (shop.profile("kim")["id"], shop.orders("kim"), shop.orders("park")) == ("u:lee", 2, 1)
    assert shop.people() == {"u:lee", "u:park", "v:anna"}
    shop.merge("lee", "park")
    shop.separate("kim")  # out of the middle of others that stand
    assert (shop.orders("kim"), shop.orders("lee"), shop.orders("park")) == (1, 2, 2)
    assert shop.people() == {"u:kim", "u:park", "v:anna"}
    shop.merge("kim", "park")
    assert shop.people() == {"u:park", "v:anna"}
    assert not list(shop.letters.list())


def test_an_erased_person_is_erased_with_all_accounts_and_is_merged_no_more(shop: Shop, clock: Clock) -> None:
    shop.merge("kim", "lee")
    answer = shop.stage.call("DELETE", "/v1/profiles/kim")
    assert answer.status_code == 202
    assert set(answer.json["erased"]) == {"u:kim", "u:lee", "v:kims", "v:lees"}
    shop.stage.erasure.run()
    assert shop.people() == {"u:park", "v:anna"}
    for who in ("kim", "lee", "kims", "lees"):
        assert shop.stage.call("GET", f"/v1/profiles/{who}").status_code == 404
        assert shop.merge(who, "park").status_code == 404
        assert shop.merge("park", who).status_code == 404
    assert shop.orders("park") == 1


def test_a_merge_that_was_on_its_way_when_one_was_erased_brings_nobody_back(shop: Shop) -> None:
    stage = shop.stage
    assert stage.call("POST", "/v1/profiles/kim/merge", json={"into": "lee"}).status_code == 202
    assert stage.call("DELETE", "/v1/profiles/lee").status_code == 202
    shop.settle()
    assert stage.call("GET", "/v1/profiles/lee").status_code == 404
    assert shop.profile("kim")["id"] == "u:kim"


def test_segments_look_at_all_accounts_together(shop: Shop) -> None:
    segment = {"name": "Two orders", "audience": "orders >= 2"}
    assert shop.stage.call("PUT", "/v1/segments/two", json=segment).status_code in (200, 201)
    shop.merge("kim", "lee")
    assert shop.profile("kim")["segments"] == ["two"]
    shop.send(event("p1", 1, "lees"))
    assert shop.profile("kim")["segments"] == ["two"]
    shop.separate("kim")
    assert shop.profile("kim")["segments"] == shop.profile("lee")["segments"] == []


def test_the_desk_asks_before_it_merges_and_tells_of_it(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("web.desk.visitors.merge.PATIENCE_SECONDS", 0.0)
    desk = shop.stage.desk()
    page = desk.get("/desk/visitors/u:lee").text
    assert 'name="id"' in page and "Duplicate accounts" in page
    asked = desk.get("/desk/merge?id=kim&into=u:lee").text
    assert "Merge these two customers?" in asked and "kim@shop.test" in asked
    form = {"id": "u:kim", "into": "u:lee", "csrf": csrf_of(asked)}
    assert desk.post("/desk/merge", data={**form, "csrf": "x"}).status_code == 403
    assert desk.post("/desk/merge", data=form).status_code == 302
    shop.settle()
    page = desk.get("/desk/visitors/kim", follow_redirects=True).text
    assert "Customer kim is merged into this one" in page
    assert "Customer kim was merged into lee" in page
    assert re.search(r"Customer id</dt><dd>lee<", page)
    found = desk.get("/desk/visitors?q=kim@shop.test").headers["Location"]
    assert found.endswith("/desk/visitors/u%3Alee")
    asked = desk.get("/desk/merge?separate=u:kim").text
    assert "Separate these two customers?" in asked
    assert desk.post("/desk/separate", data={"id": "u:kim", "csrf": csrf_of(asked)}).status_code == 302
    shop.settle()
    assert "Customer kim was separated from lee" in desk.get("/desk/visitors/u:kim").text
    assert "Customer kim was separated from this customer" in desk.get("/desk/visitors/u:lee").text
    korean = desk.get("/desk/visitors/u:kim", headers={"Accept-Language": "ko"}).text
    assert "중복 계정" in korean
    both = {digest("default", name).hex() for name in ("u:kim", "u:lee")}
    noted = {each.what for each in shop.stage.audit.latest(50) if both <= set(each.people)}
    assert any("/desk/merge" in each for each in noted) and any("/desk/separate" in each for each in noted)


def test_who_may_only_look_cannot_merge(shop: Shop) -> None:
    shop.stage.users.put("viewer", PASSWORD, "viewer")
    desk = shop.stage.desk("viewer")
    page = desk.get("/desk/visitors/u:lee").text
    assert "Duplicate accounts" not in page
    assert desk.get("/desk/merge?id=kim&into=lee").status_code == 403
    token = csrf_of(page)
    assert desk.post("/desk/merge", data={"id": "kim", "into": "lee", "csrf": token}).status_code == 403


def test_each_answer_stands_in_the_record_on_every_page(shop: Shop) -> None:
    """One answer by the page's event, one on /me, which its event, read later, does not add again."""
    stage, said = (
        shop.stage,
        {"marketing": True, "channel": "email", "source": "checkout", "textVersion": "v7"},
    )
    shop.send(event("said1", -5, None, "kim", type="consent", sender=SITE, props=said))
    address = urlsplit(stage.call("POST", "/v1/profiles/kim/link").json["url"])
    client = stage.app.test_client()
    page = client.get(f"{address.path}?{address.query}").text
    assert "Marketing · email · text version v7" in page and "checkout" in page
    form = dict(re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)"', page))
    assert client.post("/me/choices", data={**form, "purpose": "personalization"}).status_code == 303
    before = shop.profile("kim")["consents"]
    shop.settle()
    found = shop.profile("kim")
    assert found["consents"] == before and len(before) == 3
    assert found["consent"] == {"personalization": True, "marketing": False}
    assert [(one["purpose"], one["channel"], one["given"], one["source"]) for one in before] == [
        ("marketing", "email", True, "checkout"),
        ("personalization", "", True, "/me"),
        ("marketing", "", False, "/me"),
    ]
    desk = stage.desk().get("/desk/visitors/u:kim").text
    assert "Record of consent" in desk and "Marketing · email · text version v7" in desk and "/me" in desk
    told = export(stage.profiles, stage.warehouse, shop.letters, UTC_SITE, view_of, user="kim")
    assert told and told["profile"]["consents"] == before and told["consent"] == found["consent"]
    assert stage.call("DELETE", "/v1/profiles/kim").status_code == 202
    assert stage.call("GET", "/v1/profiles/kim").status_code == 404
