"""Unsubscribing and the preference page: by the link of a message, without a login, and by nobody else's."""

import re
from pathlib import Path
from typing import Any

import pytest

from messages.permission.addresses import AddressDigests
from messages.permission.gate import permission
from messages.permission.links import LinkInvalid, LinkSigner, MessageLink
from profiles.consent.standing import marketing_answer
from profiles.facts import Facts
from profiles.fold.fold import LogPosition, Settings, apply
from profiles.model import Profile
from profiles.store.port import ABSENT, Alias, Write
from tests.support.browser import chromium, keep
from tests.support.machine import Clock
from tests.support.permission import OPEN, agreed, asked
from tests.support.web_stage import Stage, stage_of
from tests.support.wsgi import serving
from tracker.event import decode
from tracker.log.memory import MemoryLog
from tracker.sites import Site

pytestmark = pytest.mark.redis
NOW = 1_795_000_000_000
DAY = 86_400_000
EMAIL = "mina@shop.example"


@pytest.fixture
def stage(tmp_path: Path, redis_url: str, site: Site, clock: Clock) -> Stage:
    stage = stage_of(tmp_path, redis_url, site, clock)
    mina = Profile(
        id="u:mina",
        visitors=["a1"],
        user="mina",
        traits={"email": EMAIL, "phone": "010-1"},
        country="KR",
        first_seen=NOW - DAY,
        last_seen=NOW,
        consents=[agreed(NOW - 9 * DAY)],
    )
    kim = Profile(
        id="u:kim", user="kim", consents=[agreed(NOW - 9 * DAY)], traits={"email": "kim@shop.example"}
    )
    stage.profiles.save("default", [Write(each.id, ABSENT, each) for each in (mina, kim)])
    stage.profiles.save("default", [Write("v:a1", ABSENT, Alias("u:mina"))])
    return stage


def token_of(stage: Stage, who: str = "u:mina", topic: str = "sale", channel: str = "email") -> str:
    messages = stage.stores.messages
    digest = messages.addresses.digest("default", channel, EMAIL)
    return messages.links.sign(MessageLink("u", "default", who, channel, topic, digest, NOW, "welcome"))


def stored(stage: Stage, user: str = "mina") -> Profile:
    found = stage.profiles.find("default", user=user)
    assert found is not None
    return found


def given(stage: Stage, channel: str = "email", topic: str = "", user: str = "mina") -> bool:
    found = marketing_answer(stored(stage, user), channel, topic)
    return found is not None and found.given


def suppressed(stage: Stage) -> dict[str, int]:
    messages = stage.stores.messages
    return dict(messages.suppressed.find("default", messages.addresses.digest("default", "email", EMAIL)))


def events(stage: Stage) -> list[Any]:
    log = stage.stores.log
    assert isinstance(log, MemoryLog)
    return [decode(message.value) for messages in log.partitions for message in messages]


ONE_CLICK = {"data": {"List-Unsubscribe": "One-Click"}}


def test_one_click_ends_the_topic_at_once_in_profile_and_log(stage: Stage) -> None:
    done = stage.client.post(f"/v1/unsubscribe/{token_of(stage)}", **ONE_CLICK)
    assert done.status_code == 200 and "no more messages about sale" in done.text
    assert not given(stage, topic="sale") and given(stage, topic="news")
    assert suppressed(stage) == {}
    assert [(each.type, each.name, each.user) for each in events(stage)] == [
        ("consent", "", "mina"),
        ("track", "Unsubscribed", "mina"),
    ]
    assert events(stage)[1].props["campaign"] == "welcome"
    found = permission(asked(stored(stage), topic="sale"), OPEN)
    assert not found.granted, "the next claim sees it though ingest has not"


def test_without_a_topic_or_with_all_everything_ends_and_the_address_is_suppressed(stage: Stage) -> None:
    stage.client.post(f"/v1/unsubscribe/{token_of(stage)}", data={"all": "1"})
    assert not given(stage) and not given(stage, "sms", "news") and set(suppressed(stage)) == {"unsubscribed"}
    stage.client.post(f"/v1/unsubscribe/{token_of(stage, 'u:kim', '')}", **ONE_CLICK)
    assert not given(stage, user="kim")


def test_a_scanner_that_follows_every_link_changes_nothing(stage: Stage) -> None:
    before = stored(stage)
    url = f"/v1/unsubscribe/{token_of(stage)}"
    for method in ("GET", "HEAD", "OPTIONS"):
        assert stage.client.open(url, method=method).status_code == 200
    page = stage.client.get(f"/me/preferences?link={token_of(stage)}")
    assert page.status_code == 200
    for found in re.findall(r'(?:href|src)="([^"]+)"', page.text + stage.client.get(url).text):
        stage.client.get(f"/{found.removeprefix('../').removeprefix('../')}")
    assert stored(stage) == before and events(stage) == [] and suppressed(stage) == {}


