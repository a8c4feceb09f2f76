"""The retention page: who came back, or bought again, after their first time."""

from collections.abc import Sequence
from dataclasses import dataclass

from flask import request
from flask.typing import ResponseReturnValue

from warehouse.definitions.shares import Share, share_of
from warehouse.question.refused import QueryRefused
from warehouse.reports.retention import Cohort, Retention
from web import labels as told
from web.desk.pages import Pages
from web.desk.period import period_of
from web.drawing import formats
from web.drawing.charts import HEIGHT, WIDTH, ceiling_of
from web.http.routes import Routes, get
from web.labels import channel
from web.language import gettext as _
from web.reports.catalogue import retention_of, vocabulary_of
from web.reports.parameters import RetentionOptions, retention_options

COLUMNS = 13
SHADES = 4
CURVES = 6


@dataclass(frozen=True, slots=True)
class Cell:
    """``shade`` 0 to SHADES by share."""

    share: Share
    shade: int


@dataclass(frozen=True, slots=True)
class CohortView:
    label: str
    size: int
    cells: tuple[Cell, ...]


@dataclass(frozen=True, slots=True)
class Curve:
    """One channel's (or everybody's) share by period after the first; ``path`` in a box of 1000 × 300."""

    name: str
    path: str
    look: int


@dataclass(frozen=True, slots=True)
class RetentionView:
    problem: str
    options: RetentionOptions
    columns: tuple[str, ...]
    cohorts: tuple[CohortView, ...]
    average: tuple[Share, ...]
    curves: tuple[Curve, ...]
    ceiling: str


@dataclass(frozen=True, slots=True)
class RetentionPage:
    pages: Pages

    def routes(self) -> Routes:
        return (get("/desk/retention", self.show),)

    def show(self) -> ResponseReturnValue:
        site, problem = self.pages.site(), ""
        try:
            options = retention_options(request.args)
        except QueryRefused as refused:
            options, problem = RetentionOptions(), told.refusal(refused)
        page_query = tuple(
            (name, request.args[name]) for name in ("unit", "deed", "by") if request.args.get(name)
        )
        period = period_of(request.args, site, self.pages.clock(), "/desk/retention", page_query)
        found = retention_of(self.pages.reports, period.scope(site), options)
        view = view_of(options, problem, found)
        demo = vocabulary_of(self.pages.reports, period.scope(site)).demo
        return self.pages.show(
            "desk/reports/retention.html",
            "retention",
            site,
            period=period,
            view=view,
            page_query=page_query,
            demo=demo,
        )


def view_of(options: RetentionOptions, problem: str, found: Retention) -> RetentionView:
    cohorts = [cohort for cohort in found.cohorts if cohort.size]
    width = min(COLUMNS, max((len(cohort.returned) for cohort in cohorts), default=0))
    groups = {
        cohort.channel: [each for each in cohorts if each.channel == cohort.channel] for cohort in cohorts
    }
    largest = sorted(groups.items(), key=lambda pair: -sum(cohort.size for cohort in pair[1]))[:CURVES]
    averages = {name: [each.value or 0.0 for each in _average(group, width)] for name, group in largest}
    top = ceiling_of([share * 100 for shares in averages.values() for share in shares]) / 100
    most = max((share for cohort in cohorts for share in _shares(cohort)[1:]), default=0.0) or 1.0
    return RetentionView(
        problem=problem,
        options=options,
        columns=tuple(str(number) for number in range(1, width)),
        cohorts=tuple(_row(cohort, options, width, most) for cohort in cohorts),
        average=_average(cohorts, width),
        curves=tuple(
            Curve(channel(name) if options.by_channel else _("All"), curve(shares, top), look)
            for look, (name, shares) in enumerate(averages.items())
            if len(shares) > 1
        ),
        ceiling=formats.percent(top, 0),
    )


def curve(shares: Sequence[float], top: float) -> str:
    """A line through the shares, the first at the left."""
    last = max(1, len(shares) - 1)
    points = (f"{WIDTH * at / last:.1f} {HEIGHT * (1 - share / top):.1f}" for at, share in enumerate(shares))
    return "M" + "L".join(points)


def _row(cohort: Cohort, options: RetentionOptions, width: int, most: float) -> CohortView:
    label = (formats.month if options.unit == "month" else formats.day)(cohort.start)
    if options.by_channel:
        label += f" · {channel(cohort.channel)}"
    shares = _shares(cohort)[1:width]
    cells = tuple(
        Cell(
            share_of(count, cohort.size),
            _shade(share, most),
        )
        for share, count in zip(shares, cohort.returned[1:], strict=False)
    )
    return CohortView(label, cohort.size, cells)


def _shares(cohort: Cohort) -> list[float]:
    return [count / cohort.size for count in cohort.returned]


def _shade(share: float, most: float) -> int:
    return min(SHADES, -int(-SHADES * share // most)) if share else 0


def _average(cohorts: Sequence[Cohort], width: int) -> tuple[Share, ...]:
    """Of all the visitors whose period has come, not of the cohorts: a small one must not weigh as a large one."""
    shares = []
    for later in range(1, width):
        old = [cohort for cohort in cohorts if len(cohort.returned) > later]
        size = sum(cohort.size for cohort in old)
        shares.append(share_of(sum(cohort.returned[later] for cohort in old), size))
    return tuple(shares)
