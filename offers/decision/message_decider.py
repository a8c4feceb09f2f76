"""The decision about one message: one campaign for one person, with the same caps, holdout, budget, coupons and bandit
as a page."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Literal, NamedTuple

from offers.campaign.compiled_campaign import CompiledCampaign
from offers.decision.caps import CapRequest
from offers.decision.decider import Decider, read_sources
from offers.decision.decisions import Decision, LoggedDecision
from offers.decision.eligibility import PageRequest, eligibility, page_request
from offers.feedback.token import Token
from profiles.model import Profile
from profiles.sansio import Call, Steps
from tracker.sites import Site

NoMessage = Literal["", "not running", "audience", "budget", "cap", "holdout", "coupon"]


class MessageDecision(NamedTuple):
    """What to send, or why nothing. ``logged``: what results must know of, sent or not."""

    decision: Decision | None
    refusal: NoMessage = ""
    logged: tuple[LoggedDecision, ...] = ()


class MessageDecider(Decider):
    """A decider that also decides about messages."""

    def decide_message(
        self, site: Site, profile: Profile, campaign: str, occasion: str
    ) -> Steps[MessageDecision]:
        """Decide and count. The same ``occasion`` counts once, however often it is decided. Raises Unavailable where a
        store that must be asked does not answer: then nothing is sent now."""
        due = [source for source in self._sources if source.due(site)]
        if due:
            yield Call(lambda: read_sources(due, site))
        segments = self._segments.known(site) if self._segments else None
        request = page_request(site, profile, int(self._clock() * 1000), "traits", segments)
        running = self._running(site, request.view.now)
        candidate = running.messages.get(campaign)
        if candidate is None:
            return MessageDecision(None, "not running")
        if not eligibility(request, running, ())[candidate]:
            return MessageDecision(None, "audience")
        with self._reserved(site) as reserved:
            if not (yield from self._affordable(request, candidate, reserved)):
                return MessageDecision(None, "budget")
            asked = self._message_request(request, candidate, occasion)
            (grant,) = yield from self._caps.take(site.id, request.view, [[asked]])
            channel = next(iter(candidate.slots))
            if grant.withheld:
                return MessageDecision(None, "holdout", (self._withheld(request, candidate, channel),))
            if grant.shown is None:
                return MessageDecision(None, "cap")
            coupon, pool = "", candidate.campaign.coupons
            if pool:
                coupon = yield from self._coupon(request, pool)
                if not coupon:
                    return MessageDecision(None, "coupon")
            reserved.clear()
        decision = self._decision(request, candidate, channel, coupon=coupon)
        if asked.exempt or self.holdout(candidate.campaign) <= 0:
            return MessageDecision(decision)
        told = LoggedDecision(decision.campaign, channel, decision.token, "Offer Decided")
        return MessageDecision(decision, "", (told,))

    def take_back(self, site: Site, profile: Profile, token: Token, occasion: str) -> Steps[bool]:
        """The message of ``token`` was decided about and not sent: it no longer counts. Whether it did."""
        known = {each.id: each.campaign for each in self._campaigns.known(site)}
        if token.campaign in known and known[token.campaign].budget is not None:
            self._budgets.give_back(site.id, token.campaign, "")
        view = self.view_at(site, profile, token.ts)
        return (yield from self._caps.give_back(site.id, view, token.campaign, token.nonce, False, occasion))

    def _affordable(
        self, request: PageRequest, candidate: CompiledCampaign, reserved: list[str]
    ) -> Steps[bool]:
        """Whether there is a coupon and budget left. ``reserved`` gets the campaign if it has a budget."""
        pool, budget = candidate.campaign.coupons, candidate.campaign.budget
        if pool and not (yield from self._coupons.available(request.site.id, pool, request.subject, "")):
            return False
        if budget is None:
            return True
        within = yield from self._budgets.reserve(request.site.id, candidate.id, budget, request.view.now, "")
        if within:
            reserved.append(candidate.id)
        return within

    def _message_request(
        self, request: PageRequest, candidate: CompiledCampaign, occasion: str
    ) -> CapRequest:
        """A service message is held from nobody, and the contact cap does not hold it up."""
        send = candidate.campaign.send
        service = send is not None and send.message_class == "service"
        asked = self._cap_request(request, candidate)
        return asked._replace(ghost=asked.ghost and not service, exempt=service, message=occasion)

    @contextmanager
    def _reserved(self, site: Site) -> Iterator[list[str]]:
        """The budget that was reserved goes back where nothing is sent."""
        reserved: list[str] = []
        try:
            yield reserved
        finally:
            for campaign in reserved:
                self._budgets.give_back(site.id, campaign, "")
