"""What a page's own address says of how its visitor came: campaign parameters, and the click ids of ad networks."""

import re
from collections.abc import Iterator
from functools import lru_cache
from typing import NamedTuple
from urllib.parse import unquote_to_bytes

from ingest.enrich.sources.places import Click, Place, named, places

_FIELDS = {
    "source": "source",
    "medium": "medium",
    "campaign": "campaign",
    "id": "id",
    "cid": "id",
    "term": "term",
    "keyword": "term",
    "kwd": "term",
}
_PREFIXES = ("utm_", "mtm_", "matomo_", "pk_", "piwik_")
_REF = ("ref", "source", "via")
_SEPARATOR = re.compile(r"[&?#]|;(?=(?:utm|mtm|matomo|pk|piwik)_)", re.IGNORECASE)
_NAMES = re.compile(r"(?:\A|(?<=[&?#;]))[^=&?#;]++")
_ADS = re.compile(r"(?:ads|adwords|pmax|powerlink|[ _-](?:ad|cpc|ppc|sa|paid|max))\Z")
_BEFORE_NAME = re.compile(r"\A[!/]*+(?:amp;)*+")
_KEYWORDS = ("n_query", "n_keyword")
MOST_PAIRS, LONGEST_TEXT = 200, 500
_UNSET = frozenset(
    {
        "(not set)",
        "(none)",
        "(direct)",
        "(not provided)",
        "undefined",
        "null",
        "none",
        "nan",
        "n/a",
        "not set",
        "-",
    }
    | {"[object object]", "not_set", "(not_set)", "na", "unknown", "(unknown)", "(other)"}
)
_BRACKETS = {"{": "}", "[": "]", "<": ">", "%": "%", "$": "}", "*": "*", "#": "#"}


class Tags(NamedTuple):
    """``source``, ``medium`` and ``campaign`` in lower case; ``source`` is the canonical name where ``place`` is known.
    ``paid``: the source's name says so, such as
    fb_ads. ``ref``: a known place that ref=, source= or via= names. ``key`` tells campaigns and clicks apart."""

    source: str = ""
    medium: str = ""
    campaign: str = ""
    term: str = ""
    place: Place | None = None
    click: Click | None = None
    ref: Place | None = None
    key: str = ""
    paid: bool = False

    @property
    def named(self) -> bool:
        return bool(self.source or self.medium or self.campaign)


@lru_cache(maxsize=1)
def _telling_names() -> frozenset[str]:
    return _click_names() | {*_REF}


@lru_cache(maxsize=1)
def _click_names() -> frozenset[str]:
    return frozenset(click.parameter for click in places().clicks)


def telling(text: str) -> bool:
    """Whether a page's query or fragment may say how its visitor came: it has a name that says something, or one that
    is written in another way than it reads."""
    known = _telling_names()
    for name in _NAMES.findall(text):
        plain = name.lower()
        if plain in known or plain.startswith(_PREFIXES) or "%" in name:
            return True
        if plain[:1] in "!/" and (plain.lstrip("!/") in known or plain.lstrip("!/").startswith(_PREFIXES)):
            return True
    return False


@lru_cache(maxsize=1 << 12)
def tags_of(query: str, fragment: str) -> Tags | None:
    """What a page's query and fragment say; of the same parameter twice, the first that is not empty counts."""
    given: dict[str, str] = {}
    for text in (query, fragment):
        if text and telling(text):
            for name, value in _pairs(text):
                given.setdefault(name, value)
    if not given:
        return None
    texts: dict[str, str] = {}
    for prefix in _PREFIXES:
        for name, field in _FIELDS.items():
            if prefix + name in given:
                texts.setdefault(field, given[prefix + name])
    source, medium = texts.get("source", "").lower(), texts.get("medium", "").lower()
    campaign = texts.get("campaign", texts.get("id", "")).lower()
    if source == "direct" and not medium and not campaign:
        source = ""
    click = _click(given)
    if not (source or medium or campaign or click):
        ref = next((place for name in _REF if (place := named(given.get(name, "").lower()))), None)
        return Tags(ref=ref) if ref else None
    place, paid = (named(source), _ADS.search(source) is not None) if source else (None, False)
    source = place.name if place else source
    term = texts.get("term") or next((given[name] for name in _KEYWORDS if click and name in given), "")
    key = f"{source}|{medium}|{campaign}|" if source or medium or campaign else ""
    key += f"{click.parameter}={given[click.parameter]}" if click else ""
    return Tags(source, medium, campaign, term, place, click, None, key, paid)


def _click(given: dict[str, str]) -> Click | None:
    if _click_names().isdisjoint(given):
        return None
    return next((click for click in places().clicks if click.fits(given.get(click.parameter, ""))), None)


def _pairs(text: str) -> Iterator[tuple[str, str]]:
    """Names in lower case, and values that somebody has set."""
    for pair in _SEPARATOR.split(text, MOST_PAIRS)[:MOST_PAIRS]:
        parts = decoded(pair).split("&") if "=" not in pair and "%3" in pair else (pair,)
        yield from (each for part in parts if (each := _pair(part)))


def _pair(pair: str) -> tuple[str, str] | None:
    name, sign, value = pair.partition("=")
    if not sign or not value:
        return None
    name = _BEFORE_NAME.sub("", (decoded(name) if "%" in name else name).lower())
    text = " ".join(decoded(value).split())[:LONGEST_TEXT]
    return None if not text or _placeholder(text) else (name, text)


def _placeholder(text: str) -> bool:
    """Whether a mail or ad tool left its own mark where a value should stand: ``{{campaign.name}}``, ``(not set)``."""
    end = _BRACKETS.get(text[0])
    return text.lower() in _UNSET or (end is not None and len(text) > 1 and text[-1] == end)


def decoded(text: str) -> str:
    """Percent signs and plus signs resolved: UTF-8, else Korean's CP949."""
    raw = unquote_to_bytes(text.replace("+", " "))
    for encoding in ("utf-8", "cp949"):
        try:
            return raw.decode(encoding)
        except UnicodeDecodeError:
            continue
    return raw.decode("utf-8", "replace")
