"""The page about data quality: which fields of the site's events were lost, with an example and what to do."""

from collections.abc import Callable
from dataclasses import dataclass

from flask import Response

from profiles.losses import DAYS, LossCount, LossStore
from web.desk.pages import Pages
from web.http.routes import Routes, get
from web.language import lazy_gettext as _l

FIELDS = {
    "order": _l("Order id"),
    "refund": _l("Refund id"),
    "product": _l("Product id"),
    "category": _l("Category"),
    "name": _l("Product name"),
    "session": _l("Session id"),
    "user": _l("Customer id"),
    "visitor": _l("Visitor id"),
    "group": _l("Group id"),
    "revenue": _l("Revenue of an order"),
    "total": _l("Total of an order"),
    "value": _l("Value of an order"),
    "price": _l("Price"),
    "quantity": _l("Quantity"),
    "currency": _l("Currency"),
    "products": _l("Product lines"),
    "timestamp": _l("Time of an event"),
    "props": _l("Properties"),
    "traits": _l("Traits"),
    "context": _l("Context"),
    "consent": _l("Consent"),
    "text": _l("Texts of a page"),
    "url": _l("Address of a page"),
    "referrer": _l("Address of the page before"),
    "title": _l("Title of a page"),
}
_NUMBER = _l("Send a number, such as 12900 or 49.9. Texts are read, too: 12,900원, 1.234,56 €, 49.90 USD.")
_CURRENCY = _l("Send the code of ISO 4217 as currency, such as KRW or USD.")
_CLOCK = _l("Check the clock of the sender. The time of arrival was used.")
_KEPT = _l("The value was kept as a text. Send numbers of at most 64 bits and flat properties.")
PROBLEMS = {
    "missing": (_l("is missing"), _l("Send it with every product line.")),
    "unreadable": (_l("cannot be read"), _NUMBER),
    "ambiguous": (
        _l("can be read in two ways"),
        _l("Send a number, or set the site's locale: dangol sites set %(site)s --locale ko-KR"),
    ),
    "currency": (_l("names an unclear currency or unit"), _CURRENCY),
    "decimals": (_l("has decimals in a currency without them"), _NUMBER),
    "too_large": (_l("is too large"), _NUMBER),
    "too_small": (_l("is smaller than 0.0001"), _NUMBER),
    "too_long": (_l("is too long"), _NUMBER),
    "negative": (_l("is negative"), _l("Send what you give back as Order Refunded, with the order's id.")),
    "not_iso": (_l("is no code of ISO 4217"), _CURRENCY),
    "contradiction": (_l("differs within one event"), _CURRENCY),
    "no_rate": (
        _l("has no exchange rate: such orders are shown apart"),
        _l("Give a rate: dangol sites set %(site)s --rate %(example)s 2026-01-01 RATE"),
    ),
    "cut": (
        _l("is too long and was cut"),
        _l(
            "Use ids of at most 200 characters, addresses of 2,048, titles of 512, and orders of at most 1,000 lines."
        ),
    ),
    "rounded": (_l("may have been rounded by JSON"), _l("Send long ids as texts, in quotation marks.")),
    "placeholder": (
        _l("is a placeholder"),
        _l("Leave out ids that are not known, and identify customers only when they are signed in."),
    ),
    "invalid": (_l("cannot be read"), _l("Send ISO 8601, such as 2026-11-30T12:00:00+09:00.")),
    "future": (_l("lies in the future"), _CLOCK),
    "past": (_l("lies more than ten years back"), _CLOCK),
    "number": (_l("has a number that is too large"), _KEPT),
    "text": (_l("has characters that cannot be stored"), _l("They were replaced. Send UTF-8 without NUL.")),
    "nested": (_l("is nested too deep"), _KEPT),
    "keys": (_l("has too many or too long keys"), _KEPT),
    "type": (_l("is of the wrong type"), _l("Send answers as true or false, and the rest as texts.")),
}


@dataclass(frozen=True, slots=True)
class LossRow:
    field: str
    name: str
    problem: str
    events: int
    example: str
    since: str
    at: int
    advice: str


@dataclass(frozen=True, slots=True)
class QualityPage:
    pages: Pages
    losses: LossStore
    clock: Callable[[], float]

    def routes(self) -> Routes:
        return (get("/desk/data-quality", self.show),)

    def show(self) -> Response:
        site = self.pages.site()
        rows = [row_of(each, site.id) for each in self.losses.read(site.id, self.clock())]
        return self.pages.show("desk/quality.html", "quality", site, rows=rows, days=DAYS)


def row_of(lost: LossCount, site: str) -> LossRow:
    """A loss in the words of this request's language."""
    problem, advice = PROBLEMS[lost.reason]
    values = {"site": site, "example": lost.example if lost.field == "currency" else "USD"}
    return LossRow(
        field=lost.field,
        name=str(FIELDS[lost.field]),
        problem=str(problem),
        events=lost.events,
        example=lost.example,
        since=lost.since,
        at=lost.at,
        advice=str(advice) % values if "%(" in str(advice) else str(advice),
    )
