"""The answer of /v1/personalize: what one visitor is shown next, in whatever time there is.

Each part falls back on its own: no profile → a stranger, no model → popular → nothing, no caps → fallback offers.
"""

import asyncio
import logging
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from copy import copy
from dataclasses import replace
from functools import partial
from typing import Any

import msgspec

from offers.audience.visitor import View
from offers.decision.decider import Decider
from offers.decision.decisions import Decision, PageDecisions
from profiles import sansio
from profiles.consent.record import withdrawn
from profiles.consent.rules import allows
from profiles.model import Profile
from profiles.sansio import Call, Steps
from profiles.session_rules import rules_of
from profiles.store.port import ProfileStore
from recommender.catalogue.catalogue import Catalogue
from recommender.serving.request import Recommendations, RecommendedItem, SlotRequest, parse_slot_request
from recommender.serving.visitor import Visitor
from tracker.refusal import Refusal
from tracker.sites import Site
from tracker.unavailable import Unavailable
from web.http.metrics import Metrics
from web.personalize.deadline import Deadline, DeadlineExceeded, DeadlinePool
from web.personalize.decision_log import Addressee, DecisionLog
from web.personalize.request import PersonalizeRequest
from web.stores import Shop

logger = logging.getLogger(__name__)

THREADS = 32
WHOLE_SHARE = 0.75
"""Of the budget, for the whole answer; the rest is for popular items, should that not do."""
LATE_SECONDS = 0.25
"""How long a decision that was begun is made beyond the budget: it is logged, for whichever group."""
GRACE = 0.002
"""Seconds by which a thread's work is given up before the whole is: so it is known what took too long."""
SHOWN = ("name", "category", "price", "url", "image")
"""Fields of the catalogue that a page needs to draw an item."""


class AnswerDraft:
    """The answer so far: strangers, no offers and no items, until the work brings better."""

    def __init__(self, request: PersonalizeRequest) -> None:
        who = f"u:{request.user}" if request.user else f"v:{request.visitor}" if request.visitor else ""
        self.know(Profile(id=who, visitors=[request.visitor] if request.visitor else []), request)
        self.offers: dict[str, Any] = {slot: {"offer": None} for slot in request.offers}
        self.items: dict[str, Any] = {}
        self.made: list[Decision] = []
        self.decided = False

    def copy(self) -> "AnswerDraft":
        """What there is so far, which work that goes on changes no more."""
        taken = copy(self)
        taken.offers, taken.items, taken.made = dict(self.offers), dict(self.items), list(self.made)
        return taken

    def know(self, profile: Profile, request: PersonalizeRequest) -> None:
        """Whose answer it is; of a consent that the page knows to be withdrawn, ingest may not have heard yet."""
        if not request.personal:
            profile = withdrawn(profile, "personalization")
        self.profile = profile

    def answer(
        self, request: PersonalizeRequest, budget: Deadline, view_of: Callable[[Profile], View]
    ) -> dict[str, Any]:
        """``view_of`` tells stage and segments of a profile at this moment."""
        filled = {**self.offers, **self.items}
        slots = {slot: filled.get(slot, {"items": [], "model": ""}) for slot in request.order}
        told = view_of(self.profile if allows(self.profile.consent, "personalization") else Profile(id=""))
        known = {"stage": told.stage, "segments": told.segments}
        return {"visitor": known, "slots": slots, "took_ms": round(budget.spent * 1000, 1)}


