"""What an audience may ask of a profile: every field and function, its kind, and how it is read.

A getter returns None, and of a text also "", for what is not known.
"""

from collections.abc import Callable, Collection
from operator import attrgetter
from typing import Any, Literal, NamedTuple, get_args

from offers.grammar import AudienceInvalid, Operand
from offers.view import DAY_MS, View
from profiles.model import ItemEvent, Purpose, Stage

Kind = Literal["number", "text", "flag", "texts", "any"]
Getter = Callable[[View], Any]


class Field(NamedTuple):
    """``choices`` are the only values a text can have; ``folded`` texts compare in any case."""

    kind: Kind
    get: Getter
    choices: tuple[str, ...] = ()
    folded: bool = False


STAGES: tuple[str, ...] = get_args(Stage)
WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
DEVICES = ("desktop", "phone", "tablet", "other")

FIELDS: dict[str, Field] = {
    "stage": Field("text", attrgetter("stage"), STAGES),
    "segment": Field("texts", attrgetter("segments")),
    "channel": Field("text", attrgetter("profile.last_touch.channel"), folded=True),
    "first_channel": Field("text", attrgetter("profile.first_touch.channel"), folded=True),
    "source": Field("text", attrgetter("profile.last_touch.origin"), folded=True),
    "medium": Field("text", attrgetter("profile.last_touch.medium"), folded=True),
    "campaign": Field("text", attrgetter("profile.last_touch.campaign"), folded=True),
    "keyword": Field("text", attrgetter("profile.last_touch.keyword"), folded=True),
    "landing": Field("text", attrgetter("profile.last_touch.landing")),
    "first_source": Field("text", attrgetter("profile.first_touch.origin"), folded=True),
    "first_campaign": Field("text", attrgetter("profile.first_touch.campaign"), folded=True),
    "device": Field("text", attrgetter("profile.device"), DEVICES),
    "browser": Field("text", attrgetter("profile.browser"), folded=True),
    "os": Field("text", attrgetter("profile.os"), folded=True),
    "country": Field("text", attrgetter("profile.country"), folded=True),
    "language": Field("text", attrgetter("profile.lang"), folded=True),
    "visits": Field("number", attrgetter("profile.counts.visits")),
    "pageviews": Field("number", attrgetter("profile.counts.pageviews")),
    "events": Field("number", attrgetter("profile.counts.events")),
    "views": Field("number", attrgetter("profile.counts.views")),
    "adds": Field("number", attrgetter("profile.counts.adds")),
    "offer_views": Field("number", attrgetter("profile.counts.offer_views")),
    "offer_clicks": Field("number", attrgetter("profile.counts.offer_clicks")),
    "community": Field("number", attrgetter("profile.counts.community")),
    "orders": Field("number", attrgetter("profile.counts.orders")),
    "revenue": Field("number", attrgetter("profile.counts.revenue")),
    "cart_value": Field(
        "number", lambda view: sum(line.quantity * line.price for line in view.profile.cart.values())
    ),
    "cart_items": Field("number", lambda view: sum(line.quantity for line in view.profile.cart.values())),
    "days_since_last_visit": Field("number", lambda view: _days(view, view.last_visit)),
    "days_since_first_visit": Field("number", lambda view: _days(view, view.profile.first_seen)),
    "days_since_order": Field("number", lambda view: _days(view, view.profile.last_order)),
    "hour": Field("number", lambda view: view.local.hour),
    "weekday": Field("text", lambda view: WEEKDAYS[view.local.weekday()], WEEKDAYS),
    "new": Field("flag", lambda view: view.profile.counts.visits <= 1),
    "returning": Field("flag", lambda view: view.profile.counts.visits > 1),
    "known": Field("flag", lambda view: view.profile.user is not None),
}
FIELDS |= {
    "segments": FIELDS["segment"],
    "origin": FIELDS["source"],
    "lang": FIELDS["language"],
    "visit": FIELDS["visits"],
}

COUNTED: dict[str, str] = {
    "page viewed": "pageviews",
    "product viewed": "views",
    "product added": "adds",
    "offer viewed": "offer_views",
    "offer clicked": "offer_clicks",
    "order completed": "orders",
}
"""Events whose number the profile keeps."""


