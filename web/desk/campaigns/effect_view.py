"""What a campaign's page says of its effect: the verdict in sentences, its course, its parts, and what it harms."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date

from offers.campaign.campaign import Campaign
from offers.experiments.intervals import Interval
from offers.experiments.lift import Lift
from offers.planning.progress import ExperimentProgress
from offers.reports.experiment import Experiment
from web.desk.pages import STAGES
from web.drawing import formats
from web.drawing.bands import Band, band
from web.labels import channel, device
from web.language import gettext as _
from web.language import lazy_gettext as _l
from web.language import ngettext
from web.reports.campaign_result import Result

LOOKS = {
    "gain": ("on", _l("effect shown")),
    "loss": ("lost", _l("harm shown")),
    "none yet": ("", _l("no effect shown")),
    "too early": ("", _l("too early")),
    "mismatch": ("lost", _l("do not rely on it")),
}
KINDS = {"stage": _l("Stage"), "device": _l("Device"), "channel": _l("Channel"), "segment": _l("Segment")}
GUARDRAILS = {
    "dismissed": _l("Dismissed the offer"),
    "unsubscribed": _l("Unsubscribed"),
    "returned": _l("Returned an order"),
}
HARMS = {
    "dismissed": _l("More people dismissed the offer than clicked on it."),
    "unsubscribed": _l("The campaign makes more people unsubscribe."),
    "returned": _l("The campaign makes more people return orders."),
}


@dataclass(frozen=True, slots=True)
class PartRow:
    kind: str
    name: str
    people: str
    rates: str
    effect: str


@dataclass(frozen=True, slots=True)
class GuardrailRow:
    name: str
    shown: str
    withheld: str
    difference: str
    harm: bool


@dataclass(frozen=True, slots=True)
class EffectView:
    """``verdict``: a key of LOOKS, "" without a comparison. ``course``: the effect by day as a chart, None while it has
    no two days. ``days``: the same as rows of day, people, effect, the newest first."""

    verdict: str
    look: tuple[str, str]
    lines: tuple[str, ...]
    course: Band | None
    points: str
    ticks: tuple[str, ...]
    axis: tuple[str, ...]
    days: tuple[tuple[str, str, str], ...]
    parts: tuple[PartRow, ...]
    guardrails: tuple[GuardrailRow, ...]
    harms: tuple[str, ...]
    variants: str


def effect_view(result: Result) -> EffectView | None:
    """None where nobody was enrolled."""
    found, comparison = result.experiment, result.report.comparison
    if found is None:
        return None
    lift = comparison.lift if comparison else None
    verdict = verdict_of(lift, found.progress, mismatch=bool(comparison and comparison.mismatch))
    shown = band([each.rate for each in found.course])
    labels = [formats.short_day(date.fromisoformat(each.day)) for each in found.course]
    texts = [points_of(each.rate) for each in found.course]
    people = [formats.number(each.people) for each in found.course]
    drawn = shown.points if shown else ()
    points = [
        {"x": point.x, "y": point.y, "label": label, "text": text}
        for point, label, text in zip(drawn, labels, texts, strict=False)
    ]
    return EffectView(
        verdict,
        LOOKS.get(verdict, ("", "")),
        _lines(result.campaign, lift, found.progress, verdict),
        shown,
        json.dumps(points, ensure_ascii=False),
        tuple(_points(tick) for tick in shown.ticks) if shown else (),
        (labels[0], labels[len(labels) // 2], labels[-1]) if shown else (),
        tuple(zip(labels, people, texts, strict=True))[::-1],
        _parts(result, found),
        tuple(
            GuardrailRow(
                str(GUARDRAILS[each.name]),
                _share(each.shown),
                _share(each.withheld),
                points_of(each.difference),
                each.harm,
            )
            for each in found.guardrails
        ),
        tuple(str(HARMS[each.name]) for each in found.guardrails if each.harm),
        _variants(found) if len(result.campaign.creatives) > 1 else "",
    )


def verdict_of(lift: Lift | None, progress: ExperimentProgress, *, mismatch: bool) -> str:
    """A key of LOOKS, "" without a comparison. Gain and loss are told on any day, since the interval always holds."""
    if mismatch:
        return "mismatch"
    if lift is None:
        return ""
    if lift.verdict in ("gain", "loss"):
        return lift.verdict
    return "none yet" if progress.complete else "too early"


def points_of(interval: Interval | None) -> str:
    """A difference of rates and its interval, in points of percent."""
    if interval is None:
        return "–"
    told = {"low": _points(interval.low), "high": _points(interval.high)}
    return _("%(value)s points (%(low)s to %(high)s)", value=_points(interval.value), **told)


def _points(part: float) -> str:
    """In points of percent, with the sign and at least two digits that count."""
    places = 2 if abs(part) >= 0.001 else 3
    text = formats.percent(part, places).removesuffix("%").strip()
    if not text.strip("0.,+" + formats.MINUS):
        return "0"
    return text if part < 0 else f"+{text}"


def _lines(
    campaign: Campaign, lift: Lift | None, progress: ExperimentProgress, verdict: str
) -> tuple[str, ...]:
    if lift is None:
        waiting = _open(campaign, progress)
        return (waiting,) if waiting else ()
    return (_facts(campaign, lift), _judged(lift, verdict), _left(campaign, progress))


def _facts(campaign: Campaign, lift: Lift) -> str:
    told = {
        "shown": formats.number(lift.shown.visitors),
        "rate": formats.percent(lift.shown.rate, 2),
        "held": formats.number(lift.withheld.visitors),
        "other": formats.percent(lift.withheld.rate, 2),
    }
    if campaign.goal.event == "Order Completed":
        return _(
            "Of %(shown)s people who could see it, %(rate)s ordered; of %(held)s from whom it was withheld, %(other)s.",
            **told,
        )
    return _(
        "Of %(shown)s people who could see it, %(rate)s reached “%(goal)s”; of %(held)s without it, %(other)s.",
        **told,
        goal=campaign.goal.event,
    )


def _judged(lift: Lift, verdict: str) -> str:
    low, high = lift.rate.low, lift.rate.high
    told = {"low": _points(low), "high": _points(high)}
    if verdict == "gain":
        told = {name: text.lstrip("+") for name, text in told.items()}
        return _("The campaign raises the rate, by %(low)s to %(high)s points.", **told)
    if verdict == "loss":
        told = {"low": _points(-high).lstrip("+"), "high": _points(-low).lstrip("+")}
        return _("The campaign lowers the rate, by %(low)s to %(high)s points: consider ending it.", **told)
    if verdict == "mismatch":
        return _("The sizes of the groups are not by chance, so do not rely on this comparison.")
    if verdict == "none yet":
        return _("No effect is shown: it is between %(low)s and %(high)s points.", **told)
    return _("It is too early for a verdict: the effect is between %(low)s and %(high)s points.", **told)


def _left(campaign: Campaign, progress: ExperimentProgress) -> str:
    told = {
        "effect": formats.percent(campaign.plan.effect, 0 if campaign.plan.effect >= 0.1 else 1),
        "needed": formats.number(progress.needed or 0),
        "there": formats.number(progress.counted),
    }
    waiting = _open(campaign, progress)
    if progress.needed is None:
        plan = _("How many days are still needed is not known while nobody reached the goal.")
    elif progress.counted >= progress.needed:
        plan = _("The %(needed)s people that an effect of ±%(effect)s needs are there.", **told)
    elif progress.days_left is None:
        plan = _(
            "An effect of ±%(effect)s needs %(needed)s people, which takes too long at this pace.", **told
        )
    else:
        days = ngettext(
            "%(count)s more day",
            "%(count)s more days",
            progress.days_left,
            count=formats.number(progress.days_left),
        )
        plan = _(
            "An effect of ±%(effect)s needs %(needed)s people: %(days)s at this pace.", **told, days=days
        )
    return " ".join(filter(None, (plan, waiting)))


def _open(campaign: Campaign, progress: ExperimentProgress) -> str:
    if not progress.open:
        return ""
    window = formats.span_of(campaign.goal.window_ms / 1000)
    people = ngettext(
        "%(count)s person", "%(count)s people", progress.open, count=formats.number(progress.open)
    )
    return _("Still open: %(people)s, whose %(window)s are not over.", people=people, window=window)


def _parts(result: Result, found: Experiment) -> tuple[PartRow, ...]:
    words: dict[str, Callable[[str], str]] = {
        "stage": lambda name: str(STAGES.get(name, name)),
        "device": device,
        "channel": channel,
        "segment": lambda name: str(result.segment_names.get(name, name)),
    }
    return tuple(
        PartRow(
            str(KINDS[each.kind]),
            words[each.kind](each.name) if each.name else _("unknown"),
            formats.number(each.shown.visitors + each.withheld.visitors),
            f"{formats.percent(each.shown.rate, 1)} : {formats.percent(each.withheld.rate, 1)}",
            points_of(each.rate),
        )
        for each in found.parts
    )


def _variants(found: Experiment) -> str:
    """Which variant is the best, where that is shown."""
    if found.leader is None:
        return ""
    if found.leader.sure:
        return _("Variant %(name)s is the best: it is ahead of each other one.", name=found.leader.variant)
    if not found.complete:
        return _("Which variant is the best is told when the people of the plan are there.")
    return _("It is not shown that a variant is the best.")


def _share(interval: Interval | None) -> str:
    if interval is None:
        return "–"
    low, high = formats.percent(interval.low, 2), formats.percent(interval.high, 2)
    return f"{formats.percent(interval.value, 2)} ({low} – {high})"
