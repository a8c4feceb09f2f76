"""The decision: for each slot of a page the one offer, and variant of it, that this visitor is shown. Or none.

Eligible → highest tier → highest priority → among equals the order is drawn → caps. The variant is drawn last.
"""

import random
import time
from collections.abc import Callable, Iterator, Sequence
from itertools import groupby
from typing import Any, NamedTuple

from offers.bandit import Arms, NoArms
from offers.budget import Budgets, Unlimited
from offers.campaign import Campaign
from offers.caps import Ask, Caps, CapsUnavailable, Grant
from offers.contexts import context_of
from offers.eligibility import Ready
from offers.holdout import GLOBAL, draw, held_out, subject
from offers.shares import Shares
from offers.store import Campaigns
from offers.token import Token, TokenSigner, new_nonce
from offers.view import View
from profiles.model import Profile
from tracker.sites import Site

SLOTS_LIMIT = 20
CANDIDATES_LIMIT = 50
"""Campaigns that one slot's caps step may try."""


class Decision(NamedTuple):
    """What to show. ``propensity``: how likely this variant was, given the campaign. ``token`` comes back signed.
    ``items``: recommendations that belong inside, asked for as an item slot does."""

    campaign: str
    variant: str
    slot: str
    kind: str
    content: Any
    propensity: float
    token: str
    items: dict[str, Any] | None = None


class Withheld(NamedTuple):
    """A decision that results must know of, seen or not: to be logged as the track event ``event``."""

    campaign: str
    slot: str
    token: str
    event: str = "Offer Withheld"


