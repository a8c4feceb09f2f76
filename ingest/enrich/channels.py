"""How a visitor came: channel, origin, medium, campaign and search words, from the URL and its referrer.

Channels: direct, organic search, paid search, social, e-mail, AI assistant, referral, campaign, spam. The rule is
``arrival``; the names of search engines, networks and parameters are in ``ingest.enrich.channel_tables``.
"""

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import NamedTuple
from urllib.parse import parse_qsl, unquote_to_bytes

from ingest.enrich.channel_tables import (
    ASSISTANTS,
    CLICK_IDS,
    ENGINES,
    MAIL,
    NOT_SEARCH,
    PAID,
    PAID_SOCIAL,
    SHORT_ENGINES,
    SOCIAL,
    SOCIAL_MEDIA,
    SPAM,
    UTM,
)
from ingest.enrich.urls import parse

_PLAIN_HOST = re.compile(r"(?:https?://[a-z0-9.-]+(?::\d{1,5})?)?/")


class Arrival(NamedTuple):
    """What one page view says about where its visitor came from.

    ``key`` names the campaign or click id, if any: a new key starts a new session.
    """

    channel: str
    origin: str
    medium: str
    campaign: str
    keyword: str
    key: str


# Names that say something, and names that are written in another way than they read.
_TELLING = re.compile(rf"(?:^|&)(?:utm_|(?:{'|'.join(CLICK_IDS)})=|[^=&]*%)")


def host_of(url: str) -> str:
    """The host of a URL without ``www.`` and port, "" when it has none."""
    return parse(url).host


def landing(url: str) -> str:
    """The part of a page's URL that may say how its visitor came, which few pages have more than their host of.

    >>> landing("https://shop.example/p/1?color=red"), landing("https://shop.example/?utm_source=mail")
    ('https://shop.example/', 'https://shop.example/?utm_source=mail')
    """
    page, _, query = url.partition("?")
    found = _PLAIN_HOST.match(page)
    return url if not found or (query and _TELLING.search(query.partition("#")[0])) else found[0]


def arrival(url: str, referrer: str) -> Arrival | None:
    """How the visitor of the page ``url`` came, or None when this view says nothing about it.

    Order: UTM parameters, then click ids, then an outside referrer. A referrer of the page's own host is
    internal navigation and says nothing; so does none at all (a direct visit is the absence of a touch).
    """
    page = parse(url)
    parameters = _parameters(page.query)
    host = parse(referrer).host
    if host and host == page.host:
        host = ""
    tagged = parameters and (_from_utm(parameters, host, referrer) or _from_click_id(parameters, host))
    if tagged:
        return tagged
    return _from_referrer(host, referrer) if host else None


@lru_cache(maxsize=1 << 12)
def _parameters(query: str) -> Mapping[str, str]:
    """The telling parameters of a page's query."""
    if not query or not _TELLING.search(query) or query.count("&") >= 200:
        return {}
    given = dict(parse_qsl(query, max_num_fields=None))
    return {name: value for name, value in given.items() if name in CLICK_IDS or name in UTM}


def _from_utm(parameters: Mapping[str, str], host: str, referrer: str) -> Arrival | None:
    source, medium = (
        parameters.get("utm_source", "").strip(),
        parameters.get("utm_medium", "").strip().lower(),
    )
    campaign = parameters.get("utm_campaign", "").strip()
    if not (source or medium or campaign):
        return None
    found = _from_referrer(host, referrer) if host else None
    keyword = parameters.get("utm_term", "").strip() or (found.keyword if found else "")
    origin = source or (found.origin if found else "")
    click = _click_key(parameters)
    return Arrival(
        _tagged_channel(origin.lower(), medium),
        origin,
        medium,
        campaign,
        keyword,
        f"{source}|{medium}|{campaign}|{click}",
    )


