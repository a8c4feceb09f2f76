"""How a visitor came: channel, origin, medium, campaign and search words, from the URL and its referrer.

The channels are ``tracker.fields.channel_rules.CHANNELS``. The rule is ``arrival``; hosts, names and parameters are in
``ingest.enrich.sources``.
"""

import re
from collections.abc import Sequence
from functools import lru_cache
from typing import NamedTuple

from ingest.enrich.sources.domains import owner
from ingest.enrich.sources.media import MEDIUM_OF, channel_of, referred_channel
from ingest.enrich.sources.places import APP, Click, Place, named, place_of, places
from ingest.enrich.sources.tags import Tags, decoded, tags_of, telling
from ingest.enrich.urls import parse
from tracker.fields.channel_rules import ChannelRule, matches, plain_host
from tracker.origins import parsed
from tracker.sites import Site

_PLAIN_HOST = re.compile(r"(?:https?://[a-z0-9.-]+(?::\d{1,5})?)?/")
_NOWHERE = Place("referral", "")


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


def host_of(url: str) -> str:
    """The host of a URL without ``www.`` and port, "" when it has none."""
    return parse(url).host


def landing(url: str) -> str:
    """The part of a page's URL that may say how its visitor came, which few pages have more than their host of.

    >>> landing("https://shop.example/p/1?color=red"), landing("https://shop.example/?utm_source=mail")
    ('https://shop.example/', 'https://shop.example/?utm_source=mail')
    """
    page, _, rest = url.partition("?") if "?" in url else url.partition("#")
    found = _PLAIN_HOST.match(page)
    return url if not found or "#" in page or (rest and telling(rest)) else found[0]


def arrival(url: str, referrer: str, site: Site | None = None) -> Arrival | None:
    """How the visitor of the page ``url`` came, or None when this view says nothing about it.

    Order: campaign parameters, then click ids, then an outside referrer; then the first of the site's own rules that
    fits. A referrer with the page's registrable domain, of the site's own hosts, or of a host that visitors only pass
    through (a payment, a sign-in) says nothing; so does none at all (a direct visit is the absence of a touch).

    It depends on nothing else: what is stored can be classified again by other rules of the site.
    """
    page = parse(url)
    tags = tags_of(page.query, page.fragment) if page.query or page.fragment else None
    host = _host(referrer) if referrer else ""
    if host and (_own(host, page.host, site) if site else owner(host) == owner(page.host)):
        host = ""
        tags = None if tags and tags.ref else tags
    if not host and not tags:
        return None
    if host and site and site.pass_through_hosts and _below(host, site.pass_through_hosts):
        host = ""
    place, came = _from_referrer(host, referrer) if host else (_NOWHERE, None)
    if tags:
        came = _tagged(tags, place, referrer)
    return _ruled(came, host, site.channel_rules) if came and site and site.channel_rules else came


def _host(referrer: str) -> str:
    """The host of a referrer, or ``app/`` and the id of an app; "" for what is no page, such as an extension."""
    scheme, separator, rest = referrer.partition("://")
    if scheme in ("https", "http") or not separator:
        return parse(referrer).host.rstrip(".") if separator or referrer.startswith("//") else ""
    scheme = scheme.strip().lower()
    if scheme in ("android-app", "ios-app"):
        return APP + rest.partition("/")[0].lower()[:200]
    return parse(referrer).host.rstrip(".") if scheme in ("https", "http") else ""


def _own(host: str, page: str, site: Site) -> bool:
    """Whether a referrer's host is the site's."""
    if owner(host) == owner(page):
        return True
    return bool(site.own_hosts or site.origins) and _below(host, site.own_hosts + site.origins)


def _below(host: str, hosts: Sequence[str]) -> bool:
    """Whether ``host`` is one of ``hosts`` or below one."""
    known = _plain_hosts(tuple(hosts))
    while host:
        if host in known:
            return True
        host = host.partition(".")[2]
    return False


@lru_cache(maxsize=1 << 10)
def _plain_hosts(hosts: tuple[str, ...]) -> frozenset[str]:
    """Without what stands around them in settings, such as a scheme."""
    origins = [parsed(each) for each in hosts]
    plain = [origin.host.removeprefix("www.") if origin else "" for origin in origins]
    return frozenset(filter(None, (*plain, *map(plain_host, hosts))))


