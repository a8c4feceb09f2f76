"""Double opt-in: whoever signs up gets a link, and only who reads the mail can confirm. The proof is kept."""

from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from messages.permission.gate import permission
from profiles.consent.standing import marketing_answer
from profiles.facts import Facts
from profiles.fold.fold import LogPosition, Settings, apply
from profiles.model import Consent, Profile
from profiles.store.port import ABSENT, Write
from tests.support.machine import Clock, RedisServer
from tests.support.permission import OPEN, asked
from tests.support.web_stage import Stage, stage_of
from tracker.event import SITE, decode
from tracker.log.memory import MemoryLog
from tracker.sites import Site

pytestmark = pytest.mark.redis
NOW = 1_795_000_000_000
DAY = 86_400_000
FORM = {
    "visitor": "a1",
    "email": " Mina@Shop.example ",
    "textVersion": "footer-3",
    "text": "Yes, I want news by e-mail.",
    "page": "https://shop.example/shoes?x=1",
    "topics": ["sale"],
}


@pytest.fixture
def stage(tmp_path: Path, redis_url: str, site: Site, clock: Clock) -> Stage:
    stage = stage_of(tmp_path, redis_url, site, clock)
    visitor = Profile("v:a1", visitors=["a1"], first_seen=NOW - DAY, last_seen=NOW, country="DE")
    stage.profiles.save("default", [Write("v:a1", ABSENT, visitor)])
    return stage


def events(stage: Stage) -> list[Any]:
    log = stage.stores.log
    assert isinstance(log, MemoryLog)
    return [decode(message.value) for messages in log.partitions for message in messages]


def sign_up(stage: Stage, **more: Any) -> Any:
    return stage.call("POST", "/v1/subscribe", "wk_test", json={**FORM, **more})


def link(stage: Stage) -> str:
    """The address in the newest mail that would be sent."""
    return urlsplit(
        [each for each in events(stage) if each.name == "Email Confirmation Requested"][-1].props["confirm"]
    ).path


def visitor(stage: Stage, name: str = "a1") -> Profile:
    found = stage.profiles.find("default", visitor=name)
    assert found is not None
    return found


def may_be_written_to(stage: Stage, topic: str = "sale") -> bool:
    mina = visitor(stage)
    digest = stage.stores.messages.addresses.of("default", mina, "email")
    address = str(mina.traits.get("email", ""))
    return permission(asked(mina, topic=topic, digest=digest, address=address), OPEN).granted


def test_nothing_is_agreed_until_the_mail_is_answered_and_then_with_its_proof(
    stage: Stage, clock: Clock
) -> None:
    assert sign_up(stage).json == {"next": "confirm"}
    (request,) = events(stage)
    assert (request.name, request.visitor, request.sender) == ("Email Confirmation Requested", "a1", SITE)
    assert request.props["email"] == "mina@shop.example" and request.props["text"] == FORM["text"]
    assert visitor(stage).consents == [] and "email" not in visitor(stage).traits
    clock.now += 3600
    assert "Confirmed." in stage.client.post(link(stage)).text
    mina = visitor(stage)
    (kept,) = mina.consents
    assert kept == Consent(
        *("marketing", True, NOW, "email", "sale", None, "DE", "footer-3", "shop.example/shoes"),
        verified_at=NOW + 3_600_000,
        address=stage.stores.messages.addresses.digest("default", "email", "mina@shop.example"),
    )
    assert mina.traits["email"] == "mina@shop.example"
    assert may_be_written_to(stage) and not may_be_written_to(stage, "news")
    rebuilt = Profile("v:a1", visitors=["a1"])
    for number, event in enumerate(events(stage)):
        apply(rebuilt, event, Facts(), Settings(), LogPosition("a1", 0, number))
    assert (rebuilt.consents, rebuilt.traits) == (mina.consents, mina.traits)
    assert rebuilt.counts.visits == 0


def test_a_scanner_that_follows_the_link_confirms_nothing(stage: Stage) -> None:
    sign_up(stage)
    for method in ("GET", "HEAD"):
        assert stage.client.open(link(stage), method=method).status_code == 200
    assert visitor(stage).consents == [] and len(events(stage)) == 1


def test_confirming_twice_is_confirming_once(stage: Stage, clock: Clock) -> None:
    sign_up(stage)
    pages = []
    for _ in range(3):
        clock.now += 1
        pages.append(stage.client.post(link(stage)).text)
    assert len(set(pages)) == 1 and len(visitor(stage).consents) == 1
    assert [each.name for each in events(stage)].count("Subscription Confirmed") == 1


