"""The decision: which campaign and variant this visitor is shown in each slot of a page, if any.

The order of the steps: eligible campaigns, highest tier, highest priority, random order among equals, budget and caps.
The variant is drawn last.
"""

import random
import time
from collections.abc import Callable, Collection, Iterator, Sequence
from itertools import islice

from offers.audience.visitor import View
from offers.bandit.thompson_sampling import Arms, NoArms
from offers.campaign.campaign import Campaign
from offers.campaign.compiled_campaign import CompiledCampaign
from offers.campaign.placeholders import Telling, Told
from offers.campaign.store import CAMPAIGNS_LIMIT, Campaigns
from offers.coupons.pool import Coupons, NoCoupons
from offers.decision.allocation import Allocation
from offers.decision.budget import Budgets, Unlimited
from offers.decision.caps import CapRequest, Caps, CapsUnavailable, Grant
from offers.decision.decisions import Decision, LoggedDecision, PageDecisions
from offers.decision.eligibility import (
    ANONYMOUS,
    Eligibility,
    PageRequest,
    Requester,
    eligibility,
    page_request,
)
from offers.decision.examined import Examined, examined
from offers.decision.fixed_variant import fixed_variant
from offers.decision.holdout import GLOBAL, held_out
from offers.decision.running_campaigns import Ranks, RunningCampaigns
from offers.feedback.token import Token, TokenSigner, new_nonce, owner_of, withheld_share
from offers.segments.segment import CompiledSegments
from offers.segments.store import Segments
from profiles.model import Profile
from profiles.redis.refreshed import Source
from profiles.sansio import Call, Steps
from tracker.sites import Site
from tracker.unavailable import Unavailable

SLOTS_LIMIT = 20
LOOKED = "?"
"""Stands for a message that is only asked about."""
FIRST_FEW, CANDIDATES_LIMIT = 6, CAMPAIGNS_LIMIT
"""Candidates of one slot whose caps are checked in the first round, and in the second if none of those may be shown."""