@lru_cache(maxsize=1 << 16)
def _from_referrer(host: str, referrer: str) -> tuple[Place, Arrival | None]:
    """Where an outside referrer is, and what it says of an untagged link."""
    place = _place(host, referrer)
    return (_NOWHERE, None) if place.kind == "passing" else (place, _referred(place, referrer))


def _place(host: str, referrer: str) -> Place:
    place = place_of(host)
    path = parse(referrer).path
    if len(path) < 2:
        return place
    first, second = (*path[1:].lower().split("/", 2), "")[:2]
    forms = (f"{first}/{second}", first, f"*/{second}")
    return next(filter(None, (places().paths.get(f"{place.name}/{form}") for form in forms)), place)


def _tagged(tags: Tags, place: Place, referrer: str) -> Arrival:
    """A tagged link; ``place``: of its referrer, which says what the link leaves out."""
    if tags.ref:
        return _referred(tags.ref, "")
    if not tags.named:
        assert tags.click
        return _clicked(tags.click, place, tags)
    click, medium, source = tags.click, tags.medium, tags.source
    known = tags.place if source else _network(click, place) if click else place
    if not medium and click and click.medium not in ("social", "organic"):
        medium, known = click.medium, known or named(click.source)
    if not medium and not source:
        medium = MEDIUM_OF.get(known.kind if known else "", "")
    kind = known.kind if known else ""
    words = tags.term or (keyword(referrer, place.words) if place.words else "")
    channel = channel_of(kind, source, medium or ("cpc" if tags.paid else ""), tags.campaign)
    return Arrival(channel, source or (known.name if known else ""), medium, tags.campaign, words, tags.key)


def _network(click: Click, place: Place) -> Place | None:
    """Where a click id comes from; ``place``: of the referrer, which tells Facebook's parts."""
    return place if click.medium == "social" and place.kind == "social" else named(click.source)


def _clicked(click: Click, place: Place, tags: Tags) -> Arrival:
    """An untagged link with a click id. The network's own places tell its parts: Instagram's, YouTube's."""
    known, medium = _network(click, place), click.medium
    kind, origin = (known.kind, known.name) if known else ("", click.source)
    channel = click.channel or channel_of(kind, origin, medium, "")
    if origin == "google" and channel == "paid search":
        channel = {"video": "paid video", "display": "display"}.get(place.kind, channel)
    return Arrival(channel, origin, medium, "", tags.term, tags.key)


def _referred(place: Place, referrer: str) -> Arrival:
    """An untagged link."""
    if place.kind == "spam":
        return Arrival("spam", place.name, "referral", "", "", "")
    words = keyword(referrer, place.words) if place.words else ""
    medium = MEDIUM_OF.get(place.kind, "referral")
    return Arrival(referred_channel(place.kind), place.name, medium, "", words, "")


def _ruled(came: Arrival, host: str, rules: Sequence[ChannelRule]) -> Arrival | None:
    """By the first of the site's rules that fits; None where it says that such a visit is direct."""
    for rule in rules:
        if (
            (not rule.host or matches(rule.host.removeprefix("www."), host))
            and (not rule.source or matches(_canonical(rule.source), came.origin))
            and (not rule.medium or matches(rule.medium, came.medium))
            and (not rule.campaign or matches(rule.campaign, came.campaign))
        ):
            if rule.channel == "direct":
                return None
            return came._replace(
                channel=rule.channel,
                origin=rule.as_source or came.origin,
                medium=rule.as_medium or came.medium,
            )
    return came


def _canonical(source: str) -> str:
    """A source's name as arrivals have it: a rule for FB means facebook."""
    place = named(source.lower()) if "*" not in source else None
    return place.name if place else source


def keyword(referrer: str, names: tuple[str, ...]) -> str:
    """The search words in a referrer's query, UTF-8 or (Korean portals) EUC-KR; "" when there are none."""
    for pair in parse(referrer).query.split("&")[:100]:
        name, _, value = pair.partition("=")
        if name in names and value:
            words = decoded(value).strip()
            if words:
                return " ".join(words.split())[:200]
    return ""
