"""The decision: for each slot of a page the one offer, and variant of it, that this visitor is shown. Or none.

Eligible → highest tier → highest priority → among equals the order is drawn → caps. The variant is drawn last.
"""

import random
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from itertools import groupby
from typing import Any, NamedTuple

from offers.bandit import Arm, Arms, NoArms, Reward, best_of, explored
from offers.budget import Budgets, Unlimited
from offers.campaign import Campaign
from offers.caps import Ask, Caps, CapsUnavailable, Grant
from offers.contexts import context_of
from offers.eligibility import Ready
from offers.holdout import GLOBAL, draw, held_out, subject
from offers.store import Campaigns
from offers.token import Token, TokenSigner, new_nonce
from offers.view import View
from profiles.model import Profile
from tracker.sites import Site

SLOTS_LIMIT = 20
CANDIDATES_LIMIT = 50
"""Campaigns that one slot's caps step may try."""
SHARES_SECONDS = 5.0
"""How long the probabilities that were worked out from the counts are used."""
SHARES_KEPT = 10_000


class Decision(NamedTuple):
    """What to show. ``propensity``: how likely this variant was, given the campaign. ``token`` comes back signed."""

    campaign: str
    variant: str
    slot: str
    kind: str
    content: Any
    propensity: float
    token: str


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

    def page(self, site: Site, profile: Profile, slots: Sequence[str]) -> Page:
        """All offer slots of one page at once, in the order of their claim."""
        wanted = list(dict.fromkeys(slots))[:SLOTS_LIMIT]
        view = View(profile, int(self._clock() * 1000), site.zone)
        personal = profile.consent.get("personalization") is not False
        context = context_of(profile) if personal else ""
        eligible = self._eligible(site, view, personal, frozenset(wanted))
        eligible, reserved = self._within_budget(site.id, eligible, view.now)
        ordered = [self._ordered(site.id, eligible, slot, context) for slot in wanted]
        asks = [
            [self._ask(site.id, ready, subject(profile)) for ready in candidates] for candidates in ordered
        ]
        grants = self._granted(site.id, view, ordered, asks)
        decisions: dict[str, Decision | None] = dict.fromkeys(slots)
        withheld: list[Withheld] = []
        for slot, candidates, grant in zip(wanted, ordered, grants, strict=True):
            withheld += [
                self._withheld(site.id, candidates[i], slot, context, view.now) for i in grant.withheld
            ]
            if grant.shown is not None:
                decisions[slot] = self._decision(site.id, candidates[grant.shown], slot, context, view.now)
        shown = [decision for decision in decisions.values() if decision]
        for campaign in reserved - {decision.campaign for decision in shown}:
            self._budgets.give_back(site.id, campaign)
        return Page(decisions, tuple(withheld), tuple(self._decided(eligible, shown)))

    def holdout(self, campaign: Campaign) -> float:
        """The share of visitors from whom it is withheld, by its own and the global holdout."""
        overall = self._global_holdout if campaign.tier == "standard" else 0.0
        return 1 - (1 - campaign.holdout) * (1 - overall)

    def _eligible(self, site: Site, view: View, personal: bool, slots: frozenset[str]) -> list[Ready]:
        """Best tier and priority first. Of a mutual-exclusion group, the one campaign drawn for this visitor."""
        running = [ready for ready in self._campaigns.ready(site) if ready.scheduled(view.now, view.local)]
        drawn: dict[str, str] = {}
        for ready in running:
            group, mine = ready.campaign.group, ready.campaign.id
            if group and _claim(site.id, group, mine, view) > _claim(site.id, group, drawn.get(group), view):
                drawn[group] = mine
        return [
            ready
            for ready in running
            if drawn.get(ready.campaign.group, ready.campaign.id) == ready.campaign.id
            and not slots.isdisjoint(ready.campaign.slots)
            and ready.refusal(view, personal) is None
        ]

    def _within_budget(self, site: str, eligible: list[Ready], now: int) -> tuple[list[Ready], set[str]]:
        """Those that may still be shown, and of which campaigns one decision is reserved."""
        reserved: set[str] = set()
        kept: list[Ready] = []
        for ready in eligible:
            campaign = ready.campaign
            if campaign.budget is not None:
                if not self._budgets.reserve(site, campaign.id, campaign.budget, now):
                    continue
                reserved.add(campaign.id)
            kept.append(ready)
        return kept, reserved

    def _ordered(self, site: str, eligible: list[Ready], slot: str, context: str) -> list[Ready]:
        """Candidates of one slot in the order in which they may try."""
        mine = [ready for ready in eligible if slot in ready.campaign.slots]
        ordered: list[Ready] = []
        for _, equals in groupby(mine, key=lambda ready: ready.rank):
            ordered += self._shuffled(site, list(equals), slot, context)
            if len(ordered) >= CANDIDATES_LIMIT:
                break
        return ordered[:CANDIDATES_LIMIT]

    def _shuffled(self, site: str, equals: list[Ready], slot: str, context: str) -> list[Ready]:
        """Equal campaigns in random order: by how likely each is the best, where all of them learn."""
        if len(equals) == 1:
            return equals
        shares = [1.0] * len(equals)
        aims = {(ready.campaign.allocation, ready.campaign.reward) for ready in equals}
        if len(aims) == 1 and equals[0].campaign.allocation == "bandit":
            shares = self._shares.campaigns(site, equals, slot, context)
        times = [
            self._chance.expovariate(share) for share in shares
        ]  # first arrivals: drawn without replacement
        return [equals[index] for index in sorted(range(len(equals)), key=times.__getitem__)]

    def _ask(self, site: str, ready: Ready, who: str) -> Ask:
        campaign = ready.campaign
        ghost = held_out(site, campaign.id, who, campaign.holdout) or (
            campaign.tier == "standard" and held_out(site, GLOBAL, who, self._global_holdout)
        )
        return Ask(campaign.id, campaign.caps, ghost, campaign.tier != "standard")

    def _granted(
        self, site: str, view: View, ordered: list[list[Ready]], asks: list[list[Ask]]
    ) -> list[Grant]:
        if not any(asks):
            return [Grant(None)] * len(asks)
        try:
            return self._caps.take(site, view, asks)
        except CapsUnavailable:
            return list(_uncounted(ordered, asks))

    def _decision(self, site: str, ready: Ready, slot: str, context: str, now: int) -> Decision:
        campaign = ready.campaign
        variants = list(ready.contents)
        if campaign.allocation == "fixed":
            shares = list(ready.weights.values())
        else:
            shares = self._shares.variants(site, ready, slot, context)
        at = self._chance.choices(range(len(variants)), shares)[0]
        creative, propensity = campaign.creatives[at], round(shares[at], 6)
        token = Token(site, campaign.id, creative.id, slot, propensity, now, context, new_nonce())
        content = ready.contents[creative.id]
        return Decision(
            campaign.id, creative.id, slot, creative.kind, content, propensity, self._signer.sign(token)
        )

    def _decided(self, eligible: list[Ready], shown: list[Decision]) -> Iterator[Withheld]:
        drawn = {ready.campaign.id for ready in eligible if self.holdout(ready.campaign) > 0}
        for decision in shown:
            if decision.campaign in drawn:
                yield Withheld(decision.campaign, decision.slot, decision.token, "Offer Decided")

    def _withheld(self, site: str, ready: Ready, slot: str, context: str, now: int) -> Withheld:
        token = Token(site, ready.campaign.id, "", slot, 1.0, now, context, new_nonce(), held=True)
        return Withheld(ready.campaign.id, slot, self._signer.sign(token))


