"""One campaign's whole result in a span: what it achieved, compared with the visitors it was withheld from."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import islice

import numpy as np

from offers.audience.audience import Audience
from offers.bandit.arm_store import ArmStore
from offers.bandit.contexts import SlotCounts
from offers.bandit.thompson_sampling import best_probabilities, with_exploration
from offers.campaign.campaign import Campaign
from offers.campaign.store import CampaignStore
from offers.coupons.pool import CouponStore, Pool
from offers.coupons.redemption import Redemptions, redemptions
from offers.decision.decider import Decider
from offers.decision.decision_counts import DecisionCountStore
from offers.enrolment.enrolled import enrolled
from offers.enrolment.outcomes import people_of
from offers.experiments.people import Flags
from offers.feedback.attribution import Impression, attributed_impressions
from offers.feedback.responses import verified_responses
from offers.feedback.token import MAX_AGE_MS, TokenSigner
from offers.feedback.warehouse import WarehouseResponses
from offers.reports.campaign_report import CampaignReport, campaign_report
from offers.reports.experiment import Experiment, experiment_of
from offers.reports.response_counts import ResponseCounts, by_segment
from offers.segments.lookalike import LookAlike, look_alike, revealing_fields
from offers.segments.store import SegmentStore
from offers.segments.views import Views
from profiles.store.person import people_by_id
from profiles.store.port import ProfileStore
from tracker.sites import Site
from warehouse.delta import Warehouse
from warehouse.feeds.coupon_orders import coupon_orders
from warehouse.question.span import Span

CONTEXTS_SHOWN = 8
SEGMENTED = 5_000
SEEDS, OTHERS = 1_000, 4_000
"""Responders and other visitors that a look-alike audience is learned from."""


@dataclass(frozen=True, slots=True)
class Belief:
    """What the bandit believes of a variant: its reward for each showing, and how often it now plays it."""

    variant: str
    shown: float
    rate: float
    share: float


@dataclass(frozen=True, slots=True)
class Lesson:
    """What the bandit learned of one slot and kind of visitor: ``stage|device|channel``, "" is everybody."""

    slot: str
    context: str
    beliefs: tuple[Belief, ...]


@dataclass(frozen=True, slots=True)
class Result:
    """``refused``: answers that did not count, by reason: forged, replayed, stale, foreign. ``segments``: tallies of
    those who are in each segment now, of the SEGMENTED visitors who saw it last. ``segment_names``: by id."""

    campaign: Campaign
    report: CampaignReport
    refused: dict[str, int]
    lessons: tuple[Lesson, ...]
    answered: tuple[Impression, ...]
    segments: tuple[ResponseCounts, ...] = ()
    segment_names: dict[str, str] = field(default_factory=dict)
    coupons: "CouponResult | None" = None
    experiment: Experiment | None = None


@dataclass(frozen=True, slots=True)
class CouponResult:
    """The campaign's pool as it is now, and the orders of the span that redeemed its codes."""

    pool: Pool
    redeemed: Redemptions


