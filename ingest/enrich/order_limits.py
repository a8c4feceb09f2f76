"""Order limits: which orders are too large to be believed when the sender has only the site's public key."""

import math
from collections.abc import Callable, Mapping

import msgspec

from ingest.enrich.enrich import Enrich
from ingest.enrich.orders import AMOUNTS
from profiles.facts import ORDER_EVENTS, Facts
from tracker.event import SITE, Event
from tracker.sites import Site

USUAL_LIMIT = 100_000.0
"""In euros: no order above it is believed of the public key while the site's history is too short to know better."""
A_EURO: Mapping[str, float] = {
    "BHD": 0.4, "CLP": 1_000.0, "COP": 4_500.0, "CZK": 25.0, "DKK": 7.5, "HUF": 400.0, "IDR": 17_000.0,
    "INR": 90.0, "JPY": 160.0, "KRW": 1_500.0, "KWD": 0.33, "MXN": 20.0, "NGN": 1_600.0, "NOK": 11.5,
    "PHP": 60.0, "PKR": 300.0, "PYG": 8_000.0, "RUB": 100.0, "SEK": 11.0, "THB": 38.0, "TRY": 45.0,
    "TWD": 35.0, "UAH": 45.0, "VND": 27_000.0,
}  # fmt: skip
"""What about one euro is in currencies whose unit is worth far more or less; of the others one unit. A bound needs no
more than the order of magnitude."""

Limits = Callable[[Site], float]
"""The largest plausible order of a site, in its currency; 0 where its history is too short to tell."""


def usual_limit(currency: str) -> float:
    """The bound of a site whose history is too short, in ``currency``."""
    return USUAL_LIMIT * A_EURO.get(currency, 1.0)


_AFTER_COMPLETION = ORDER_EVENTS - {"Order Completed"}
_AMOUNTS = frozenset({*AMOUNTS, "price", "quantity"})

QUANTITY_LIMIT = 1_000.0
"""So much of one product is believed of the public key."""


def with_limits(enrich: Enrich, limits: Limits) -> Enrich:
    """Enrichment that marks orders beyond what is plausible of their site, and refunds, unless the site told of them,
    and puts bounds on quantities."""

    def facts(event: Event, site: Site) -> Facts:
        found = enrich(event, site)
        if event.sender == SITE:
            return found
        if event.name in _AFTER_COMPLETION and event.sender and event.type == "track":
            if site.identity != "trusting":  # a page has none to tell, and a stranger many
                return msgspec.structs.replace(found, doubtful=True)
        elif event.name not in ORDER_EVENTS and not found.products:
            return found
        lines = found.products
        if any(not 0 <= line.quantity <= QUANTITY_LIMIT for line in lines):
            bounded = (
                msgspec.structs.replace(line, quantity=min(max(line.quantity, 0.0), QUANTITY_LIMIT))
                for line in lines
            )
            found = msgspec.structs.replace(found, products=tuple(bounded))
        if event.name not in ORDER_EVENTS:
            return found
        limit = _in(
            found.currency or site.currency, limits(site) or usual_limit(site.currency), site.currency
        )
        return msgspec.structs.replace(found, doubtful=True) if _worth(found) > limit else found

    return facts


def _in(currency: str, limit: float, own: str) -> float:
    """A limit in the site's ``own`` currency, in another: about as much."""
    return limit if currency == own else limit * A_EURO.get(currency, 1.0) / A_EURO.get(own, 1.0)


def _worth(found: Facts) -> float:
    """The largest amount that an order names, of its own or of its lines; infinite where it names one that is too large
    or too long to be read."""
    whole = abs(found.revenue or 0.0)
    parts = sum(abs(line.price * line.quantity) for line in found.products)
    unread = any(each.reason in ("too_large", "too_long") and each.field in _AMOUNTS for each in found.losses)
    return math.inf if unread else max(whole, parts)