class Page(NamedTuple):
    """Every slot that was asked for, None where nothing is to be shown.

    ``withheld``: what the holdout kept from this visitor. ``decided``: what was shown of campaigns that have a
    holdout; the two groups are compared, so both are logged at the same moment.
    """

    slots: dict[str, Decision | None]
    withheld: tuple[Withheld, ...] = ()
    decided: tuple[Withheld, ...] = ()


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
        global_holdout: float = 0.0,
        clock: Callable[[], float] = time.time,
        chance: random.Random | None = None,
    ) -> None:
        self._campaigns, self._caps, self._signer = campaigns, caps, signer
        self._budgets = budgets or Unlimited()
        self._shares = Shares(arms or NoArms(), clock)
        self._global_holdout = global_holdout
        self._clock = clock
        self._chance = chance or random.Random()

    def decide(self, site: Site, profile: Profile, slot: str) -> Decision | None:
        """One slot alone. A page with several asks ``page``, which never shows one campaign twice."""
        return self.page(site, profile, [slot]).slots[slot]

    def page(self, site: Site, profile: Profile, slots: Sequence[str], traits: bool = False) -> Page:
        """All offer slots of one page at once, in the order of their claim.

        ``traits``: the caller may see what the profile knows of the visitor, so placeholders may tell it.
        """
        wanted = list(dict.fromkeys(slots))[:SLOTS_LIMIT]
        visit = _visit(site, profile, int(self._clock() * 1000), traits)
        eligible, reserved = self._within_budget(visit, self._eligible(visit, frozenset(wanted)))
        ordered = [self._ordered(visit, eligible, slot) for slot in wanted]
        asks = [[self._ask(visit, ready) for ready in candidates] for candidates in ordered]
        grants = self._granted(visit, ordered, asks)
        decisions: dict[str, Decision | None] = dict.fromkeys(slots)
        withheld: list[Withheld] = []
        for slot, candidates, grant in zip(wanted, ordered, grants, strict=True):
            withheld += [self._withheld(visit, candidates[index], slot) for index in grant.withheld]
            if grant.shown is not None:
                decisions[slot] = self._decision(visit, candidates[grant.shown], slot)
        shown = [decision for decision in decisions.values() if decision]
        for campaign in reserved - {decision.campaign for decision in shown}:
            self._budgets.give_back(site.id, campaign)
        return Page(decisions, tuple(withheld), tuple(self._decided(eligible, shown)))

    def holdout(self, campaign: Campaign) -> float:
        """The share of visitors from whom it is withheld, by its own and the global holdout."""
        overall = self._global_holdout if campaign.tier == "standard" else 0.0
        return 1 - (1 - campaign.holdout) * (1 - overall)

    def _eligible(self, visit: "_Visit", slots: frozenset[str]) -> list[Ready]:
        """Best tier and priority first. Of a mutual-exclusion group, the one campaign drawn for this visitor."""
        view = visit.view
        running = [
            ready for ready in self._campaigns.ready(visit.site) if ready.scheduled(view.now, view.local)
        ]
        drawn: dict[str, tuple[float, str]] = {}
        for ready in running:
            group, name = ready.campaign.group, ready.campaign.id
            if group:
                # Rendezvous hashing: a campaign that joins or leaves the group moves only its own visitors.
                claim = draw(visit.site.id, f"group:{group}:{name}", visit.subject)
                drawn[group] = max(drawn.get(group, (-1.0, "")), (claim, name))
        return [
            ready
            for ready in running
            if not slots.isdisjoint(ready.campaign.slots)
            and (not ready.campaign.group or drawn[ready.campaign.group][1] == ready.campaign.id)
            and ready.refusal(view, visit.personal) is None
        ]

    def _within_budget(self, visit: "_Visit", eligible: list[Ready]) -> tuple[list[Ready], set[str]]:
        """Those that may still be shown, and of which campaigns one decision is reserved."""
        reserved: set[str] = set()
        kept: list[Ready] = []
        for ready in eligible:
            campaign = ready.campaign
            if campaign.budget is not None:
                if not self._budgets.reserve(visit.site.id, campaign.id, campaign.budget, visit.view.now):
                    continue
                reserved.add(campaign.id)
            kept.append(ready)
        return kept, reserved

    def _ordered(self, visit: "_Visit", eligible: list[Ready], slot: str) -> list[Ready]:
        """Candidates of one slot in the order in which they may try."""
        mine = [ready for ready in eligible if slot in ready.campaign.slots]
        ordered: list[Ready] = []
        for _, equals in groupby(mine, key=lambda ready: ready.rank):
            ordered += self._shuffled(visit, list(equals), slot)
            if len(ordered) >= CANDIDATES_LIMIT:
                break
        return ordered[:CANDIDATES_LIMIT]

    def _shuffled(self, visit: "_Visit", equals: list[Ready], slot: str) -> list[Ready]:
        """Equal campaigns in random order: by how likely each is the best, where all of them learn."""
        if len(equals) == 1:
            return equals
        shares = [1.0] * len(equals)
        aims = {(ready.campaign.allocation, ready.campaign.reward) for ready in equals}
        if len(aims) == 1 and equals[0].campaign.allocation == "bandit":
            shares = self._shares.campaigns(visit.site.id, equals, slot, visit.context)
        times = [
            self._chance.expovariate(share) for share in shares
        ]  # first arrivals: drawn without replacement
        return [equals[index] for index in sorted(range(len(equals)), key=times.__getitem__)]

    def _ask(self, visit: "_Visit", ready: Ready) -> Ask:
        campaign, site, who = ready.campaign, visit.site.id, visit.subject
        ghost = held_out(site, campaign.id, who, campaign.holdout) or (
            campaign.tier == "standard" and held_out(site, GLOBAL, who, self._global_holdout)
        )
        return Ask(campaign.id, campaign.caps, ghost, campaign.tier != "standard")

    def _granted(self, visit: "_Visit", ordered: list[list[Ready]], asks: list[list[Ask]]) -> list[Grant]:
        if not any(asks):
            return [Grant(None)] * len(asks)
        try:
            return self._caps.take(visit.site.id, visit.view, asks)
        except CapsUnavailable:
            return list(_uncounted(ordered, asks))

    def _decision(self, visit: "_Visit", ready: Ready, slot: str) -> Decision:
        site, campaign, context = visit.site.id, ready.campaign, visit.context
        variants = list(ready.creatives)
        if campaign.allocation == "bandit":
            shares = self._shares.variants(site, ready, slot, context)
        else:
            shares = list(ready.weights.values())
        at = self._chance.choices(range(len(variants)), shares)[0]
        variant, propensity = variants[at], round(shares[at], 6)
        creative = ready.creatives[variant]
        content = ready.content(variant, visit.told, visit.traits)
        token = Token(site, campaign.id, variant, slot, propensity, visit.view.now, context, new_nonce())
        signed = self._signer.sign(token)
        return Decision(
            campaign.id, variant, slot, creative.kind, content, propensity, signed, creative.items
        )

    def _decided(self, eligible: list[Ready], shown: list[Decision]) -> Iterator[Withheld]:
        drawn = {ready.campaign.id for ready in eligible if self.holdout(ready.campaign) > 0}
        for decision in shown:
            if decision.campaign in drawn:
                yield Withheld(decision.campaign, decision.slot, decision.token, "Offer Decided")

    def _withheld(self, visit: "_Visit", ready: Ready, slot: str) -> Withheld:
        campaign = ready.campaign.id
        token = Token(
            visit.site.id, campaign, "", slot, 1.0, visit.view.now, visit.context, new_nonce(), held=True
        )
        return Withheld(campaign, slot, self._signer.sign(token))


class _Visit(NamedTuple):
    """What one page's decisions have in common. ``told``: what creatives may tell, the profile itself only with
    consent to personalization."""

    site: Site
    view: View
    personal: bool
    subject: str
    context: str
    told: View
    traits: bool


def _visit(site: Site, profile: Profile, now: int, traits: bool) -> _Visit:
    view = View(profile, now, site.zone)
    if profile.consent.get("personalization") is False:
        return _Visit(
            site, view, False, subject(profile), "", View(Profile(id=profile.id), now, site.zone), False
        )
    return _Visit(site, view, True, subject(profile), context_of(profile), view, traits)


def _uncounted(ordered: list[list[Ready]], asks: list[list[Ask]]) -> Iterator[Grant]:
    """Without counts: the first fallback that has no caps to break."""
    shown: set[str] = set()
    for candidates, mine in zip(ordered, asks, strict=True):
        at = None
        for index, ready in enumerate(candidates):
            campaign = ready.campaign
            unbound = campaign.tier == "fallback" and not campaign.caps and not mine[index].ghost
            if unbound and campaign.id not in shown:
                at = index
                shown.add(campaign.id)
                break
        yield Grant(at)
