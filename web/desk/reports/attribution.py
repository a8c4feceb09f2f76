"""The attribution page: what channels, sources and campaigns brought, by models side by side, and what they cost."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal, get_args

from flask import Response, request
from werkzeug.datastructures import MultiDict

from tracker.sites import Site
from warehouse.attribution.models import Model
from warehouse.attribution.report import Attribution, AttributionOptions
from warehouse.attribution.rows import AttributionRow, Credit, total_of
from warehouse.question.refused import QueryRefused
from warehouse.reports.vocabulary import Vocabulary
from web import labels
from web.desk.pages import Pages
from web.desk.period import period_of
from web.desk.reports.goals import USUAL
from web.drawing import formats
from web.drawing.currencies import also
from web.http.routes import Routes, get
from web.language import gettext as _
from web.language import lazy_gettext as _l
from web.reports.attribution import USUAL_HALF_LIFE, USUAL_LOOKBACK, attribution_of, attribution_options
from web.reports.catalogue import vocabulary_of
from web.reports.parameters import one_of
from web.reports.saved_queries import SavedStore

Metric = Literal["conversions", "revenue", "cost_per_conversion", "roas", "contribution"]
METRICS: tuple[Metric, ...] = get_args(Metric)
SHADES = 4
ROWS = 100
PARAMETERS = ("goal", "by", "lookback", "half_life", "show")
MODEL_NAMES: Mapping[Model, str] = {
    "first": _l("First touch"),
    "last": _l("Last touch"),
    "last_non_direct": _l("Last non-direct"),
    "linear": _l("Linear"),
    "position": _l("Position-based"),
    "decay": _l("Time decay"),
    "markov": _l("Data-driven"),
    "shapley": _l("Shapley"),
}


@dataclass(frozen=True, slots=True)
class ModelCell:
    """``shade`` 0 to SHADES by its share of the largest."""

    text: str
    shade: int = 0


@dataclass(frozen=True, slots=True)
class CreditedRow:
    name: str
    visits: str
    cost: str
    cells: tuple[ModelCell, ...]


@dataclass(frozen=True, slots=True)
class AttributionView:
    """``goals`` and ``metrics`` are what can be chosen, (value, label) each."""

    problem: str
    found: Attribution
    goals: tuple[tuple[str, str], ...]
    goal: str
    lookback: str
    half_life: str
    metrics: tuple[tuple[str, str], ...]
    metric: Metric
    figures: tuple[tuple[str, str], ...]
    models: tuple[str, ...]
    rows: tuple[CreditedRow, ...]
    total: CreditedRow
    also: str
    other_costs: str


@dataclass(frozen=True, slots=True)
class AttributionPage:
    pages: Pages
    saved: SavedStore

    def routes(self) -> Routes:
        return (get("/desk/attribution", self.show),)

    def show(self) -> Response:
        site, args, problem = self.pages.site(), request.args, ""
        page_query = tuple((name, args[name]) for name in PARAMETERS if args.get(name))
        try:
            options, metric = attribution_options(args), one_of("show", args, METRICS)
        except QueryRefused as refused:
            args, problem = MultiDict[str, str](), labels.refusal(refused)
            options, metric = AttributionOptions(), "conversions"
        period = period_of(request.args, site, self.pages.clock(), "/desk/attribution", page_query)
        words = vocabulary_of(self.pages.reports, period.scope(site))
        found = attribution_of(self.pages.reports, period.scope(site), options)
        view = _view(found, site, metric, args, self._goals(site, words, found.goal), problem)
        return self.pages.show(
            "desk/reports/attribution.html",
            "attribution",
            site,
            period=period,
            page_query=page_query,
            view=view,
            demo=words.demo,
        )

    def _goals(self, site: Site, words: Vocabulary, chosen: str) -> tuple[tuple[str, str], ...]:
        """Saved ones, the usual events, and whatever the address names."""
        saved = {each.query: each.name for each in self.saved.all(site.id)}
        usual = {f"event:{word.name}": word.name for word in words.events if word.name in USUAL}
        return tuple({**({chosen: chosen} if chosen else {}), **usual, **saved}.items())


def _view(
    found: Attribution,
    site: Site,
    metric: Metric,
    args: Mapping[str, str],
    goals: tuple[tuple[str, str], ...],
    problem: str,
) -> AttributionView:
    metrics = _metrics(found)
    if metric not in metrics:
        metric = "conversions"
    told = _teller(metric, site)
    rows = found.rows[:ROWS]
    most = max((getattr(each, metric) or 0.0 for row in rows for each in row.credits.values()), default=0.0)
    return AttributionView(
        problem=problem,
        found=found,
        goals=goals,
        goal=found.goal,
        lookback=args.get("lookback") or USUAL_LOOKBACK,
        half_life=args.get("half_life") or USUAL_HALF_LIFE,
        metrics=tuple(metrics.items()),
        metric=metric,
        figures=_figures(found, site),
        models=tuple(str(MODEL_NAMES[model]) for model in found.models),
        rows=tuple(_row(row, found, site, metric, told, most) for row in rows),
        total=_total(found, site, told),
        also=also(found.other_currencies),
        other_costs="; ".join(formats.coded_money(each.amount, each.currency) for each in found.other_costs),
    )


def _metrics(found: Attribution) -> dict[Metric, str]:
    """Those that can be said: a goal has no revenue, and a return needs a cost."""
    names: dict[Metric, str] = {"conversions": _("Conversions") if found.goal else _("Orders")}
    if not found.goal:
        names["revenue"] = _("Revenue")
    if found.cost is not None:
        names["cost_per_conversion"] = _("Cost per conversion") if found.goal else _("Cost per order")
        if not found.goal:
            names |= {"roas": _("Return (ROAS)"), "contribution": _("Revenue less cost")}
    return names


def _figures(found: Attribution, site: Site) -> tuple[tuple[str, str], ...]:
    """Of all conversions together."""
    whole = total_of(found.conversions, found.revenue, found.cost)
    figures = [(label, _teller(name, site)(whole)) for name, label in _metrics(found).items()]
    if found.cost is not None:
        figures.insert(1, (_("Advertising costs"), formats.money(found.cost, site.currency)))
    return tuple(figures)


def _teller(metric: Metric, site: Site) -> Callable[[Credit], str]:
    def told(credit: Credit) -> str:
        value = getattr(credit, metric)
        if metric == "conversions":
            return formats.number(value)
        return formats.percent(value) if metric == "roas" else formats.money(value, site.currency)

    return told


def _row(
    row: AttributionRow,
    found: Attribution,
    site: Site,
    metric: Metric,
    told: Callable[[Credit], str],
    most: float,
) -> CreditedRow:
    return CreditedRow(
        name=_name(row, found),
        visits=formats.number(row.visits) if row.kind != "unvisited" else "",
        cost=formats.money(row.cost, site.currency) if row.cost is not None else "",
        cells=tuple(
            ModelCell(told(each), _shade(getattr(each, metric) or 0.0, most)) for each in row.credits.values()
        ),
    )


def _total(found: Attribution, site: Site, told: Callable[[Credit], str]) -> CreditedRow:
    whole = ModelCell(told(total_of(found.conversions, found.revenue, found.cost)))
    visits = formats.number(sum(row.visits for row in found.rows))
    cost = formats.money(found.cost, site.currency) if found.cost is not None else ""
    return CreditedRow(_("All"), visits, cost, (whole,) * len(found.models))


def _name(row: AttributionRow, found: Attribution) -> str:
    if row.kind == "unvisited":
        return _("No known visit")
    if row.kind == "rest":
        return _("All others")
    if found.by == "channel":
        return labels.channel(row.name)
    nothing = _("No campaign") if found.by == "campaign" else _("No source")
    return row.name or nothing


def _shade(value: float, most: float) -> int:
    return min(SHADES, -int(-SHADES * value // most)) if value > 0 and most > 0 else 0
