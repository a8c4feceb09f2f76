"""The call page: an agent finds a caller, offers what fits, and notes the call; what they did is in the profile."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient

from tests.support.ingest_streams import event
from tests.support.machine import Clock
from tests.support.offers import written
from tests.support.settled_shop import Shop
from tests.support.web_stage import PASSWORD, csrf_of, stage_of
from tracker.event import SITE
from tracker.sites import Site

pytestmark = pytest.mark.redis


def contact(number: int, minutes: float, kind: str, **said: str) -> Any:
    return event(f"c{number}", minutes, None, "kim", name=kind, props=said, sender=SITE)


@pytest.fixture
def shop(tmp_path: Path, redis_url: str, site: Site, clock: Clock) -> Shop:
    shop = Shop(stage_of(tmp_path, redis_url, site, clock), tmp_path, redis_url, clock)
    traits = {"email": "kim@shop.test", "name": "Kim Minsu", "phone": "010-1234-5678"}
    props = {"order_id": "A-1007", "revenue": 30.0, "products": [{"product_id": "p1"}]}
    shop.send(
        event("i1", 0, "kims", "kim", type="identify", traits=traits),
        event("i2", 0, "lees", "lee", type="identify", traits={"name": "Lee Minsu"}),
        event("b1", 1, None, "kim", name="Order Completed", props=props, sender=SITE),
    )
    return shop


@pytest.fixture
def agent(shop: Shop) -> FlaskClient:
    return shop.stage.desk()


def campaigns(shop: Shop, *documents: dict[str, Any]) -> None:
    for document in documents:
        answer = shop.stage.call("PUT", f"/v1/campaigns/{document['id']}", json=document)
        assert answer.status_code == 200, answer.json


def posted(agent: FlaskClient, address: str, **form: str) -> Any:
    form["csrf"] = csrf_of(agent.get("/desk/calls/u:kim").text)
    return agent.post(f"/desk/calls/u:kim/{address}", data=form)


@pytest.mark.parametrize("typed", ["kim@shop.test", "01012345678", "5678", "A-1007", "kim mnisu", "kim"])
def test_a_caller_who_can_only_be_one_person_opens_at_once(agent: FlaskClient, typed: str) -> None:
    answer = agent.get("/desk/calls", query_string={"q": typed})
    assert (answer.status_code, answer.headers["Location"]) == (302, "/desk/calls/u%3Akim")


def test_several_are_listed_with_what_agreed_and_nobody_is_said(agent: FlaskClient) -> None:
    page = agent.get("/desk/calls?q=minsu").text
    assert "Kim Minsu" in page and "Lee Minsu" in page and "by name" in page and "010-1234-5678" in page
    assert "Nobody is known by “zzzz”" in agent.get("/desk/calls?q=zzzz").text


def test_the_card_says_who_they_are_and_its_log_what_happened(shop: Shop, agent: FlaskClient) -> None:
    shop.send(
        contact(1, 5, "Complaint", topic="size", note="Too small"),
        contact(2, 6, "Call", outcome="solved"),
        contact(3, 7, "Complaint", topic="colour", note="Not <b>red</b>"),
    )
    card = agent.get("/desk/calls/u:kim").text
    assert "Kim Minsu" in card and "kim@shop.test · 010-1234-5678" in card and "€30.00" in card
    log = agent.get("/desk/call-log/u:kim?part=1").text
    assert log.count("notice bad") == 1 and "colour: Not &lt;b&gt;red&lt;/b&gt;" in log.split("Contacts")[0]
    assert "size: Too small" in log.split("Contacts")[1] and "A-1007" in log
    assert agent.get("/desk/calls/u:nobody").status_code == 404


def test_a_note_is_a_contact_of_the_customer(shop: Shop, agent: FlaskClient) -> None:
    said = {
        "kind": "complaint",
        "direction": "in",
        "outcome": "call back",
        "topic": "size",
        "note": "Tomorrow",
    }
    assert posted(agent, "contact", **said).status_code == 302
    shop.settle()
    (tally,) = [each for name, each in shop.profile("kim")["tallies"].items() if name == "Complaint"]
    assert tally["count"] == 1
    log = agent.get("/desk/call-log/u:kim?part=1").text
    assert "size: Tomorrow" in log and "Call back" in log and "admin" in log
    assert posted(agent, "contact", kind="hack").status_code == 400


def test_three_best_offers_are_decided_counted_and_answered(shop: Shop, agent: FlaskClient) -> None:
    def offer(name: str, **more: Any) -> dict[str, Any]:
        creative = {"id": "a", "kind": "html", "content": f"<p>Say <b>{name}</b> &amp; smile</p>"}
        more = {"slots": ["call"], "audience": "orders >= 1", "caps": [], "creatives": [creative], **more}
        return written(id=name, name=f"Offer {name}", **more)

    campaigns(
        shop,
        *(offer(f"o{rank}", priority=rank) for rank in range(4)),
        offer("hero", slots=["hero"], priority=9),
        offer("no", audience="orders >= 9", priority=9),
    )
    page = posted(agent, "offers").text
    names = re.findall(r"<h3>Offer (\w+)</h3>", page)
    assert names == ["o3", "o2", "o1"]
    assert "Say o3 &amp; smile" in page and "Because: orders &gt;= 1" in page
    tokens = re.findall(r'name="token" value="([^"]+)"', page)
    assert posted(agent, "answer", token=tokens[0], said="interested").status_code == 302
    assert posted(agent, "answer", token=tokens[1], said="declined").status_code == 302
    shop.settle()
    exposure = shop.profile("kim")["exposure"]
    assert {name: (each["views"], each["clicks"]) for name, each in exposure.items()} == {
        "o3": (1, 1),
        "o2": (1, 0),
        "o1": (1, 0),
    }
    assert exposure["o2"]["dismissed"] and not exposure["o1"]["dismissed"]
    assert "o2" not in re.findall(r"<h3>Offer (\w+)</h3>", posted(agent, "offers").text)
    assert posted(agent, "answer", token=tokens[0][:-3] + "abc", said="interested").status_code == 400


def test_a_cap_holds_on_the_telephone_as_on_the_page(shop: Shop, agent: FlaskClient) -> None:
    creative = {"id": "a", "kind": "json", "content": {"script": "Once only"}}
    once = written(
        id="once",
        slots=["call", "hero"],
        audience="",
        caps=[{"limit": 1, "per": "ever"}],
        creatives=[creative],
    )
    campaigns(shop, once)
    ask = {"user": "kim", "visitor": "kims", "slots": [{"id": "hero", "kind": "offer"}]}
    assert "Once only" in posted(agent, "offers").text
    shown = shop.stage.call("POST", "/v1/personalize", "sk_test", json=ask).json["slots"]["hero"]
    assert not shown or "offer" not in shown or shown["offer"] is None


def test_the_link_opens_the_persons_own_page_and_an_administrator_erases(
    shop: Shop, agent: FlaskClient
) -> None:
    page = posted(agent, "link").text
    address = re.search(r'value="(http[^"]+/me\?pass=[^"]+)"', page)
    assert address is not None
    own = shop.stage.app.test_client().get(address[1].partition("8000")[2])
    assert own.status_code == 200 and "kim@shop.test" in own.text
    assert posted(agent, "erase").status_code == 400
    assert posted(agent, "erase", sure="yes").status_code == 302
    assert agent.get("/desk/calls/u:kim").status_code == 404
    assert "Nobody is known" in agent.get("/desk/calls?q=5678").text


@pytest.fixture
def viewer(shop: Shop) -> Iterator[FlaskClient]:
    shop.stage.stores.access.users.put("vera", PASSWORD, "viewer")
    yield shop.stage.desk("vera")


def test_who_may_only_look_changes_nothing(viewer: FlaskClient) -> None:
    assert viewer.get("/desk/calls/u:kim").status_code == 200
    for address in ("offers", "contact", "answer", "link", "erase"):
        assert posted(viewer, address, sure="yes").status_code == 403
