"""The attribution report: conversions and revenue of each channel, source or campaign, by every model side by side."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np

from tracker.durations import DAY_MS
from warehouse.attribution import models
from warehouse.attribution.conversions import Conversions, goals, orders
from warehouse.attribution.cost import NO_COSTS, CostSums, OtherCost
from warehouse.attribution.credits import WHOLE, apportioned, divided
from warehouse.attribution.journeys import Journeys, converting, lost
from warehouse.attribution.markov import shares
from warehouse.attribution.models import MODELS, Model, Weights
from warehouse.attribution.rows import AttributionRow, Counted, CreditRow, Given, credits_of, rows_of
from warehouse.attribution.shapley import shapley
from warehouse.attribution.visits import Visits, direct_touchpoints, groups_of, visits_of
from warehouse.definitions.currencies import UNITS, CurrencySum
from warehouse.definitions.visits import LONGEST_MS
from warehouse.events import Events
from warehouse.index.encoded import Longs
from warehouse.index.scan import Mask, Scan, among
from warehouse.index.scanned_orders import sums
from warehouse.question.span import Span
from warehouse.question.steps import Step

By = Literal["channel", "origin", "campaign"]
LOOKBACK, HALF_LIFE = 30 * DAY_MS, 7 * DAY_MS
FEW = 30
"""Conversions below which the data-driven models are said to be uncertain."""


@dataclass(frozen=True, slots=True)
class AttributionOptions:
    """``goal``: None for orders. ``lookback`` and ``half_life`` (of time decay) in ms."""

    by: By = "channel"
    goal: Step | None = None
    lookback: int = LOOKBACK
    half_life: int = HALF_LIFE
    models: tuple[Model, ...] = MODELS


@dataclass(frozen=True, slots=True, kw_only=True)
class Attribution:
    """``conversions`` and ``revenue`` are the sums of each model's credits. ``goal`` is "" for orders. ``few``: so few
    conversions that the data-driven models are uncertain. ``lookback`` and ``half_life`` in ms. Revenue and
    costs are in the site's currency; ``other_currencies`` and ``other_costs`` are in none of the figures."""

    by: By
    goal: str
    lookback: int
    half_life: int
    models: tuple[Model, ...]
    conversions: int
    revenue: float
    cost: float | None
    journeys: int
    lost_journeys: int
    few: bool
    rows: tuple[AttributionRow, ...]
    other_currencies: tuple[CurrencySum, ...]
    other_costs: tuple[OtherCost, ...]

    @property
    def credits(self) -> tuple[CreditRow, ...]:
        """The rows once for each model."""
        return credits_of(self.rows)


@dataclass(frozen=True, slots=True)
class _Known:
    """What the models are applied to; ``group`` is the code of every visit, ``names`` of each code."""

    visits: Visits
    conversions: Conversions
    converting: Journeys
    lost: Journeys
    group: Longs
    names: list[str]
    direct: Mask


