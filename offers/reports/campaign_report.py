"""What a campaign achieved, honestly: per variant, day and bucket, and against those from whom it was withheld."""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from datetime import UTC, datetime, tzinfo
from typing import NamedTuple

from offers.bandit.contexts import parts
from offers.bandit.thompson_sampling import Arm, best_probabilities
from offers.campaign.campaign import Campaign
from offers.decision.decision_counts import DecisionCounts, count_decisions
from offers.experiments.lift import SUSPICIOUS, Group, Interval, Lift, lift, sample_ratio, wilson
from offers.experiments.off_policy import CLIP, OffPolicy, estimate
from offers.feedback.attribution import Impression, attributed_impressions
from offers.feedback.responses import GoalRow, Response


class ResponseCounts(NamedTuple):
    """Counts of one row of the report. ``decisions`` are None where they are not known: of a part of a day, longer ago
    than they are kept, and by what a visitor has become since."""

    name: str
    impressions: int = 0
    clicks: int = 0
    dismissals: int = 0
    conversions: int = 0
    revenue: float = 0.0
    visitors: int = 0
    decisions: int | None = None

    @property
    def ctr(self) -> Interval:
        """Clicks for each impression."""
        return wilson(min(self.clicks, self.impressions), self.impressions)

    @property
    def conversion_rate(self) -> Interval:
        """Converted showings for each impression."""
        return wilson(min(self.conversions, self.impressions), self.impressions)


class VariantReport(NamedTuple):
    """``best``: the probability that it is the best one for what the campaign is to achieve. ``instead``: what each
    showing would have brought, had everybody been shown this variant; None while nobody was."""

    tally: ResponseCounts
    best: float
    instead: OffPolicy | None


class HoldoutComparison(NamedTuple):
    """Shown against withheld. ``crossed``: visitors who were in both groups, before they were known to be one person;
    they count in that of their first decision. ``mismatch``: group sizes that no fair draw gives: do not trust it."""

    lift: Lift | None
    expected: float
    chance: float
    crossed: int

    @property
    def mismatch(self) -> bool:
        return self.chance < SUSPICIOUS


class CampaignReport(NamedTuple):
    """One campaign's whole report."""

    campaign: str
    total: ResponseCounts
    variants: list[VariantReport]
    days: list[ResponseCounts]
    stages: list[ResponseCounts]
    devices: list[ResponseCounts]
    channels: list[ResponseCounts]
    withheld: int
    comparison: HoldoutComparison | None


def campaign_report(
    campaign: Campaign,
    answers: Sequence[Response],
    goals: Iterable[GoalRow],
    zone: tzinfo = UTC,
    holdout: float | None = None,
    counted: DecisionCounts | None = None,
    since: int = 0,
) -> CampaignReport:
    """The report of ``campaign`` from verified answers (of any). ``holdout``: its share, the global one included,
    ``since`` when (ms): who was decided about under another share is compared from then on.

    ``counted``: its decisions by day; without them, as of a part of a day, those that were logged one by one, as they
    are under a holdout of whoever did not opt out.
    """
    mine = [answer for answer in answers if answer.token.campaign == campaign.id]
    goals = [goal for goal in goals if goal.event == campaign.goal.event]
    found = attributed_impressions(mine, goals, {campaign.id: campaign})
    share = campaign.holdout if holdout is None else holdout
    logged = [(token.variant, row.ts, token.context) for token, row in mine if row.kind == "decided"]
    known = counted if share <= 0 or (counted and counted.total) else count_decisions(logged, zone)

    def day(showing: Impression) -> str:
        return datetime.fromtimestamp(showing.ts / 1000, zone).date().isoformat()

    def part(at: int) -> Callable[[Impression], str]:
        return lambda showing: parts(showing.context)[at]

    return CampaignReport(
        campaign.id,
        _tally("", found)._replace(decisions=known.total if known else None),
        _variants(campaign, found, known.variants if known else None),
        _grouped(found, day, known.days if known else None),
        _grouped(found, part(0), known.stages if known else None),
        _grouped(found, part(1), known.devices if known else None),
        _grouped(found, part(2), known.channels if known else None),
        sum(answer.row.kind == "withheld" for answer in mine),
        compare_holdout(campaign, (each for each in mine if each.row.ts >= since), goals, share)
        if share > 0
        else None,
    )


def by_segment(
    found: Iterable[Impression], segments_of: Mapping[str, Collection[str]]
) -> list[ResponseCounts]:
    """The showings of each segment's members; somebody in two segments counts in both. ``segments_of``: by profile."""
    groups: dict[str, list[Impression]] = {}
    for showing in found:
        for segment in segments_of.get(showing.profile, ()):
            groups.setdefault(segment, []).append(showing)
    return [_tally(name, groups[name]) for name in sorted(groups)]


