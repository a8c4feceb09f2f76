"""What a campaign's page shows of its results: figures in words, chart, intervals as lines."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, timedelta
from math import isfinite

from offers.campaign.campaign import Campaign
from offers.experiments.intervals import Interval
from offers.experiments.split_comparison import SplitComparison
from offers.reports.campaign_report import VariantReport
from offers.reports.response_counts import ResponseCounts
from offers.segments.lookalike import LookAlike
from tracker.sites import Site
from web.desk.campaigns.effect_view import EffectView, effect_view, points_of
from web.desk.pages import STAGES
from web.desk.period import Period
from web.drawing import formats
from web.drawing.charts import Plot, plot
from web.drawing.currencies import also
from web.labels import channel, device
from web.language import gettext as _
from web.reports.campaign_result import Lesson, Result


@dataclass(frozen=True, slots=True)
class Whisker:
    """An interval as a line with a dot, in a box 100 wide; ``text`` says it."""

    low: float
    value: float
    high: float
    text: str


@dataclass(frozen=True, slots=True)
class VariantRow:
    name: str
    share: float
    decisions: str
    impressions: int
    clicks: int
    dismissals: int
    ctr: Whisker
    conversions: int
    revenue: str
    instead: str
    ips: str


@dataclass(frozen=True, slots=True)
class PeopleRow:
    """A variant of a split by people."""

    name: str
    people: int
    share: str
    expected: str
    clicked: int
    rate: Whisker
    converted: int
    revenue: str


@dataclass(frozen=True, slots=True)
class Part:
    """Some of those who saw it: a stage, a device, a channel."""

    name: str
    tally: ResponseCounts
    share: float


@dataclass(frozen=True, slots=True)
class View:
    """``seen``: anybody saw it. ``known``: there is anything to tell, be it decisions that nobody saw the end of."""

    seen: bool
    known: bool
    campaign: Campaign
    result: Result
    figures: tuple[tuple[str, str, str], ...]
    plot: Plot
    points: str
    days: tuple[tuple[str, ...], ...]  # the newest first, without those on which nothing happened
    axis: tuple[str, ...]
    ticks: tuple[str, ...]
    variants: tuple[VariantRow, ...]
    people: tuple[PeopleRow, ...]
    parts: tuple[tuple[str, tuple[Part, ...]], ...]
    lift: tuple[tuple[str, Whisker, str], ...]
    zero: float
    fixed: tuple[str, ...]
    effect: EffectView | None
    lessons: tuple[tuple[str, Lesson], ...]
    proposed: LookAlike | None
    expanded: bool


def view_of(result: Result, site: Site, period: Period, proposed: LookAlike | None, expanded: bool) -> View:
    made, campaign = result.report, result.campaign
    total = made.total
    days = [period.first + timedelta(offset) for offset in range(period.days)]
    by_day = {tally.name: tally for tally in made.days}
    series = [by_day.get(day.isoformat(), ResponseCounts(day.isoformat())) for day in days]
    drawn = plot([float(tally.impressions) for tally in series])
    points = [
        {"x": point.x, "y": point.y, "label": formats.short_day(day), "text": _day_text(tally)}
        for point, day, tally in zip(drawn.points, days, series, strict=True)
    ]
    lift, zero = _lift(result, site)
    return View(
        seen=total.impressions > 0,
        known=bool(
            total.impressions
            or total.decisions
            or made.withheld
            or (result.coupons and result.coupons.pool.issued)
        ),
        campaign=campaign,
        result=result,
        figures=_figures(result, site),
        plot=drawn,
        points=json.dumps(points, ensure_ascii=False),
        days=tuple(_day_row(tally, site) for tally in reversed(made.days)),
        axis=tuple(formats.short_day(day) for day in (days[0], days[len(days) // 2], days[-1])),
        ticks=tuple(formats.compact(tick) for tick in drawn.ticks),
        variants=_variants(made.variants, total, site, campaign.reward == "revenue"),
        people=_people(made.split, site),
        parts=_parts(result),
        lift=lift,
        zero=zero,
        fixed=_fixed(result, site),
        effect=effect_view(result),
        lessons=tuple((_who(lesson.context), lesson) for lesson in result.lessons),
        proposed=proposed,
        expanded=expanded,
    )


def _figures(result: Result, site: Site) -> tuple[tuple[str, str, str], ...]:
    total, comparison = result.report.total, result.report.comparison
    lift = comparison.lift if comparison else None
    seen = total.impressions
    figures = [(_("Visitors"), formats.number(total.visitors), "")]
    if total.decisions is not None:
        figures.append((_("Decisions"), formats.number(total.decisions), _("to show the campaign")))
    figures += [
        (_("Impressions"), formats.number(seen), " · ".join(filter(None, _of_impressions(total)))),
        (_("Clicks"), formats.number(total.clicks), _per_person(total.ctr) if seen else ""),
        (
            _("Conversions"),
            formats.number(total.conversions),
            _per_person(total.conversion_rate) if seen else "",
        ),
        (
            _("Revenue"),
            formats.money(total.revenue, site.currency),
            " · ".join(filter(None, (_("within the attribution window"), also(total.other_currencies)))),
        ),
    ]
    figures += _coupons(result, site)
    if lift is not None and all(map(isfinite, lift.incremental)):
        worth = formats.money(lift.incremental.value, site.currency)
        low, high = (
            formats.money(each, site.currency) for each in (lift.incremental.low, lift.incremental.high)
        )
        figures.append((_("Incremental revenue"), worth, _("%(low)s to %(high)s", low=low, high=high)))
    return tuple(figures)


def _coupons(result: Result, site: Site) -> list[tuple[str, str, str]]:
    if result.coupons is None:
        return []
    pool, redeemed = result.coupons.pool, result.coupons.redeemed
    cost = formats.money(redeemed.discount, site.currency)
    issued = _(
        "%(issued)s issued, %(free)s left", issued=formats.number(pool.issued), free=formats.number(pool.free)
    )
    untold = (
        _("%(count)s orders tell no discount", count=formats.number(redeemed.untold))
        if redeemed.untold
        else ""
    )
    revenue = _("in orders of %(money)s", money=formats.money(redeemed.revenue, site.currency))
    return [
        (_("Coupons redeemed"), formats.number(redeemed.orders), issued),
        (_("Cost of coupons"), cost, " · ".join(filter(None, (revenue if redeemed.orders else "", untold)))),
    ]


def _variants(
    variants: list[VariantReport], total: ResponseCounts, site: Site, money: bool
) -> tuple[VariantRow, ...]:
    widest = max((each.counts.ctr.high for each in variants if each.counts.impressions), default=0.0) or 1.0

    def worth(value: float) -> str:
        return formats.money(value, site.currency) if money else formats.percent(value)

    return tuple(
        VariantRow(
            name=each.counts.name,
            share=each.counts.impressions / total.impressions if total.impressions else 0.0,
            decisions=_known(each.counts.decisions),
            impressions=each.counts.impressions,
            clicks=each.counts.clicks,
            dismissals=each.counts.dismissals,
            ctr=_whisker(each.counts.ctr, 0.0, widest, formats.percent(each.counts.ctr.value)),
            conversions=each.counts.conversions,
            revenue=formats.money(each.counts.revenue, site.currency),
            instead=worth(each.shown_to_all.snips.value) if each.shown_to_all else "–",
            ips=worth(each.shown_to_all.ips.value) if each.shown_to_all else "–",
        )
        for each in variants
    )


def _people(split: SplitComparison | None, site: Site) -> tuple[PeopleRow, ...]:
    if split is None:
        return ()
    everybody = sum(each.people for each in split.variants)
    widest = max((each.conversion_rate.high for each in split.variants if each.people), default=0.0) or 1.0
    return tuple(
        PeopleRow(
            name=each.variant,
            people=each.people,
            share=formats.percent(each.people / everybody) if everybody else "–",
            expected="–" if each.expected is None else formats.percent(each.expected),
            clicked=each.clicked,
            rate=_whisker(each.conversion_rate, 0.0, widest, formats.percent(each.conversion_rate.value)),
            converted=each.converted,
            revenue=formats.money(each.revenue / each.people, site.currency) if each.people else "–",
        )
        for each in split.variants
    )


def _parts(result: Result) -> tuple[tuple[str, tuple[Part, ...]], ...]:
    made, total = result.report, result.report.total.impressions or 1
    named = (
        (_("Stage"), made.stages, _stage),
        (_("Device"), made.devices, device),
        (_("Channel"), made.channels, channel),
        (_("Segment"), result.segments, lambda name: str(result.segment_names.get(name, name))),
    )
    return tuple(
        (
            title,
            tuple(
                Part(word(tally.name) if tally.name else _("unknown"), tally, tally.impressions / total)
                for tally in sorted(tallies, key=lambda tally: -tally.impressions)[:6]
                if tally.impressions
            ),
        )
        for title, tallies, word in named
    )


def _lift(result: Result, site: Site) -> tuple[tuple[tuple[str, Whisker, str], ...], float]:
    """Rows of (what, interval, verdict), and where zero is in their box. All intervals are drawn in parts of their
    own largest distance from zero, so that zero is in the middle."""
    lift = result.report.comparison.lift if result.report.comparison else None
    if lift is None:
        return (), 50.0
    rows: list[tuple[str, Interval, Callable[[float], str]]] = [
        (_("Conversion rate (points)"), lift.rate, lambda value: formats.percent(value, 2)),
        (_("Revenue per visitor"), lift.revenue, lambda value: formats.money(value, site.currency)),
    ]
    if lift.relative is not None:
        rows.insert(1, (_("Conversion rate (relative)"), lift.relative, formats.percent))
    if lift.order_value is not None:
        rows.append((_("Order value"), lift.order_value, lambda value: formats.money(value, site.currency)))
    drawn = []
    for name, interval, word in rows:
        if not all(map(isfinite, interval)):
            continue
        reach = max(abs(interval.low), abs(interval.high)) or 1.0
        text = f"{word(interval.value)} ({word(interval.low)} – {word(interval.high)})"
        sure = _("not shown yet")
        if lift.verdict != "too early":
            sure = _("increase") if interval.low > 0 else _("decrease") if interval.high < 0 else sure
        drawn.append((name, _whisker(interval, -reach, reach, text), sure))
    return tuple(drawn), 50.0


def _fixed(result: Result, site: Site) -> tuple[str, ...]:
    """Sentences on the planned end and on what counts of heavy revenue."""
    lift = result.report.comparison.lift if result.report.comparison else None
    told = []
    if lift is not None and lift.planned is not None and result.experiment is not None:
        end = formats.moment(result.experiment.progress.planned.at, site.zone).date()
        money = lift.planned.revenue
        told.append(
            _(
                "At the planned end, %(day)s: %(rate)s, and %(revenue)s per visitor (%(low)s to %(high)s). These are "
                "fixed intervals, which hold for that one look.",
                day=formats.day(end),
                rate=points_of(lift.planned.rate),
                revenue=formats.money(money.value, site.currency),
                low=formats.money(money.low, site.currency),
                high=formats.money(money.high, site.currency),
            )
        )
    if lift is not None and lift.cap is not None and lift.cap.people:
        told.append(
            _(
                "Revenue of a person above %(amount)s counts as that much, which 99 %% of buyers stay below: "
                "%(people)s people, %(cut)s less.",
                amount=formats.money(lift.cap.amount, site.currency),
                people=formats.number(lift.cap.people),
                cut=formats.money(lift.cap.revenue, site.currency),
            )
        )
    return tuple(told)


def _whisker(interval: Interval, left: float, right: float, text: str) -> Whisker:
    low, value, high = (
        round(100 * (each - left) / (right - left), 2)
        for each in (interval.low, interval.value, interval.high)
    )
    return Whisker(max(0.0, low), value, min(100.0, high), text)


def _per_person(rate: Interval) -> str:
    return _(
        "%(share)s of people (95%% interval: %(low)s – %(high)s)",
        share=formats.percent(rate.value),
        low=formats.percent(rate.low),
        high=formats.percent(rate.high),
    )


def _of_impressions(total: ResponseCounts) -> tuple[str, str]:
    """How many of the decisions were seen, unless more were, as on a page that stays open; and how many put away."""
    if not total.impressions:
        return "", ""
    seen = total.impressions / total.decisions if total.decisions else 2.0
    decided = _("%(share)s of decisions", share=formats.percent(seen)) if seen <= 1 else ""
    share = formats.percent(total.dismissals / total.impressions)
    return decided, _("%(count)s dismissed (%(share)s)", count=formats.number(total.dismissals), share=share)


def _stage(name: str) -> str:
    return str(STAGES.get(name, name))


def _who(context: str) -> str:
    """``prospect|phone|e-mail`` as words; everybody for the empty one."""
    parts = context.split("|")
    if len(parts) != 3:
        return _("Everybody")
    return " · ".join((_stage(parts[0]), device(parts[1]), channel(parts[2])))


def _day_text(tally: ResponseCounts) -> str:
    return _(
        "%(impressions)s impressions, %(clicks)s clicks, %(dismissals)s dismissed",
        impressions=formats.number(tally.impressions),
        clicks=formats.number(tally.clicks),
        dismissals=formats.number(tally.dismissals),
    )


def _day_row(tally: ResponseCounts, site: Site) -> tuple[str, ...]:
    """The day, decisions, impressions, clicks, dismissals, conversions, revenue."""
    counts = (tally.impressions, tally.clicks, tally.dismissals, tally.conversions)
    money = formats.money(tally.revenue, site.currency)
    day = formats.short_day(date.fromisoformat(tally.name))
    return day, _known(tally.decisions), *map(formats.number, counts), money


def _known(count: int | None) -> str:
    return "–" if count is None else formats.number(count)
