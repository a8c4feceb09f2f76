"""What is asked of POST /v1/personalize, checked before any store is: who asks, for whom, and for which slots."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

from ingest.enrich.channels import arrival
from offers.campaign.placeholders import Telling
from offers.decision.eligibility import Requester
from profiles.consent.rules import allows
from recommender.serving.request import SlotRequest, parse_slot_request
from tracker.admission.placeholder_ids import placeholder
from tracker.admission.privacy import opted_out, scrub
from tracker.agents.agents import names_library
from tracker.http.address import subscriber, truncate
from tracker.http.request import caller
from tracker.refusal import Refusal
from tracker.sites import Site
from web.http.json_body import refusal
from web.http.problem import Problem

NOTHING: Mapping[str, Any] = MappingProxyType({})
BODY_LIMIT = 64 * 1024
AGENT_LIMIT = 500
SLOTS_LIMIT = 20

Id = Annotated[str, Meta(max_length=255, pattern=r"^[^\x00-\x1f\x7f]*$")]


class PageBody(msgspec.Struct, frozen=True):
    """Where the visitor is; ``item`` is the product of the page, if it is one's."""

    url: Annotated[str, Meta(max_length=4000)] | None = None
    item: Annotated[str, Meta(max_length=100)] | int | None = None


class SlotBody(msgspec.Struct, frozen=True):
    """One place to fill. What else it holds belongs to its kind."""

    id: Annotated[str, Meta(min_length=1, max_length=100, pattern=r"^[^\x00-\x1f\x7f]+$")]
    kind: Literal["offer", "items"]


class PersonalizeBody(msgspec.Struct, frozen=True):
    """The request. ``slots`` stay raw: each kind reads its own."""

    slots: Annotated[list[dict[str, Any]], Meta(min_length=1, max_length=SLOTS_LIMIT)]
    visitor: Id | None = None
    user: Id | None = None
    page: PageBody | None = None
    dismissed: Annotated[list[Annotated[str, Meta(max_length=64)]], Meta(max_length=50)] = []
    consent: Annotated[dict[str, bool], Meta(max_length=20)] = {}
    writeKey: str | None = None  # noqa: N815 - Segment's spelling
    write_key: str | None = None


@dataclass(frozen=True, slots=True)
class PersonalizeRequest:
    """The request, checked: who asks, on which item's page, and the slots of each kind.

    ``user`` is None for whoever is not ``trusted``: a customer's number can be guessed, a cookie's id cannot. Whose
    cookie it is, the profiles know. ``personal``: whether the page knows of no withdrawn consent. ``agent`` is the
    visitor's browser, by which bots are known, "" where a server asks and names itself only; ``opted_out``: it sends Do
    Not Track or Global Privacy Control; ``network``: the truncated address, "" of the shop's backend and of a proxy of
    its own. ``campaign_key``: the campaign or click id in the page's address, which begins a visit.
    """

    visitor: str | None
    user: str | None
    item: str | None
    items: Mapping[str, SlotRequest]
    offers: Sequence[str]
    order: Sequence[str]
    dismissed: Collection[str] = ()
    trusted: bool = False
    personal: bool = True
    agent: str = ""
    opted_out: bool = False
    nameless: bool = False
    network: str = ""
    campaign_key: str = ""

    @property
    def asker(self) -> Requester:
        """To whom tokens belong; who sends no id, or does not want to be known by it, is nobody in particular."""
        return Requester("" if self.nameless else self.visitor or self.user or "", self.network)

    @property
    def telling(self) -> Telling:
        """What of the profile the answer may tell."""
        return "traits" if self.trusted else "profile"


def request_of(
    body: PersonalizeBody,
    site: Site,
    trusted: bool = False,
    environ: Mapping[str, Any] = NOTHING,
    proxies: int = 0,
) -> PersonalizeRequest:
    """Raises Problem 400 naming the field, as ``slots[2].limit``. ``trusted``: the shop's backend asks. ``proxies``:
    so many in front are believed."""
    items: dict[str, SlotRequest] = {}
    order: list[str] = []
    for number, raw in enumerate(body.slots):
        at = f"slots[{number}]"
        slot = _slot(raw, at)
        if slot.id in order:
            raise Problem(400, f"The slot {slot.id!r} is asked for twice", f"{at}.id")
        order.append(slot.id)
        if slot.kind == "items":
            # The snippet writes what its page does not set as null.
            ask = parse_slot_request({name: value for name, value in raw.items() if value is not None})
            if isinstance(ask, Refusal):
                raise Problem(400, ask.message, f"{at}.{ask.field}")
            items[slot.id] = ask
    item = body.page.item if body.page else None
    offers = [slot for slot in order if slot not in items]
    page_item = None if item in (None, "") else str(item)
    return PersonalizeRequest(
        visitor=None if placeholder(body.visitor) else body.visitor,
        user=body.user if trusted and not placeholder(body.user) else None,
        item=page_item,
        items=items,
        offers=offers,
        order=order,
        dismissed=frozenset(body.dismissed),
        trusted=trusted,
        personal=allows(body.consent, "personalization"),
        agent=_browser(environ.get("HTTP_USER_AGENT", "")),
        opted_out=not trusted and opted_out(environ),
        nameless=(not trusted and opted_out(environ)) or not allows(body.consent, "analytics"),
        network="" if trusted else _network(caller(environ, proxies)),
        campaign_key=_campaign_key(body.page.url if body.page else None, site),
    )


def _campaign_key(url: str | None, site: Site) -> str:
    """As ingest will find it in the page's event."""
    came = arrival(scrub(url), "", site) if url else None
    return came.key if came else ""


def _browser(ua: str) -> str:
    return "" if names_library(ua) else ua[:AGENT_LIMIT]


def _network(address: str) -> str:
    return truncate(address) if subscriber(address) else ""


def _slot(raw: dict[str, Any], at: str) -> SlotBody:
    try:
        return msgspec.convert(raw, SlotBody)
    except msgspec.ValidationError as error:
        problem = refusal(error)
        raise Problem(400, problem.message, f"{at}.{problem.field}" if problem.field else at) from error
