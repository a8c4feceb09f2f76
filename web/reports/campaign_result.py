"""One campaign's whole result in a span: what it achieved, and against whom it was withheld from; and as JSON."""

from collections.abc import Sequence
from dataclasses import astuple, dataclass, field
from typing import Any

from offers.audience.audience import Audience
from offers.bandit.contexts import SlotCounts
from offers.bandit.thompson_sampling import best_probabilities, with_exploration
from offers.campaign.campaign import Campaign
from offers.campaign.store import Version
from offers.experiments.holdout_comparison import HoldoutComparison
from offers.experiments.intervals import Interval
from offers.experiments.lift import Group, Lift
from offers.experiments.off_policy import Estimate, OffPolicy
from offers.feedback.attribution import Impression, attributed_impressions
from offers.feedback.responses import verified_responses
from offers.feedback.token import MAX_AGE_MS
from offers.feedback.warehouse import WarehouseResponses
from offers.reports.campaign_report import CampaignReport, campaign_report
from offers.reports.response_counts import ResponseCounts, by_segment
from offers.segments.lookalike import LookAlike, look_alike, revealing_fields
from tracker.sites import Site
from warehouse.question.span import Span
from web.stores import Stores

TABLES = ("variants", "days", "stages", "devices", "channels", "segments", "learned")
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


def result_of(stores: Stores, site: Site, campaign: Campaign, span: Span) -> Result:
    """From the warehouse. A goal counts that was reached within the campaign's window, be it after the span."""
    events = WarehouseResponses(stores.reports.warehouse)
    # From as early as an answer may come: one that was given before is not counted again for being repeated.
    rows = events.offer_events(site.id, max(0, span.start - MAX_AGE_MS), span.end, [campaign.id])
    answers, refused = verified_responses(rows, stores.campaigns.signer, site.id, since=span.start)
    until = span.end + max(campaign.goal.window_ms, campaign.goal.view_window_ms)
    goals = events.goal_events(site.id, [campaign.goal.event], span.start, until) if answers else []
    holdout = stores.campaigns.decider.holdout(campaign)
    counted = stores.campaigns.decided.read(site, campaign.id, span.days()) if span.whole else None
    since = holdout_since(stores.campaigns.store.versions(site.id, campaign.id), campaign.holdout)
    made = campaign_report(campaign, answers, goals, site.zone, holdout, counted, since)
    mine = [each for each in answers if each.token.campaign == campaign.id]
    found = attributed_impressions(mine, goals, {campaign.id: campaign})
    answered = tuple(each for each in found if each.delay(campaign.reward) is not None)
    learned = stores.campaigns.arms.learned(site.id).get(campaign.id, {})
    told = tuple(lessons(campaign, learned))
    names = {each.id: each.name for each in stores.segments.store.all(site.id)}
    tallies = tuple(_segments(stores, site, found)) if names else ()
    return Result(campaign, made, refused, told, answered, tallies, names)


def holdout_since(versions: Sequence[Version], holdout: float) -> int:
    """When (ms) the share became what it is, as far as the ``versions`` that are kept, newest first, tell; 0: ever."""
    since = 0
    for version in versions:
        if version.campaign is None or version.campaign.holdout != holdout:
            return since
        since = version.saved
    return 0


def _segments(stores: Stores, site: Site, found: Sequence[Impression]) -> list[ResponseCounts]:
    ids = list(dict.fromkeys(showing.profile for showing in reversed(found)))[:SEGMENTED]
    stored = stores.visitors.profiles.load(site.id, ids)
    segments = {each: profile.segments for each in ids if (profile := stored[each].profile) is not None}
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


def expansion(stores: Stores, site: Site, result: Result) -> LookAlike | None:
    """An audience of others like those who answered. Raises ProfilesUnavailable."""
    ids = list(dict.fromkeys(showing.profile for showing in reversed(result.answered)))[:SEEDS]
    stored = stores.visitors.profiles.load(site.id, ids)
    seeds = [found for each in ids if (found := stored[each].profile) is not None]
    others = [each for each, _ in zip(stores.visitors.profiles.people(site.id), range(OTHERS), strict=False)]
    reward = result.campaign.reward
    asked = [(each.id, Audience.parse(each.audience)) for each in stores.segments.store.all(site.id)]
    segments = {name for name, audience in asked if not audience.asks(revealing_fields(reward))}
    return look_alike(seeds, others, int(stores.clock() * 1000), site, reward, segments)


