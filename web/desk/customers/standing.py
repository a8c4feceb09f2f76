"""The customers page: RFM grid, quadrants, groups, moves between two days, retention by value, the whale curve."""

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import groupby
from urllib.parse import urlencode

from flask import Response, request

from customers.groups.groups import Difference, Group
from customers.groups.store import GroupStore
from customers.quadrants.places import BY_NEEDS_AND_VALUE
from customers.rfm.cells import GRID
from profiles.standing import CELLS
from tracker.sites import Site
from warehouse.customers.score_history import Move
from warehouse.reports.paths import Flow
from web.desk.customers.card import CardPart
from web.desk.customers.histogram import Histogram, amount_histogram, risk_histogram
from web.desk.pages import STAGES, Pages
from web.desk.period import period_of
from web.drawing import formats
from web.drawing.charts import HEIGHT, WIDTH
from web.drawing.sankey import Drawing, draw
from web.http.routes import Routes, get
from web.labels import QUADRANT_LABELS, rfm_cell
from web.language import gettext as _
from web.reports.customers.report import CurvePoint, CustomerReport, customers_of

SHADES = 4


@dataclass(frozen=True, slots=True)
class GridPart:
    """Neighbours of one name in a row of the grid: ``columns`` of the table. ``shade`` 0 to SHADES by customers."""

    label: str
    customers: int
    columns: int
    shade: int
    href: str


@dataclass(frozen=True, slots=True)
class QuadrantView:
    label: str
    customers: int
    share: str
    contribution: str
    href: str
    campaign: str


@dataclass(frozen=True, slots=True)
class AlikeGroup:
    """``apart`` are sentences; ``held`` says how well the audience describes the group."""

    audience: str
    customers: str
    held: str
    apart: tuple[str, ...]
    href: str


@dataclass(frozen=True, slots=True)
class CustomersView:
    report: CustomerReport
    period: str
    figures: tuple[tuple[str, str], ...]
    grid: tuple[tuple[int, tuple[GridPart, ...]], ...]
    quadrants: tuple[tuple[QuadrantView, ...], ...]
    groups: tuple[AlikeGroup, ...]
    grouped: bool
    stages: Drawing
    cells: Drawing
    curve: str
    zero: float
    top: str
    bottom: str
    kept: tuple[tuple[str, str, str, str], ...]
    risks: Histogram
    values: Histogram


@dataclass(frozen=True, slots=True)
class CustomersPage:
    pages: Pages
    groups: GroupStore
    card: CardPart

    def routes(self) -> Routes:
        return (get("/desk/customers", self.show),)

    def show(self) -> Response:
        site = self.pages.site()
        period = period_of(request.args, site, self.pages.clock(), "/desk/customers")
        found = customers_of(self.pages.reports, period.scope(site))
        known = self.groups.load(site.id)
        view = view_of(found, known.groups if known else [], site, known is not None)
        told = self.card.view(site)
        return self.pages.show(
            "desk/customers/customers.html", "customers", site, period=period, view=view, **told
        )


def view_of(found: CustomerReport, groups: list[Group], site: Site, grouped: bool) -> CustomersView:
    sizes = {each.name: each.customers for each in found.groups}
    days = [formats.day(each) for each in (found.before, found.day) if each]
    return CustomersView(
        report=found,
        period=" → ".join(dict.fromkeys(days)),
        figures=_figures(found, site),
        grid=_grid(found),
        quadrants=_quadrants(found, site),
        groups=tuple(_group(each, sizes.get(str(each.id), 0)) for each in groups),
        grouped=grouped,
        stages=_moved(found, "stage"),
        cells=_moved(found, "cell"),
        curve=_curve(found.curve),
        zero=_height(0.0, found.curve),
        top=formats.short_money(max((each.contribution for each in found.curve), default=0.0), site.currency),
        bottom=formats.short_money(
            min((each.contribution for each in found.curve), default=0.0), site.currency
        ),
        kept=tuple(
            (
                str(each.fifth),
                formats.number(each.customers),
                formats.percent(each.ordered / each.customers),
                formats.money(each.contribution, site.currency),
            )
            for each in found.kept
        ),
        risks=risk_histogram(found.spread),
        values=amount_histogram(found.spread, site.currency),
    )


