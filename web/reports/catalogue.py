"""Every report with its parameters, asked once for desk and API alike."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from werkzeug.datastructures import MultiDict

from tracker.agents.agents import KINDS
from warehouse.engagement.report import Engagement, engagement
from warehouse.feeds.doubtful_orders import Doubtful, doubtful
from warehouse.funnel.breakdown import BREAKDOWNS, FunnelGroup, breakdown, breakdown_by_members
from warehouse.funnel.dropoffs import DropOff, dropoffs
from warehouse.funnel.funnel import Funnel, Rules, Step, funnel, parse_step
from warehouse.funnel.reverse import ReverseFunnel, reverse_funnel
from warehouse.funnel.trend import EVERY, TrendPeriod, trend
from warehouse.question.refused import QueryRefused
from warehouse.reports.agents import AgentReport, agent_report
from warehouse.reports.goals import GoalFigures, goals
from warehouse.reports.overview import LIMIT, Overview, overview
from warehouse.reports.paths import Paths, paths
from warehouse.reports.products import ProductReport, product_report
from warehouse.reports.retention import Retention, retention
from warehouse.reports.vocabulary import Vocabulary, vocabulary
from web.reports.attribution import attribution_of, attribution_options
from web.reports.customers.report import CUSTOMER_TABLES, customers_of
from web.reports.parameters import (
    PathOptions,
    RetentionOptions,
    funnel_options,
    one_of,
    path_options,
    retention_options,
)
from web.reports.reports import Reports, ReportScope

GROUPS = (*BREAKDOWNS, "stage", "segment")
"""What a funnel can be broken down by."""


@dataclass(frozen=True, slots=True)
class Rows:
    """A report that is one table."""

    rows: Sequence[Any]


def overview_of(reports: Reports, scope: ReportScope, limit: int = LIMIT) -> Overview:
    return reports.answer(
        "overview",
        scope,
        limit,
        lambda events: overview(events, scope.site.id, scope.span, scope.site.currency, limit),
    )


def doubtful_of(reports: Reports, scope: ReportScope) -> Doubtful:
    """Orders that were set apart, of the whole site, whatever the filters."""
    return reports.hint(
        "doubtful",
        scope,
        lambda events: doubtful(events, scope.site.id, scope.span.start, scope.span.end),
        reports.patience,
    )


def shelves_of(reports: Reports, scope: ReportScope) -> ProductReport:
    return reports.answer(
        "products",
        scope,
        (),
        lambda events: product_report(events, scope.site.id, scope.span, scope.site.currency),
    )


def agents_of(reports: Reports, scope: ReportScope, kind: str = "", agent: str = "") -> AgentReport:
    """Whatever the filters: agents are in no segment and came by no channel. Raises QueryRefused."""
    asked = one_of("kind", {"kind": kind}, ("", *KINDS))
    site, span = scope.site, scope.span
    return reports.answer(
        "agents",
        ReportScope(site, span),
        (asked, agent),
        lambda events: agent_report(events, site.id, span, site.currency, asked, agent),
    )


def engagement_of(reports: Reports, scope: ReportScope) -> Engagement:
    return reports.answer(
        "engagement", scope, (), lambda events: engagement(events, scope.site.id, scope.span)
    )


def goals_of(reports: Reports, scope: ReportScope, steps: Sequence[str]) -> tuple[GoalFigures, ...]:
    """Raises QueryRefused."""
    parsed = tuple(parse_step(step, "goal") for step in steps)
    return reports.answer(
        "goals", scope, parsed, lambda events: goals(events, scope.site.id, parsed, scope.span)
    )


def vocabulary_of(reports: Reports, scope: ReportScope, most: int = 200) -> Vocabulary:
    """Of the whole site, whatever the filters: what there is to choose from."""
    return reports.hint(
        f"vocabulary {most}",
        scope,
        lambda events: vocabulary(events, scope.site.id, scope.span, most),
        reports.patience,
    )


def paths_of(reports: Reports, scope: ReportScope, way: PathOptions) -> Paths:
    return reports.answer(
        "paths",
        scope,
        way,
        lambda events: paths(events, scope.site.id, scope.span, way.anchor, way.direction, way.depth),
    )


def reverse_funnel_of(reports: Reports, scope: ReportScope, goal: Step) -> ReverseFunnel:
    return reports.answer(
        "reverse", scope, goal, lambda events: reverse_funnel(events, scope.site.id, goal, scope.span)
    )


def retention_of(reports: Reports, scope: ReportScope, how: RetentionOptions) -> Retention:
    return reports.answer(
        "retention",
        scope,
        how,
        lambda events: retention(
            events, scope.site.id, scope.span, scope.site.currency, how.unit, how.deed, how.by_channel
        ),
    )


@dataclass(frozen=True, slots=True)
class FunnelQuestion:
    """Steps and rules; every view of one funnel is asked by the same."""

    steps: tuple[Step, ...]
    rules: Rules

    @classmethod
    def of(cls, args: "MultiDict[str, str]") -> "FunnelQuestion":
        """Raises QueryRefused."""
        steps, rules = funnel_options(args.getlist("step"), args)
        return cls(tuple(steps), rules)

    def counted(self, reports: Reports, scope: ReportScope) -> Funnel:
        return reports.answer(
            "funnel",
            scope,
            self,
            lambda events: funnel(events, scope.site.id, self.steps, self.rules, scope.span),
        )

    def breakdown(self, reports: Reports, scope: ReportScope, by: str) -> list[FunnelGroup]:
        """For each value of ``by``, one of GROUPS. Raises QueryRefused."""
        if by not in GROUPS:
            raise QueryRefused("by", f"one of {', '.join(GROUPS)}")
        site, span = scope.site.id, scope.span
        if by in BREAKDOWNS:
            return reports.answer(
                "breakdown",
                scope,
                (self, by),
                lambda events: breakdown(events, site, self.steps, self.rules, span, by),
            )
        everyone = reports.everyone(scope.site)
        people = {
            name: ids
            for name, ids in (everyone.stages if by == "stage" else everyone.segments).items()
            if ids
        }
        return reports.answer(
            "breakdown",
            scope,
            (self, by),
            lambda events: breakdown_by_members(events, site, self.steps, self.rules, span, people),
        )

    def trend(self, reports: Reports, scope: ReportScope, every: str) -> tuple[TrendPeriod, ...]:
        chosen = one_of("every", {"every": every}, EVERY)
        return reports.answer(
            "trend",
            scope,
            (self, chosen),
            lambda events: trend(events, scope.site.id, self.steps, self.rules, scope.span, chosen),
        )

    def drop_offs(self, reports: Reports, scope: ReportScope, step: int) -> tuple[DropOff, ...]:
        return reports.answer(
            "instead",
            scope,
            (self, step),
            lambda events: dropoffs(events, scope.site.id, self.steps, self.rules, scope.span, step),
        )


@dataclass(frozen=True, slots=True)
class Report:
    """``ask`` with the address's parameters; ``tables`` are what it has as CSV, the usual one first."""

    tables: tuple[str, ...]
    ask: Callable[[Reports, ReportScope, "MultiDict[str, str]"], Any]


