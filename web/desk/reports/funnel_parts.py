"""What stands below a funnel and is counted after it: its trend, its breakdown, and the drop-off destinations."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from flask import Response, request

from warehouse.definitions.shares import Share
from warehouse.funnel.breakdown import OTHER, FunnelGroup
from warehouse.funnel.dropoffs import DropOff
from warehouse.funnel.trend import TrendPeriod
from web import labels
from web.desk.pages import STAGES, Pages
from web.desk.period import period_of
from web.desk.reports.funnel import question_of
from web.desk.reports.funnel_form import form_of
from web.desk.reports.overview import AXIS_LABELS, spread
from web.drawing import formats
from web.drawing.charts import Plot, plot
from web.http.problem import Problem
from web.http.routes import Routes, get
from web.language import gettext as _
from web.language import lazy_gettext as _l
from web.reports.catalogue import step_of

GROUPS = {
    "channel": _l("Channel"),
    "origin": _l("Source"),
    "campaign": _l("Campaign"),
    "keyword": _l("Keyword"),
    "device": _l("Device"),
    "country": _l("Country"),
    "landing": _l("Entry page"),
    "new": _l("New or returning"),
    "stage": _l("Stage"),
    "segment": _l("Segment"),
}
TEMPLATES = {
    "trend": "desk/reports/funnel_trend.html",
    "groups": "desk/reports/funnel_groups.html",
    "instead": "desk/reports/funnel_drop_off.html",
}


@dataclass(frozen=True, slots=True)
class TrendView:
    plot: Plot
    ticks: tuple[str, ...]
    axis: tuple[str, ...]
    rows: tuple[tuple[str, TrendPeriod], ...]


@dataclass(frozen=True, slots=True)
class GroupView:
    """``conversion`` of those who began."""

    name: str
    visitors: tuple[int, ...]
    conversion: Share


@dataclass(frozen=True, slots=True)
class DropOffView:
    name: str
    visitors: int
    share: Share


@dataclass(frozen=True, slots=True)
class FunnelParts:
    pages: Pages

    def routes(self) -> Routes:
        return (get("/desk/funnel/<part>", self.show),)

    def show(self, part: str) -> Response:
        site, form = self.pages.site(), form_of(request.args)
        period = period_of(request.args, site, self.pages.clock(), "/desk/funnel", tuple(form.query(())))
        question, scope = question_of(form), period.scope(site)
        view: dict[str, object] = {}
        if part == "trend":
            view = {"trend": trend_of(question.trend(self.pages.reports, scope, form.every))}
        elif part == "groups":
            segments = {each.id: each.name for each in self.pages.segments.all(site.id)}
            found = question.breakdown(self.pages.reports, scope, form.group)
            view = {
                "rows": [group_view(each, form.group, segments) for each in found],
                "groups": GROUPS,
            }
        elif part == "instead":
            at = step_of(request.args)
            drop_offs = question.drop_offs(self.pages.reports, scope, at)
            view = {
                "drop_offs": drop_off_views(drop_offs),
                "step": form.named_steps[at].name,
                "at": at + 1,
                "form_steps": form.named_steps,
            }
        else:
            raise Problem(404, _("Page not found"))
        template = TEMPLATES[part]
        alone = "part" not in request.args
        return self.pages.show(
            "desk/reports/funnel_part.html" if alone else template,
            "funnel",
            site,
            included=template,
            form=form,
            period=period,
            **view,
        )


def trend_of(began: Sequence[TrendPeriod]) -> TrendView:
    """Conversion by day or week, in percent."""
    drawn = plot([each.conversion * 100 for each in began])
    days = spread([each.start for each in began], AXIS_LABELS)
    return TrendView(
        plot=drawn,
        ticks=tuple(formats.percent(tick / 100, 1) for tick in drawn.ticks),
        axis=tuple(formats.short_day(day) for day in days),
        rows=tuple((formats.day(each.start), each) for each in began),
    )


def group_view(found: FunnelGroup, group: str, segments: dict[str, str]) -> GroupView:
    return GroupView(name_of(found.value, group, segments), found.visitors, found.conversion_interval)


def name_of(value: str, group: str, segments: dict[str, str]) -> str:
    """A value as a marketer reads it."""
    if value == OTHER:
        return _("all others")
    told: dict[str, Callable[[str], str]] = {
        "channel": labels.channel,
        "device": labels.device,
        "country": formats.country,
        "stage": lambda stage: str(STAGES.get(stage, stage)),
        "segment": lambda segment: segments.get(segment, segment),
        "new": lambda kind: _("New") if kind == "new" else _("Returning"),
    }
    return (told[group](value) if group in told else value) or _("(unknown)")


def drop_off_views(drop_offs: Sequence[DropOff]) -> list[DropOffView]:
    return [
        DropOffView(each.name.partition(":")[2] or _("no further action"), each.visitors, each.share_interval)
        for each in drop_offs
    ]