class Shares:
    """How often each arm is played, worked out from the counts at most every SHARES_SECONDS."""

    def __init__(self, arms: Arms, clock: Callable[[], float]) -> None:
        self._arms, self._clock = arms, clock
        self._known: dict[tuple[str, ...], tuple[float, list[float]]] = {}
        self._lock = threading.Lock()

    def variants(self, site: str, ready: Ready, slot: str, context: str) -> list[float]:
        """In the order of the creatives; they sum to 1."""
        if len(ready.contents) == 1:
            return [1.0]
        key = (site, slot, context, ready.campaign.id, *ready.contents)
        return self._remembered(
            key, ready.campaign.reward, lambda: self._variant_arms(site, ready, slot, context)
        )

    def campaigns(self, site: str, equals: list[Ready], slot: str, context: str) -> list[float]:
        """In the order of ``equals``: each campaign as one arm."""
        key = (site, slot, context, "", *(ready.campaign.id for ready in equals))
        return self._remembered(
            key,
            equals[0].campaign.reward,
            lambda: [_pooled(self._variant_arms(site, ready, slot, context)) for ready in equals],
        )

    def _variant_arms(self, site: str, ready: Ready, slot: str, context: str) -> list[Arm]:
        counts = self._arms.arms(site, ready.campaign.id, slot, context)
        return [counts.get(variant, Arm()) for variant in ready.contents]

    def _remembered(self, key: tuple[str, ...], reward: Reward, arms: Callable[[], list[Arm]]) -> list[float]:
        now = self._clock()
        known = self._known.get(key)
        if known and 0 <= now - known[0] < SHARES_SECONDS:
            return known[1]
        shares = explored(best_of(arms(), reward))
        with self._lock:
            if len(self._known) >= SHARES_KEPT:
                self._known.clear()
            self._known[key] = (now, shares)
        return shares


def _pooled(arms: list[Arm]) -> Arm:
    return Arm(*(sum(column) for column in zip(*arms, strict=True)))


def _claim(site: str, group: str, campaign: str | None, view: View) -> float:
    """Rendezvous hashing: a campaign that joins or leaves the group moves only its own visitors."""
    return -1.0 if campaign is None else draw(site, f"group:{group}:{campaign}", subject(view.profile))


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
