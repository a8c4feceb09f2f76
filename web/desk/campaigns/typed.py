"""Numbers, hours and caps as a marketer types them. Whatever could mean two things is refused, never guessed.

Each function that reads raises CampaignInvalid naming the field. Pure functions.
"""

import re
from decimal import Decimal
from typing import Any

from offers.campaign.campaign import WEEKDAYS, CampaignInvalid, Daypart, Weekday
from web.language import gettext as _

LENGTH_LIMIT = 400
"""Characters of one number: the smallest price that a float holds takes 330."""
_BARE = re.compile(r"-?(\d+(\.\d+)?|\.\d+)", re.ASCII)
_COMMA = re.compile(r"-?\d*,\d+", re.ASCII)
_GROUPED = re.compile(
    r"-?[1-9]\d{0,2}(?:(?P<mark>[,.'’ \u00a0\u202f])\d{3})(?P<more>(?:(?P=mark)\d{3})*)"
    r"(?P<rest>(?!(?P=mark))[.,]\d+)?",
    re.ASCII,
)
_CAP = re.compile(r"(\d{1,9})\s*(?:per|/|a)\s*(session|hour|day|week|ever)", re.IGNORECASE | re.ASCII)
_HOURS = re.compile(r"(?P<days>[a-z][a-z,\s:-]*+(?<=[\s,:]))?(\d?\d:\d\d)-(\d?\d:\d\d)", re.ASCII)
_DASH = re.compile(r"(?<!\s)\s*+[-\u2013\u2014~]\s*+")


def number(field: str, text: str) -> float:
    """1500, 1500.5, 12,5, 1,234,567, 1.234.567,5 or 1 500; but 1,500 could be one and a half."""
    return float(_decimal(field, text))


def whole(field: str, text: str) -> int:
    """As ``number``, but 1,500 is clear where there are no fractions; and 1.500 is not."""
    text = text.strip()
    grouped = _GROUPED.fullmatch(text) if len(text) <= LENGTH_LIMIT else None
    if grouped and not grouped["rest"] and (grouped["mark"] != "." or grouped["more"]):
        return int(text.replace(grouped["mark"], ""))
    if len(text) <= LENGTH_LIMIT and re.fullmatch(r"-?\d+", text, re.ASCII):
        return int(text)
    raise CampaignInvalid(field, _("“%(given)s” is not a whole number, such as 1500", given=text[:40]))


def share(field: str, text: str) -> float:
    """Percent as a part of 1, at most 90."""
    share = part(field, text)
    if not 0 <= share <= 0.9:
        raise CampaignInvalid(field, _("between 0 and 90 percent; the others see the campaign"))
    return share


def part(field: str, text: str) -> float:
    """Any number of percent as a part of 1."""
    return float(_decimal(field, text.strip().removesuffix("%")).scaleb(-2))


def plain(value: float) -> str:
    """As short as it can be and still be read as the very same number."""
    return _plain(Decimal(repr(value)))


def percent(part: float) -> str:
    """A part of 1 in percent, which ``part`` reads as the very same number."""
    return _plain(Decimal(repr(part)).scaleb(2))


def caps(text: str) -> list[dict[str, Any]]:
    found = [_CAP.fullmatch(part.strip()) for part in re.split(r"[,;\n]", text) if part.strip()]
    if not all(found):
        raise CampaignInvalid("caps", _("such as: 3 per session, 10 per day"))
    return [{"limit": int(match[1]), "per": match[2].lower()} for match in found if match]


def dayparts(text: str) -> list[dict[str, Any]]:
    parts = []
    for line in filter(None, (line.strip() for line in re.split(r"[;\n]", text))):
        hours = _HOURS.fullmatch(_DASH.sub("-", line.lower()))
        days = _days((hours["days"] or "mon-sun").rstrip(" ,:\t")) if hours else None
        if hours is None or days is None:
            told = _("“%(line)s” is not such as: mon-fri 09:00-18:00, one on each line", line=line[:60])
            raise CampaignInvalid("dayparts", told)
        parts.append({"days": days, "from": hours[2].zfill(5), "to": hours[3].zfill(5)})
    return parts


def daypart_text(part: Daypart) -> str:
    days = "" if part.days == WEEKDAYS else " ".join(part.days) + " "
    return f"{days}{part.start}-{part.end}"


def _days(text: str) -> list[Weekday] | None:
    """``mon, wed`` or ``sat-mon``, which goes on past Sunday."""
    names: list[str] = list(WEEKDAYS)
    found: list[Weekday] = []
    for word in re.split(r"[\s,]+", text):
        first, _dash, last = word.partition("-")
        if first not in names or (last or first) not in names:
            return None
        begin, end = names.index(first), names.index(last or first)
        found += [WEEKDAYS[(begin + step) % 7] for step in range((end - begin) % 7 + 1)]
    return found


def _decimal(field: str, text: str) -> Decimal:
    text = text.strip()
    if len(text) <= LENGTH_LIMIT:
        if _BARE.fullmatch(text):
            return Decimal(text)
        grouped = _GROUPED.fullmatch(text)
        if grouped and (grouped["mark"] != "," or grouped["more"] or grouped["rest"]):
            return Decimal(text.replace(grouped["mark"], "").replace(",", "."))
        if grouped:
            both = {"whole": text.replace(",", ""), "part": text.replace(",", ".")}
            raise CampaignInvalid(field, _("could be %(whole)s or %(part)s: write one of them", **both))
        if _COMMA.fullmatch(text):
            return Decimal(text.replace(",", "."))
    raise CampaignInvalid(field, _("“%(given)s” is not a number", given=text[:40]))


def _plain(value: Decimal) -> str:
    text = f"{value:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text
