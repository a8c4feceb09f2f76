"""Rows of the report: what each group was given, by model, and what it cost."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

from warehouse.attribution.credits import WHOLE
from warehouse.attribution.models import Model
from warehouse.definitions.currencies import UNITS

RowKind = Literal["group", "unvisited", "rest"]
MOST_ROWS = 300


class Given(NamedTuple):
    """``conversions`` in millionths, ``revenue`` in ten-thousandths."""

    conversions: int
    revenue: int


class Counted(NamedTuple):
    """One group, ``cost`` in ten-thousandths."""

    name: str
    kind: RowKind
    visits: int
    cost: int | None
    given: Mapping[Model, Given]


@dataclass(frozen=True, slots=True, kw_only=True)
class Credit:
    """What one model gives a group. ``cost_per_conversion``, ``roas`` (revenue by cost) and ``contribution`` (revenue
    less cost) are null where no cost is known, the first two also where they would divide by 0."""

    conversions: float
    revenue: float
    cost_per_conversion: float | None
    roas: float | None
    contribution: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class AttributionRow:
    """``kind`` group: visits of that channel, source or campaign ("" for none); unvisited: conversions of people of
    whom no visit is known in the lookback window; rest: all groups beyond the largest. ``visits`` began in the span.
    ``credits`` by model."""

    name: str
    kind: RowKind
    visits: int
    cost: float | None
    credits: Mapping[str, Credit]


@dataclass(frozen=True, slots=True, kw_only=True)
class CreditRow:
    """One row of one model, for a file."""

    name: str
    kind: RowKind
    model: str
    visits: int
    conversions: float
    revenue: float
    cost: float | None
    cost_per_conversion: float | None
    roas: float | None
    contribution: float | None


def rows_of(
    groups: Sequence[Counted], unvisited: Given, models: Sequence[Model]
) -> tuple[AttributionRow, ...]:
    """The groups, those with most conversions by the first of ``models`` first; what is beyond MOST_ROWS in one row,
    and conversions without a visit in another. The sum of every column is that of all conversions."""
    order = sorted(
        groups, key=lambda each: (*(-value for value in each.given[models[0]]), -each.visits, each.name)
    )
    rows = [_row(each) for each in order[:MOST_ROWS]]
    if rest := order[MOST_ROWS:]:
        rows.append(_row(_together(rest, models)))
    if any(unvisited):
        rows.append(_row(Counted("", "unvisited", 0, None, dict.fromkeys(models, unvisited))))
    return tuple(rows)


def total_of(conversions: int, revenue: float, cost: float | None) -> Credit:
    """The figures of all conversions together."""
    given = Given(conversions * WHOLE, round(revenue * UNITS))
    return credit_of(given, None if cost is None else round(cost * UNITS))


def credits_of(rows: Sequence[AttributionRow]) -> tuple[CreditRow, ...]:
    """The rows once for each model."""
    return tuple(
        CreditRow(
            name=row.name,
            kind=row.kind,
            model=model,
            visits=row.visits,
            conversions=credit.conversions,
            revenue=credit.revenue,
            cost=row.cost,
            cost_per_conversion=credit.cost_per_conversion,
            roas=credit.roas,
            contribution=credit.contribution,
        )
        for row in rows
        for model, credit in row.credits.items()
    )


def _row(each: Counted) -> AttributionRow:
    return AttributionRow(
        name=each.name,
        kind=each.kind,
        visits=each.visits,
        cost=None if each.cost is None else each.cost / UNITS,
        credits={model: credit_of(given, each.cost) for model, given in each.given.items()},
    )


def credit_of(given: Given, cost: int | None) -> Credit:
    """``cost`` in ten-thousandths, None where none is known."""
    conversions, revenue = given.conversions / WHOLE, given.revenue / UNITS
    spent = None if cost is None else cost / UNITS
    return Credit(
        conversions=conversions,
        revenue=revenue,
        cost_per_conversion=spent / conversions if spent is not None and conversions > 0 else None,
        roas=revenue / spent if spent else None,
        contribution=None if cost is None else (given.revenue - cost) / UNITS,
    )


def _together(groups: Sequence[Counted], models: Sequence[Model]) -> Counted:
    costs = [each.cost for each in groups if each.cost is not None]
    given = {
        model: Given(*map(sum, zip(*(each.given[model] for each in groups), strict=True))) for model in models
    }
    return Counted("", "rest", sum(each.visits for each in groups), sum(costs) if costs else None, given)
