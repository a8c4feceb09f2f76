"""What the desk's pages show, as JSON and CSV."""

from collections.abc import Callable, Sequence
from typing import Any

from flask import Blueprint, Response, request

from tracker.sites import Site
from warehouse.funnel import funnel
from warehouse.live import live
from warehouse.overview import overview
from warehouse.paths import paths
from warehouse.retention import retention
from warehouse.span import Span
from warehouse.vocabulary import vocabulary
from web.answers import answer
from web.desk.live import MINUTES
from web.flows import one_of, returning, wanted
from web.funnels import question
from web.offers import answered
from web.services import Services
from web.table import csv_of

OVERVIEW_TABLES = (
    *("series", "channels", "pages", "entries", "exits", "origins", "keywords", "campaigns"),
    *("devices", "browsers", "systems", "countries", "hours"),
)


def reports_blueprint(services: Services, name: str, prefix: str, site_of: Callable[[], Site]) -> Blueprint:
    """The reports under ``prefix``, of the site that ``site_of`` says: a secret key's, or the desk's chosen one."""
    blueprint = Blueprint(name, __name__, url_prefix=prefix)
    warehouse = services.warehouse

    def asked() -> tuple[Site, Span]:
        """The site, and the span of ``from`` and ``to``."""
        site = site_of()
        return site, Span.parse(site, request.args.get("from"), request.args.get("to"), services.clock)

    @blueprint.get("/overview")
    def overview_report() -> Response:
        site, span = asked()
        return told("overview", overview(warehouse, site.id, span), OVERVIEW_TABLES)

    @blueprint.get("/live")
    def live_report() -> Response:
        since = int((services.clock() - MINUTES * 60) * 1000)
        return told("live", live(warehouse, site_of().id, since), ("pages", "events"))

    @blueprint.get("/funnel")
    def funnel_report() -> Response:
        site, span = asked()
        steps, rules = question(request.args.getlist("step"), request.args)
        return told("funnel", funnel(warehouse, site.id, steps, rules, span), ("steps",))

    @blueprint.get("/paths")
    def paths_report() -> Response:
        site, span = asked()
        way = wanted(request.args)
        found = paths(warehouse, site.id, span, way.anchor, way.direction, way.depth)
        return told("paths", found, ("flows",))

    @blueprint.get("/retention")
    def retention_report() -> Response:
        site, span = asked()
        how = returning(request.args)
        found = retention(warehouse, site.id, span, how.unit, how.deed, how.by_channel)
        return told("retention", found, ("cohorts",))

    @blueprint.get("/vocabulary")
    def vocabulary_report() -> Response:
        site, span = asked()
        return told("vocabulary", vocabulary(warehouse, site.id, span), ("events", "pages"))

    @blueprint.get("/campaigns")
    def campaigns_report() -> Response:
        site, span = asked()
        counted = answered(services, site, span)
        return answer({"campaigns": sorted(counted.values(), key=lambda each: each.campaign)})

    return blueprint


def told(name: str, report: Any, tables: Sequence[str]) -> Response:
    """JSON; or with ``format=csv`` one ``table`` of the report, by default the first. Raises Problem 400."""
    form = one_of("format", request.args, ("json", "csv"))
    if form == "json":
        return answer(report)
    table = one_of("table", request.args, tables)
    return csv_of(f"{name}-{table}", getattr(report, table))