def test_a_replay_changes_nothing_and_says_the_same(stage: Stage, clock: Clock) -> None:
    url = f"/v1/unsubscribe/{token_of(stage)}"
    pages = set()
    for _ in range(20):
        clock.now += 1
        pages.add(stage.client.post(url, **ONE_CLICK).text)
    assert len(pages) == 1 and len(events(stage)) == 2 and len(stored(stage).consents) == 2


def test_who_agreed_again_can_unsubscribe_by_the_same_link(stage: Stage, clock: Clock) -> None:
    url = f"/v1/unsubscribe/{token_of(stage)}"
    stage.client.post(url, **ONE_CLICK)
    clock.now += 60
    form = {"link": token_of(stage), "channel": ["email"], "topic": ["sale"], "pause": "0", "every": "0"}
    assert stage.client.post("/me/preferences", data=form).status_code == 303
    assert given(stage, topic="sale")
    clock.now += 60
    stage.client.post(url, **ONE_CLICK)
    assert not given(stage, topic="sale")


@pytest.mark.parametrize("attack", ["none", "cut", "flipped", "other key", "confirm link", "long", "pass"])
def test_a_link_that_is_not_ours_does_nothing(stage: Stage, attack: str) -> None:
    good = token_of(stage)
    tokens = {
        "none": "x",
        "cut": good[:-3],
        "flipped": ("A" if good[5] != "A" else "B").join((good[:5], good[6:])),
        "other key": LinkSigner(lambda: b"another key of thirty-two bytes!").sign(
            MessageLink("u", "default", "u:mina", "email", "", "", NOW)
        ),
        "confirm link": stage.stores.messages.links.sign(
            MessageLink("c", "default", "u:mina", "email", "", "", NOW)
        ),
        "long": "A" * 5000,
        "pass": stage.call("POST", "/v1/profiles/mina/link").json["url"].partition("pass=")[2],
    }
    token = tokens[attack]
    assert stage.client.post(f"/v1/unsubscribe/{token}", **ONE_CLICK).status_code == 404
    assert stage.client.get(f"/v1/unsubscribe/{token}").status_code == 404
    assert stage.client.get(f"/me/preferences?link={token}").status_code == 404
    assert stage.client.post("/me/preferences", data={"link": token}).status_code == 404
    assert given(stage) and events(stage) == []


def test_a_link_ends_the_messages_of_its_own_person_only(stage: Stage) -> None:
    stage.client.post(f"/v1/unsubscribe/{token_of(stage, 'u:kim', '')}", **ONE_CLICK)
    assert given(stage) and not given(stage, user="kim")


def test_a_link_opens_preferences_and_nothing_else(stage: Stage) -> None:
    token = token_of(stage)
    assert stage.client.get(f"/me?pass={token}").status_code == 403
    assert stage.client.post("/me/erase", data={"form": token, "sure": "yes"}).status_code == 403
    page = stage.client.get(f"/me/preferences?link={token}").text
    assert EMAIL not in page and "010-1" not in page


def test_it_outlives_erasure_and_an_import_of_the_address(stage: Stage) -> None:
    token = token_of(stage)
    stage.client.post(f"/v1/unsubscribe/{token}", data={"all": "1"})
    stage.stores.visitors.erase("default", "mina")
    assert stage.profiles.find("default", user="mina") is None and "unsubscribed" in suppressed(stage)
    assert stage.client.post(f"/v1/unsubscribe/{token}", **ONE_CLICK).status_code == 200, "still answered"
    again = Profile(
        "u:new", user="new", traits={"email": f" {EMAIL.upper()}"}, country="KR", consents=[agreed()]
    )
    messages = stage.stores.messages
    digest = messages.addresses.of("default", again, "email")
    import msgspec

    stores = msgspec.structs.replace(OPEN, suppressed=messages.suppressed.find("default", digest))
    found = permission(asked(again, digest=digest), stores)
    assert [each.gate for each in found.answers if not each.passes] == ["suppression"]


def test_a_link_of_an_erased_person_still_suppresses_the_address(stage: Stage) -> None:
    token = token_of(stage)
    stage.stores.visitors.erase("default", "mina")
    done = stage.client.post(f"/v1/unsubscribe/{token}", data={"all": "1"})
    assert done.status_code == 200 and "unsubscribed" in suppressed(stage)


def test_links_survive_a_new_signing_key_and_another_process(stage: Stage, redis_url: str) -> None:
    from messages.permission.kept_key import KeptKey

    token = token_of(stage)
    other = LinkSigner(KeptKey(redis_url))
    assert other.read(token, "u").profile == "u:mina"
    digests = AddressDigests(KeptKey(redis_url))
    assert digests.digest("default", "email", EMAIL) == other.read(token, "u").digest
    with pytest.raises(LinkInvalid):
        LinkSigner(lambda: b"z" * 32).read(token, "u")


