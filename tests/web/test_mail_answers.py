"""What mails lead to: opens and clicks are counted with consent, a link leads nowhere else, bounces suppress."""

import re
from html import unescape
from pathlib import Path
from typing import Any

import pytest

from messages.email.letter import Letter, LetterWriter
from messages.message import Links
from profiles.model import Consent, Profile
from profiles.store.port import ABSENT, Write
from tests.support.machine import Clock
from tests.support.mails import SENDER, message
from tests.support.returned_mails import bounce, complaint
from tests.support.web_stage import Stage, stage_of
from tracker.event import decode
from tracker.log.memory import MemoryLog
from tracker.sites import Site

pytestmark = pytest.mark.redis
HTML = '<a href="https://shop.example/tea?a=1&amp;b=2">Tea</a>'


@pytest.fixture
def stage(tmp_path: Path, redis_url: str, site: Site, clock: Clock) -> Stage:
    stage = stage_of(tmp_path, redis_url, site, clock)
    stage.profiles.save("default", [Write("u:kim", ABSENT, Profile("u:kim", user="kim"))])
    return stage


def letter(stage: Stage, **more: Any) -> Letter:
    writer = LetterWriter(SENDER, stage.stores.messages.marks, stage.stores.messages.addresses)
    links = Links(opened="http://localhost/v1/messages/opened", click="http://localhost/v1/messages/click")
    content = {"subject": "x", "html": HTML}
    return writer.write(message(content=content, links=links, token="tok", **more))


def addresses(of: Letter) -> tuple[str, str]:
    """Of the pixel and of the link."""
    found = [unescape(each) for each in re.findall(r'(?:src|href)="http://localhost([^"]+)"', of.html)]
    click, pixel = found
    return pixel, click


def events(stage: Stage) -> list[Any]:
    log = stage.stores.log
    assert isinstance(log, MemoryLog)
    return [decode(message.value) for messages in log.partitions for message in messages]


def suppressed(stage: Stage) -> set[str]:
    messages = stage.stores.messages
    return set(
        messages.suppressed.find(
            "default", messages.addresses.digest("default", "email", "kim@shop.example", "KR")
        )
    )


def test_an_open_and_a_click_are_events_of_the_person(stage):
    pixel, click = addresses(letter(stage))
    client = stage.app.test_client()
    for _ in range(2):
        answer = client.get(pixel)
        assert (
            answer.status_code == 200 and answer.mimetype == "image/gif" and answer.data.startswith(b"GIF89a")
        )
        gone = client.get(click)
        assert gone.status_code == 302
        assert gone.headers["Location"].startswith("https://shop.example/tea?a=1&b=2&utm_source=default")
    assert "dg_token=tok" in gone.headers["Location"]
    told = events(stage)
    assert [each.name for each in told] == ["Email Opened", "Email Link Clicked"] * 2
    assert len({each.id for each in told}) == 2  # what is loaded again counts once
    assert {each.user for each in told} == {"kim"} and told[0].props["campaign"] == "welcome"
    assert told[1].props["token"] == "tok" and told[1].props["url"].startswith("https://shop.example/tea")


def test_a_link_leads_nowhere_else_and_a_forged_mark_tells_of_nobody(stage):
    pixel, click = addresses(letter(stage))
    other = addresses(letter(stage, id="f" * 32))[1]
    client = stage.app.test_client()
    signature = click.partition("&s=")[2]
    for wrong in (
        click.replace("shop.example", "evil.example"),
        f"{click.partition('?')[0]}?to=https://evil.example&s={signature}",
        f"{other.partition('?')[0]}?{click.partition('?')[2]}",
        click.partition("?")[0],
        click[:-1],
        "/v1/messages/click/x?to=https://evil.example&s=x",
    ):
        answer = client.get(wrong)
        assert answer.status_code == 404 and "Location" not in answer.headers
    assert client.get(pixel[:-2]).status_code == 200
    assert events(stage) == []


def test_whoever_withdrew_consent_is_not_counted_and_still_gets_there(stage):
    found, pixel_and_click = stage.profiles.find("default", user="kim"), addresses(letter(stage))
    assert found is not None
    stage.profiles.update("default", "u:kim", refuse)
    client = stage.app.test_client()
    assert client.get(pixel_and_click[0]).status_code == 200
    assert client.get(pixel_and_click[1]).status_code == 302
    assert events(stage) == []


def refuse(profile: Profile) -> Profile:
    profile.consents.append(Consent("analytics", False, 1))
    return profile


def test_a_bounce_and_a_complaint_suppress_and_are_events(stage):
    sent = letter(stage)
    client = stage.app.test_client()

    def post(data: bytes, key: str = "sk_test") -> Any:
        headers = {"Authorization": f"Bearer {key}", "Content-Type": "message/rfc822"}
        return client.post("/v1/messages/returned", data=data, headers=headers)

    assert post(bounce(sent, "delayed", "4.4.1")).json == {"kind": "delay", "suppressed": False}
    assert post(bounce(sent, status="5.2.2")).json == {"kind": "bounce", "suppressed": False}
    assert suppressed(stage) == set()
    assert post(bounce(sent)).json == {"kind": "bounce", "suppressed": True}
    assert suppressed(stage) == {"bounced"}
    assert post(complaint(sent)).json == {"kind": "complaint", "suppressed": True}
    assert suppressed(stage) == {"bounced", "complained"}
    assert post(b"Subject: hello\r\n\r\nhi").json == {"kind": "", "suppressed": False}
    assert post(bounce(sent), "nobody").status_code == 401
    assert post(b"x" * 1_100_000).status_code == 413
    names = [each.name for each in events(stage)]
    assert names == ["Email Bounced", "Email Bounced", "Email Marked as Spam"]