class Decider:
    """Decides for whole pages. It never raises when Redis is down: it then shows fallbacks that need no count."""

    def __init__(
        self,
        campaigns: Campaigns,
        caps: Caps,
        signer: TokenSigner,
        *,
        arms: Arms | None = None,
        budgets: Budgets | None = None,
        coupons: Coupons | None = None,
        segments: Segments | None = None,
        global_holdout: float = 0.0,
        clock: Callable[[], float] = time.time,
        chance: random.Random | None = None,
    ) -> None:
        self._campaigns, self._caps, self._signer = campaigns, caps, signer
        self._budgets = budgets or Unlimited()
        self._coupons = coupons or NoCoupons()
        arms = arms or NoArms()
        self._allocation = Allocation(arms, clock)
        self._segments = segments
        self._sources: tuple[Source, ...] = (campaigns, arms, *([segments] if segments else ()))
        self._running_by_site: dict[str, RunningCampaigns] = {}
        self._global_holdout = global_holdout
        self._clock = clock
        self._chance = chance or random.Random()

    def decide(
        self,
        site: Site,
        profile: Profile,
        slots: Sequence[str],
        telling: Telling = "profile",
        skip: Collection[str] = (),
        asker: Requester = ANONYMOUS,
        campaign_key: str = "",
    ) -> Steps[PageDecisions]:
        """All offer slots of one page at once, in the order given.

        ``telling``: what placeholders may tell, which is what the caller may see of the visitor.
        ``skip``: campaigns that this visitor dismissed, as far as the profile may not know yet. ``asker``: to whom the
        tokens belong. ``campaign_key``: the campaign or click id in the address of the page. A profile
        without an id cannot be counted: it gets campaigns that need no count.
        """
        wanted = list(dict.fromkeys(slots))[:SLOTS_LIMIT]
        due = [source for source in self._sources if source.due(site)]
        if due:
            yield Call(lambda: read_sources(due, site))
        segments = self._segments.known(site) if self._segments else None
        request = page_request(
            site, profile, int(self._clock() * 1000), telling, segments, asker, campaign_key
        )
        selections = self._selections(request, wanted, skip)
        try:
            yield from self._fill(request, selections)
        except Unavailable:
            if not any(each.withheld or each.shown for each in selections):
                raise  # else what was decided so far is: whoever is held out is asked about longer
        decisions: dict[str, Decision | None] = dict.fromkeys(slots)
        withheld: list[LoggedDecision] = []
        decided: list[LoggedDecision] = []
        for selection in selections:
            withheld += [
                self._withheld(request, candidate, selection.slot) for candidate in selection.withheld
            ]
            if selection.shown is None:
                continue
            coupon, pool = "", selection.shown.campaign.coupons
            if pool:
                coupon = yield from self._coupon(request, pool)
            decision = self._decision(request, selection.shown, selection.slot, coupon=coupon)
            if coupon or not pool:  # else somebody else was given the last one meanwhile
                decisions[selection.slot] = decision
            # Decided all the same, as it is for those held out.
            if self.holdout(selection.shown.campaign) > 0:
                decided.append(
                    LoggedDecision(decision.campaign, selection.slot, decision.token, "Offer Decided")
                )
        return PageDecisions(decisions, tuple(withheld), tuple(decided))

    def _coupon(self, request: PageRequest, pool: str) -> Steps[str]:
        """The visitor's code, "" where there is none left or the store does not answer."""
        try:
            return (
                yield from self._coupons.issue(request.site.id, pool, request.subject, request.asker.network)
            )
        except Unavailable:
            return ""

    def examine(self, site: Site, profile: Profile, campaign_id: str) -> Steps[Examined | None]:
        """What each gate says of one campaign for one person now, though nothing is decided and nothing counts; None
        where there is no such campaign. Raises Unavailable."""
        due = [source for source in self._sources if source.due(site)]
        if due:
            yield Call(lambda: read_sources(due, site))
        candidate = next((each for each in self._campaigns.known(site) if each.id == campaign_id), None)
        if candidate is None:
            return None
        segments = self._segments.known(site) if self._segments else None
        request = page_request(site, profile, int(self._clock() * 1000), "profile", segments)
        asked = self._cap_request(request, candidate)
        open_caps = yield from self._caps.look(
            site.id,
            request.view,
            asked._replace(ghost=False, message=LOOKED if candidate.campaign.send else ""),
        )
        within, budget = True, candidate.campaign.budget
        if budget is not None:
            within = yield from self._budgets.reserve(site.id, candidate.id, budget, request.view.now)
            if within:
                self._budgets.give_back(site.id, candidate.id)
        return examined(request, candidate, asked, open_caps, within)

    def give_back(self, site: Site, profile: Profile, token: Token) -> Steps[bool]:
        """What ``token`` decided was not shown to this visitor: it no longer counts against caps. Whether it did."""
        if self._campaigns.due(site):
            yield Call(lambda: self._campaigns.refresh(site))
        known = {each.id: each.campaign for each in self._campaigns.known(site)}
        exempt = token.campaign not in known or known[token.campaign].tier != "standard"
        then = View(profile, token.ts, site)
        return (yield from self._caps.give_back(site.id, then, token.campaign, token.nonce, exempt))

    def refreshing_segments(self, site: Site) -> Steps[None]:
        """Read the segments again if it is time, so that ``view`` knows them."""
        segments = self._segments
        if segments and segments.due(site):
            yield Call(lambda: segments.refresh(site))

    def view(self, site: Site, profile: Profile) -> View:
        """The visitor at this moment, with the segments as last read. Asks no store."""
        return self.view_at(site, profile, int(self._clock() * 1000))

    def view_at(self, site: Site, profile: Profile, now: int) -> View:
        """As ``view``, at ``now`` (ms)."""
        segments = self._segments.known(site) if self._segments else CompiledSegments()
        return View(profile, now, site, segments_of=segments.of)

    def fallbacks(
        self,
        site: Site,
        profile: Profile,
        slots: Sequence[str],
        skip: Collection[str] = (),
        asker: Requester = ANONYMOUS,
    ) -> dict[str, Decision]:
        """What may be shown without asking any store, when time is short: fallback campaigns that need no count.
        Where the bandit allocates, every variant with a weight above 0 is equally likely."""
        request = page_request(site, profile, int(self._clock() * 1000), "nothing", None, asker)
        running = RunningCampaigns(self._campaigns.known(site), request.view.now, site)
        admitted = eligibility(request, running, skip)
        selections = [
            [candidate for equals in running.ranks(slot) for candidate in equals if admitted[candidate]]
            for slot in slots
        ]
        return {
            slot: self._decision(request, selection[grant.shown], slot, even=True)
            for slot, selection, grant in zip(
                slots, selections, _grants_without_counts(selections, _needs_no_count), strict=True
            )
            if grant.shown is not None
        }

    def _needs_no_visitor(self, campaign: Campaign) -> bool:
        """Whether it may be shown to a visitor who cannot be recognised: it has no caps and no holdout."""
        return not campaign.caps and not campaign.coupons and self.holdout(campaign) <= 0

    def holdout(self, campaign: Campaign) -> float:
        """The share of visitors from whom it is withheld, by its own and the global holdout."""
        return withheld_share(*self._shares(campaign))

    def _shares(self, campaign: Campaign) -> tuple[float, float]:
        """Its own and the global holdout, as they are now."""
        overall = self._global_holdout if campaign.tier == "standard" else 0.0
        return campaign.holdout, overall

    def _selections(
        self, request: PageRequest, wanted: Sequence[str], skip: Collection[str]
    ) -> list["_SlotSelection"]:
        """For each slot its candidates, best first. Candidates of a rank are looked up when they are needed."""
        running = self._running(request.site, request.view.now)
        admitted = eligibility(request, running, skip)
        return [
            _SlotSelection(slot, self._ordered(request, running.ranks(slot), slot, admitted))
            for slot in wanted
        ]

    def _running(self, site: Site, now: int) -> RunningCampaigns:
        source, running = self._campaigns.known(site), self._running_by_site.get(site.id)
        if running is None or not running.holds(source, now):
            running = self._running_by_site[site.id] = RunningCampaigns(source, now, site)
        return running

    def _ordered(
        self, request: PageRequest, ranks: Ranks, slot: str, admitted: Eligibility
    ) -> Iterator[CompiledCampaign]:
        for equals in ranks:
            yield from self._in_random_order(
                request, [candidate for candidate in equals if admitted[candidate]], slot
            )

    def _fill(self, request: PageRequest, selections: list["_SlotSelection"]) -> Steps[None]:
        """Check budgets and caps for the first few candidates of each slot, then for all where a slot is empty."""
        done: set[str] = set()
        for count in (FIRST_FEW, CANDIDATES_LIMIT):
            trying = [selection for selection in selections if selection.shown is None]
            reserved: list[str] = []
            try:
                candidates = yield from self._reserve_budgets(request, trying, count, done, reserved)
                cap_requests = [
                    [self._cap_request(request, candidate) for candidate in mine] for mine in candidates
                ]
                if not any(cap_requests):
                    return
                try:
                    if request.view.profile.id:
                        grants = yield from self._caps.take(request.site.id, request.view, cap_requests)
                    else:
                        grants = _grants_without_counts(candidates, self._needs_no_visitor)
                except CapsUnavailable:
                    grants = _grants_without_counts(candidates, _needs_no_count)
                for selection, mine, requested, grant in zip(
                    trying, candidates, cap_requests, grants, strict=True
                ):
                    selection.withheld += [mine[index] for index in grant.withheld]
                    selection.closed |= any(requested[index].closes for index in grant.withheld)
                    done.update(candidate.id for candidate in selection.withheld)
                    if grant.shown is not None:
                        selection.shown = mine[grant.shown]
                        done.add(selection.shown.id)
                        if selection.shown.campaign.budget is not None:
                            reserved.remove(selection.shown.id)
            finally:  # also of a page that nobody waits for any more
                for campaign in reserved:
                    self._budgets.give_back(request.site.id, campaign, request.asker.network)

    def _reserve_budgets(
        self,
        request: PageRequest,
        selections: list["_SlotSelection"],
        count: int,
        done: set[str],
        reserved: list[str],
    ) -> Steps[list[list[CompiledCampaign]]]:
        """The next candidates of each slot whose budget allows it. ``reserved`` gets those with a budget, once each."""
        kept: list[list[CompiledCampaign]] = []
        for selection in selections:
            mine: list[CompiledCampaign] = []
            for candidate in islice(selection.candidates, count):
                if candidate.id in done or (selection.closed and candidate.campaign.tier == "standard"):
                    continue
                pool, budget = candidate.campaign.coupons, candidate.campaign.budget
                if pool and not (
                    yield from self._coupons.available(
                        request.site.id, pool, request.subject, request.asker.network
                    )
                ):
                    continue
                if budget is not None:
                    within = yield from self._budgets.reserve(
                        request.site.id, candidate.id, budget, request.view.now, request.asker.network
                    )
                    if not within:
                        continue
                    reserved.append(candidate.id)
                mine.append(candidate)
            kept.append(mine)
        return kept

    def _in_random_order(
        self, request: PageRequest, equals: list[CompiledCampaign], slot: str
    ) -> list[CompiledCampaign]:
        """Campaigns of equal rank in random order; by the bandit's draw where it allocates all."""
        if len(equals) < 2:
            return equals
        first = equals[0].campaign
        if first.allocation == "bandit" and all(
            candidate.campaign.allocation == "bandit" and candidate.campaign.reward == first.reward
            for candidate in equals
        ):
            return self._allocation.order(request.site.id, equals, slot, request.context, self._chance)
        return self._chance.sample(equals, len(equals))

    def _cap_request(self, request: PageRequest, candidate: CompiledCampaign) -> CapRequest:
        campaign, site, who = candidate.campaign, request.site.id, request.subject
        own = held_out(site, campaign.id, who, campaign.holdout)
        # The global holdout is checked at the campaign's turn, as for visitors who are not held out.
        overall = (
            not own and campaign.tier == "standard" and held_out(site, GLOBAL, who, self._global_holdout)
        )
        return CapRequest(
            campaign.id, campaign.caps, own or overall, campaign.tier != "standard", closes=overall
        )

    def _decision(
        self,
        request: PageRequest,
        candidate: CompiledCampaign,
        slot: str,
        even: bool = False,
        coupon: str = "",
    ) -> Decision:
        site, campaign, context = request.site.id, candidate.campaign, request.context
        variant, share = self._variant(request, candidate, slot, even)
        propensity = round(share, 6)
        creative = candidate.creatives[variant]
        content = candidate.content(variant, Told(request.told, request.traits, coupon))
        owner = owner_of(site, request.asker.id)
        token = Token(
            site,
            campaign.id,
            variant,
            slot,
            propensity,
            request.view.now,
            context,
            new_nonce(),
            False,
            owner,
            *self._shares(campaign),
        )
        signed = self._signer.sign(token)
        return Decision(
            campaign.id,
            variant,
            slot,
            creative.kind,
            content,
            propensity,
            signed,
            context,
            creative.items,
            coupon,
        )

    def _variant(
        self, request: PageRequest, candidate: CompiledCampaign, slot: str, even: bool
    ) -> tuple[str, float]:
        """The variant to show, and its share among all visitors. Under a fixed allocation a person keeps theirs."""
        bandit, who = candidate.campaign.allocation == "bandit", request.subject
        if who and not bandit:
            seen = request.view.profile.exposure.get(candidate.id) if request.personal else None
            variant = fixed_variant(request.site.id, candidate, who, seen)
            return variant, candidate.weights[variant]
        shares = list(candidate.weights.values())
        if bandit and even:
            shown = [share > 0 for share in shares]
            shares = [each / sum(shown) for each in shown]
        elif bandit:
            shares = self._allocation.variants(request.site.id, candidate, slot, request.context)
        at = self._chance.choices(range(len(shares)), shares)[0]
        return list(candidate.creatives)[at], shares[at]

    def _withheld(self, request: PageRequest, candidate: CompiledCampaign, slot: str) -> LoggedDecision:
        campaign = candidate.campaign.id
        token = Token(
            request.site.id,
            campaign,
            "",
            slot,
            1.0,
            request.view.now,
            request.context,
            new_nonce(),
            True,
            owner_of(request.site.id, request.asker.id),
            *self._shares(candidate.campaign),
        )
        return LoggedDecision(campaign, slot, self._signer.sign(token))


