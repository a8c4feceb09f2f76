"""One visitor as the desk shows them: the profile in a marketer's words."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from offers.audience.visitor import View
from profiles.ids import is_customer
from profiles.model import Profile, Touch
from profiles.touches import came
from recommender.catalogue.item import Item
from tracker.sites import Site
from web.desk.visitors.scores import score_facts
from web.drawing import formats
from web.labels import channel, device
from web.language import gettext as _
from web.language import lazy_gettext as _l
from web.people.answers import ConsentRow, answers_of
from web.slug import TRAIT

ROWS = 8
SHOWN_ID = 8
"""Characters of an anonymous visitor's id that tell people apart at a glance."""
KINDS = {
    "view": _l("viewed"),
    "add": _l("added to cart"),
    "remove": _l("removed from cart"),
    "purchase": _l("bought"),
    "dismiss": _l("dismissed"),
}
PURPOSES = (
    ("analytics", _l("Analytics")),
    ("personalization", _l("Personalization")),
    ("marketing", _l("Marketing")),
)
NameOf = Callable[[str], Item | None]


@dataclass(frozen=True, slots=True)
class Bar:
    name: str
    share: float
    text: str


@dataclass(frozen=True, slots=True)
class Line:
    name: str
    quantity: str
    price: str


@dataclass(frozen=True, slots=True)
class ViewedItem:
    name: str
    kind: str
    when: str


@dataclass(frozen=True, slots=True)
class OfferSeen:
    name: str
    views: int
    clicks: int
    last: str


@dataclass(frozen=True, slots=True)
class PersonView:
    """What the page of one visitor draws, but for the timeline. ``merged`` are the customer ids of accounts that were
    merged into this one."""

    id: str
    name: str
    about: str
    stage: str
    demo: bool
    figures: tuple[tuple[str, str], ...]
    affinities: tuple[Bar, ...]
    cart: tuple[Line, ...]
    cart_total: str
    items: tuple[ViewedItem, ...]
    facts: tuple[tuple[str, str], ...]
    offers: tuple[OfferSeen, ...]
    consent: tuple[tuple[str, str, str], ...]
    answers: tuple[ConsentRow, ...]
    answers_cut: int
    visits: tuple[tuple[str, str], ...]
    customer: bool
    merged: tuple[str, ...]


def name_of(profile: Profile) -> str:
    """What to call them: their name, e-mail or customer id if known, else the beginning of the visitor id."""
    for trait in ("name", "email"):
        value = profile.traits.get(trait)
        if isinstance(value, str) and value.strip():
            return value.strip()[:200]
    return profile.user or _("Visitor %(id)s", id=profile.id.removeprefix("v:")[:SHOWN_ID])


def about(profile: Profile) -> str:
    """One line: where they are, on what, since when known."""
    known = (formats.country(profile.country), device(profile.device), profile.browser)
    return " · ".join(part for part in known if part)


def touch_text(touch: Touch) -> str:
    """search · google · “red boots”."""
    parts = [channel(touch.channel), touch.origin, touch.campaign]
    if touch.keyword:
        parts.append(f"“{touch.keyword}”")
    return " · ".join(part for part in parts if part)


def person_of(view: View, item_of: NameOf, segments: Mapping[str, str]) -> PersonView:
    """``item_of`` finds what the catalogue knows of an item; ``segments`` are names by id."""
    profile, site, now = view.profile, view.site, view.now / 1000
    return PersonView(
        id=profile.id,
        name=name_of(profile),
        about=about(profile) or _("First seen %(when)s", when=formats.when(profile.first_seen, site.zone)),
        stage=view.stage,
        demo=profile.demo,
        figures=_figures(profile, site),
        affinities=_affinities(view),
        cart=_cart(profile, site, item_of),
        cart_total=_cart_total(profile, site),
        items=_items(profile, now, item_of),
        facts=tuple(_facts(view, segments)),
        offers=_offers(profile, now),
        consent=tuple(_consent(profile.consent)),
        answers=answers_of(profile, site),
        answers_cut=profile.consents_cut,
        visits=tuple(
            (formats.when(each.start, site.zone), touch_text(each.touch))
            for each in reversed(profile.sessions[-ROWS:])
        ),
        customer=is_customer(profile.id),
        merged=tuple(each[2:] for each in profile.parts),
    )


