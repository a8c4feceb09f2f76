"""What the desk's pages show, as JSON and CSV."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from flask import Blueprint, Response, g, request

from profiles.losses import LossStore
from tracker.sites import Site
from warehouse.reports.live import live
from web.api.models import versions
from web.campaigns.plan import CampaignPlans
from web.http.json_body import answer
from web.http.routes import Routes, blueprint_of, get
from web.people.audience_preview import Audiences
from web.reports.campaign_counts import answered, found
from web.reports.campaign_result import CampaignResults, Result
from web.reports.campaign_tables import TABLES, as_json, table_of
from web.reports.catalogue import REPORTS, Report, Rows
from web.reports.csv_file import csv_of
from web.reports.filters import filters_of
from web.reports.live import just_now
from web.reports.parameters import one_of
from web.reports.people import PERSON_TABLES, PeopleTables
from web.reports.products.associations import ASSOCIATION_TABLES, associations_of
from web.reports.reports import Reports
from web.stores import Shop

ITEM_LIMIT = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportSources:
    """What the reports of the API are counted by."""

    people: PeopleTables
    campaigns: CampaignResults
    plans: CampaignPlans
    audiences: Audiences
    shops: Callable[[str], Shop]
    losses: LossStore


def reports_blueprint(
    sources: ReportSources, name: str, prefix: str, site_of: Callable[[], Site]
) -> Blueprint:
    """The reports under ``prefix``, of the site that ``site_of`` says: a secret key's, or the desk's chosen one.

    They wait until a report is counted.
    """
    reports = replace(sources.people.reports, patience=None)
    people = replace(sources.people, reports=reports)
    catalogue = blueprint_of(
        name,
        (
            *PeopleReports(people, sources.audiences, site_of).routes(),
            *CampaignReports(sources.campaigns, reports, site_of).routes(),
            *SiteReports(sources.shops, sources.losses, reports, site_of).routes(),
        ),
        prefix,
    )
    for title, report in REPORTS.items():
        view = partial(_report, reports, site_of, title.replace("/", "-"), report)
        catalogue.add_url_rule(f"/{title}", title.replace("/", "_"), view)
    return catalogue


def _report(reports: Reports, site_of: Callable[[], Site], name: str, report: Report) -> Response:
    scope = reports.scope(site_of(), request.args)
    return told(name, report.ask(reports, scope, request.args), report.tables)


@dataclass(frozen=True, slots=True)
class PeopleReports:
    """Visitors one by one, in segments, and in audiences."""

    people: PeopleTables
    audiences: Audiences
    site_of: Callable[[], Site]

    def routes(self) -> Routes:
        return (
            get("/funnel/people", self.funnel_people),
            get("/segment", self.segment),
            get("/visitors", self.visitors),
            get("/visitor", self.visitor),
            get("/audience", self.audience),
            get("/segments", self.segments),
        )

    def funnel_people(self) -> Response:
        scope = self.people.reports.scope(self.site_of(), request.args)
        found = self.people.in_funnel(scope, request.args)
        return told("funnel-people", found, ("people",))

    def segment(self) -> Response:
        members = self.people.in_segment(self.site_of(), request.args.get("id", ""))
        return told("segment", members, ("people",))

    def visitors(self) -> Response:
        scope = self.people.reports.scope(self.site_of(), request.args)
        if query := request.args.get("q", ""):
            found = self.people.search(scope.site, query)
        else:
            found = self.people.latest(scope)
        return told("visitors", found, ("people",))

    def visitor(self) -> Response:
        person = self.people.person(self.site_of(), request.args.get("id", ""))
        return told("visitor", person, PERSON_TABLES)

    def audience(self) -> Response:
        source, who = request.args.get("audience", ""), request.args.get("visitor", "")
        explained = self.audiences.explained(self.site_of(), source, who)
        return told("audience", explained, ("clauses", "failed"))

    def segments(self) -> Response:
        return told("segments", Rows(self.people.segment_sizes(self.site_of())), ("rows",))


@dataclass(frozen=True, slots=True)
class CampaignReports:
    results: CampaignResults
    reports: Reports
    site_of: Callable[[], Site]

    def routes(self) -> Routes:
        return (
            get("/campaigns", self.campaigns_report),
            get("/campaigns/<campaign_id>", self.campaign_report),
            get("/campaigns/<campaign_id>/expansion", self.expansion_report),
        )

    def campaigns_report(self) -> Response:
        scope = self.reports.scope(self.site_of(), request.args)
        by_id = answered(self.results.signer, self.reports.events(scope), scope)
        counted = sorted(by_id.values(), key=lambda each: each.campaign)
        if one_of("format", request.args, ("json", "csv")) == "csv":
            return csv_of("campaigns", [row for each in counted for row in each.variants])
        return answer({"campaigns": counted})

    def campaign_report(self, campaign_id: str) -> Response:
        _site, result = self._result(campaign_id)
        if one_of("format", request.args, ("json", "csv")) == "csv":
            table = one_of("table", request.args, TABLES)
            return csv_of(f"{result.campaign.id}-{table}", table_of(result, table))
        return answer(as_json(result))

    def expansion_report(self, campaign_id: str) -> Response:
        site, result = self._result(campaign_id)
        proposed = self.results.expansion(site, result)
        about = {**proposed._asdict(), "density": proposed.density} if proposed else None
        return answer({"campaign": result.campaign.id, "proposed": about})

    def _result(self, campaign_id: str) -> tuple[Site, Result]:
        """Raises Problem 404 and QueryRefused."""
        scope = self.reports.scope(self.site_of(), request.args)
        campaign = found(self.results.campaigns, scope.site, campaign_id)
        return scope.site, self.results.result(scope.site, campaign, scope.span)


@dataclass(frozen=True, slots=True)
class SiteReports:
    """The models of a site, who is there now, and what is lost of its events' values."""

    shops: Callable[[str], Shop]
    losses: LossStore
    reports: Reports
    site_of: Callable[[], Site]

    def routes(self) -> Routes:
        return (
            get("/models", self.models),
            get("/associations", self.associations),
            get("/live", self.live_report),
            get("/data-quality", self.data_quality),
        )

    def models(self) -> Response:
        return told("models", Rows(versions(self.shops(self.site_of().id).registry)), ("rows",))

    def associations(self) -> Response:
        """What is bought together and next, of one ``item`` or the strongest of all."""
        shop, item = self.shops(self.site_of().id), request.args.get("item", "")[:ITEM_LIMIT]
        found = associations_of(shop.registry, shop.catalogue, item)
        return told("associations", found, ASSOCIATION_TABLES)

    def data_quality(self) -> Response:
        lost = self.losses.read(self.site_of().id, self.reports.clock())
        return told("data-quality", Rows(lost), ("rows",))

    def live_report(self) -> Response:
        scope = just_now(self.site_of(), filters_of(request.args), self.reports.clock())
        now = live(self.reports.events(scope), scope.site.id, scope.span.start)
        return told("live", now, ("pages", "events"))


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