class Personalizer:
    """Answers requests within the budget. Every store may be down or hang; an answer comes all the same."""

    def __init__(
        self,
        profiles: ProfileStore,
        decider: Decider,
        shops: Callable[[str], Shop],
        decisions: DecisionLog,
        metrics: Metrics,
    ) -> None:
        self._profiles, self._decider, self._shops = profiles, decider, shops
        self._decisions, self._degraded = decisions, metrics.degraded
        self._whole = DeadlinePool("personalize", THREADS)
        self._popular = DeadlinePool("popular", THREADS)
        self._warned: dict[str, float] = {}
        self._working: set[asyncio.Task[bool]] = set()  # the event loop holds tasks weakly

    def answer(self, site: Site, request: PersonalizeRequest, budget: Deadline) -> dict[str, Any]:
        draft, whole = AnswerDraft(request), Deadline(budget.left * WHOLE_SHARE)

        def work() -> None:
            sansio.run_sync(self._knowing(site, request, draft))
            if whole.left:
                sansio.run_sync(self._filling(site, request, draft))
            sansio.run_sync(self._deciding(site, request, draft))
            if whole.left:
                sansio.run_sync(self._completing(site, request, draft))

        try:
            self._whole.call(work, whole.left)
        except DeadlineExceeded:
            draft = draft.copy()
            self._degraded.labels("time").inc()
            self._fall_back(site, request, draft, budget)
        return draft.answer(request, budget, partial(self._decider.view, site))

    async def soon(self, site: Site, request: PersonalizeRequest, budget: Deadline) -> dict[str, Any]:
        """As ``answer``, on an event loop."""
        draft, whole = AnswerDraft(request), Deadline(budget.left * WHOLE_SHARE)
        work = asyncio.create_task(self._work(site, request, draft, whole))
        self._working.add(work)
        work.add_done_callback(self._working.discard)
        done, _ = await asyncio.wait({work}, timeout=whole.seconds + GRACE)
        if not done or not work.result():
            draft = draft.copy()
            self._degraded.labels("time").inc()
            loop = asyncio.get_running_loop()
            await loop.run_in_executor(None, self._fall_back, site, request, draft, budget)
        return draft.answer(request, budget, partial(self._decider.view, site))

    async def _work(
        self, site: Site, request: PersonalizeRequest, draft: AnswerDraft, whole: Deadline
    ) -> bool:
        """Whether all was done in time. A decision that was begun is made and logged, though the answer be given
        without it: else those with whom it takes longer were missing in their group of a comparison."""
        in_time, late = partial(self._soon, whole, 0.0), partial(self._soon, whole, LATE_SECONDS)
        try:
            await sansio.run_async(self._knowing(site, request, draft), late)
            full = False
            with suppress(DeadlineExceeded):
                await sansio.run_async(self._filling(site, request, draft), in_time)
                full = True
            await sansio.run_async(self._deciding(site, request, draft), late)
            await sansio.run_async(self._completing(site, request, draft), in_time)
        except DeadlineExceeded:
            return False
        return full

    async def _soon(self, whole: Deadline, more: float, work: Callable[[], Any]) -> Any:
        return await self._whole.soon(work, whole.left + more)

    def _knowing(self, site: Site, request: PersonalizeRequest, draft: AnswerDraft) -> Steps[None]:
        if request.visitor or request.user:
            with self._without("profile"):
                found = yield from self._profiles.finding(site.id, request.visitor, request.user)
                draft.know(found or draft.profile, request)
                yield from self._decider.refreshing_segments(site)

    def _filling(self, site: Site, request: PersonalizeRequest, draft: AnswerDraft) -> Steps[None]:
        """Each part on its own: what fails leaves the draft as it is."""
        if request.items:
            with self._without("items"):
                yield Call(lambda: self._fill_items(site, request, draft, draft.profile))

    def _deciding(self, site: Site, request: PersonalizeRequest, draft: AnswerDraft) -> Steps[None]:
        """Which offers they get. That is logged at once: what comes after it takes longer with one of the groups."""
        if request.offers:
            with self._without("offers"):
                page = yield from self._decide(site, request, draft)
                draft.decided, draft.made = True, [each for each in page.slots.values() if each]
                draft.offers.update({each.slot: _offer(each) for each in draft.made})
                self._decisions.count(site, draft.made)
                if not request.opted_out:
                    who = Addressee(request.visitor, request.user, request.agent)
                    self._decisions.add(site, who, (*page.withheld, *page.decided))

    def _completing(self, site: Site, request: PersonalizeRequest, draft: AnswerDraft) -> Steps[None]:
        """The items inside of offers, or fallbacks where nothing could be decided."""
        if any(each.items is not None for each in draft.made):
            yield Call(lambda: self._fill_inside(site, request, draft))
        if request.offers and not draft.decided:
            self._fall_back_on_offers(site, request, draft)

    def _decide(self, site: Site, request: PersonalizeRequest, draft: AnswerDraft) -> Steps[PageDecisions]:
        decider, profile = self._decider, draft.profile
        return (
            yield from decider.decide(
                site,
                profile,
                request.offers,
                request.telling,
                request.dismissed,
                request.asker,
                request.campaign_key,
            )
        )

    def _fall_back(
        self, site: Site, request: PersonalizeRequest, draft: AnswerDraft, budget: Deadline
    ) -> None:
        """Fallback offers, which ask no store, and popular items, in the time that is left."""
        self._fall_back_on_offers(site, request, draft)
        left = {slot: _popular(ask) for slot, ask in request.items.items() if slot not in draft.items}
        if not left:
            return
        rest = AnswerDraft(request)
        popular = replace(request, items=left)
        with suppress(DeadlineExceeded):
            self._popular.call(lambda: self._fill_items(site, popular, rest, None), budget.left * 0.9)
        draft.items = {**rest.items, **draft.items}

    def _fall_back_on_offers(self, site: Site, request: PersonalizeRequest, draft: AnswerDraft) -> None:
        empty = [slot for slot in request.offers if draft.offers[slot]["offer"] is None]
        if empty:
            with self._without("offers"):
                made = self._decider.fallbacks(site, draft.profile, empty, request.dismissed, request.asker)
                draft.offers.update({slot: _offer(each) for slot, each in made.items()})
                self._decisions.count(site, list(made.values()))

    def _fill_items(
        self, site: Site, request: PersonalizeRequest, draft: AnswerDraft, profile: Profile | None
    ) -> None:
        shop = self._shops(site.id)
        visitor = shop.recommender.visitor(profile, request.item, rules_of(site))
        for slot, ask in request.items.items():
            draft.items[slot] = self._row(shop, visitor, ask, site.currency)

    def _fill_inside(self, site: Site, request: PersonalizeRequest, draft: AnswerDraft) -> None:
        """The items that offers have inside. An ask was checked when its campaign was written."""
        asks = {each.slot: parse_slot_request(each.items) for each in draft.made if each.items is not None}
        with self._without("items"):
            shop = self._shops(site.id)
            visitor = shop.recommender.visitor(draft.profile, request.item, rules_of(site))
            for slot, ask in asks.items():
                if not isinstance(ask, Refusal):
                    draft.offers[slot].update(self._row(shop, visitor, ask, site.currency))

    def _row(self, shop: Shop, visitor: Visitor, ask: SlotRequest, currency: str) -> dict[str, Any]:
        """Model → popular → nothing."""
        for each in (ask, _popular(ask)):
            with self._without("model"):
                shown = shop.recommender.recommend(visitor, each)
                if isinstance(shown, Recommendations):
                    items = [
                        item_document(pick, shop.catalogue, currency, visitor.now) for pick in shown.items
                    ]
                    return {"items": items, "model": shown.model}
        return {"items": [], "model": ""}

    @contextmanager
    def _without(self, part: str) -> Iterator[None]:
        """Do without ``part`` when it fails, and count that."""
        try:
            yield
        except DeadlineExceeded:  # nor is there time for the other parts
            raise
        except Exception as error:
            self._degraded.labels(part).inc()
            self._warn(part, error)

    def _warn(self, part: str, error: Exception) -> None:
        """At most once a second for each part: a store that is down fails every request."""
        now = time.monotonic()
        if now - self._warned.get(part, float("-inf")) >= 1.0:
            self._warned[part] = now
            unforeseen = not isinstance(error, Unavailable)
            logger.warning("personalized without %s: %s", part, error, exc_info=unforeseen)


def _popular(ask: SlotRequest) -> SlotRequest:
    return msgspec.structs.replace(ask, strategy="popular")


def item_document(pick: RecommendedItem, catalogue: Catalogue, currency: str, now: int) -> dict[str, Any]:
    """One item with its reason, and what the catalogue says of it so that a page can draw it: in a sale (at ``now``,
    ms) with the price that it had before."""
    told: dict[str, Any] = {"id": pick.id, "score": pick.score, "reason": pick.reason}
    _, item = catalogue.state(pick.id)
    for name in SHOWN:
        value = getattr(item, name, None)
        if value not in (None, ""):
            told[name] = value
    price = item.price_at(now) if item else None
    if item and price is not None and price != item.price:
        told |= {"price": price} | ({"regular_price": item.price} if item.price is not None else {})
    if "price" in told:
        told["currency"] = (item.price_currency if item else "") or currency
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
    if decision.coupon:
        offer["coupon"] = decision.coupon
    return {"offer": offer, "token": decision.token}