def read_sources(sources: Sequence[Source], site: Site) -> None:
    """Read campaigns, arms and segments again."""
    for source in sources:
        source.refresh(site)


class _SlotSelection:
    """One slot: its candidates, the campaigns withheld from the visitor, and the one shown. ``closed``: the global
    holdout took the place of a standard campaign, so no other standard campaign is shown."""

    __slots__ = ("candidates", "closed", "shown", "slot", "withheld")

    def __init__(self, slot: str, candidates: Iterator[CompiledCampaign]) -> None:
        self.slot, self.candidates = slot, candidates
        self.shown: CompiledCampaign | None = None
        self.withheld: list[CompiledCampaign] = []
        self.closed = False


def _grants_without_counts(
    selections: list[list[CompiledCampaign]], may: Callable[[Campaign], bool]
) -> list[Grant]:
    """Without counts: for each slot the first candidate that ``may`` be shown."""
    shown: set[str] = set()
    grants: list[Grant] = []
    for candidates in selections:
        places = (
            at
            for at, candidate in enumerate(candidates)
            if candidate.id not in shown and may(candidate.campaign)
        )
        at = next(places, None)
        if at is not None:
            shown.add(candidates[at].id)
        grants.append(Grant(at))
    return grants


def _needs_no_count(campaign: Campaign) -> bool:
    """Whether it may be shown while no store answers: a fallback without caps, holdout and budget."""
    return (
        campaign.tier == "fallback"
        and not (campaign.caps or campaign.holdout or campaign.coupons)
        and campaign.budget is None
    )
