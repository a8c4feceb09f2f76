"""What the desk's pages show, as JSON. Secret keys only."""

from flask import Blueprint, Response, request

from tracker.sites import Site
from warehouse.funnel import funnel
from warehouse.overview import overview
from warehouse.paths import paths
from warehouse.retention import retention
from warehouse.span import Span
from warehouse.vocabulary import vocabulary
from web.answers import answer
from web.auth import Keys
from web.flows import returning, wanted
from web.funnels import question
from web.offers import answered
from web.services import Services


def reports_blueprint(services: Services, keys: Keys) -> Blueprint:
    blueprint = Blueprint("reports", __name__)
    warehouse = services.warehouse

    def asked() -> tuple[Site, Span]:
        """The site of the secret key, and the span of ``from`` and ``to``."""
        site = keys.secret_key()
        return site, Span.parse(site, request.args.get("from"), request.args.get("to"), services.clock)

    @blueprint.get("/v1/reports/overview")
    def overview_report() -> Response:
        site, span = asked()
        return answer(overview(warehouse, site.id, span))

    @blueprint.get("/v1/reports/funnel")
    def funnel_report() -> Response:
        site, span = asked()
        steps, rules = question(request.args.getlist("step"), request.args)
        return answer(funnel(warehouse, site.id, steps, rules, span))

    @blueprint.get("/v1/reports/paths")
    def paths_report() -> Response:
        site, span = asked()
        way = wanted(request.args)
        return answer(paths(warehouse, site.id, span, way.anchor, way.direction, way.depth))

    @blueprint.get("/v1/reports/retention")
    def retention_report() -> Response:
        site, span = asked()
        how = returning(request.args)
        return answer(retention(warehouse, site.id, span, how.unit, how.deed, how.by_channel))

    @blueprint.get("/v1/reports/vocabulary")
    def vocabulary_report() -> Response:
        site, span = asked()
        return answer(vocabulary(warehouse, site.id, span))

    @blueprint.get("/v1/reports/campaigns")
    def campaigns_report() -> Response:
        site, span = asked()
        counted = answered(services, site, span)
        return answer({"campaigns": sorted(counted.values(), key=lambda each: each.campaign)})

    return blueprint