def resolve(operand: Operand) -> Field:
    """The field that ``operand`` names. Raises AudienceInvalid saying what would be right."""
    if operand.name in FUNCTIONS:
        return FUNCTIONS[operand.name](operand)
    field = FIELDS.get(operand.name)
    if field is None:
        raise AudienceInvalid(f"no field {operand.name!r}{_near(operand.name)}", operand.position)
    if operand.arguments:
        raise AudienceInvalid(f"{operand.name} takes no arguments", operand.position)
    return field


def _days(view: View, ts: int | None) -> float | None:
    return (view.now - ts) / DAY_MS if ts else None


def _near(name: str) -> str:
    from difflib import get_close_matches

    close = get_close_matches(name, [*FIELDS, *FUNCTIONS], 1)
    return f"; did you mean {close[0]}?" if close else ""


def _text(operand: Operand, what: str, choices: Collection[str] = ()) -> str:
    """The one text argument of ``operand``."""
    if len(operand.arguments) != 1 or not isinstance(operand.arguments[0], str):
        raise AudienceInvalid(f"{operand.name} takes one text: {operand.name}('{what}')", operand.position)
    text = operand.arguments[0]
    if choices and text.lower() not in choices:
        raise AudienceInvalid(f"{operand.name}('{text}'): one of {', '.join(choices)}", operand.position)
    return text


def _affinity(operand: Operand) -> Field:
    category = _text(operand, "category")
    return Field("number", lambda view: view.shares.get(category, 0.0))


def _count(operand: Operand) -> Field:
    name = _text(operand, "Event")
    counter = COUNTED.get(name.lower())
    if counter is None:
        kept = ", ".join(event.title() for event in COUNTED)
        raise AudienceInvalid(f"the profile keeps no count of {name!r}, only of {kept}", operand.position)
    return FIELDS[counter]


def _consent(operand: Operand) -> Field:
    purpose = _text(operand, "marketing", get_args(Purpose)).lower()
    return Field("flag", lambda view: view.profile.consent.get(purpose))


def _trait(operand: Operand) -> Field:
    name = _text(operand, "name")
    return Field("any", lambda view: view.profile.traits.get(name))


def _score(operand: Operand) -> Field:
    name = _text(operand, "churn")
    return Field("number", lambda view: view.profile.scores.get(name))


def _in_cart(operand: Operand) -> Field:
    item = _text(operand, "item")
    return Field("flag", lambda view: item in view.profile.cart)


def _shown(operand: Operand) -> Field:
    campaign = _text(operand, "campaign")

    def get(view: View) -> int:
        exposure = view.profile.exposure.get(campaign)
        return exposure.views if exposure else 0

    return Field("number", get)


def _clicked(operand: Operand) -> Field:
    campaign = _text(operand, "campaign")

    def get(view: View) -> int:
        exposure = view.profile.exposure.get(campaign)
        return exposure.clicks if exposure else 0

    return Field("number", get)


def _happened(kind: ItemEvent, ring: Literal["items", "categories"]) -> Callable[[Operand], Field]:
    """``viewed('p7')`` or, within so many days, ``viewed('p7', 30)``; among the recent items a profile keeps."""

    def make(operand: Operand) -> Field:
        arguments, within = operand.arguments, float("inf")
        if len(arguments) == 2 and type(arguments[1]) is float:
            within = arguments[1] * DAY_MS
            arguments = arguments[:1]
        key = (kind, _text(operand._replace(arguments=arguments), ring[:4]))

        def get(view: View) -> bool:
            ts = (view.items if ring == "items" else view.categories).get(key)
            return ts is not None and view.now - ts <= within

        return Field("flag", get)

    return make


FUNCTIONS: dict[str, Callable[[Operand], Field]] = {
    "affinity": _affinity,
    "count": _count,
    "consent": _consent,
    "trait": _trait,
    "score": _score,
    "in_cart": _in_cart,
    "shown": _shown,
    "clicked": _clicked,
    "viewed": _happened("view", "items"),
    "added": _happened("add", "items"),
    "bought": _happened("purchase", "items"),
    "viewed_category": _happened("view", "categories"),
    "bought_category": _happened("purchase", "categories"),
}
