"""The decision: for each slot of a page the one offer, and variant of it, that this visitor is shown. Or none.

Eligible → highest tier → highest priority → among equals the order is drawn → caps. The variant is drawn last.
"""

import random
import time
from collections.abc import Callable, Collection, Iterator, Sequence
from itertools import islice

from offers.bandit.thompson_sampling import Arms, NoArms
from offers.campaign.campaign import Campaign
from offers.campaign.compiled_campaign import CompiledCampaign
from offers.campaign.placeholders import Telling
from offers.campaign.store import CAMPAIGNS_LIMIT, Campaigns
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
from offers.decision.holdout import GLOBAL, held_out
from offers.decision.running_campaigns import Ranks, RunningCampaigns
from offers.feedback.token import Token, TokenSigner, new_nonce, owner_of
from offers.segments.store import Segments
from profiles.model import Profile
from profiles.redis.refreshed import Source
from profiles.sansio import Call, Steps
from tracker.sites import Site

SLOTS_LIMIT = 20
FIRST_FEW, CANDIDATES_LIMIT = 6, CAMPAIGNS_LIMIT
"""Campaigns that one slot's caps step may try at first, and when none of those may be shown."""


class Decider:
    """Decides for whole pages. Never raises for want of Redis: it then falls back to what needs no count."""

    def __init__(
        self,
        campaigns: Campaigns,
        caps: Caps,
        signer: TokenSigner,
        *,
        arms: Arms | None = None,
        budgets: Budgets | None = None,
        segments: Segments | None = None,
        global_holdout: float = 0.0,
        clock: Callable[[], float] = time.time,
        chance: random.Random | None = None,
    ) -> None:
        self._campaigns, self._caps, self._signer = campaigns, caps, signer
        self._budgets = budgets or Unlimited()
        arms = arms or NoArms()
        self._shares = Allocation(arms, clock)
        self._segments = segments
        self._sources: tuple[Source, ...] = (campaigns, arms, *([segments] if segments else ()))
        self._boards: dict[str, RunningCampaigns] = {}
        self._global_holdout = global_holdout
        self._clock = clock
        self._chance = chance or random.Random()

    def deciding(
        self,
        site: Site,
        profile: Profile,
        slots: Sequence[str],
        telling: Telling = "profile",
        skip: Collection[str] = (),
        asker: Requester = ANONYMOUS,
        campaign_key: str = "",
    ) -> Steps[PageDecisions]:
        """All offer slots of one page at once, in the order of their claim.

        ``telling``: what of the visitor the caller may see, and so the placeholders may tell.
        ``skip``: campaigns that this visitor dismissed, as far as the profile may not know yet. ``asker``: to whom the
        tokens belong. ``campaign_key``: the campaign or click id in the address of the page. Of a profile without an
        id, which is nobody's, nothing can be counted: it gets what has nothing to count.
        """
        wanted = list(dict.fromkeys(slots))[:SLOTS_LIMIT]
        due = [source for source in self._sources if source.due(site)]
        if due:
            yield Call(lambda: _read(due, site))
        segments = self._segments.known(site) if self._segments else None
        visit = page_request(site, profile, int(self._clock() * 1000), telling, segments, asker, campaign_key)
        lines = self._lines(visit, wanted, skip)
        yield from self._fill(visit, lines)
        decisions: dict[str, Decision | None] = dict.fromkeys(slots)
        withheld: list[LoggedDecision] = []
        decided: list[LoggedDecision] = []
        for line in lines:
            withheld += [self._withheld(visit, ready, line.slot) for ready in line.withheld]
            if line.shown is None:
                continue
            decisions[line.slot] = decision = self._decision(visit, line.shown, line.slot)
            if self.holdout(line.shown.campaign) > 0:
                decided.append(LoggedDecision(decision.campaign, line.slot, decision.token, "Offer Decided"))
        return PageDecisions(decisions, tuple(withheld), tuple(decided))

    def fallbacks(
        self,
        site: Site,
        profile: Profile,
        slots: Sequence[str],
        skip: Collection[str] = (),
        asker: Requester = ANONYMOUS,
    ) -> dict[str, Decision]:
        """What may be shown without asking any store, for when time is short: campaigns of the tier fallback that
        have nothing to count. Every variant that is shown at all is as likely."""
        visit = page_request(site, profile, int(self._clock() * 1000), "nothing", None, asker)
        board = RunningCampaigns(self._campaigns.known(site), visit.view.now, site)
        admitted = eligibility(visit, board, skip)
        lines = [
            [ready for equals in board.ranks(slot) for ready in equals if admitted[ready]] for slot in slots
        ]
        return {
            slot: self._decision(visit, line[grant.shown], slot, even=True)
            for slot, line, grant in zip(slots, lines, _uncounted(lines, _resting), strict=True)
            if grant.shown is not None
        }

    def _countless(self, campaign: Campaign) -> bool:
        """Whether it may be shown to somebody who cannot be recognised: no caps to break, no holdout to count."""
        return not campaign.caps and self.holdout(campaign) <= 0

    def holdout(self, campaign: Campaign) -> float:
        """The share of visitors from whom it is withheld, by its own and the global holdout."""
        overall = self._global_holdout if campaign.tier == "standard" else 0.0
        return 1 - (1 - campaign.holdout) * (1 - overall)

    def _lines(self, visit: PageRequest, wanted: Sequence[str], skip: Collection[str]) -> list["_Line"]:
        """For each slot those who may be shown in it, best first, found one rank after another as they are needed."""
        board = self._board(visit.site, visit.view.now)
        admitted = eligibility(visit, board, skip)
        return [_Line(slot, self._ordered(visit, board.ranks(slot), slot, admitted)) for slot in wanted]

    def _board(self, site: Site, now: int) -> RunningCampaigns:
        source, board = self._campaigns.known(site), self._boards.get(site.id)
        if board is None or not board.holds(source, now):
            board = self._boards[site.id] = RunningCampaigns(source, now, site)
        return board

    def _ordered(
        self, visit: PageRequest, ranks: Ranks, slot: str, admitted: Eligibility
    ) -> Iterator[CompiledCampaign]:
        for equals in ranks:
            yield from self._shuffled(visit, [ready for ready in equals if admitted[ready]], slot)

    def _fill(self, visit: PageRequest, lines: list["_Line"]) -> Steps[None]:
        """Let the first few of each line try; only where none of them may be shown, the others."""
        done: set[str] = set()
        for count in (FIRST_FEW, CANDIDATES_LIMIT):
            trying = [line for line in lines if line.shown is None]
            reserved: list[str] = []
            try:
                candidates = yield from self._within_budget(visit, trying, count, done, reserved)
                asks = [[self._ask(visit, ready) for ready in mine] for mine in candidates]
                if not any(asks):
                    return
                try:
                    if visit.view.profile.id:
                        grants = yield from self._caps.taking(visit.site.id, visit.view, asks)
                    else:
                        grants = _uncounted(candidates, self._countless)
                except CapsUnavailable:
                    grants = _uncounted(candidates, _resting)
                for line, mine, asked, grant in zip(trying, candidates, asks, grants, strict=True):
                    line.withheld += [mine[index] for index in grant.withheld]
                    line.closed |= any(asked[index].closes for index in grant.withheld)
                    done.update(ready.id for ready in line.withheld)
                    if grant.shown is not None:
                        line.shown = mine[grant.shown]
                        done.add(line.shown.id)
                        if line.shown.campaign.budget is not None:
                            reserved.remove(line.shown.id)
            finally:  # also of a page that nobody waits for any more
                for campaign in reserved:
                    self._budgets.give_back(visit.site.id, campaign, visit.asker.network)

    def _within_budget(
        self, visit: PageRequest, lines: list["_Line"], count: int, done: set[str], reserved: list[str]
    ) -> Steps[list[list[CompiledCampaign]]]:
        """The next of each line. ``reserved`` gets those whose means are limited, once for each decision."""
        kept: list[list[CompiledCampaign]] = []
        for line in lines:
            mine: list[CompiledCampaign] = []
            for ready in islice(line.candidates, count):
                if ready.id in done or (line.closed and ready.campaign.tier == "standard"):
                    continue
                budget = ready.campaign.budget
                if budget is not None:
                    within = yield from self._budgets.reserving(
                        visit.site.id, ready.id, budget, visit.view.now, visit.asker.network
                    )
                    if not within:
                        continue
                    reserved.append(ready.id)
                mine.append(ready)
            kept.append(mine)
        return kept

    def _shuffled(
        self, visit: PageRequest, equals: list[CompiledCampaign], slot: str
    ) -> list[CompiledCampaign]:
        """Equal campaigns in random order: by how likely each is the best, where all of them learn."""
        if len(equals) < 2:
            return equals
        first = equals[0].campaign
        if first.allocation == "bandit" and all(
            ready.campaign.allocation == "bandit" and ready.campaign.reward == first.reward
            for ready in equals
        ):
            return self._shares.order(visit.site.id, equals, slot, visit.context, self._chance)
        return self._chance.sample(equals, len(equals))

    def _ask(self, visit: PageRequest, ready: CompiledCampaign) -> CapRequest:
        campaign, site, who = ready.campaign, visit.site.id, visit.subject
        own = held_out(site, campaign.id, who, campaign.holdout)
        # Who is held out from everything meets each campaign when the others do: after those before it.
        overall = (
            not own and campaign.tier == "standard" and held_out(site, GLOBAL, who, self._global_holdout)
        )
        return CapRequest(
            campaign.id, campaign.caps, own or overall, campaign.tier != "standard", closes=overall
        )

    def _decision(
        self, visit: PageRequest, ready: CompiledCampaign, slot: str, even: bool = False
    ) -> Decision:
        site, campaign, context = visit.site.id, ready.campaign, visit.context
        variants = list(ready.creatives)
        if even:
            weights = [ready.weights[name] > 0 for name in variants]
            shares = [weight / sum(weights) for weight in weights]
        elif campaign.allocation == "bandit":
            shares = self._shares.variants(site, ready, slot, context)
        else:
            shares = list(ready.weights.values())
        at = self._chance.choices(range(len(variants)), shares)[0]
        variant, propensity = variants[at], round(shares[at], 6)
        creative = ready.creatives[variant]
        content = ready.content(variant, visit.told, visit.traits)
        owner = owner_of(site, visit.asker.id)
        token = Token(
            site, campaign.id, variant, slot, propensity, visit.view.now, context, new_nonce(), owner=owner
        )
        signed = self._signer.sign(token)
        return Decision(
            campaign.id, variant, slot, creative.kind, content, propensity, signed, context, creative.items
        )

    def _withheld(self, visit: PageRequest, ready: CompiledCampaign, slot: str) -> LoggedDecision:
        campaign = ready.campaign.id
        token = Token(
            visit.site.id,
            campaign,
            "",
            slot,
            1.0,
            visit.view.now,
            visit.context,
            new_nonce(),
            held=True,
            owner=owner_of(visit.site.id, visit.asker.id),
        )
        return LoggedDecision(campaign, slot, self._signer.sign(token))


