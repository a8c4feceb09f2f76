"""What cells of customers and calls mean: yes and no, directions, lengths, birthdays, telephone numbers."""

import re
from datetime import date, datetime
from typing import Any

from ingest.files.rows import cell_text

_YES = frozenset(
    {
        *("yes", "y", "true", "t", "1", "x", "on", "subscribed", "subscribe", "optedin", "optin", "granted"),
        *(
            "confirmed",
            "active",
            "accepted",
            "동의",
            "수신",
            "수신함",
            "수신동의",
            "예",
            "네",
            "o",
            "ja",
            "oui",
            "sí",
            "si",
        ),
    }
)
_NO = frozenset(
    {
        *(
            "no",
            "n",
            "false",
            "f",
            "0",
            "off",
            "unsubscribed",
            "notsubscribed",
            "optedout",
            "optout",
            "denied",
        ),
        *(
            "declined",
            "refused",
            "cleaned",
            "nonsubscribed",
            "거부",
            "미동의",
            "수신거부",
            "수신안함",
            "미수신",
            "아니오",
        ),
        *("아니요", "동의안함", "nein", "non", "neversubscribed", "bounced", "redacted", "invalid"),
    }
)
_UNSAID = frozenset({"", "-", "–", "null", "none", "n/a", "na", "nan", "unknown", "pending", "미정"})
_IN = frozenset({"in", "inbound", "incoming", "received", "i", "수신", "인바운드", "in콜", "착신"})
_OUT = frozenset({"out", "outbound", "outgoing", "dialed", "made", "o", "발신", "아웃바운드", "out콜"})
_CLOCK = re.compile(r"(?:(\d{1,3}):)?(\d{1,3}):(\d{2})(?:\.\d+)?")
_NUMBER = re.compile(r"(\d{1,7})(?:[.,]\d+)?\s*(?:s|sec|secs|seconds|초)?", re.IGNORECASE)
_UNITS = re.compile(
    r"(?:(\d{1,3})\s*(?:h|hr|hrs|hours?|시간)\s*)?(?:(\d{1,4})\s*(?:m|min|mins|minutes?|분)\s*)?"
    r"(?:(\d{1,5})\s*(?:s|sec|secs|seconds?|초))?",
    re.IGNORECASE,
)
_YEAR_FIRST = re.compile(
    r"(\d{4})\s*+(?:[-./년]\s*+)?(\d{1,2})\s*+(?:[-./월]\s*+)?(\d{1,2})(?:\s*+일)?\.?(?:[T\s].*)?", re.DOTALL
)


class WordUnknown(ValueError):
    """A cell that means nothing we know; the message is for people."""


def _plain(value: Any) -> str:
    return re.sub(r"[\s_\-]", "", cell_text(value).lower())


def yes_or_no(value: Any) -> bool | None:
    """None where nothing is said. Raises WordUnknown."""
    word = _plain(value)
    if word in _UNSAID or cell_text(value).strip() in _UNSAID:
        return None
    if word in _YES:
        return True
    if word in _NO:
        return False
    raise WordUnknown(f"neither yes nor no: {cell_text(value)[:40]!r}")


def direction(value: Any) -> str:
    """ "in", "out", or "" where nothing is said. Raises WordUnknown."""
    word = _plain(value).removesuffix("call").removesuffix("calls").removesuffix("전화")
    if word in _UNSAID:
        return ""
    if word in _IN or word in _OUT:
        return "in" if word in _IN else "out"
    raise WordUnknown(f"unknown direction: {cell_text(value)[:40]!r}")


def seconds(value: Any) -> int | None:
    """A length such as 125, 2:05, 00:02:05, "2 min 5 s" or "2분 5초". Raises WordUnknown."""
    if isinstance(value, datetime):
        return value.hour * 3600 + value.minute * 60 + value.second
    text = cell_text(value)
    if text.lower() in _UNSAID:
        return None
    if found := _NUMBER.fullmatch(text):
        return int(found[1])
    if found := _CLOCK.fullmatch(text):
        return int(found[1] or 0) * 3600 + int(found[2]) * 60 + int(found[3])
    if (found := _UNITS.fullmatch(text)) and any(found.groups()):
        hours, minutes, rest = (int(part or 0) for part in found.groups())
        return hours * 3600 + minutes * 60 + rest
    raise WordUnknown(f"unreadable duration: {text[:40]!r}")


def birthday(value: Any) -> str:
    """As YYYY-MM-DD where the year comes first, else as it came: which of 3/4 is the month, nobody knows."""
    if isinstance(value, date):
        return f"{value:%Y-%m-%d}"
    text = cell_text(value)
    if text in ("0000-00-00", "0"):
        return ""
    if found := _YEAR_FIRST.fullmatch(text):
        try:
            return date(int(found[1]), int(found[2]), int(found[3])).isoformat()
        except ValueError:
            return text
    return text


def unquoted(value: Any) -> str:
    """A number that a spreadsheet was kept from changing by an apostrophe: '+82 10 1234."""
    text = cell_text(value)
    return text[1:] if text[:1] == "'" and text[1:2] in "+0123456789" else text
