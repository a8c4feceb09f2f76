"""The attribution report with its parameters and the costs of its days."""

from typing import get_args

from werkzeug.datastructures import MultiDict

from warehouse.attribution.cost import CostSums, cost_sums
from warehouse.attribution.models import MODELS, Model
from warehouse.attribution.report import Attribution, AttributionOptions, By, attribution
from warehouse.question.refused import QueryRefused
from warehouse.question.steps import parse_step, parse_window
from web.reports.parameters import one_of
from web.reports.reports import Reports, ReportScope

GROUPED_BY: tuple[By, ...] = get_args(By)
USUAL_LOOKBACK, USUAL_HALF_LIFE = "30d", "7d"


def attribution_options(args: "MultiDict[str, str]") -> AttributionOptions:
    """``by``, ``goal`` (a step; orders without one), ``lookback`` and ``half_life`` (a number with m, h or d), and any
    number of ``model``; all models without one. Raises QueryRefused."""
    goal = args.get("goal", "")
    asked = args.getlist("model")
    if unknown := [name for name in asked if name not in MODELS]:
        raise QueryRefused("model", f"{unknown[0][:40]!r} is none of {', '.join(MODELS)}")
    models: tuple[Model, ...] = tuple(each for each in MODELS if each in asked) or MODELS
    return AttributionOptions(
        by=one_of("by", args, GROUPED_BY),
        goal=parse_step(goal, "goal") if goal else None,
        lookback=parse_window(args.get("lookback") or USUAL_LOOKBACK, "lookback"),
        half_life=parse_window(args.get("half_life") or USUAL_HALF_LIFE, "half_life"),
        models=models,
    )


def attribution_of(reports: Reports, scope: ReportScope, options: AttributionOptions) -> Attribution:
    """With the costs of the span's days, which no filter narrows: with a filter none are said. Raises Unavailable."""
    site, span = scope.site, scope.span
    costs: CostSums | None = None
    if not scope.filters.query:
        known = reports.costs.between(site.id, span.first, span.last)
        costs = cost_sums(known, options.by, site.currency, site.rates)
    spent = (tuple(sorted(costs.groups.items())), costs.others) if costs else ()
    return reports.answer(
        "attribution",
        scope,
        (options, spent),
        lambda events: attribution(events, reports.warehouse, site.id, span, site.currency, options, costs),
    )
