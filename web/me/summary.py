"""What is known of somebody, as they would put it, and what they may change of it. Pure functions on a profile."""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Any

from offers.audience.visitor import View
from profiles.consent.rules import allows
from profiles.fold import affinity
from profiles.model import Profile, Purpose
from profiles.touches import came
from recommender.catalogue.item import Item
from tracker.sites import Site
from web.drawing import formats
from web.labels import channel, device
from web.language import locale
from web.people.answers import ConsentRow, answers_of

INTERESTS, ITEMS = 12, 12
MORE = 2.0
"""How much stronger an interest is that somebody wants more of."""
PURPOSES: tuple[Purpose, ...] = ("personalization", "marketing")
"""In the page's order. Whether visits may be counted is said where they
are counted: by the shop's own consent banner, which the snippet tells (docs/collecting.md)."""


@dataclass(frozen=True, slots=True)
class Interest:
    name: str
    percent: int


@dataclass(frozen=True, slots=True)
class VisitorSummary:
    """``traits`` are what they told the shop; masked for whoever only has the cookie."""

    since: str
    last: str
    visits: int
    pageviews: int
    views: int
    orders: int
    revenue: str
    channel: str
    stage: str
    device: str
    country: str
    language: str
    interests: tuple[Interest, ...]
    items: tuple[str, ...]
    cart: tuple[str, ...]
    segments: tuple[str, ...]
    offers: int
    traits: tuple[tuple[str, str], ...]
    purposes: dict[str, bool]
    answers: tuple[ConsentRow, ...]


def summary_of(
    view: View,
    site: Site,
    item_of: Callable[[str], Item | None],
    segment_names: dict[str, str],
    masked: bool,
) -> VisitorSummary:
    """The profile in plain words. ``segment_names``: what the groups are called."""
    profile, counts = view.profile, view.profile.counts

    def name(item_id: str) -> str:
        item = item_of(item_id)
        return (item and item.name) or item_id

    looked_at = dict.fromkeys(name(touch.item) for touch in reversed(profile.items) if touch.kind != "list")
    return VisitorSummary(
        since=formats.when(profile.first_seen, site.zone),
        last=formats.when(profile.last_seen, site.zone),
        visits=counts.visits,
        pageviews=counts.pageviews,
        views=counts.views,
        orders=counts.orders,
        revenue=formats.money(counts.revenue, site.currency),
        channel=channel(profile.first_touch.channel) if came(profile) else "",
        stage=view.stage,
        device=" · ".join(part for part in (device(profile.device), profile.browser, profile.os) if part),
        country=formats.country(profile.country),
        language=locale().languages.get(profile.lang.partition("-")[0], profile.lang),
        interests=interests(view),
        items=tuple(looked_at)[:ITEMS],
        cart=tuple(name(item_id) for item_id in profile.cart),
        segments=tuple(segment_names[each] for each in view.segments if each in segment_names),
        offers=counts.offer_views,
        traits=tuple((key, _told(value, masked)) for key, value in sorted(profile.traits.items())),
        purposes={purpose: allows(profile.consent, purpose) for purpose in PURPOSES},
        answers=answers_of(profile, site),
    )


def interests(view: View) -> tuple[Interest, ...]:
    """The strongest first."""
    strongest = sorted(view.shares.items(), key=lambda entry: -entry[1])[:INTERESTS]
    return tuple(Interest(name, max(1, round(share * 100))) for name, share in strongest if share > 0)


def wanted(profile: Profile, more: Collection[str], gone: Collection[str], now: int) -> dict[str, float]:
    """What they say of their interests: the weight at ``now`` (ms) of those they want more of, 0 of those that are
    none."""
    known = {category: profile.affinities[category] for category in more if category in profile.affinities}
    stronger = {name: max(0.0, affinity.weight_at(one, now)) * MORE for name, one in known.items()}
    return stronger | dict.fromkeys(gone, 0.0)


def corrected(profile: Profile, interests: Mapping[str, float], now: int) -> Profile:
    """The profile with these weights of interests, in place."""
    affinity.correct(profile, interests, now)
    return profile


def _told(value: Any, masked: bool) -> str:
    text = str(value)[:200]
    return text if not masked or isinstance(value, bool) else f"{text[:1]}•••"