def _read(sources: Sequence[Source], site: Site) -> None:
    for source in sources:
        source.refresh(site)


class _Line:
    """One slot: who waits for it, who was withheld on the way, and who got it. ``closed``: the global holdout took the
    place of a standard campaign, and others are not met."""

    __slots__ = ("candidates", "closed", "shown", "slot", "withheld")

    def __init__(self, slot: str, candidates: Iterator[CompiledCampaign]) -> None:
        self.slot, self.candidates = slot, candidates
        self.shown: CompiledCampaign | None = None
        self.withheld: list[CompiledCampaign] = []
        self.closed = False


def _uncounted(lines: list[list[CompiledCampaign]], may: Callable[[Campaign], bool]) -> list[Grant]:
    """Without counts: of each line the first that ``may`` be shown."""
    shown: set[str] = set()
    grants: list[Grant] = []
    for candidates in lines:
        places = (at for at, ready in enumerate(candidates) if ready.id not in shown and may(ready.campaign))
        at = next(places, None)
        if at is not None:
            shown.add(candidates[at].id)
        grants.append(Grant(at))
    return grants


def _resting(campaign: Campaign) -> bool:
    """Whether it may be shown while no store answers: a fallback that has nothing to count."""
    return (
        campaign.tier == "fallback" and not campaign.caps and not campaign.holdout and campaign.budget is None
    )
