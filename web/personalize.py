"""POST /v1/personalize: what one visitor is shown next, in whatever time there is.

Each part falls back on its own: no profile → a stranger, no model → popular → nothing, no caps → fallback offers.
"""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Literal

import msgspec
from flask import Blueprint, Response, g, request
from msgspec import Meta

from offers.decide import Decision
from profiles.model import Profile
from recommender.ask import Ask, Pick, Refusal, Shown, parse_ask
from recommender.catalogue import Catalogue
from recommender.params import Params
from recommender.visitor import Visitor
from tracker.sites import Site
from web.answers import answer, body, refusal
from web.auth import Keys
from web.budget import Bounded, Budget, Late
from web.cors import allow, preflight
from web.metrics import Metrics
from web.problem import Problem
from web.services import Services, Shop
from web.withheld import WithheldLog

logger = logging.getLogger(__name__)

BODY_LIMIT = 64 * 1024
SLOTS_LIMIT = 20
STORE_THREADS = 32
STORE_SHARE = 0.5
"""Of the time that is left, how much the profile may take: what comes after needs the rest."""
SHOWN = ("name", "category", "price", "url", "image")
"""Fields of the catalogue that a page needs to draw an item."""

Id = Annotated[str, Meta(max_length=255, pattern=r"^[^\x00-\x1f\x7f]*$")]


class PageAsked(msgspec.Struct, frozen=True):
    """Where the visitor is; ``item`` is the product of the page, if it is one's."""

    url: Annotated[str, Meta(max_length=4000)] | None = None
    item: Annotated[str, Meta(max_length=100)] | int | None = None


class SlotAsked(msgspec.Struct, frozen=True):
    """One place to fill. What else it holds belongs to its kind."""

    id: Annotated[str, Meta(min_length=1, max_length=100, pattern=r"^[^\x00-\x1f\x7f]+$")]
    kind: Literal["offer", "items"]


class Asked(msgspec.Struct, frozen=True):
    """The request. ``slots`` stay raw: each kind reads its own."""

    slots: Annotated[list[dict[str, Any]], Meta(min_length=1, max_length=SLOTS_LIMIT)]
    visitor: Id | None = None
    user: Id | None = None
    page: PageAsked | None = None


@dataclass(frozen=True, slots=True)
class Plan:
    """The request, checked: who asks, on which item's page, and the slots of each kind."""

    visitor: str | None
    user: str | None
    item: str | None
    items: Mapping[str, Ask]
    offers: Sequence[str]
    order: Sequence[str]


def plan_of(asked: Asked, params: Params) -> Plan:
    """Raises Problem 400 naming the field, as ``slots[2].limit``."""
    items: dict[str, Ask] = {}
    order: list[str] = []
    for number, raw in enumerate(asked.slots):
        at = f"slots[{number}]"
        slot = _slot(raw, at)
        if slot.id in order:
            raise Problem(400, f"The slot {slot.id!r} is asked for twice", f"{at}.id")
        order.append(slot.id)
        if slot.kind == "items":
            # The snippet writes what its page does not set as null.
            ask = parse_ask({name: value for name, value in raw.items() if value is not None}, params)
            if isinstance(ask, Refusal):
                raise Problem(400, ask.message, f"{at}.{ask.field}")
            items[slot.id] = ask
    item = asked.page.item if asked.page else None
    offers = [slot for slot in order if slot not in items]
    return Plan(asked.visitor, asked.user, None if item in (None, "") else str(item), items, offers, order)


def _slot(raw: dict[str, Any], at: str) -> SlotAsked:
    try:
        return msgspec.convert(raw, SlotAsked)
    except msgspec.ValidationError as error:
        problem = refusal(error)
        raise Problem(400, problem.message, f"{at}.{problem.field}" if problem.field else at) from error