def attribution(
    events: Events,
    everything: Events,
    site: str,
    span: Span,
    currency: str,
    options: AttributionOptions,
    costs: CostSums | None = NO_COSTS,
) -> Attribution:
    """The conversions in ``span`` among ``events``, attributed to visits among ``everything``: filters choose
    conversions, and whose journeys led to none; a journey is always whole. ``costs``: None where they cannot be said.
    Raises QueryRefused, WarehouseUnavailable."""
    # The visit of a conversion belongs to its journey, though it began before the window.
    since = span.start - options.lookback - LONGEST_MS
    whole = everything.visits(site, since, span.end)
    scan, visits = whole.scan, visits_of(whole)
    if options.goal is None:
        conversions, others = orders(events, scan, visits, site, span, currency)
    else:
        conversions, others = goals(events, scan, visits, site, span, options.goal), ()
    people = None if events is everything else _people(events, scan, site, span)
    codes, names = groups_of(scan, options.by)
    known = _Known(
        visits,
        conversions,
        converting(visits, conversions, options.lookback),
        lost(visits, conversions, options.lookback, span, people),
        codes[visits.touchpoint],
        names,
        direct_touchpoints(scan)[visits.touchpoint],
    )
    began = np.flatnonzero(visits.start >= span.start)
    visited = sums(known.group[began], np.ones(len(began), np.int64), len(names))
    total = int(conversions.counts.sum())
    return Attribution(
        by=options.by,
        goal=options.goal.name if options.goal else "",
        lookback=options.lookback,
        half_life=options.half_life,
        models=options.models,
        conversions=total,
        revenue=int(conversions.revenue.sum()) / UNITS,
        cost=costs.total / UNITS if costs and costs.groups else None,
        journeys=int(np.count_nonzero(known.converting.lengths)),
        lost_journeys=len(known.lost.first) - 1,
        few=total < FEW,
        rows=rows_of(_counted(known, visited, options, costs or NO_COSTS), _unvisited(known), options.models),
        other_currencies=others,
        other_costs=costs.others if costs else (),
    )


def _parts(known: _Known, model: Model, half_life: int) -> tuple[Longs, Longs]:
    """What the model gives each group: millionths of conversions, and revenue in ten-thousandths."""
    journeys, count = known.converting, len(known.names)
    group = known.group[journeys.visit]
    orders_, revenue = known.conversions.counts * WHOLE, known.conversions.revenue
    if model == "markov":
        visited = journeys.lengths > 0
        by_count, by_worth = shares(
            journeys, known.conversions.counts, revenue, known.lost, known.group, count
        )
        return (
            apportioned(int(orders_[visited].sum()), by_count),
            apportioned(int(revenue[visited].sum()), by_worth),
        )
    ways: dict[Model, Callable[[], Weights]] = {
        "first": lambda: models.first(journeys),
        "last": lambda: models.last(journeys),
        "last_non_direct": lambda: models.last_non_direct(journeys, known.direct[journeys.visit]),
        "linear": lambda: models.linear(journeys),
        "position": lambda: models.position(journeys),
        "decay": lambda: models.decay(journeys, known.visits.start[journeys.visit], half_life),
        "shapley": lambda: shapley(journeys, group),
    }
    weights = ways[model]()
    return (
        sums(group, divided(orders_, weights, journeys), count),
        sums(group, divided(revenue, weights, journeys), count),
    )


def _people(events: Events, scan: Scan, site: str, span: Span) -> Mask:
    """Which of the scan's people have any of ``events`` in the span."""
    asked = events.scan(site, span.start, span.end)
    came = np.zeros(len(asked.people), np.bool_)
    for persons, block in zip(asked.persons, asked.blocks, strict=True):
        came[persons[block.profile]] = True
    return among(scan.people, asked.people[came])


def _counted(known: _Known, visited: Longs, options: AttributionOptions, costs: CostSums) -> list[Counted]:
    """The groups that have a visit, a conversion or a cost. A cost stands once, at the group with most visits of those
    whose names differ in case only."""
    parts = {model: _parts(known, model, options.half_life) for model in options.models}
    spent, made = dict(costs.groups), []
    for code in np.argsort(-visited, kind="stable").tolist():
        given = {model: Given(int(each[0][code]), int(each[1][code])) for model, each in parts.items()}
        if visited[code] or any(any(each) for each in given.values()):
            name = known.names[code]
            made.append(Counted(name, "group", int(visited[code]), spent.pop(name.casefold(), None), given))
    nothing = dict.fromkeys(options.models, Given(0, 0))
    return made + [Counted(name, "group", 0, cost, nothing) for name, cost in spent.items()]


def _unvisited(known: _Known) -> Given:
    empty = known.converting.lengths == 0
    counts, revenue = known.conversions.counts[empty], known.conversions.revenue[empty]
    return Given(int(counts.sum()) * WHOLE, int(revenue.sum()))