def test_the_fold_of_the_log_says_what_the_page_did(stage: Stage) -> None:
    form = {"link": token_of(stage), "channel": ["email"], "night": "1", "pause": "30", "every": "14"}
    stage.client.post("/me/preferences", data=form)
    stage.client.post(f"/v1/unsubscribe/{token_of(stage)}", **ONE_CLICK)
    rebuilt = Profile("u:mina", user="mina", consents=[agreed(NOW - 9 * DAY)])
    for number, event in enumerate(events(stage)):
        apply(rebuilt, event, Facts(), Settings(), LogPosition("mina", 0, number))
    now = stored(stage)
    assert set(rebuilt.consents) == set(now.consents) and rebuilt.wish == now.wish
    assert rebuilt.counts.visits == 0 and rebuilt.sessions == [], "an answer to a mail is no visit"


def test_preferences_record_what_was_changed_with_its_proof(stage: Stage) -> None:
    form = {"link": token_of(stage), "channel": ["email"], "night": "1", "pause": "7", "every": "14"}
    assert stage.client.post("/me/preferences", data=form).status_code == 303
    mina = stored(stage)
    newest = {(one.channel, one.topic): one for one in mina.consents}
    mail = newest["email", ""]
    assert (mail.given, mail.night, mail.source, mail.text_version, mail.jurisdiction) == (
        *(True, True, "/me/preferences", "messages-1", "KR"),
    )
    digest = stage.stores.messages.addresses.of("default", mina, "email")
    assert mail.verified_at == mail.given_at == mina.wish.at and mail.address == digest
    assert not newest["sms", ""].given and not newest["kakao", ""].given and not newest["push", ""].given
    assert (mina.wish.pause_until, mina.wish.every_days) == (mina.wish.at + 7 * DAY, 14)
    found = permission(asked(mina, digest=digest), OPEN)
    assert [each.gate for each in found.answers if not each.passes] == ["pause"]
    before = len(stored(stage).consents)
    form |= {"pause": "keep"}
    stage.client.post("/me/preferences", data=form)
    assert len(stored(stage).consents) == before, "saved again, nothing is said again"


def test_hostile_topics_are_texts_and_do_not_crowd_out_a_refusal(stage: Stage) -> None:
    hostile = '"><script>alert(1)</script>'
    stage.client.post(f"/v1/unsubscribe/{token_of(stage, topic=hostile)}", **ONE_CLICK)
    page = stage.client.get(f"/me/preferences?link={token_of(stage)}").text
    assert "<script" not in page and "&lt;script&gt;" in page
    assert not given(stage, topic=hostile.lower())
    many = [f"t{n}" for n in range(500)]
    form = {"link": token_of(stage), "channel": ["email"], "topic": many, "pause": "9999", "every": "-3"}
    stage.client.post("/me/preferences", data=form)
    mina = stored(stage)
    assert not {one.topic for one in mina.consents} & set(many), "only topics that were shown"
    assert not given(stage, topic=hostile.lower()) and mina.wish.pause_until == 0


def test_the_form_of_me_saves_the_same_but_a_cookie_confirms_no_address(stage: Stage) -> None:
    stage.client.post(f"/v1/unsubscribe/{token_of(stage)}", data={"all": "1"})
    client = stage.client
    client.set_cookie("dangol_v", "a1")
    page = client.get("/me").text
    form = dict(re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)"', page))
    assert client.post("/me/messages", data={**form, "channel": ["email"]}).status_code == 303
    mail = next(one for one in stored(stage).consents if one.channel == "email" and one.given)
    assert (mail.verified_at, mail.address, mail.source) == (0, "", "/me")
    assert "unsubscribed" in suppressed(stage), "only a link that was sent there releases an address"
    other = stage.client
    assert other.post("/me/messages", data={**form, "channel": ["sms"]}).status_code == 403


def test_the_page_says_why_somebody_got_a_message(stage: Stage) -> None:
    page = stage.client.get(f"/v1/unsubscribe/{token_of(stage)}").text
    for part in ("Why you got this message", "E-mail", "sale", "checkout", "text version v1"):
        assert part in page
    korean = stage.client.get(f"/v1/unsubscribe/{token_of(stage)}", headers={"Accept-Language": "ko"}).text
    assert "이 메시지를 받은 이유" in korean


@pytest.mark.slow
def test_in_a_browser(stage: Stage, tmp_path: Path) -> None:
    with serving(stage.app) as url, chromium() as browser:
        page = browser.new_page()
        page.goto(f"{url}/v1/unsubscribe/{token_of(stage)}")
        assert given(stage, topic="sale")
        page.click("text=No more messages about sale")
        page.wait_for_selector("[role=status]")
        assert not given(stage, topic="sale") and given(stage, topic="news")
        page.click("text=Choose topics, channels and how often")
        page.uncheck("input[value=sms]")
        page.check("input[name=night]")
        page.select_option("#every", "14")
        page.click("button:has-text('Save')")
        page.wait_for_selector("[role=status]")
        keep(page, "preferences", full=True)
        mina = stored(stage)
        assert not given(stage, "sms") and given(stage, "email") and mina.wish.every_days == 14
        assert page.is_checked("input[name=night]") and not page.is_checked("input[value=sms]")
        page.click("text=No more news and offers at all")
        page.wait_for_selector("[role=status]")
        assert not given(stage) and "unsubscribed" in suppressed(stage)