def compare_holdout(
    campaign: Campaign, mine: Iterable[Response], goals: Iterable[GoalRow], share: float
) -> HoldoutComparison:
    """Every visitor from their first decision on, in the group that the draw then put them in.

    To leave out who was in both would leave out those who come often, mostly of the smaller group.
    """
    first: dict[str, tuple[int, bool]] = {}  # by profile: when, and whether withheld
    groups: dict[str, set[bool]] = {}
    for token, row in mine:
        if row.kind in ("decided", "withheld"):
            moment = (row.ts, token.held)
            first[row.profile] = min(first.get(row.profile, moment), moment)
            groups.setdefault(row.profile, set()).add(token.held)
    worth: dict[str, list[float]] = {profile: [] for profile in first}
    for goal in goals:
        since = first.get(goal.profile)
        if since is not None and 0 <= goal.ts - since[0] <= campaign.goal.window_ms:
            worth[goal.profile].append(goal.value)
    shown, withheld = (
        _group([worth[profile] for profile, (_, held) in first.items() if held is which])
        for which in (False, True)
    )
    chance = sample_ratio(shown.visitors, withheld.visitors, share)
    return HoldoutComparison(
        lift(shown, withheld), share, chance, sum(len(each) > 1 for each in groups.values())
    )


def _group(visitors: list[list[float]]) -> Group:
    sums = [sum(values) for values in visitors]
    return Group(len(visitors), sum(map(bool, visitors)), sum(sums), sum(each**2 for each in sums))


def _variants(
    campaign: Campaign, found: list[Impression], decisions: Mapping[str, int] | None
) -> list[VariantReport]:
    """Every variant of the campaign, and those it had before if they were shown."""
    names = [creative.id for creative in campaign.creatives]
    names += sorted({showing.variant for showing in found}.union(decisions or ()) - set(names))
    by_variant = {name: [showing for showing in found if showing.variant == name] for name in names}
    arms = [
        _arm(campaign, each) for each in by_variant.values()
    ]  # weighed: the bandit chose whom each was shown to
    rows = []
    for (name, mine), best in zip(by_variant.items(), best_probabilities(arms, campaign.reward), strict=True):
        tally = _tally(name, mine)._replace(decisions=_number(decisions, name))
        rows.append(VariantReport(tally, best, _instead(campaign, found, name)))
    return rows


def _arm(campaign: Campaign, found: list[Impression]) -> Arm:
    """What one variant did, as if it had been shown to everybody alike: each showing weighs by how unlikely it was, and
    together they are worth as many as tell the same (Kish's effective sample size)."""
    weights = [showing.weight / max(showing.propensity, 1 / CLIP) for showing in found]
    total = sum(weights)
    scale = total / sum(weight**2 for weight in weights) if found else 0.0
    arm = Arm(total * scale)
    for showing, weight in zip(found, weights, strict=True):
        if showing.delay(campaign.reward) is not None:
            value = showing.value
            arm = arm.plus(Arm(0.0, 1.0, value, value**2), weight * scale)
    return arm


def _instead(campaign: Campaign, found: list[Impression], variant: str) -> OffPolicy | None:
    """From the time in which it was on offer: what was shown before or after could not have been this variant."""
    mine = [showing.ts for showing in found if showing.variant == variant]
    if not mine:
        return None
    still = any(creative.id == variant for creative in campaign.creatives)
    while_offered = [each for each in found if mine[0] <= each.ts and (still or each.ts <= mine[-1])]
    if campaign.reward == "revenue":
        rewards = [showing.value for showing in while_offered]
    else:
        rewards = [float(showing.delay(campaign.reward) is not None) for showing in while_offered]
    targets = [float(showing.variant == variant) for showing in while_offered]
    return estimate(rewards, [max(showing.propensity, 1e-6) for showing in while_offered], targets)


def _tally(name: str, found: Sequence[Impression]) -> ResponseCounts:
    return ResponseCounts(
        name,
        len(found),
        sum(showing.clicked is not None for showing in found),
        sum(showing.dismissed for showing in found),
        sum(showing.converted is not None for showing in found),
        round(sum(showing.value for showing in found), 6),
        len({showing.profile for showing in found}),
    )


def _grouped(
    found: list[Impression], name_of: Callable[[Impression], str], decisions: Mapping[str, int] | None
) -> list[ResponseCounts]:
    """A row of each name that showings or decisions have."""
    groups: dict[str, list[Impression]] = {}
    for showing in found:
        groups.setdefault(name_of(showing), []).append(showing)
    return [
        _tally(name, groups.get(name, []))._replace(decisions=_number(decisions, name))
        for name in sorted({*groups, *(decisions or ())})
    ]


def _number(decisions: Mapping[str, int] | None, name: str) -> int | None:
    return None if decisions is None else decisions.get(name, 0)