def list_of(**filters: str) -> str:
    """The address of the list with these filters."""
    return f"/desk/customers/list?{urlencode(filters)}"


def _figures(found: CustomerReport, site: Site) -> tuple[tuple[str, str], ...]:
    figures = [(_("Customers"), formats.number(found.customers))]
    if profit := found.profit:
        figures.append((_("Contribution"), formats.money(profit.total, site.currency)))
        if profit.best_fifth is not None:
            figures.append((_("Share of the best fifth"), formats.percent(profit.best_fifth)))
        figures.append((_("Cost more than they bring"), formats.number(profit.losing)))
    return tuple(figures)


def _grid(found: CustomerReport) -> tuple[tuple[int, tuple[GridPart, ...]], ...]:
    """The rows from recency 5 down."""
    known = {(each.recency, each.cell): each.customers for each in found.grid}
    most = max(known.values(), default=0)
    rows = []
    for recency in range(5, 0, -1):
        parts = []
        for cell, columns in groupby(GRID[recency - 1]):
            count = known.get((recency, cell), 0)
            shade = -int(-SHADES * count // most) if count else 0
            href = list_of(cell=cell, r=str(recency))
            parts.append(GridPart(rfm_cell(cell), count, len(list(columns)), shade, href))
        rows.append((recency, tuple(parts)))
    return tuple(rows)


def _quadrants(found: CustomerReport, site: Site) -> tuple[tuple[QuadrantView, ...], ...]:
    """High value above, special needs at the right."""
    known = {each.name: each for each in found.quadrants}
    placed = sum(each.customers for name, each in known.items() if name)
    rows = []
    for value in (True, False) if placed else ():
        row = []
        for special in (False, True):
            name = BY_NEEDS_AND_VALUE[special, value]
            one = known.get(name)
            count = one.customers if one else 0
            row.append(
                QuadrantView(
                    str(QUADRANT_LABELS[name]),
                    count,
                    formats.percent(count / placed),
                    formats.money(one.contribution if one else None, site.currency),
                    list_of(quadrant=name),
                    f"/desk/campaigns/edit?{urlencode({'treatment': name})}",
                )
            )
        rows.append(tuple(row))
    return tuple(rows)


def _group(group: Group, customers: int) -> AlikeGroup:
    held = _(
        "%(recall)s of the group fulfil it; %(precision)s of those who fulfil it are of the group",
        recall=formats.percent(group.recall, 0),
        precision=formats.percent(group.precision, 0),
    )
    apart = tuple(_difference(each) for each in group.differences)
    return AlikeGroup(group.audience, formats.number(customers), held, apart, list_of(group=str(group.id)))


def _difference(each: Difference) -> str:
    return _(
        "%(feature)s: %(group)s, others %(others)s",
        feature=each.feature,
        group=_plain(each.group),
        others=_plain(each.others),
    )


def _plain(value: float) -> str:
    return formats.number(round(value)) if abs(value) >= 10 else f"{value:.2g}"


def _moved(found: CustomerReport, kind: str) -> Drawing:
    told: Mapping[str, object] = STAGES if kind == "stage" else {cell: rfm_cell(cell) for cell in CELLS}

    def flow(move: Move) -> Flow:
        source = str(told.get(move.source, _("Not yet a customer")))
        return Flow(0, source, str(told.get(move.target, _("unknown"))), move.customers)

    return draw([flow(move) for move in found.moves if move.kind == kind])


def _height(value: float, curve: tuple[CurvePoint, ...]) -> float:
    heights = [each.contribution for each in curve]
    top, bottom = max([0.0, *heights]), min([0.0, *heights])
    return round(HEIGHT * (top - value) / ((top - bottom) or 1.0), 1)


def _curve(curve: tuple[CurvePoint, ...]) -> str:
    points = (f"{WIDTH * each.share:.0f} {_height(each.contribution, curve):g}" for each in curve)
    return "M" + "L".join(points) if curve else ""
