"""One campaign's report: counts by variant, day, stage, device and channel, and the comparison with its holdout."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, tzinfo
from typing import NamedTuple

from offers.bandit.contexts import parts
from offers.campaign.campaign import Campaign
from offers.decision.decision_counts import DecisionCounts, count_decisions
from offers.experiments.holdout_comparison import HoldoutComparison, compare_holdout
from offers.experiments.off_policy import OffPolicy
from offers.experiments.people import People
from offers.experiments.planned_end import planned_end
from offers.experiments.split_comparison import SplitComparison, compare_split
from offers.experiments.variant_comparison import shown_to_all
from offers.feedback.attribution import Impression, attributed_impressions
from offers.feedback.responses import Response
from offers.reports.response_counts import ResponseCounts, break_down, count_responses, decisions_of
from warehouse.feeds.offer_events import GoalEvent


class VariantReport(NamedTuple):
    """``shown_to_all``: what each impression would have brought if everybody had been shown this variant; None without
    impressions."""

    counts: ResponseCounts
    shown_to_all: OffPolicy | None


class CampaignReport(NamedTuple):
    """One campaign's whole report. ``split``: its variants by people, where they are not the bandit's."""

    campaign: str
    total: ResponseCounts
    variants: list[VariantReport]
    days: list[ResponseCounts]
    stages: list[ResponseCounts]
    devices: list[ResponseCounts]
    channels: list[ResponseCounts]
    withheld: int
    comparison: HoldoutComparison | None
    split: SplitComparison | None = None


def campaign_report(
    campaign: Campaign,
    responses: Sequence[Response],
    goals: Iterable[GoalEvent],
    zone: tzinfo = UTC,
    holdout: float | None = None,
    counted: DecisionCounts | None = None,
    people: People | None = None,
    now: int = 0,
) -> CampaignReport:
    """The report of ``campaign``. ``responses`` are verified and may be of other campaigns, too.

    ``holdout``: the campaign's share with the global holdout included, as it is now. ``people``: those who were
    enrolled in the span, as of ``now`` (ms); without them nothing is compared. ``counted``: its decision counts by day.
    Without them, as for a part of a day, the decisions that were logged one by one are counted: those under a holdout,
    of visitors who did not opt out.
    """
    mine = [response for response in responses if response.token.campaign == campaign.id]
    goals = [goal for goal in goals if goal.event == campaign.goal.event]
    impressions = attributed_impressions(mine, goals, {campaign.id: campaign})
    share = campaign.holdout if holdout is None else holdout
    decisions = counted if share <= 0 or (counted and counted.total) else _logged_decisions(mine, zone)
    comparison = split = None
    if people is not None:
        if share > 0 or bool((~(people.held_share == 0)).any()):
            since = people.since[~(people.held_share == 0)]
            end = planned_end(since, campaign.plan.days, campaign.goal.window_ms, now)
            comparison = compare_holdout(people, share, end)
        if campaign.allocation != "bandit" and len(campaign.creatives) > 1:
            split = compare_split(campaign, people)

    def day(each: Impression) -> str:
        return datetime.fromtimestamp(each.ts / 1000, zone).date().isoformat()

    return CampaignReport(
        campaign.id,
        count_responses("", impressions, decisions.total if decisions else None),
        _variants(campaign, impressions, decisions.variants if decisions else None),
        break_down(impressions, day, decisions.days if decisions else None),
        break_down(impressions, lambda each: parts(each.context)[0], decisions.stages if decisions else None),
        break_down(
            impressions, lambda each: parts(each.context)[1], decisions.devices if decisions else None
        ),
        break_down(
            impressions, lambda each: parts(each.context)[2], decisions.channels if decisions else None
        ),
        sum(response.row.kind == "withheld" for response in mine),
        comparison,
        split,
    )


def _logged_decisions(responses: Iterable[Response], zone: tzinfo) -> DecisionCounts:
    logged = [(token.variant, row.ts, token.context) for token, row in responses if row.kind == "decided"]
    return count_decisions(logged, zone)


def _variants(
    campaign: Campaign,
    impressions: list[Impression],
    decisions: Mapping[str, int] | None,
) -> list[VariantReport]:
    """Every variant of the campaign, and former variants that were shown."""
    names = [creative.id for creative in campaign.creatives]
    names += sorted({each.variant for each in impressions}.union(decisions or ()) - set(names))
    by_variant = {name: [each for each in impressions if each.variant == name] for name in names}
    return [
        VariantReport(
            count_responses(name, mine, decisions_of(decisions, name)),
            shown_to_all(campaign, impressions, name),
        )
        for name, mine in by_variant.items()
    ]