def step_of(args: Mapping[str, str]) -> int:
    """``at``, a step counted from 1, as counted from 0. Raises QueryRefused."""
    text = args.get("at", "1")
    if not (text.isascii() and text.isdigit() and len(text) < 3 and int(text) > 0):
        raise QueryRefused("at", "the number of a step, from 1")
    return int(text) - 1


OVERVIEW_TABLES = (
    *("series", "by_hour", "channels", "pages", "entries", "exits", "origins", "keywords", "campaigns"),
    *("devices", "browsers", "systems", "countries", "cities", "hours"),
)

REPORTS: dict[str, Report] = {
    "overview": Report(OVERVIEW_TABLES, lambda reports, scope, _args: overview_of(reports, scope)),
    "products": Report(
        ("products", "categories", "left", "pairs", "searches"),
        lambda reports, scope, _args: shelves_of(reports, scope),
    ),
    "agents": Report(
        ("agents", "pages", "series", "kinds"),
        lambda reports, scope, args: agents_of(reports, scope, args.get("kind", ""), args.get("agent", "")),
    ),
    "engagement": Report(("pages", "channels"), lambda reports, scope, _args: engagement_of(reports, scope)),
    "goals": Report(
        ("rows",), lambda reports, scope, args: Rows(goals_of(reports, scope, args.getlist("goal")))
    ),
    "vocabulary": Report(("events", "pages"), lambda reports, scope, _args: vocabulary_of(reports, scope)),
    "paths": Report(("flows",), lambda reports, scope, args: paths_of(reports, scope, path_options(args))),
    "retention": Report(
        ("cohorts",), lambda reports, scope, args: retention_of(reports, scope, retention_options(args))
    ),
    "customers": Report(CUSTOMER_TABLES, lambda reports, scope, _args: customers_of(reports, scope)),
    "attribution": Report(
        ("credits",),
        lambda reports, scope, args: attribution_of(reports, scope, attribution_options(args)),
    ),
    "funnel": Report(
        ("steps",), lambda reports, scope, args: FunnelQuestion.of(args).counted(reports, scope)
    ),
    "funnel/breakdown": Report(
        ("rows",),
        lambda reports, scope, args: Rows(
            FunnelQuestion.of(args).breakdown(reports, scope, args.get("group", "channel"))
        ),
    ),
    "funnel/trend": Report(
        ("rows",),
        lambda reports, scope, args: Rows(
            FunnelQuestion.of(args).trend(reports, scope, args.get("every", ""))
        ),
    ),
    "funnel/reverse": Report(
        ("steps",),
        lambda reports, scope, args: reverse_funnel_of(
            reports, scope, parse_step(args.get("goal", ""), "goal")
        ),
    ),
    "funnel/instead": Report(
        ("rows",),
        lambda reports, scope, args: Rows(FunnelQuestion.of(args).drop_offs(reports, scope, step_of(args))),
    ),
}