@dataclass(frozen=True, slots=True, kw_only=True)
class CampaignResults:
    """Counts the result of a campaign from the warehouse, the counted decisions and what the bandit learned."""

    warehouse: Warehouse
    profiles: ProfileStore
    segments: SegmentStore
    campaigns: CampaignStore
    decider: Decider
    decided: DecisionCountStore
    arms: ArmStore
    signer: TokenSigner
    coupons: CouponStore
    clock: Callable[[], float]
    views: Views

    def result(self, site: Site, campaign: Campaign, span: Span) -> Result:
        """From the warehouse. A goal counts that was reached within the campaign's window, be it after the span."""
        events = WarehouseResponses(self.warehouse)
        now = int(self.clock() * 1000)
        until = span.end + max(campaign.goal.window_ms, campaign.goal.view_window_ms)
        # From as early as an answer may come: one that was given before is not counted again for being repeated. What
        # was answered after the span belongs to the people who were enrolled in it.
        rows = events.offer_events(site.id, max(0, span.start - MAX_AGE_MS), until, [campaign.id])
        known, refused = verified_responses(rows, self.signer, site.id, span.start, span.end)
        answers = [each for each in known if each.row.ts < span.end]
        asked = [campaign.goal.event] if answers else []
        goals = events.goal_events(site.id, asked, span.start, until, site.currency) if asked else []
        holdout = self.decider.holdout(campaign)
        counted = self.decided.read(site, campaign.id, span.days()) if span.whole else None
        persons = enrolled(self.warehouse, self.signer, site.id, campaign.id, span.start, span.end)
        people = people_of(self.warehouse, site.id, campaign, persons, known, now, site.currency)
        made = campaign_report(campaign, answers, goals, site.zone, holdout, counted, people, now)
        mine = [each for each in answers if each.token.campaign == campaign.id]
        found = attributed_impressions(mine, goals, {campaign.id: campaign})
        answered = tuple(each for each in found if each.delay(campaign.reward) is not None)
        learned = self.arms.learned(site.id).get(campaign.id, {})
        told = tuple(lessons(campaign, learned))
        names = {each.id: each.name for each in self.segments.all(site.id)}
        tallies = tuple(self._segments(site, found)) if names else ()
        coupons = self._coupons(site, campaign.coupons, span) if campaign.coupons else None
        inside = self._members(site, [each.profile for each in persons]) if names else {}
        experiment = experiment_of(campaign, people, site.zone, now, inside) if persons else None
        return Result(campaign, made, refused, told, answered, tallies, names, coupons, experiment)

    def _coupons(self, site: Site, name: str, span: Span) -> CouponResult:
        pool, issued = self.coupons.pool(site.id, name), self.coupons.issued(site.id, name)
        orders = coupon_orders(self.warehouse, site.id, span.start, span.end, site.currency) if issued else []
        return CouponResult(pool or Pool(name, 0, 0), redemptions(orders, issued, site.currency))

    def expansion(self, site: Site, result: Result) -> LookAlike | None:
        """An audience of others like those who answered. Raises ProfilesUnavailable."""
        ids = list(dict.fromkeys(showing.profile for showing in reversed(result.answered)))[:SEEDS]
        view_of = self.views.of(site)
        seeds = [view_of(each) for each in people_by_id(self.profiles, site.id, ids).values()]
        others = [view_of(each) for each in islice(self.profiles.people(site.id), OTHERS)]
        reward = result.campaign.reward
        asked = [(each.id, Audience.parse(each.audience)) for each in self.segments.all(site.id)]
        segments = {name for name, audience in asked if not audience.asks(revealing_fields(reward))}
        return look_alike(seeds, others, reward, segments)

    def _members(self, site: Site, profiles: Sequence[str]) -> dict[str, Flags]:
        """By segment which of the enrolled are in it, of the SEGMENTED who were enrolled last."""
        known = people_by_id(self.profiles, site.id, profiles[-SEGMENTED:])
        view_of = self.views.of(site)
        inside: dict[str, Flags] = {}
        for at, name in enumerate(profiles):
            for segment in view_of(known[name]).segments if name in known else ():
                inside.setdefault(segment, np.zeros(len(profiles), np.bool_))[at] = True
        return inside

    def _segments(self, site: Site, found: Sequence[Impression]) -> list[ResponseCounts]:
        ids = list(dict.fromkeys(showing.profile for showing in reversed(found)))[:SEGMENTED]
        known = people_by_id(self.profiles, site.id, ids)
        view_of = self.views.of(site)
        segments = {each: view_of(profile).segments for each, profile in known.items()}
        return by_segment(found, segments)


def lessons(campaign: Campaign, learned: dict[str, SlotCounts]) -> list[Lesson]:
    """For each slot what holds for everybody, then the kinds of visitors it was shown to most."""
    if campaign.allocation != "bandit":
        return []
    found = []
    for slot, counts in sorted(learned.items()):
        shown = {name: sum(arm.shown for arm in each.values()) for name, each in counts.contexts.items()}
        full = sorted((name for name in shown if name.count("|") == 2), key=lambda name: -shown[name])
        for context in ["", *full[:CONTEXTS_SHOWN]]:
            arms = {each.id: counts.arms(context).get(each.id) for each in campaign.creatives}
            known = {name: arm for name, arm in arms.items() if arm is not None and arm.shown > 0}
            if len(known) < 1:
                continue
            shares = with_exploration(best_probabilities(list(known.values()), campaign.reward))
            own = counts.contexts.get(context, {})
            beliefs = tuple(
                Belief(
                    name,
                    own[name].shown if name in own else 0.0,
                    (arm.worth if campaign.reward == "revenue" else arm.rewarded) / arm.shown,
                    share,
                )
                for (name, arm), share in zip(known.items(), shares, strict=True)
            )
            found.append(Lesson(slot, context, beliefs))
    return found
