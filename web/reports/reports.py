"""Asking for reports: of one site, in a span, filtered. Desk and API share the cache of answers."""

from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass, field, replace
from typing import TypeVar

from flask import g, has_request_context, request

from offers.segments.views import Views
from profiles.store.port import ProfileStore
from tracker.durations import DAY_MS
from tracker.sites import Site
from tracker.unavailable import Unavailable
from warehouse.attribution.cost_store import CostStore
from warehouse.delta import Warehouse
from warehouse.events import Events
from warehouse.question.scope import Scope
from warehouse.question.span import Span
from warehouse.reports.filter_choices import Choices, choices
from warehouse.reports.filtered import filtered
from web.people.everyone import Everyone, everyone
from web.reports.cache import ReportCache, StillCounting
from web.reports.filters import Filters, filters_of

T = TypeVar("T")

FRESH_SECONDS, OLD_SECONDS = 30.0, 600.0
"""How old slow answers may be that change with every event, and those of the past, which late events may change."""
MEMBERS_SECONDS = 60.0
HINT_SECONDS = 0.3
ANEW_SECONDS = 5.0
"""How old an answer may be for who asks to count again: a page asks the same twice, and reloads while it waits."""


@dataclass(frozen=True, slots=True)
class ReportScope:
    """What is asked about."""

    site: Site
    span: Span
    filters: Filters = field(default_factory=Filters)


@dataclass(frozen=True, slots=True)
class Reports:
    """``patience`` is how long a page waits before it says that it is counting; None waits for the answer.
    ``everybody`` keeps who is in which segment apart: reports wait for it. ``views`` tells how people stand now."""

    warehouse: Warehouse
    profiles: ProfileStore
    cache: ReportCache
    everybody: ReportCache
    clock: Callable[[], float]
    costs: CostStore
    views: Views
    patience: float | None = None

    def scope(self, site: Site, args: Mapping[str, str]) -> ReportScope:
        """As the API's parameters say. Raises QueryRefused."""
        return ReportScope(
            site, Span.parse(site, args.get("from"), args.get("to"), self.clock), filters_of(args)
        )

    def answer(self, name: str, scope: ReportScope, how: Hashable, make: Callable[[Events], T]) -> T:
        """What ``make`` counts; ``name`` and ``how`` tell the question from others.

        Raises StillCounting and QueryRefused."""
        question = _question(name, scope, how)
        most = FRESH_SECONDS if scope.span.end >= self.clock() * 1000 - DAY_MS else OLD_SECONDS
        if has_request_context() and "fresh" in request.args:
            most = min(most, ANEW_SECONDS)
        found, made = self.cache.answer(question, lambda: make(self.events(scope)), most, self.patience)
        if has_request_context():
            g.age = max(round(self.clock() - made), g.get("age", 0))
        answer: T = found
        return answer

    def hint(self, name: str, scope: ReportScope, make: Callable[[Events], T], patience: float | None) -> T:
        """What only helps to ask: of the site's events, unnarrowed; an older answer will do. Raises StillCounting."""
        plain = ReportScope(scope.site, scope.span)
        found, _made = self.cache.answer(
            _question(name, plain, ()),
            lambda: make(self.warehouse),
            FRESH_SECONDS,
            patience,
            stale=OLD_SECONDS,
        )
        hint: T = found
        return hint

    def events(self, scope: ReportScope) -> Events:
        """The events that the filters leave. Raises QueryRefused."""
        filters = scope.filters
        people = self.members(scope.site, filters.segment) if filters.segment else None
        return filtered(self.warehouse, filters.equal, filters.seen, people)

    def members(self, site: Site, segment: str) -> frozenset[str]:
        """Profile ids of who is in a segment now, however long that takes."""
        return replace(self, patience=None).everyone(site).segments.get(segment, frozenset())

    def everyone(self, site: Site) -> Everyone:
        """Who there is, at most a minute ago; ten while they are being counted anew. Raises StillCounting."""
        found, _made = self.everybody.answer(
            site.id,
            lambda: everyone(self.profiles, site.id, self.views.defined(site), self.views.of(site)),
            MEMBERS_SECONDS,
            self.patience,
            stale=OLD_SECONDS,
        )
        people: Everyone = found
        return people

    def demo(self, site: Site) -> bool:
        """Whether demo data is stored, as far as can be told at once. For figures that are of no period."""
        patience = None if self.patience is None else min(self.patience, HINT_SECONDS)
        try:
            found, _made = self.cache.answer(
                (site.id, "demo"),
                lambda: bool(self.warehouse.rows(_DEMO, Scope(site.id))),
                FRESH_SECONDS,
                patience,
                stale=True,
            )
        except (StillCounting, Unavailable):
            return False
        return bool(found)

    def choices(self, scope: ReportScope) -> Choices:
        """What the filter bar offers; nothing while that is not known: no page waits for it."""
        patience = None if self.patience is None else min(self.patience, HINT_SECONDS)
        try:
            return self.hint(
                "choices", scope, lambda events: choices(events, scope.site.id, scope.span), patience
            )
        except StillCounting:
            return Choices()


_DEMO = "select true as found from events where demo limit 1"


def _question(name: str, scope: ReportScope, how: Hashable) -> Hashable:
    span = scope.span
    return (scope.site.id, name, span.start, span.end, str(span.zone), scope.filters, how)
