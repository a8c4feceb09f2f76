"""A campaign's result as the JSON of the API, and as tables for CSV."""

from collections.abc import Sequence
from dataclasses import asdict, astuple, dataclass
from math import isfinite
from typing import Any

from offers.experiments.holdout_comparison import HoldoutComparison
from offers.experiments.intervals import Interval
from offers.experiments.lift import Effects, Group, Lift
from offers.experiments.off_policy import Estimate, OffPolicy
from offers.experiments.split_comparison import SplitComparison
from offers.reports.experiment import Experiment
from offers.reports.response_counts import ResponseCounts
from warehouse.definitions.shares import share_of
from web.reports.campaign_result import CouponResult, Result

TABLES = ("variants", "days", "stages", "devices", "channels", "segments", "learned", "course", "effects")

PROGRESS = ("counted", "open", "needed", "days_left", "complete")


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
            {
                **_tally(each.counts),
                "winner": _wins(result, each.counts.name),
                "instead": _off_policy(each.shown_to_all),
            }
            for each in made.variants
        ],
        "days": _tallies(made.days),
        "stages": _tallies(made.stages),
        "devices": _tallies(made.devices),
        "channels": _tallies(made.channels),
        "segments": _tallies(result.segments),
        "comparison": _comparison(made.comparison),
        "split": _split(made.split),
        "learned": result.lessons,
        "refused": result.refused,
        "coupons": _coupons(result.coupons),
        "experiment": _experiment(result.experiment),
    }


def _coupons(found: CouponResult | None) -> dict[str, Any] | None:
    if found is None:
        return None
    return {
        "pool": found.pool.name,
        "free": found.pool.free,
        "issued": found.pool.issued,
        **found.redeemed._asdict(),
    }


@dataclass(frozen=True, slots=True)
class ResultRow:
    """A line of one of TABLES as a file: rates are parts of 1, of the people who saw it. ``winner``: it is shown that
    this variant is the best."""

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
    winner: bool | None = None


@dataclass(frozen=True, slots=True)
class Learned:
    """A line of what the bandit learned, see Lesson and Belief."""

    slot: str
    context: str
    variant: str
    shown: float
    rate: float
    share: float


@dataclass(frozen=True, slots=True)
class EffectRow:
    """The difference of conversion rates of shown and withheld people, as parts of 1, and its always-valid interval: by
    day of enrolment (``kind`` is day), or of a part of the people."""

    kind: str
    name: str
    people: int
    difference: float | None
    low: float | None
    high: float | None


def table_of(result: Result, table: str) -> list[ResultRow] | list[Learned] | list[EffectRow]:
    """One of TABLES."""
    made = result.report
    if table == "learned":
        return [
            Learned(each.slot, each.context, *astuple(belief))
            for each in result.lessons
            for belief in each.beliefs
        ]
    if table in ("course", "effects"):
        return _effect_rows(result.experiment, table)
    if table == "variants":
        return [_row(each.counts, _wins(result, each.counts.name)) for each in made.variants]
    return [_row(each) for each in (result.segments if table == "segments" else getattr(made, table))]


def _effect_rows(found: Experiment | None, table: str) -> list[EffectRow]:
    if found is None:
        return []
    if table == "course":
        return [EffectRow("day", each.day, each.people, *each.rate) for each in found.course]
    return [
        EffectRow(
            each.kind,
            each.name,
            each.shown.visitors + each.withheld.visitors,
            *(each.rate or (None, None, None)),
        )
        for each in found.parts
    ]


def _row(tally: ResponseCounts, winner: bool | None = None) -> ResultRow:
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
        winner=winner,
    )


def _wins(result: Result, variant: str) -> bool:
    """Whether it is shown that this variant is the best, and the people of the plan are there."""
    ahead = result.experiment.leader if result.experiment else None
    return ahead is not None and ahead.sure and ahead.variant == variant


def _experiment(found: Experiment | None) -> dict[str, Any] | None:
    if found is None:
        return None
    progress, ahead = found.progress, found.leader
    return {
        "progress": {
            **{each: getattr(progress, each) for each in PROGRESS},
            "planned": progress.planned.people,
            "end": progress.planned.at,
        },
        "course": [{**asdict(each), "rate": _interval(each.rate)} for each in found.course],
        "parts": [
            {
                "kind": each.kind,
                "name": each.name,
                "shown": _group(each.shown),
                "withheld": _group(each.withheld),
                "rate": _interval(each.rate),
            }
            for each in found.parts
        ],
        "guardrails": [
            {
                "name": each.name,
                "shown": _interval(each.shown),
                "withheld": _interval(each.withheld),
                "difference": _interval(each.difference),
                "harm": each.harm,
            }
            for each in found.guardrails
        ],
        "variants": ahead
        and {
            "ahead": ahead.variant,
            "winner": ahead.variant if ahead.sure else None,
            "rivals": [
                {"variant": each.variant, "difference": _interval(each.difference)} for each in ahead.rivals
            ],
        },
    }


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
    told |= {"crossed": found.crossed, "open": found.open, "unknown": found.unknown}
    return {**told, "lift": _lift(found.lift)}


def _split(found: SplitComparison | None) -> dict[str, Any] | None:
    if found is None:
        return None
    variants = [
        {
            **{name: value for name, value in each._asdict().items() if name != "squares"},
            "click_rate": _interval(each.click_rate),
            "conversion_rate": _interval(each.conversion_rate),
        }
        for each in found.variants
    ]
    told = {"chance": found.chance, "mismatch": found.mismatch, "crossed": found.crossed}
    return {"variants": variants, **told}


def _lift(found: Lift | None) -> dict[str, Any] | None:
    if found is None:
        return None
    return {
        "shown": _group(found.shown),
        "withheld": _group(found.withheld),
        **_effects(found),
        "planned": _effects(found.planned) if found.planned else None,
        "cap": found.cap._asdict() if found.cap else None,
        "verdict": found.verdict,
    }


def _effects(found: Lift | Effects) -> dict[str, Any]:
    """An effect without an end, of very few people, is none yet."""
    told = {name: getattr(found, name) for name in Effects._fields}
    return {
        name: _interval(each) if each and all(map(isfinite, each)) else None for name, each in told.items()
    }


def _group(group: Group) -> dict[str, Any]:
    share = share_of(group.converted, group.visitors)
    return {**group._asdict(), "rate": group.rate, "rate_interval": share}
