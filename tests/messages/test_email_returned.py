"""Returned mails: whose address failed, and whether for good. What somebody made up tells of nobody."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from messages.email.returned import Returned, read
from tests.support.mails import DIGESTS, MARKS, message, writer
from tests.support.returned_mails import bounce, complaint, headers_of

LETTER = writer().write(message(token="tok"))
DIGEST = DIGESTS.digest("default", "email", "kim@shop.example", "KR")


def told(data: bytes, sites: tuple[str, ...] = ("default",)) -> Returned | None:
    return read(data, MARKS, sites)


@pytest.mark.parametrize(
    ("action", "status", "code", "kind", "hard"),
    [
        ("failed", "5.1.1", "550", "bounce", True),
        ("failed", "5.2.1", "550", "bounce", True),
        ("failed", "5.2.2", "552", "bounce", False),
        ("failed", "5.7.1", "550", "bounce", False),
        ("failed", "4.4.7", "451", "bounce", False),
        ("delayed", "4.4.1", "451", "delay", False),
    ],
)
def test_a_status_says_whether_the_address_is_dead(action, status, code, kind, hard):
    found = told(bounce(LETTER, action, status, code))
    assert found is not None and (found.kind, found.hard, found.digest) == (kind, hard, DIGEST)
    assert found.mark is not None and found.mark.profile == "u:kim" and found.mark.token == "tok"
    assert status in found.reason


def test_the_return_path_alone_tells_the_address():
    stripped = bounce(LETTER).replace(b"X-Dangol-Mark", b"X-Removed")
    found = told(stripped)
    assert found is not None and found.digest == DIGEST and found.mark is None and found.hard
    assert told(stripped.replace(LETTER.sender.encode(), LETTER.sender.upper().encode())) == found


def test_what_flufl_reads_of_servers_without_a_status():
    text = (
        f"From: MAILER-DAEMON@mx.example\r\nTo: {LETTER.sender}\r\nSubject: failure notice\r\n\r\n"
        "Hi. This is the qmail-send program at mx.example.\r\n"
        "I'm afraid I wasn't able to deliver your message to the following addresses.\r\n\r\n"
        "<kim@shop.example>:\r\nSorry, no mailbox here by that name. (#5.1.1)\r\n\r\n"
        f"--- Below this line is a copy of the message.\r\n\r\n{headers_of(LETTER)}"
    )
    found = told(text.encode())
    assert found is not None and found.hard and found.mark is not None


def test_a_complaint_and_what_is_none():
    found = told(complaint(LETTER))
    assert found is not None and (found.kind, found.digest, found.reason) == ("complaint", DIGEST, "abuse")
    bare = told(complaint(LETTER).replace(b"X-Dangol-Mark", b"X-Removed"))
    assert bare is not None and bare.kind == "complaint" and bare.digest == DIGEST
    assert told(complaint(LETTER, "not-spam")) is None


def test_nobody_else_can_be_suppressed():
    assert told(bounce(LETTER), ("other",)) is None
    assert (
        told(bounce(LETTER, to="bounce+aaaa@mail.shop.example").replace(b"X-Dangol-Mark", b"X-Removed"))
        is None
    )
    forged = bounce(LETTER, to="x@shop.example").replace(b"X-Dangol-Mark: W", b"X-Dangol-Mark: X")
    assert told(forged) is None and forged != bounce(LETTER, to="x@shop.example")
    assert told(b"To: x@shop.example\r\nSubject: Out of office\r\n\r\nI am away") is None
    away = f"To: {LETTER.sender}\r\nSubject: Out of office\r\nAuto-Submitted: auto-replied\r\n\r\nI am away"
    assert told(away.encode()) is None


@given(st.binary(max_size=400), st.integers(0, 1500), st.binary(max_size=20))
def test_no_returned_mail_ends_the_reader(noise, at, more):
    data = bounce(LETTER)
    told(noise)
    found = told(data[:at] + more + data[at + len(more) :])
    assert found is None or found.digest == DIGEST
