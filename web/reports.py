"""What the desk's pages show, as JSON and CSV."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from flask import Blueprint, Response, g, request

from tracker.sites import Site
from warehouse.live import live
from web.answers import answer
from web.asking import Reports
from web.desk.live import MINUTES
from web.flows import one_of
from web.offers import answered, found
from web.people import latest_of, members_of, people_of
from web.questions import REPORTS, Report
from web.results import as_json, expansion, result_of
from web.services import Services
from web.table import csv_of


def reports_blueprint(
    services: Services, reports: Reports, name: str, prefix: str, site_of: Callable[[], Site]
) -> Blueprint:
    """The reports under ``prefix``, of the site that ``site_of`` says: a secret key's, or the desk's chosen one."""
    blueprint = Blueprint(name, __name__, url_prefix=prefix)
    patient = replace(reports, patience=None)

    def view_of(title: str, report: Report) -> Callable[[], Response]:
        def view() -> Response:
            asked = patient.asked(site_of(), request.args)
            return told(title, report.ask(patient, asked, request.args), report.tables)

        return view

    for title, report in REPORTS.items():
        blueprint.add_url_rule(f"/{title}", title.replace("/", "_"), view_of(title.replace("/", "-"), report))

    @blueprint.get("/funnel/people")
    def people() -> Response:
        asked = patient.asked(site_of(), request.args)
        return told("funnel-people", people_of(services, patient, asked, request.args), ("people",))

    @blueprint.get("/segment")
    def segment() -> Response:
        members = members_of(services, patient, site_of().id, request.args.get("id", ""))
        return told("segment", members, ("people",))

    @blueprint.get("/visitors")
    def visitors() -> Response:
        return told("visitors", latest_of(services, site_of().id), ("people",))

    @blueprint.get("/live")
    def live_report() -> Response:
        since = int((services.clock() - MINUTES * 60) * 1000)
        return told("live", live(services.warehouse, site_of().id, since), ("pages", "events"))

    @blueprint.get("/campaigns")
    def campaigns_report() -> Response:
        asked = patient.asked(site_of(), request.args)
        counted = answered(services, asked.site, asked.span)
        return answer({"campaigns": sorted(counted.values(), key=lambda each: each.campaign)})

    @blueprint.get("/campaigns/<campaign_id>")
    def campaign_report(campaign_id: str) -> Response:
        asked = patient.asked(site_of(), request.args)
        campaign = found(services, asked.site, campaign_id)
        return answer(as_json(result_of(services, asked.site, campaign, asked.span)))

    @blueprint.get("/campaigns/<campaign_id>/expansion")
    def expansion_report(campaign_id: str) -> Response:
        asked = patient.asked(site_of(), request.args)
        campaign = found(services, asked.site, campaign_id)
        result = result_of(services, asked.site, campaign, asked.span)
        proposed = expansion(services, asked.site, result)
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