def _figures(profile: Profile, site: Site) -> tuple[tuple[str, str], ...]:
    counts = profile.counts
    return (
        (_("Visits"), formats.number(counts.visits)),
        (_("Page views"), formats.number(counts.pageviews)),
        (_("Products viewed"), formats.number(counts.views)),
        (_("Offers clicked"), formats.number(counts.offer_clicks)),
        (_("Orders"), formats.number(counts.orders)),
        (_("Revenue"), formats.money(counts.revenue, site.currency)),
    )


def _affinities(view: View) -> tuple[Bar, ...]:
    ranked = sorted(view.shares.items(), key=lambda pair: -pair[1])[:ROWS]
    return tuple(Bar(name, share, formats.percent(share, 0)) for name, share in ranked)


def _cart(profile: Profile, site: Site, item_of: NameOf) -> tuple[Line, ...]:
    return tuple(
        Line(
            _item_name(product, item_of),
            formats.number(line.quantity),
            formats.money(line.price, site.currency),
        )
        for product, line in profile.cart.items()
    )


def _cart_total(profile: Profile, site: Site) -> str:
    total = sum(line.quantity * line.price for line in profile.cart.values())
    return formats.money(total, site.currency) if profile.cart else ""


def _items(profile: Profile, now: float, item_of: NameOf) -> tuple[ViewedItem, ...]:
    touched = [touch for touch in profile.items if touch.kind != "list"]
    latest = sorted(touched, key=lambda touch: -touch.ts)[:ROWS]
    return tuple(
        ViewedItem(
            _item_name(touch.item, item_of),
            str(KINDS.get(touch.kind, touch.kind)),
            formats.ago(touch.ts, now),
        )
        for touch in latest
    )


def _item_name(product: str, item_of: NameOf) -> str:
    item = item_of(product)
    return item.name if item and item.name else product


def _facts(view: View, segments: Mapping[str, str]) -> list[tuple[str, str]]:
    profile, site = view.profile, view.site
    facts = [
        (_("First seen"), formats.when(profile.first_seen, site.zone)),
        (_("First touchpoint"), touch_text(profile.first_touch) if came(profile) else ""),
        (_("Last touchpoint"), touch_text(profile.last_touch) if came(profile) else ""),
        (_("Entry page"), profile.last_touch.landing),
        (_("Last seen"), formats.when(profile.last_seen, site.zone)),
        (_("Last order"), formats.when(profile.last_order, site.zone) if profile.last_order else ""),
        (_("Customer id"), _customer(profile)),
        (_("Merged customer ids"), ", ".join(each[2:] for each in profile.parts)),
        (_("Visitor ids"), ", ".join(profile.visitors)),
        (_("Claimed customer id"), ", ".join(profile.fed)),
        (_("Claimed by visitor ids"), ", ".join(profile.claimants)),
        (
            _("Device"),
            " · ".join(part for part in (device(profile.device), profile.browser, profile.os) if part),
        ),
        (_("Country"), formats.country(profile.country) if profile.country else ""),
        (_("Language"), profile.lang),
        (_("Segments"), ", ".join(segments.get(each, each) for each in view.segments)),
    ]
    told = [(name, value) for name, value in profile.traits.items() if not name.startswith(TRAIT)]
    facts += [
        (_label(name), _claimed(str(value)[:500]) if name in profile.claims else str(value)[:500])
        for name, value in told[:20]
    ]
    facts += score_facts(profile, site)
    return [(label, value) for label, value in facts if value]


def _customer(profile: Profile) -> str:
    return (profile.user or "") if profile.proven or not profile.user else _claimed(profile.user)


def _claimed(value: str) -> str:
    """What nobody proved."""
    return _("%(value)s (unverified)", value=value)


def _label(name: str) -> str:
    return name.replace("_", " ").capitalize()[:60]


def _offers(profile: Profile, now: float) -> tuple[OfferSeen, ...]:
    newest = sorted(profile.exposure.items(), key=lambda pair: -pair[1].last)[:ROWS]
    return tuple(
        OfferSeen(name, seen.views, seen.clicks, formats.ago(seen.last, now)) for name, seen in newest
    )


def _consent(given: Mapping[str, bool]) -> list[tuple[str, str, str]]:
    words = {True: ("granted", _("granted")), False: ("denied", _("denied")), None: ("", _("not asked"))}
    return [(str(label), *words[given.get(purpose)]) for purpose, label in PURPOSES]
