"""Amounts as shops write them: 12,900원, 1.234,56 €, (5.00), US$ 49.90. One parser for events, files and feeds.

An amount is read only where one reading is possible. What has two, such as 1,234 where the site's decimal mark is not
known, stays unread and says why. Nothing is guessed, and nothing unread becomes 0.

Where one mark stands in a number, it is the decimal mark unless exactly three digits follow it and one to three, which
do not begin with 0, stand before it. Where marks of two kinds stand in it, the last one is. Spaces and apostrophes only
group. Groups have three digits; with commas also two each and three at the end, as in India.
"""

import math
import re
from decimal import Decimal
from functools import lru_cache
from typing import Literal, NamedTuple
from unicodedata import category

from tracker import currencies

Reason = Literal[
    "", "missing", "unreadable", "ambiguous", "currency", "decimals", "too_large", "too_small", "too_long"
]
"""Why there is no amount: absent or blank; no number; readable in two ways; other words than those of one currency; its
currency has no decimals; LIMIT or more; not 0 but less than half of UNIT; a text longer than LONGEST."""
Mark = Literal["", ".", ","]
"""A site's decimal mark; "" where it is not known."""

UNIT = Decimal("0.0001")
"""Amounts are exact to a ten-thousandth, and rounded to it (half to even)."""
_ZERO = Decimal("0.0000")
LIMIT = 10**12
LONGEST = 64
"""Characters of a text."""


class Money(NamedTuple):
    """An amount (None: not read), the currency that it names itself ("" for none), and the reason ("" when read)."""

    amount: Decimal | None
    currency: str = ""
    reason: Reason = ""


_TRANSLATION: dict[int, str | None] = {
    **{0xFF01 + place: chr(0x21 + place) for place in range(94)},  # full-width forms
    **dict.fromkeys(map(ord, "\u200b\u200e\u200f\u061c\u2060\u2066\u2067\u2068\u2069\ufeff")),  # invisible
    **dict.fromkeys(range(0x202A, 0x202F)),
    **dict.fromkeys(map(ord, "\u2212\u2010\u2011\u2012\u2013\u2014\ufe63"), "-"),
    **dict.fromkeys(map(ord, "\u2018\u2019\u02bc\u066c"), "'"),
    0x066B: ".",
    0xFFE1: "£",
    0xFFE5: "¥",
    0xFFE6: "₩",
}
_SIMPLE = re.compile(r"-?[0-9]{1,12}(?:\.[0-9]{1,2})?")
_SCIENTIFIC = re.compile(r"[0-9]+(?:[.,][0-9]+)?[eE][+-]?[0-9]{1,3}")
_ENDLESS = re.compile(r"[-+]?(?:inf|infinity)", re.IGNORECASE)
_NUMBER = re.compile(r"[0-9]+(?:[ '.,][0-9]+)*")
_WITHOUT_CENTS = re.compile(r"[.,]-{1,2}")
_SIGNS = re.compile(r"[-+()]")
_WORDS = re.compile(r"[^\W\d_]+\.?|\S")
_INDIAN = re.compile(r"[1-9][0-9]?(?:,[0-9]{2})*,[0-9]{3}")


def money(value: object, currency: str = "", decimal_mark: Mark = "") -> Money:
    """The amount of a number or a text, with or without its currency.

    ``currency`` (ISO 4217) is what the amount is in unless it names another: it tells what "$", "kr" and "¥" mean and
    whether there are decimals. ``decimal_mark`` is the site's, and settles 1,234 and 1.234.
    """
    if isinstance(value, str):
        if len(value) > LONGEST:
            return Money(None, reason="too_long")
        return _of_text(value, currency, decimal_mark)
    if value is None:
        return Money(None, reason="missing")
    if isinstance(value, bool) or not isinstance(value, int | float | Decimal):
        return Money(None, reason="unreadable")
    if math.isnan(value) if isinstance(value, float) else Decimal(value).is_nan():
        return Money(None, reason="unreadable")
    if not -LIMIT < value < LIMIT:
        return Money(None, reason="too_large")
    return _rounded(Decimal(repr(value)) if isinstance(value, float) else Decimal(value), "")


def _rounded(amount: Decimal, currency: str) -> Money:
    if amount and amount.adjusted() > 12:
        return Money(None, currency, "too_large")
    rounded = amount.quantize(UNIT) if amount else _ZERO
    if abs(rounded) >= LIMIT:
        return Money(None, currency, "too_large")
    return Money(rounded, currency) if rounded or not amount else Money(None, currency, "too_small")


