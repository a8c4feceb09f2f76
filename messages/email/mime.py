"""A mail as bytes (RFC 5322, 2045–2047): a text and an HTML part under clean headers. Pure functions.

It is written here and not by ``email.message``, which takes several times as long for one mail; the tests read every
mail back with Python's parser.
"""

import binascii
import re
import unicodedata
from collections.abc import Iterable
from datetime import UTC, datetime
from email.utils import format_datetime

LINE = 76
_WORD = 45
"""Bytes of UTF-8 in one encoded word: base64 makes 60 of them, and a word has 75 characters."""
_NATIONAL = bytes(range(128, 256))
_PLAIN = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~ -]*")


def mail(headers: Iterable[tuple[str, str]], text: str, html: str, boundary: str) -> bytes:
    """``headers`` are encoded already; one that is not ASCII is an international address (RFC 6532). Lines end in
    CRLF."""
    told = "".join(f"{name}: {value}\r\n" for name, value in headers)
    head = f'{told}MIME-Version: 1.0\r\nContent-Type: multipart/alternative; boundary="{boundary}"\r\n\r\n'
    mark = f"--{boundary}".encode("ascii")
    parts = (mark, b"\r\n", part("plain", text), mark, b"\r\n", part("html", html), mark, b"--\r\n")
    return b"".join((head.encode("utf-8"), *parts))


def part(kind: str, text: str) -> bytes:
    """One part in the encoding that is shorter: quoted-printable for what is nearly ASCII, else base64."""
    data = text.replace("\r\n", "\n").replace("\r", "\n").encode("utf-8", "replace")
    if (len(data) - len(data.translate(None, _NATIONAL))) * 6 > len(data):
        encoding = b"base64"
        lines = (binascii.b2a_base64(data[at : at + 57], newline=False) for at in range(0, len(data), 57))
        body = b"\r\n".join(lines)
    else:
        encoding = b"quoted-printable"
        body = binascii.b2a_qp(data, quotetabs=False, istext=True).replace(b"\n", b"\r\n")
    head = f"Content-Type: text/{kind}; charset=utf-8\r\nContent-Transfer-Encoding: ".encode("ascii")
    return b"".join((head, encoding, b"\r\n\r\n", body, b"\r\n"))


def clean(text: str) -> str:
    """One line: without what ends a header or turns the direction of writing."""
    one = "".join(" " if unicodedata.category(each) in ("Cc", "Zl", "Zp") else each for each in text)
    kept = "".join(each for each in one if unicodedata.category(each) not in ("Cf", "Cs", "Cn"))
    return " ".join(kept.split())


def encoded(text: str) -> str:
    """The text of a header: as it is where it is short ASCII, else in encoded words (RFC 2047)."""
    text = clean(text)
    if text.isascii() and len(text) <= LINE and "=?" not in text:
        return text
    words, piece = [], b""
    for each in text:
        data = each.encode("utf-8")
        if len(piece) + len(data) > _WORD:
            words.append(piece)
            piece = b""
        piece += data
    words.append(piece)
    return "\r\n ".join(f"=?utf-8?b?{binascii.b2a_base64(each, newline=False).decode()}?=" for each in words)


def mailbox(name: str, address: str) -> str:
    """``name <address>``; the address has been checked, and is ASCII."""
    name = clean(name)
    if not name:
        return address
    short = name.isascii() and len(name) <= LINE and "=?" not in name
    told = name if short and _PLAIN.fullmatch(name) else _quoted(name) if short else encoded(name)
    return f"{told}\r\n <{address}>" if len(told) + len(address) > LINE - 10 else f"{told} <{address}>"


def _quoted(name: str) -> str:
    return '"' + name.replace("\\", "\\\\").replace('"', '\\"') + '"'


def word(text: str) -> str:
    """``text`` as letters, digits, dots and hyphens, for identifiers in headers."""
    return re.sub(r"[^A-Za-z0-9.-]+", "-", text).strip("-.")[:64] or "x"


def date_of(ms: int) -> str:
    return format_datetime(datetime.fromtimestamp(ms / 1000, UTC))


def folded(text: str, width: int = 900) -> str:
    """A long word without spaces, such as a mark, in pieces that a line can hold."""
    return "\r\n ".join(text[at : at + width] for at in range(0, len(text), width))
