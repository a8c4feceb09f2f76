"""Messages and their writer for tests of mail."""

from typing import Any

from messages.email.letter import LetterWriter
from messages.email.marks import MailMarks
from messages.email.smtp.server import Sender
from messages.message import Links, Message
from messages.permission.addresses import AddressDigests
from tests.support.permission import T, customer, sending_site

KEY = b"k" * 32
MARKS, DIGESTS = MailMarks(lambda: KEY), AddressDigests(lambda: KEY)
SENDER = Sender(address="hello@shop.example", name="Shop", domain="mail.shop.example")
LINKS = Links(
    unsubscribe="https://dangol.example/v1/unsubscribe/abc",
    preferences="https://dangol.example/me/preferences/abc",
)
HTML = {"subject": "Hi {{ trait.first_name | friend }}", "html": "<p>Hello</p>"}


def message(**more: Any) -> Message:
    told: dict[str, Any] = {
        "id": "0123456789abcdef0123456789abcdef",
        "site": sending_site(),
        "campaign": "welcome",
        "variant": "a",
        "channel": "email",
        "profile": customer(),
        "address": "kim@shop.example",
        "content": HTML,
        "links": LINKS,
        "at": T,
    }
    return Message(**{**told, **more})


def writer(sender: Sender = SENDER) -> LetterWriter:
    return LetterWriter(sender, MARKS, DIGESTS)