class Personalizer:
    """Answers plans within the budget. Every store may be down; an answer comes all the same."""

    def __init__(self, services: Services, metrics: Metrics, withheld: WithheldLog) -> None:
        self._services, self._metrics, self._withheld = services, metrics, withheld
        self._stores = Bounded("profiles", STORE_THREADS)
        self._shelves = Bounded("items", STORE_THREADS)
        self._offices = Bounded("offers", STORE_THREADS)

    def answer(self, site: Site, plan: Plan, budget: Budget) -> dict[str, Any]:
        profile = self._profile(site, plan, budget)
        slots: dict[str, Any] = dict.fromkeys(plan.order, None)
        for slot in plan.offers:
            slots[slot] = {"offer": None}
        slots.update(self._items(site, plan, profile, budget))
        slots.update(self._offers(site, plan, profile, budget))
        known = {"stage": profile.stage, "segments": list(profile.segments)}
        return {"visitor": known, "slots": slots, "took_ms": round(budget.spent * 1000, 1)}

    def _profile(self, site: Site, plan: Plan, budget: Budget) -> Profile:
        """The live profile; a stranger's when there is none or the store does not answer in time."""
        stranger = Profile(id=f"u:{plan.user}" if plan.user else f"v:{plan.visitor or ''}")
        if not plan.visitor and not plan.user:
            return stranger
        find = self._services.profiles.find
        try:
            found = self._stores.call(
                lambda: find(site.id, plan.visitor, plan.user), budget.left * STORE_SHARE
            )
        except Late:
            self._metrics.degraded.labels("profile").inc()
            return stranger
        return found or stranger

    def _items(self, site: Site, plan: Plan, profile: Profile, budget: Budget) -> dict[str, Any]:
        """Model → popular → nothing."""
        if not plan.items:
            return {}
        try:
            return self._shelves.call(lambda: self._rows(site, plan, profile), budget.left * STORE_SHARE)
        except Late:
            self._metrics.degraded.labels("items").inc()
            return {slot: {"items": [], "model": ""} for slot in plan.items}

    def _rows(self, site: Site, plan: Plan, profile: Profile) -> dict[str, Any]:
        shop = self._services.shops(site.id)
        visitor = shop.recommender.visitor(profile, plan.item)
        return {slot: self._row(shop, visitor, ask) for slot, ask in plan.items.items()}

    def _row(self, shop: Shop, visitor: Visitor, ask: Ask) -> dict[str, Any]:
        for each in (ask, msgspec.structs.replace(ask, strategy="popular")):
            try:
                shown = shop.recommender.recommend(visitor, each)
            except Exception:
                logger.exception("recommending %s failed", each.strategy)
                self._metrics.degraded.labels("model").inc()
                continue
            if isinstance(shown, Shown):
                return {"items": [_told(pick, shop.catalogue) for pick in shown.items], "model": shown.model}
        return {"items": [], "model": ""}

    def _offers(self, site: Site, plan: Plan, profile: Profile, budget: Budget) -> dict[str, Any]:
        if not plan.offers:
            return {}
        decider = self._services.decider
        try:
            page = self._offices.call(lambda: decider.page(site, profile, plan.offers), budget.left)
        except Late:
            self._metrics.degraded.labels("offers").inc()
            return {}
        self._withheld.add(site, plan.visitor, plan.user, page.withheld)
        return {slot: _offer(decision) for slot, decision in page.slots.items() if decision}


def _told(pick: Pick, catalogue: Catalogue) -> dict[str, Any]:
    """One item with its reason, and what the catalogue says of it so that a page can draw it."""
    told: dict[str, Any] = {"id": pick.id, "score": pick.score, "reason": pick.reason}
    _, item = catalogue.state(pick.id)
    for name in SHOWN:
        value = getattr(item, name, None)
        if value not in (None, ""):
            told[name] = value
    return told


def _offer(decision: Decision) -> dict[str, Any]:
    """The offer as the snippet draws it: HTML under ``html``, a picture under ``image``, JSON as it is."""
    content = decision.content
    if decision.kind == "html":
        content = {"html": content}
    elif decision.kind == "image":
        content = {**content, "image": content["src"]}
    offer = {
        "campaign": decision.campaign,
        "variant": decision.variant,
        "kind": decision.kind,
        "content": content,
    }
    return {"offer": offer, "token": decision.token}


def personalize_blueprint(
    services: Services, keys: Keys, metrics: Metrics, withheld: WithheldLog
) -> Blueprint:
    blueprint = Blueprint("personalize", __name__)
    personalizer, params = Personalizer(services, metrics, withheld), Params()

    @blueprint.route("/v1/personalize", methods=["OPTIONS"])
    def ask_first() -> Response:
        return preflight(keys, "POST")

    @blueprint.post("/v1/personalize")
    def personalize() -> Response:
        budget = Budget(services.personalize_seconds)
        raw = body(Asked, BODY_LIMIT)
        g.site = site = keys.any_key()
        return answer(personalizer.answer(site, plan_of(raw, params), budget))

    @blueprint.after_request
    def readable(response: Response) -> Response:
        # Errors too: a page must be able to read why it was refused.
        return response if request.method == "OPTIONS" else allow(response, keys, g.get("site"))

    return blueprint
