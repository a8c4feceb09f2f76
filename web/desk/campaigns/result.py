"""One campaign's page: whom it selected, what it achieved, whom it could be for as well, and what it learned."""

from dataclasses import dataclass
from functools import partial
from typing import cast

from flask import redirect, request
from flask.typing import ResponseReturnValue
from msgspec import structs

from offers.campaign.campaign import Status
from offers.campaign.document import document, parse
from offers.campaign.store import CampaignStore
from warehouse.reports.vocabulary import vocabulary
from web.access.audit import Audit
from web.api.campaigns import check_items
from web.desk.campaigns.audience_form import segments_asked
from web.desk.campaigns.list import STATUS
from web.desk.campaigns.result_view import view_of
from web.desk.campaigns.versions import NOTED, written
from web.desk.pages import Pages
from web.desk.period import period_of
from web.drawing import formats
from web.http.problem import Problem
from web.http.routes import Routes, get, post
from web.language import gettext as _
from web.reports.campaign_counts import found
from web.reports.campaign_result import CampaignResults


@dataclass(frozen=True, slots=True)
class CampaignResultPage:
    pages: Pages
    campaigns: CampaignStore
    results: CampaignResults
    audit: Audit

    def routes(self) -> Routes:
        return (
            get("/desk/campaigns/<campaign_id>", self.one),
            post("/desk/campaigns/<campaign_id>/status", self.turn),
            post("/desk/campaigns/<campaign_id>/restore", self.restore),
        )

    def one(self, campaign_id: str) -> ResponseReturnValue:
        site = self.pages.site()
        campaign = found(self.campaigns, site, campaign_id)
        period = period_of(request.args, site, self.pages.clock(), f"/desk/campaigns/{campaign_id}")
        result = self.results.result(site, campaign, period.span(site))
        expanded = "expand" in request.args
        proposed = self.results.expansion(site, result) if expanded else None
        view = view_of(result, site, period, proposed, expanded)
        versions = self.campaigns.versions(site.id, campaign_id)
        noted = self.audit.latest(NOTED)
        known = {each.id for each in self.pages.segments.all(site.id)}
        return self.pages.show(
            "desk/campaigns/campaign.html",
            "campaigns",
            site,
            view=view,
            period=period,
            versions=written(versions, noted, site.id, campaign_id),
            missing=sorted(segments_asked(campaign.audience) - known),
            looks=STATUS,
            demo=vocabulary(self.pages.reports.warehouse, site.id, period.span(site), 1).demo,
            done=request.args.get("saved", ""),
            when=partial(formats.when, zone=site.zone),
        )

    def turn(self, campaign_id: str) -> ResponseReturnValue:
        site, status = self.pages.site(), request.form.get("status", "")
        campaign = found(self.campaigns, site, campaign_id)
        if status not in STATUS:
            raise Problem(400, _("There is no such status"), "status")
        changed = structs.replace(campaign, status=cast(Status, status))
        self.campaigns.put(site.id, changed, int(self.pages.clock() * 1000))
        return redirect(f"/desk/campaigns/{campaign.id}")

    def restore(self, campaign_id: str) -> ResponseReturnValue:
        """An old document becomes the newest version, if it may still be written as it is."""
        site, wanted = self.pages.site(), request.form.get("version", "")
        versions = self.campaigns.versions(site.id, found(self.campaigns, site, campaign_id).id)
        old = next((each.campaign for each in versions if str(each.saved) == wanted), None)
        if old is None:
            raise Problem(404, _("This version no longer exists"), "version")
        campaign = parse(document(old), zone=site.zone)
        check_items(campaign)
        self.campaigns.put(site.id, campaign, int(self.pages.clock() * 1000))
        return redirect(f"/desk/campaigns/{campaign.id}?saved=restored#versions")