@lru_cache(maxsize=1 << 14)
def _of_text(text: str, expected: str, mark: Mark) -> Money:
    if expected not in currencies.WITHOUT_DECIMALS and _SIMPLE.fullmatch(text):
        return _rounded(Decimal(text), "")
    plain = " ".join(_translated(text).split())
    if not plain:
        return Money(None, reason="missing")
    places = [place for place, character in enumerate(plain) if character in "0123456789"]
    if not places:
        return Money(None, reason="too_large" if _ENDLESS.fullmatch(plain) else "unreadable")
    head, number, tail = plain[: places[0]], plain[places[0] : places[-1] + 1], plain[places[-1] + 1 :]
    if head[-1:] in (".", ",") and not head[-2:-1].isalpha() and head[-2:-1] != "/":
        head, number = head[:-1], "0" + head[-1] + number  # .50, and not Rs.50
    elif cents := _WITHOUT_CENTS.match(tail):
        tail, mark = tail[cents.end() :], "," if cents[0][0] == "," else "."  # 1.299,-
    sign, words = _sign(head, tail), _words(head) + _words(tail)
    if not sign:
        return Money(None, reason="unreadable")
    currency = currencies.meant(words, expected)
    if currency is None:
        named = all(any(each.isalpha() or category(each) == "Sc" for each in word) for word in words)
        return Money(None, reason="currency" if named else "unreadable")
    read = _read(number, (currency or expected) not in currencies.WITHOUT_DECIMALS, mark)
    return _rounded(sign * read, currency) if isinstance(read, Decimal) else Money(None, currency, read)


def _translated(text: str) -> str:
    """With ASCII's digits, signs and apostrophes in the place of all others. Superscripts stay what they are."""
    if text.isascii():
        return text
    plain = text.translate(_TRANSLATION)
    return "".join(str(int(each)) if each.isdecimal() else each for each in plain)


def _sign(head: str, tail: str) -> int:
    """1 or -1 by what stands before and after the number: one minus, or a pair of brackets; 0 for any other."""
    brackets, minus = head.count("("), head.count("-") + tail.count("-")
    if brackets != tail.count(")") or brackets + minus + head.count("+") > 1 or "+" in tail:
        return 0
    return -1 if brackets or minus else 1


def _words(around: str) -> list[str]:
    """The words and signs in what stands before or after a number."""
    given = _SIGNS.sub(" ", around).split()
    if currencies.candidates(joined := "".join(given)):
        return [joined]  # F CFA
    words: list[str] = []
    for word in given:
        words += [word] if currencies.candidates(word) else _WORDS.findall(word)
    return words


def _read(number: str, decimals: bool, mark: Mark) -> Decimal | Reason:
    """The digits and marks of a number without its sign."""
    if _SCIENTIFIC.fullmatch(number):
        exact = Decimal(number.replace(",", "."))
        if exact.adjusted() > 12:
            return "too_large"
        return exact if decimals or exact == exact.to_integral_value() else "decimals"
    if not _NUMBER.fullmatch(number):
        return "unreadable"
    place = _decimal_place(number, decimals, mark)
    if place is None:
        return "ambiguous"
    whole, cents = number[:place], number[place + 1 :]
    if not _grouped(whole):
        return "unreadable"
    if cents.strip("0") and not decimals:
        return "decimals"
    return Decimal("".join(each for each in whole if each.isdigit()) + "." + (cents or "0"))


def _decimal_place(number: str, decimals: bool, mark: Mark) -> int | None:
    """Where the decimal mark stands, the number's length where there is none; None if that cannot be told."""
    marks = [character for character in number if not character.isdigit()]
    if not marks or marks[-1] not in ".,":
        return len(number)
    place = number.rindex(marks[-1])
    if marks.count(marks[-1]) > 1:
        return len(number)
    before, after = number[:place], len(number) - place - 1
    if len(marks) > 1 or after != 3 or not 1 <= len(before) <= 3 or before[0] == "0":
        return place
    if not decimals:
        return len(number)
    if not mark:
        return None
    return place if mark == marks[-1] else len(number)


def _grouped(whole: str) -> bool:
    """Whether the digits before the decimal mark are grouped as somebody groups them, or not at all."""
    if whole.isdigit():
        return True
    marks = {character for character in whole if not character.isdigit()}
    first, *groups = re.split(r"[ '.,]", whole)
    if len(marks) > 1 or not 1 <= len(first) <= 3 or first[0] == "0":
        return False
    return all(len(group) == 3 for group in groups) or _INDIAN.fullmatch(whole) is not None
