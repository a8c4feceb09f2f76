"""A mail as bytes: Python's parser reads back what was meant, whatever stands in names, subjects and values."""

import base64
import re
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from html.parser import HTMLParser
from typing import cast
from urllib.parse import unquote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from messages.email.links import allowed
from messages.email.marks import MailMark, MarkInvalid
from messages.email.mime import clean, encoded, mailbox
from messages.message import Links, Message, Unprintable
from tests.support.mails import LINKS, MARKS, SENDER, message, writer
from tests.support.permission import customer, sending_site

PLAIN = {"From", "To", "Subject", "Date", "Message-ID", "List-Unsubscribe", "List-Unsubscribe-Post", "List-ID",
         "Precedence", "Feedback-ID", "X-Dangol-Mark", "MIME-Version", "Content-Type"}  # fmt: skip
HOSTILE = st.text(max_size=120) | st.sampled_from(
    [
        "x\r\nBcc: victim@x.example",
        "x\nContent-Type: text/html\n\n<b>",
        "=?utf-8?q?x=0D=0ABcc:_v=40x.example?=",
        '"><script>alert(1)</script>',
        "\u2028Bcc: x",
        "{{ 7 | times: 7 }}",
        "a" * 2_000,
        "한글" * 200,
        'a" <b@c.example>, "d',
        "\u202egpj.exe",
        "\r\n.\r\nMAIL FROM:<x@y>\r\n",
        "\ud800",
        "\x00",
    ]
)


def read(of: Message) -> tuple[EmailMessage, str, str]:
    """The parsed mail, its text and its HTML."""
    parsed = cast(EmailMessage, message_from_bytes(writer().write(of).data, policy=default))
    assert not parsed.defects
    text, html = parsed.get_body(("plain",)), parsed.get_body(("html",))
    assert text is not None and html is not None and not text.defects and not html.defects
    return parsed, text.get_content(), html.get_content()


