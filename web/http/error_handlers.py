"""Refusals and failures as JSON under /v1 and /api, and as a page in the desk."""

import logging

from flask import Flask, Response, render_template, request
from flask.typing import ResponseReturnValue
from werkzeug.exceptions import HTTPException

from offers.campaign.store import CampaignsUnavailable, TooManyCampaigns
from offers.decision.caps import CapsUnavailable
from offers.decision.decision_counts import DecisionCountsUnavailable
from offers.segments.store import SegmentsUnavailable
from profiles.store.port import ProfilesUnavailable
from recommender.catalogue.redis import CatalogueUnavailable
from recommender.catalogue.store import CatalogueFull
from tracker.log.port import LogUnavailable
from tracker.refusal import Invalid
from tracker.unavailable import Unavailable
from warehouse.attribution.cost_store import CostsUnavailable, TooManyCosts
from warehouse.tables.table import WarehouseUnavailable
from web.http.json_body import answer
from web.http.problem import Problem, unavailable

logger = logging.getLogger(__name__)

DOWN: dict[type[Unavailable], str] = {
    CampaignsUnavailable: "The store of campaigns",
    CapsUnavailable: "The store of caps",
    DecisionCountsUnavailable: "The count of decisions",
    CatalogueUnavailable: "The item catalogue",
    CostsUnavailable: "The store of costs",
    LogUnavailable: "The event log",
    ProfilesUnavailable: "The profile store",
    SegmentsUnavailable: "The store of segments",
    WarehouseUnavailable: "The warehouse",
}
"""What a user reads of each store that does not answer."""


def name_of_store(error: Unavailable) -> str:
    """What a user reads of the store that raised the error."""
    return next((name for kind, name in DOWN.items() if isinstance(error, kind)), "The store")


def _as_json(problem: Problem) -> Response:
    body = {"error": {"code": problem.code, "message": problem.message, "field": problem.field}}
    return answer(body, problem.status, problem.headers)


def _as_page(problem: Problem) -> Response:
    page = render_template("desk/error.html", problem=problem)
    return Response(page, problem.status, problem.headers, content_type="text/html; charset=utf-8")


def show(problem: Problem) -> Response:
    """The problem as the asker reads it: a page in the desk, JSON elsewhere."""
    in_desk = request.path.startswith("/desk")
    return _as_page(problem) if in_desk else _as_json(problem)


def register_errors(app: Flask) -> None:
    """Every way a request can end badly, in one shape."""

    @app.errorhandler(Problem)
    def refused(problem: Problem) -> Response:
        return show(problem)

    @app.errorhandler(Invalid)
    def invalid(error: Invalid) -> Response:
        return show(Problem(400, error.message, error.field or None))

    @app.errorhandler(CatalogueFull)
    @app.errorhandler(TooManyCampaigns)
    @app.errorhandler(TooManyCosts)
    def full(error: Exception) -> Response:
        return show(Problem(409, str(error)))

    @app.errorhandler(Unavailable)
    def down(error: Unavailable) -> Response:
        what = name_of_store(error)
        logger.warning("%s: %s", what, error)
        return show(unavailable(what, error.retry_after))

    @app.errorhandler(HTTPException)
    def routed(error: HTTPException) -> ResponseReturnValue:
        status = error.code or 500
        if status < 400:
            return error  # a redirect
        kept = ("Allow", "Retry-After")
        headers = {name: value for name, value in error.get_response().headers.items() if name in kept}
        return show(Problem(status, str(error.description or error.name), headers=headers))

    @app.errorhandler(Exception)
    def unexpected(error: Exception) -> Response:
        logger.error("%s %s failed", request.method, request.path, exc_info=error)
        return show(Problem(500, "Something went wrong on our side; it has been logged"))