def as_json(result: Result) -> dict[str, Any]:
    """As ``/v1/reports/campaigns/{id}`` answers. Rates are parts of 1, money is in the site's currency."""
    made = result.report
    return {
        "campaign": made.campaign,
        "goal": result.campaign.goal,
        "reward": result.campaign.reward,
        "total": _tally(made.total),
        "withheld": made.withheld,
        "variants": [
            {**_tally(each.counts), "best": each.best, "instead": _off_policy(each.shown_to_all)}
            for each in made.variants
        ],
        "days": _tallies(made.days),
        "stages": _tallies(made.stages),
        "devices": _tallies(made.devices),
        "channels": _tallies(made.channels),
        "segments": _tallies(result.segments),
        "comparison": _comparison(made.comparison),
        "learned": result.lessons,
        "refused": result.refused,
    }


@dataclass(frozen=True, slots=True)
class ResultRow:
    """A line of one of TABLES as a file: rates are parts of 1, ``best`` is a variant's probability."""

    name: str
    decisions: int | None
    impressions: int
    clicks: int
    dismissals: int
    conversions: int
    revenue: float
    visitors: int
    click_rate: float | None
    conversion_rate: float | None
    best: float | None = None


@dataclass(frozen=True, slots=True)
class Learned:
    """A line of what the bandit learned, see Lesson and Belief."""

    slot: str
    context: str
    variant: str
    shown: float
    rate: float
    share: float


def table_of(result: Result, table: str) -> list[ResultRow] | list[Learned]:
    """One of TABLES."""
    made = result.report
    if table == "learned":
        return [
            Learned(each.slot, each.context, *astuple(belief))
            for each in result.lessons
            for belief in each.beliefs
        ]
    if table == "variants":
        return [_row(each.counts, each.best) for each in made.variants]
    return [_row(each) for each in (result.segments if table == "segments" else getattr(made, table))]


def _row(tally: ResponseCounts, best: float | None = None) -> ResultRow:
    seen = tally.impressions > 0
    return ResultRow(
        name=tally.name,
        decisions=tally.decisions,
        impressions=tally.impressions,
        clicks=tally.clicks,
        dismissals=tally.dismissals,
        conversions=tally.conversions,
        revenue=tally.revenue,
        visitors=tally.visitors,
        click_rate=tally.ctr.value if seen else None,
        conversion_rate=tally.conversion_rate.value if seen else None,
        best=best,
    )


def _tallies(tallies: Sequence[ResponseCounts]) -> list[dict[str, Any]]:
    return [_tally(each) for each in tallies]


def _tally(tally: ResponseCounts) -> dict[str, Any]:
    rates = {"ctr": _interval(tally.ctr), "conversion_rate": _interval(tally.conversion_rate)}
    return {**tally._asdict(), **rates}


def _interval(interval: Interval | None) -> dict[str, float] | None:
    return None if interval is None else interval._asdict()


def _off_policy(found: OffPolicy | None) -> dict[str, Any] | None:
    return None if found is None else {"ips": _estimate(found.ips), "snips": _estimate(found.snips)}


def _estimate(estimate: Estimate) -> dict[str, Any]:
    return estimate._asdict()


def _comparison(found: HoldoutComparison | None) -> dict[str, Any] | None:
    if found is None:
        return None
    told = {"expected": found.expected, "chance": found.chance, "mismatch": found.mismatch}
    return {**told, "crossed": found.crossed, "lift": _lift(found.lift)}


def _lift(found: Lift | None) -> dict[str, Any] | None:
    if found is None:
        return None
    groups = {"shown": _group(found.shown), "withheld": _group(found.withheld)}
    intervals = {
        name: _interval(getattr(found, name)) for name in ("rate", "relative", "revenue", "incremental")
    }
    return {**groups, **intervals}


def _group(group: Group) -> dict[str, Any]:
    return {**group._asdict(), "rate": group.rate}