def test_headers_of_marketing():
    parsed, text, html = read(message(topic="sales"))
    assert set(parsed.keys()) == PLAIN
    assert parsed["List-Unsubscribe"] == f"<{LINKS.unsubscribe}>"
    assert parsed["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert parsed["List-ID"] == "<sales.default.mail.shop.example>"
    assert parsed["Feedback-ID"] == "welcome:a:marketing:default"
    assert parsed["From"] == "Shop <hello@shop.example>" and "Auto-Submitted" not in parsed
    assert parsed["Date"].datetime.timestamp() * 1000 == message().at
    for each in (text, html):
        assert LINKS.unsubscribe in each and LINKS.preferences in each
    again = writer().write(message(topic="sales"))
    assert (
        again.data == writer().write(message(topic="sales")).data
    )  # an attempt is repeated with the same bytes


def test_a_service_message_is_no_list_and_says_that_a_machine_wrote_it():
    parsed, _, _ = read(message(message_class="service", links=Links(), trigger={"event": "Order Completed"}))
    assert parsed["Auto-Submitted"] == "auto-generated"
    assert not {"List-ID", "Precedence", "List-Unsubscribe", "List-Unsubscribe-Post"} & set(parsed.keys())


@given(HOSTILE, HOSTILE, HOSTILE, HOSTILE)
def test_no_value_adds_a_header_a_part_or_an_element(name, topic, sender_name, lang):
    content = {
        "subject": "Hi {{ trait.first_name }}",
        "html": '<p title="{{ trait.first_name }}">{{ trigger.q }}</p>'
        '<a href="https://s.example/{{ trait.city }}">x</a>',
        "from_name": "{{ trait.first_name }}",
    }
    profile = customer(traits={"first_name": name, "city": name, "email": "kim@shop.example"})
    told = message(
        content=content,
        profile=profile,
        topic=topic,
        trigger={"q": sender_name},
        lang=lang,
    )
    parsed, _text, html = read(told)
    assert set(parsed.keys()) == PLAIN | {"Auto-Submitted"}
    assert all(len(parsed.get_all(each)) == 1 for each in set(parsed))
    assert [part.get_content_type() for part in parsed.iter_parts()] == ["text/plain", "text/html"]
    assert len(parsed["From"].addresses) == 1 and parsed["From"].addresses[0].addr_spec == SENDER.address
    assert [each.addr_spec for each in parsed["To"].addresses] == ["kim@shop.example"]
    assert elements(html) == ["html", "head", "meta", "body", "p", "a", "div", "a", "a"]
    raw = writer().write(told).data
    assert all(len(line) <= 998 for line in raw.split(b"\r\n")) and b"\n" not in raw.replace(b"\r\n", b"")
    assert parsed["Subject"] == clean(f"Hi {''.join(each for each in name[:200] if each.isprintable())}")


def elements(html: str) -> list[str]:
    found: list[str] = []

    class Names(HTMLParser):
        def handle_starttag(self, tag: str, attrs: list) -> None:
            found.append(tag)
            assert all(not name.startswith("on") for name, _ in attrs)

    Names().feed(html)
    return found


NO_ADDRESSES = (
    *("", "kim", "kim@", "@shop.example", "a@b", "a@b..example", "a..b@shop.example", "<a@b.example>"),
    *("a@b.example,c@d.example", "a@-b.example", "a b@shop.example", "a\x00@b.example"),
    *("a@b.example\r\nRCPT TO:<x@y.example>", "a" * 65 + "@b.example"),
)


@pytest.mark.parametrize("address", NO_ADDRESSES)
def test_what_is_no_address_is_not_written_to(address):
    with pytest.raises(Unprintable):
        writer().write(message(address=address))


def test_an_international_name_and_address():
    parsed, _, _ = read(
        message(
            address="kim@bücher.example",
            content={"subject": "안녕 하세요 " * 12, "html": "x", "from_name": "단골, 가게"},
        )
    )
    assert parsed["To"] == "kim@xn--bcher-kva.example"
    assert parsed["Subject"] == clean("안녕 하세요 " * 12)
    assert parsed["From"].addresses[0].display_name == "단골, 가게"
    data = writer().write(message(address="김@shop.example")).data
    assert "\r\nTo: 김@shop.example\r\n".encode() in data


def test_links_lead_to_the_shop_with_campaign_and_token_and_are_counted_only_with_consent():
    site = sending_site(own_hosts=("shop.example",))
    html = '<p><a href="https://www.shop.example/tea?a=1&amp;utm_source=mine#top">tea</a>'
    html += '<a href="https://other.example/">o</a>'
    html += '<a href="javascript:alert(1)">bad</a> <a href="/relative">r</a> <img src="//x/y.png">'
    html += '<a href="mailto:a@b.example">m</a></p>'
    plain = message(site=site, token="tok.en", content={"subject": "x", "html": html})
    _, text, shown = read(plain)
    ours = "https://www.shop.example/tea?a=1&utm_source=mine&utm_medium=email&utm_campaign=welcome"
    ours += "&utm_content=a&dg_token=tok.en#top"
    assert ours.replace("&", "&amp;") in shown and ours in text
    assert '"https://other.example/"' in shown and "javascript" not in shown and "relative" not in shown
    assert (
        "//x/y.png" not in shown
        and '"mailto:a@b.example"' in shown
        and "<img" in shown
        and 'width="1"' not in shown
    )

    agreed = Links(
        unsubscribe=LINKS.unsubscribe,
        preferences=LINKS.preferences,
        opened="https://dangol.example/v1/messages/opened",
        click="https://dangol.example/v1/messages/click",
    )
    parsed, text, shown = read(
        message(site=site, token="tok.en", links=agreed, content={"subject": "x", "html": html})
    )
    mark = "".join(parsed["X-Dangol-Mark"].split())
    assert MARKS.read(mark).token == "tok.en"
    assert shown.count('width="1"') == 1 and f"{agreed.opened}/{mark}" in shown
    assert shown.count(f"{agreed.click}/{mark}?") == 2 and ours not in shown and LINKS.unsubscribe in shown
    target = re.search(r"to=([^&]+)&amp;s=([\w-]+)", shown)
    assert target
    assert MARKS.leads(mark, unquote(target[1]), target[2])
    assert not MARKS.leads(mark, "https://evil.example/", target[2])
    assert not MARKS.leads(mark + "x", unquote(target[1]), target[2])


@given(st.text(max_size=40))
def test_an_address_that_runs_code_is_never_allowed(rest):
    for scheme in (
        "javascript:",
        "JaVa\tScript:",
        "\x01javascript:",
        "vbscript:",
        "data:text/html,",
        "file:///",
    ):
        assert not allowed("href", scheme + rest) and not allowed("src", scheme + rest)


def test_the_law_puts_its_words_into_the_mail():
    told = message(
        duties=("ad label", "ad notice", "contact", "free refusal"),
        lang="ko",
        content={"subject": "할인", "html": "<p>본문</p>"},
    )
    parsed, text, html = read(told)
    assert parsed["Subject"] == "(광고) 할인"
    for each in (text, html):
        assert (
            "Shop에서 보내는 광고입니다." in each
            and "연락처: 02-123-4567" in each
            and "무료 수신거부: " in each
        )


def test_marks_are_signed_and_return_paths_survive_servers_that_change_case():
    mark = MailMark("default", "u:kim", "1", "c", "a", "ab" * 16, "tok")
    assert MARKS.read(MARKS.sign(mark)) == mark
    for forged in ("", ".", "a.b", MARKS.sign(mark)[:-1], MARKS.sign(mark) + "x", "é.é", "x" * 5_000):
        with pytest.raises(MarkInvalid):
            MARKS.read(forged)
    path = MARKS.return_path("default", "ab" * 16, "mail.example")
    assert len(path.partition("@")[0]) <= 64
    for each in (path, path.upper(), path.title()):
        assert MARKS.returned(each, ["other", "default"]) == ("default", "ab" * 16)
    assert MARKS.returned(path, ["other"]) is None
    for forged in (
        "bounce@x",
        "bounce+@x",
        "bounce+zz@x",
        path.replace(path[10], "a" if path[10] != "a" else "b", 1),
        "x",
        "",
    ):
        assert MARKS.returned(forged, ["default"]) is None


@given(st.binary(max_size=40))
def test_a_return_path_that_we_did_not_make_is_nobodys(noise):
    text = base64.b32encode(noise).decode().rstrip("=")
    assert MARKS.returned(f"bounce+{text}@mail.example", ["default"]) is None


@given(HOSTILE)
def test_a_header_is_one_whatever_its_text(text):
    """By itself: what fills a template has taken control characters away already."""
    written = f"From: {mailbox(text, 'a@b.example')}\r\nSubject: {encoded(text)}\r\n\r\nx".encode("ascii")
    parsed = message_from_bytes(written, policy=default)
    assert parsed.keys() == ["From", "Subject"] and parsed["Subject"] == clean(text)
    assert [each.addr_spec for each in parsed["From"].addresses] == ["a@b.example"]