def _tagged_channel(origin: str, medium: str) -> str:
    """The channel of a tagged link; a medium says more than a source."""
    if medium in MAIL:
        return "e-mail"
    if medium in SOCIAL_MEDIA or medium in PAID_SOCIAL:
        return "social"
    engine = any(origin == name or origin.startswith(name + ".") for name, _ in ENGINES.values())
    social = origin in SOCIAL.values() or origin in SOCIAL
    if medium in PAID:
        return "social" if social else "paid search" if engine else "campaign"
    if medium == "organic" and engine:
        return "organic search"
    if medium == "referral":
        return "referral"
    if origin in ASSISTANTS or origin in ASSISTANTS.values():
        return "AI assistant"
    return "social" if social and not medium else "campaign"


def _click_key(parameters: Mapping[str, str]) -> str:
    return next((f"{name}={parameters[name]}" for name in CLICK_IDS if parameters.get(name)), "")


def _from_click_id(parameters: Mapping[str, str], host: str) -> Arrival | None:
    key = _click_key(parameters)
    if not key:
        return None
    origin, medium = CLICK_IDS[key.split("=", 1)[0]]
    if medium == "cpc":
        channel = "paid search"
    elif medium == "email":
        channel = "e-mail"
    elif medium == "display":
        channel = "campaign"
    else:
        channel = "social"
    if origin == "facebook" and _ends_with(host, SOCIAL) == "instagram":
        origin = "instagram"
    return Arrival(channel, origin, medium, "", "", key)


@lru_cache(maxsize=65_536)
def _from_referrer(host: str, referrer: str) -> Arrival:
    """An outside referrer: what kind of site it is. Android apps come as ``android-app://package``."""
    if host in NOT_SEARCH:
        channel, origin = NOT_SEARCH[host]
        return Arrival(channel, origin, "", "", "", "")
    if _ends_with(host, dict.fromkeys(SPAM, host)):
        return Arrival("spam", host, "referral", "", "", "")
    assistant = _ends_with(host, ASSISTANTS)
    if assistant:
        return Arrival("AI assistant", assistant, "", "", "", "")
    engine = _engine(host)
    if engine:
        name, words = engine
        return Arrival("organic search", name, "organic", "", keyword(referrer, words), "")
    social = _ends_with(host, SOCIAL)
    if social:
        return Arrival("social", social, "social", "", "", "")
    if host.startswith(("mail.", "webmail.")):
        return Arrival("e-mail", host, "email", "", "", "")
    return Arrival("referral", host, "referral", "", "", "")


def _ends_with(host: str, table: dict[str, str]) -> str:
    """The entry for ``host`` or for the nearest domain above it."""
    while host:
        if host in table:
            return table[host]
        _, _, host = host.partition(".")
    return ""


def _engine(host: str) -> tuple[str, tuple[str, ...]] | None:
    """The engine of a host: ``google.co.kr``, ``search.naver.com``, ``m.search.daum.net``."""
    if host.startswith("search.brave."):
        return ENGINES["search.brave"]
    labels = host.split(".")
    for index, label in enumerate(labels[:-1]):
        if label not in ENGINES:
            continue
        owns = index >= len(labels) - 3 and all(len(rest) <= 3 for rest in labels[index + 1 :])
        if owns and (label not in SHORT_ENGINES or index == len(labels) - 2):
            return ENGINES[label]
    return None


def keyword(referrer: str, names: tuple[str, ...]) -> str:
    """The search words in a referrer's query, UTF-8 or (Korean portals) EUC-KR; "" when there are none."""
    for pair in parse(referrer).query.split("&")[:100]:
        name, _, value = pair.partition("=")
        if name in names and value:
            words = _decode(unquote_to_bytes(value.replace("+", " "))).strip()
            if words:
                return " ".join(words.split())[:200]
    return ""


def _decode(raw: bytes) -> str:
    for encoding in ("utf-8", "cp949"):
        try:
            return raw.decode(encoding)
        except UnicodeDecodeError:
            continue
    return raw.decode("utf-8", "replace")
