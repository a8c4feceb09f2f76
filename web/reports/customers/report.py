"""The report of the customers: how they stand on the newest day, how they moved there, and who brings the profit."""

from dataclasses import dataclass
from datetime import date

from customers.profit.whale_curve import whale_curve
from warehouse.customers.score_history import (
    GridCell,
    Kept,
    Move,
    Snapshot,
    Standing,
    contributions,
    grid,
    kept,
    moves,
    snapshots,
    standings,
    told_values,
)
from warehouse.events import Events
from web.reports.customers.distribution import Bin, amount_bins, risk_bins
from web.reports.reports import Reports, ReportScope


@dataclass(frozen=True, slots=True)
class CurvePoint:
    """The best ``share`` of the customers (0 to 1) brought ``contribution`` together."""

    share: float
    contribution: float


@dataclass(frozen=True, slots=True)
class Profit:
    """The whale curve (``customers.profit.whale_curve``). ``best_fifth``: the share that the best fifth brings, None
    where all together bring nothing. ``losing`` customers cost ``lost`` more than they bring."""

    customers: int
    total: float
    peak: float
    peak_at: float
    best_fifth: float | None
    losing: int
    lost: float


@dataclass(frozen=True, slots=True)
class CustomerReport:
    """Of the newest snapshot in the period (``day``), against its oldest (``before``, the same where there is only
    one). Without a snapshot ``day`` is None and all is empty."""

    day: date | None = None
    before: date | None = None
    customers: int = 0
    cells: tuple[Standing, ...] = ()
    grid: tuple[GridCell, ...] = ()
    stages: tuple[Standing, ...] = ()
    groups: tuple[Standing, ...] = ()
    quadrants: tuple[Standing, ...] = ()
    moves: tuple[Move, ...] = ()
    kept: tuple[Kept, ...] = ()
    profit: Profit | None = None
    curve: tuple[CurvePoint, ...] = ()
    spread: tuple[Bin, ...] = ()


CUSTOMER_TABLES = ("cells", "grid", "stages", "groups", "quadrants", "moves", "kept", "curve", "spread")


def customers_of(reports: Reports, scope: ReportScope) -> CustomerReport:
    """Of the whole site, whatever the filters: scores are of customers, not of visits."""
    site, span = scope.site, scope.span

    def make(events: Events) -> CustomerReport:
        days = snapshots(events, site.id, span)
        return _report(events, site.id, days[0], days[-1]) if days else CustomerReport()

    return reports.answer("customers", ReportScope(site, span), (), make)


def _report(events: Events, site: str, before: Snapshot, now: Snapshot) -> CustomerReport:
    by = standings(events, site, now)
    whale = whale_curve(contributions(events, site, now))
    told = told_values(events, site, now)
    two = before.ts < now.ts
    return CustomerReport(
        day=now.day,
        before=before.day,
        customers=now.customers,
        cells=by["cell"],
        grid=grid(events, site, now),
        stages=by["stage"],
        groups=by["group"],
        quadrants=by["quadrant"],
        moves=moves(events, site, before, now) if two else (),
        kept=kept(events, site, before, now) if two else (),
        profit=Profit(*whale[:7]) if whale.customers else None,
        curve=tuple(CurvePoint(*point) for point in whale.curve),
        spread=risk_bins(told["risk"]) + amount_bins(told["clv"]),
    )
