"""What the desk's pages show, as JSON and CSV."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from flask import Blueprint, Response, g, request

from tracker.sites import Site
from warehouse.reports.live import live
from web.api.audiences import Audiences
from web.api.models import versions
from web.flows import one_of
from web.http.json_body import answer
from web.reports.campaign_counts import answered, found
from web.reports.campaign_result import TABLES, as_json, expansion, result_of, table_of
from web.reports.catalogue import REPORTS, Report, Rows
from web.reports.csv_file import csv_of
from web.reports.filters import filters_of
from web.reports.live import just_now
from web.reports.people import PERSON_TABLES, found_by, latest_of, members_of, people_of, person_of, sizes_of
from web.reports.reports import Reports
from web.stores import Stores


def reports_blueprint(
    stores: Stores, reports: Reports, name: str, prefix: str, site_of: Callable[[], Site]
) -> Blueprint:
    """The reports under ``prefix``, of the site that ``site_of`` says: a secret key's, or the desk's chosen one."""
    blueprint = Blueprint(name, __name__, url_prefix=prefix)
    patient = replace(reports, patience=None)

    def view_of(title: str, report: Report) -> Callable[[], Response]:
        def view() -> Response:
            asked = patient.scope(site_of(), request.args)
            return told(title, report.ask(patient, asked, request.args), report.tables)

        return view

    for title, report in REPORTS.items():
        blueprint.add_url_rule(f"/{title}", title.replace("/", "_"), view_of(title.replace("/", "-"), report))

    @blueprint.get("/funnel/people")
    def people() -> Response:
        asked = patient.scope(site_of(), request.args)
        return told("funnel-people", people_of(stores, patient, asked, request.args), ("people",))

    @blueprint.get("/segment")
    def segment() -> Response:
        members = members_of(stores, patient, site_of().id, request.args.get("id", ""))
        return told("segment", members, ("people",))

    @blueprint.get("/visitors")
    def visitors() -> Response:
        asked, query = patient.scope(site_of(), request.args), request.args.get("q", "")
        found = (
            found_by(stores, patient, asked.site.id, query) if query else latest_of(stores, patient, asked)
        )
        return told("visitors", found, ("people",))

    @blueprint.get("/visitor")
    def visitor() -> Response:
        person = person_of(stores, site_of().id, request.args.get("id", ""))
        return told("visitor", person, PERSON_TABLES)

    @blueprint.get("/audience")
    def audience() -> Response:
        asked = (request.args.get("audience", ""), request.args.get("visitor", ""))
        return told("audience", Audiences(stores).explained(site_of(), *asked), ("clauses", "failed"))

    @blueprint.get("/models")
    def models() -> Response:
        return told("models", Rows(versions(stores.models.shops(site_of().id).registry)), ("rows",))

    @blueprint.get("/segments")
    def segments() -> Response:
        return told("segments", Rows(sizes_of(stores, patient, site_of())), ("rows",))

    @blueprint.get("/live")
    def live_report() -> Response:
        asked = just_now(site_of(), filters_of(request.args), stores.clock())
        now = live(patient.events(asked), asked.site.id, asked.span.start)
        return told("live", now, ("pages", "events"))

    @blueprint.get("/campaigns")
    def campaigns_report() -> Response:
        asked = patient.scope(site_of(), request.args)
        counted = sorted(
            answered(stores, patient.events(asked), asked).values(), key=lambda each: each.campaign
        )
        if one_of("format", request.args, ("json", "csv")) == "csv":
            return csv_of("campaigns", [row for each in counted for row in each.variants])
        return answer({"campaigns": counted})

    @blueprint.get("/campaigns/<campaign_id>")
    def campaign_report(campaign_id: str) -> Response:
        asked = patient.scope(site_of(), request.args)
        campaign = found(stores, asked.site, campaign_id)
        result = result_of(stores, asked.site, campaign, asked.span)
        if one_of("format", request.args, ("json", "csv")) == "csv":
            table = one_of("table", request.args, TABLES)
            return csv_of(f"{campaign.id}-{table}", table_of(result, table))
        return answer(as_json(result))

    @blueprint.get("/campaigns/<campaign_id>/expansion")
    def expansion_report(campaign_id: str) -> Response:
        asked = patient.scope(site_of(), request.args)
        campaign = found(stores, asked.site, campaign_id)
        result = result_of(stores, asked.site, campaign, asked.span)
        proposed = expansion(stores, asked.site, result)
        about = {**proposed._asdict(), "density": proposed.density} if proposed else None
        return answer({"campaign": campaign.id, "proposed": about})

    return blueprint


def told(name: str, report: Any, tables: Sequence[str]) -> Response:
    """JSON, with its age in seconds; or with ``format=csv`` one ``table`` of the report, by default the first.
    Raises QueryRefused."""
    form = one_of("format", request.args, ("json", "csv"))
    if form == "json":
        response = answer(report)
    else:
        table = one_of("table", request.args, tables)
        response = csv_of(f"{name}-{table}" if table != "rows" else name, getattr(report, table))
    if "age" in g:
        response.headers["Age"] = str(g.age)
    return response
