"""What the desk's pages show, as JSON. Secret keys only."""

from collections.abc import Callable
from typing import Any

from flask import Blueprint, Response, request

from tracker.sites import Site
from warehouse.overview import overview
from warehouse.span import Span
from web.answers import answer
from web.auth import Keys
from web.services import Services

Report = Callable[[Site, Span], Any]


def reports_blueprint(services: Services, keys: Keys) -> Blueprint:
    blueprint = Blueprint("reports", __name__)
    warehouse = services.warehouse

    def asked() -> tuple[Site, Span]:
        site = keys.secret_key()
        return site, Span.parse(site, request.args.get("from"), request.args.get("to"), services.clock)

    @blueprint.get("/v1/reports/overview")
    def overview_report() -> Response:
        site, span = asked()
        return answer(overview(warehouse, site.id, span))

    return blueprint