def test_an_old_link_does_not_bring_back_who_unsubscribed(stage: Stage, clock: Clock) -> None:
    sign_up(stage)
    old = link(stage)
    stage.client.post(old)
    clock.now += 60
    messages = stage.stores.messages
    digest = messages.addresses.digest("default", "email", "mina@shop.example")
    from messages.permission.links import MessageLink

    leave = messages.links.sign(MessageLink("u", "default", "v:a1", "email", "sale", digest, NOW))
    stage.client.post(f"/v1/unsubscribe/{leave}", data={"all": "1"})
    assert "unsubscribed since" in stage.client.post(old).text
    assert not may_be_written_to(stage) and messages.suppressed.find("default", digest)
    clock.now += 60
    sign_up(stage)
    stage.client.post(link(stage))
    assert may_be_written_to(stage) and not messages.suppressed.find("default", digest), "they asked again"


def test_forged_old_and_foreign_links_confirm_nothing(stage: Stage, clock: Clock) -> None:
    sign_up(stage)
    good = link(stage)
    for bad in (good[:-2], good + "x", "/v1/confirm/x", good.replace("/v1/confirm/", "/v1/unsubscribe/")):
        assert stage.client.post(bad).status_code == 404
    clock.now += 31 * 86_400
    assert stage.client.post(good).status_code == 403
    stage.stores.visitors.erase("default", "a1")
    clock.now -= 31 * 86_400
    assert stage.client.post(good).status_code == 404, "who was erased is not brought back"
    assert stage.profiles.find("default", visitor="a1") is None


def test_nobody_is_buried_in_mails_by_others(stage: Stage, clock: Clock) -> None:
    answers = [sign_up(stage, visitor=f"x{n}") for n in range(9)]
    assert {(each.status_code, each.text) for each in answers} == {(202, '{"next":"confirm"}')}, "no oracle"
    assert len(events(stage)) == 3
    clock.now += 86_400
    sign_up(stage)
    assert len(events(stage)) == 4


def test_one_network_signs_up_only_so_many(stage: Stage) -> None:
    from dataclasses import replace

    counted: list[str] = []

    def bucket(name: str, wanted: float, per_second: float, burst: float) -> float:
        counted.append(name)
        return wanted if counted.count(name) <= burst else 0.0

    stores = replace(stage.stores, access=replace(stage.stores.access, bucket=bucket))
    limited = Stage.on(stores, stage.site, stage.erasure)
    many = [sign_up(limited, email=f"m{n}@shop.example") for n in range(15)]
    assert [each.status_code for each in many] == [202] * 10 + [429] * 5
    assert len(events(limited)) == 10


def test_an_address_that_complained_gets_no_mail_at_all(stage: Stage) -> None:
    messages = stage.stores.messages
    digest = messages.addresses.digest("default", "email", "mina@shop.example")
    for reason in ("bounced", "complained", "manual"):
        messages.suppressed.add("default", digest, reason, NOW)
        assert sign_up(stage).json == {"next": "confirm"} and events(stage) == []
        messages.suppressed.remove("default", digest)


@pytest.mark.parametrize(
    "wrong",
    [
        {"email": "nobody"},
        {"email": "a@b.example\r\nBcc: c@d.example"},
        {"visitor": "undefined"},
        {"textVersion": ""},
        {"topics": ["x"] * 21},
        {"topics": ["a\nb"]},
        {"visitor": 5},
    ],
)
def test_what_is_no_sign_up_is_refused(stage: Stage, wrong: dict[str, Any]) -> None:
    assert sign_up(stage, **wrong).status_code == 400 and events(stage) == []


def test_the_customers_own_address_stays_what_the_shop_told(stage: Stage) -> None:
    kim = Profile("u:kim", visitors=["k1"], user="kim", traits={"email": "kim@work.example"})
    from profiles.store.port import Alias

    stage.profiles.save("default", [Write("u:kim", ABSENT, kim), Write("v:k1", ABSENT, Alias("u:kim"))])
    sign_up(stage, visitor="k1")
    stage.client.post(link(stage))
    found = visitor(stage, "k1")
    assert found.traits["email"] == "kim@work.example"
    answer = marketing_answer(found, "email", "sale")
    assert answer is not None and answer.given and answer.verified_at


def test_tell_me_when_it_is_back_is_an_event_once_it_is_confirmed(stage: Stage) -> None:
    sign_up(stage, item="p7", topics=[])
    assert [each.name for each in events(stage)] == ["Email Confirmation Requested"]
    stage.client.post(link(stage))
    (back,) = [each for each in events(stage) if each.name == "Back In Stock Requested"]
    assert back.props == {"product_id": "p7"} and back.visitor == "a1"


def test_pages_of_the_site_may_ask_and_read_the_answer(stage: Stage, redis_session: RedisServer) -> None:
    asked_first = stage.client.open(
        "/v1/subscribe", method="OPTIONS", headers={"Origin": "https://shop.example"}
    )
    assert asked_first.headers["Access-Control-Allow-Methods"].startswith("POST")
    done = stage.call(
        "POST", "/v1/subscribe", "wk_test", json=FORM, headers={"Origin": "https://shop.example"}
    )
    assert done.headers["Access-Control-Allow-Origin"] == "https://shop.example"
    assert stage.call("POST", "/v1/subscribe", None, json=FORM).status_code == 401
