"""Personal placeholders: ``{{ trait.first_name | friend }}`` in a creative, escaped, with what stands there otherwise.

Without a fallback the place stays empty. What may be told depends on who asks:

- without consent to personalization, or while no store answers: nothing of the person;
- the visitor's own browser, which sends the id of its cookie: what the profile counts;
- whoever is shown the offer: ``{{ coupon }}``, their own code of the campaign's pool;
- the shop's backend, with the secret key: also the traits in TRAITS. An e-mail address, a birthday or a street belongs
  into no banner, so a creative that asks for one is refused when it is written.
"""

import re
from collections.abc import Callable, Mapping
from html import escape, unescape
from typing import Any, Literal, NamedTuple
from urllib.parse import quote

from offers.audience.visitor import View
from offers.campaign.creative import WEB, hostile, sanitise

Telling = Literal["nothing", "profile", "traits"]

TRAITS = frozenset(
    {
        *("firstname", "name", "nickname", "givenname", "displayname", "title", "salutation", "pronouns"),
        *("company", "city", "language", "plan", "tier", "level", "points", "membersince"),
    }
)
"""Traits that a page may show, in any spelling: first_name, firstName and First-Name are one."""

PLACEHOLDER = re.compile(r"\{\{\s*([a-z_]+(?:\.[\w-]{1,64})?)\s*(?:\|([^{}]{0,200}))?\}\}", re.IGNORECASE)
ADDRESS = re.compile(r"""(?i)((?:href|src)\s*=\s*)("[^"]*"|'[^']*')""")
"""An attribute of HTML that is an address."""
OPENED = re.compile(r"\{\{")
VALUE_LIMIT = 200
COUPON = "coupon"

Read = Callable[[View], Any]

NAMES: Mapping[str, Read] = {
    "stage": lambda view: view.stage,
    "top_category": lambda view: max(view.shares, key=view.shares.__getitem__, default=None),
    "visits": lambda view: view.profile.counts.visits,
    "orders": lambda view: view.profile.counts.orders,
    "cart_items": lambda view: _number(sum(line.quantity for line in view.profile.cart.values())),
    "cart_value": lambda view: (
        f"{sum(line.quantity * line.price for line in view.profile.cart.values()):.2f}"
    ),
    "country": lambda view: view.profile.country,
}


def has_placeholders(content: Any) -> bool:
    """Whether anything in ``content`` is to be filled."""
    return any(OPENED.search(text) for text in _texts(content))


def placeholder_problem(content: Any, coupons: bool = False) -> str | None:
    """Why the placeholders of ``content`` cannot be filled, or None. ``coupons``: whether there is a pool of codes."""
    for text in _texts(content):
        found = list(PLACEHOLDER.finditer(text))
        if len(found) != len(OPENED.findall(text)):
            return "a placeholder is {{ name }} or {{ name | what stands there otherwise }}"
        for match in found:
            name = match[1].lower()
            if name.startswith("trait.") and plain(name[6:]) not in TRAITS:
                return f"{match[1]} is not for pages; of a customer's traits only {', '.join(sorted(TRAITS))}"
            if name == COUPON and coupons:
                continue
            if name == COUPON:
                return "{{ coupon }} needs a pool of codes: name it under coupons"
            if name not in NAMES and not name.startswith("trait."):
                return f"no placeholder {match[1]!r}: one of trait.NAME, {', '.join(NAMES)}"
    return None


def plain(trait: str) -> str:
    """A trait's name without the marks of its spelling."""
    return trait.lower().replace("_", "").replace("-", "")


class Told(NamedTuple):
    """What placeholders may tell: of the visitor (``view``; None: nothing), their ``traits`` or not, and a coupon."""

    view: View | None
    traits: bool = False
    coupon: str = ""


def filled(kind: str, content: Any, told: Told) -> Any:
    """``content`` with every placeholder filled; of nobody in particular, by what stands there otherwise.

    In an address a value is a part of it (``R&B`` as ``R%26B``). HTML is sanitised once more: a value may stand in an
    attribute.
    """
    if kind == "html":
        addressed = ADDRESS.sub(lambda match: match[1] + _address(match[2], told), content)
        return sanitise(PLACEHOLDER.sub(lambda match: escape(_value(match, told)), addressed))
    return _filled(content, told)


def _address(quoted: str, told: Told) -> str:
    """An attribute's value in its quotes. What is an address only when it is filled is no part of one."""
    mark, address = quoted[0], unescape(quoted[1:-1])
    if not WEB.match(address):
        return quoted
    filled_in = PLACEHOLDER.sub(lambda match: quote(_value(match, told), safe=""), address)
    return mark + escape(filled_in) + mark


def _filled(value: Any, told: Told) -> Any:
    if isinstance(value, str):
        if WEB.match(value):
            return PLACEHOLDER.sub(lambda match: quote(_value(match, told), safe=""), value)
        text = PLACEHOLDER.sub(lambda match: _value(match, told), value)
        return "" if hostile(text) else text
    if isinstance(value, dict):
        return {key: _filled(each, told) for key, each in value.items()}
    return [_filled(each, told) for each in value] if isinstance(value, list) else value


def _value(match: re.Match[str], told: Told) -> str:
    name, _, trait = match[1].partition(".")
    view = told.view
    if name.lower() == COUPON:
        value: Any = told.coupon
    elif view is None:
        value = None
    elif trait:
        value = view.profile.traits.get(trait) if told.traits and plain(trait) in TRAITS else None
    else:
        value = NAMES[name.lower()](view)
    if isinstance(value, bool) or not isinstance(value, str | int | float) or value == "":
        return (match[2] or "").strip()
    return "".join(each for each in _number(value)[:VALUE_LIMIT] if each.isprintable())


def _number(value: Any) -> str:
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)


def _texts(content: Any) -> list[str]:
    if isinstance(content, str):
        return [content]
    if isinstance(content, dict):
        content = list(content.values())
    return [text for each in content for text in _texts(each)] if isinstance(content, list) else []
