"""What a template may say of a person: the same as on a page, with the trigger and the links beside it."""

from collections.abc import Collection, Mapping
from typing import Any

from messages.message import Message
from offers.audience.visitor import View
from offers.campaign.placeholders import NAMES, TRAITS, VALUE_LIMIT, plain

DEPTH = 4


def values_of(message: Message, names: Collection[str]) -> Mapping[str, Any]:
    """The values that a template asks for. What only a browser claimed of a customer is not told: anybody could write
    to anybody that way."""
    view = View(message.profile, message.at, message.site)
    values: dict[str, Any] = {
        "items": [_cut(each) for each in message.items],
        "coupon": _cut(message.coupon),
        "trigger": _cut(message.trigger),
        "site": {"id": message.site.id, "name": _cut(message.site.name or message.site.id)},
        "links": {"unsubscribe": message.links.unsubscribe, "preferences": message.links.preferences},
        "lang": _cut(message.lang),
    }
    if "trait" in names:
        values["trait"] = _traits(message)
    for name in NAMES.keys() & set(names):
        values[name] = NAMES[name](view)
    return values


def _traits(message: Message) -> dict[str, Any]:
    told, claims = message.profile.traits, set(message.profile.claims)
    return {name: _cut(value) for name, value in told.items() if plain(name) in TRAITS and name not in claims}


def _cut(value: Any, depth: int = 0) -> Any:
    """Texts without control characters and of a length that fits; nothing but JSON."""
    if isinstance(value, str):
        limit = 2_000 if value.startswith(("https://", "http://")) else VALUE_LIMIT
        return "".join(each for each in value[:limit] if each.isprintable())
    if value is None or isinstance(value, bool | int | float):
        return int(value) if isinstance(value, float) and value.is_integer() else value
    if depth >= DEPTH:
        return None
    if isinstance(value, Mapping):
        return {str(key): _cut(each, depth + 1) for key, each in list(value.items())[:100]}
    return [_cut(each, depth + 1) for each in list(value)[:100]] if isinstance(value, list | tuple) else None
