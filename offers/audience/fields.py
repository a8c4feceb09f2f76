"""What an audience may ask of a visitor: every field and function, its kind, and where the ``View`` has it.

What is not known is None there, and of a text "".
"""

from collections.abc import Callable, Collection
from typing import Literal, NamedTuple, get_args

from offers.audience.grammar import AudienceInvalid, Operand
from offers.audience.visitor import WEEKDAYS
from profiles.model import ItemEvent, Purpose, Stage
from profiles.standing import CELLS, QUADRANTS
from tracker.durations import DAY_MS

Kind = Literal["number", "text", "flag", "texts", "any"]


class Field(NamedTuple):
    """``path`` leads from the View to the value, or, with ``arguments``, to the method that tells it.

    ``choices`` are the only values a text can have; ``folded`` texts compare in any case.
    """

    kind: Kind
    path: str
    choices: tuple[str, ...] = ()
    folded: bool = False
    arguments: tuple[str | float, ...] = ()


STAGES: tuple[str, ...] = get_args(Stage)
DEVICES = ("desktop", "phone", "tablet", "tv", "console", "wearable", "other")

FIELDS: dict[str, Field] = {
    "stage": Field("text", "stage", STAGES),
    "segment": Field("texts", "segments"),
    "rfm": Field("text", "rfm", CELLS),
    "quadrant": Field("text", "quadrant", QUADRANTS),
    "channel": Field("text", "profile.last_touch.channel", folded=True),
    "first_channel": Field("text", "profile.first_touch.channel", folded=True),
    "source": Field("text", "profile.last_touch.origin", folded=True),
    "medium": Field("text", "profile.last_touch.medium", folded=True),
    "campaign": Field("text", "profile.last_touch.campaign", folded=True),
    "keyword": Field("text", "profile.last_touch.keyword", folded=True),
    "landing": Field("text", "profile.last_touch.landing"),
    "first_source": Field("text", "profile.first_touch.origin", folded=True),
    "first_campaign": Field("text", "profile.first_touch.campaign", folded=True),
    "device": Field("text", "profile.device", DEVICES),
    "browser": Field("text", "profile.browser", folded=True),
    "os": Field("text", "profile.os", folded=True),
    "country": Field("text", "profile.country", folded=True),
    "language": Field("text", "profile.lang", folded=True),
    "visits": Field("number", "profile.counts.visits"),
    "pageviews": Field("number", "profile.counts.pageviews"),
    "events": Field("number", "profile.counts.events"),
    "views": Field("number", "profile.counts.views"),
    "adds": Field("number", "profile.counts.adds"),
    "offer_views": Field("number", "profile.counts.offer_views"),
    "offer_clicks": Field("number", "profile.counts.offer_clicks"),
    "community": Field("number", "profile.counts.community"),
    "orders": Field("number", "profile.counts.orders"),
    "revenue": Field("number", "profile.counts.revenue"),
    "cart_value": Field("number", "cart_value"),
    "cart_items": Field("number", "cart_items"),
    "days_since_last_visit": Field("number", "days_since_last_visit"),
    "days_since_first_visit": Field("number", "days_since_first_visit"),
    "days_since_order": Field("number", "days_since_order"),
    "hour": Field("number", "local.hour"),
    "weekday": Field("text", "weekday", WEEKDAYS),
    "new": Field("flag", "new"),
    "returning": Field("flag", "returning"),
    "known": Field("flag", "known"),
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
"""Events that the profile counts in a field of their own."""


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


def _called(kind: Kind, path: str, argument: str, *more: str | float) -> Callable[[Operand], Field]:
    """A function of one text, which the View's method at ``path`` is asked with."""
    return lambda operand: Field(kind, path, arguments=(_text(operand, argument), *more))


def _event(operand: Operand) -> str:
    """The event's name in lower case."""
    if len(operand.arguments) == 2 and isinstance(operand.arguments[0], str):
        name = operand.arguments[0]
        raise AudienceInvalid(
            "the profile keeps how often an event happened and when last, not each time:"
            f" count('{name}') counts all, days_since('{name}') < 7 asks for the last seven days",
            operand.position,
        )
    return _text(operand, "Event").lower()


def _count(operand: Operand) -> Field:
    name = _event(operand)
    return FIELDS[COUNTED[name]] if name in COUNTED else Field("number", "count", arguments=(name,))


def _days_since(operand: Operand) -> Field:
    name = _event(operand)
    if name == "order completed":
        return FIELDS["days_since_order"]
    return Field("number", "days_since", arguments=(name,))


def _consent(operand: Operand) -> Field:
    purpose = _text(operand, "marketing", get_args(Purpose)).lower()
    return Field("flag", "profile.consent.get", arguments=(purpose,))


def _happened(kind: ItemEvent, what: Literal["item", "category"]) -> Callable[[Operand], Field]:
    """``viewed('p7')`` or, within so many days, ``viewed('p7', 30)``."""

    def make(operand: Operand) -> Field:
        arguments, within = operand.arguments, float("inf")
        if len(arguments) == 2 and type(arguments[1]) is float:
            within = arguments[1] * DAY_MS
            arguments = arguments[:1]
        name = _text(operand._replace(arguments=arguments), what)
        return Field("flag", "happened", arguments=(kind, what, name, within))

    return make


FUNCTIONS: dict[str, Callable[[Operand], Field]] = {
    "affinity": _called("number", "shares.get", "category", 0.0),
    "item_affinity": _called("number", "item_shares.get", "item", 0.0),
    "count": _count,
    "days_since": _days_since,
    "consent": _consent,
    "trait": _called("any", "profile.traits.get", "name"),
    "score": _called("number", "profile.scores.get", "risk90"),
    "in_cart": _called("flag", "profile.cart.__contains__", "item"),
    "shown": _called("number", "shown", "campaign"),
    "clicked": _called("number", "clicked", "campaign"),
    "viewed": _happened("view", "item"),
    "added": _happened("add", "item"),
    "bought": _happened("purchase", "item"),
    "viewed_category": _happened("view", "category"),
    "bought_category": _happened("purchase", "category"),
}
