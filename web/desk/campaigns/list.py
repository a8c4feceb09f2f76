"""The campaigns page: what is offered, to whom, and how they answered in a period."""

from collections.abc import Mapping
from dataclasses import dataclass

from flask import Response, request

from offers.campaign.campaign import Campaign
from offers.campaign.store import CampaignStore
from offers.feedback.token import TokenSigner
from warehouse.reports.vocabulary import vocabulary
from web.desk.pages import Pages
from web.desk.period import period_of
from web.drawing import formats
from web.http.routes import Routes, get
from web.language import gettext as _
from web.language import lazy_gettext as _l
from web.language import ngettext
from web.reports.campaign_counts import Answered, answered

STATUS = {
    "live": ("on", _l("Live now")),
    "draft": ("", _l("Draft")),
    "paused": ("", _l("Paused")),
    "ended": ("", _l("Ended")),
}
TIERS = {"override": _l("override"), "standard": "", "fallback": _l("fallback")}


@dataclass(frozen=True, slots=True)
class CampaignRow:
    id: str
    name: str
    about: str
    status: str
    look: str
    slots: tuple[str, ...]
    audience: str
    answers: Answered


@dataclass(frozen=True, slots=True)
class CampaignList:
    pages: Pages
    campaigns: CampaignStore
    signer: TokenSigner

    def routes(self) -> Routes:
        return (get("/desk/campaigns", self.listed),)

    def listed(self) -> Response:
        site = self.pages.site()
        period = period_of(request.args, site, self.pages.clock(), "/desk/campaigns")
        campaigns = self.campaigns.all(site.id)
        scope = period.scope(site)
        counted = answered(self.signer, self.pages.reports.events(scope), scope) if campaigns else {}
        demo = vocabulary(self.pages.reports.warehouse, site.id, scope.span, 1).demo
        rows = [row_of(campaign, counted) for campaign in sorted(campaigns, key=_first_live)]
        return self.pages.show(
            "desk/campaigns/campaigns.html", "campaigns", site, rows=rows, period=period, demo=demo
        )


def row_of(campaign: Campaign, counted: Mapping[str, Answered]) -> CampaignRow:
    look, status = STATUS[campaign.status]
    count = len(campaign.creatives)
    variants = ngettext("%(count)s variant", "%(count)s variants", count, count=count)
    parts = [campaign.id, variants, str(TIERS[campaign.tier])]
    parts += [_("%(share)s holdout", share=formats.percent(campaign.holdout))] if campaign.holdout else []
    return CampaignRow(
        id=campaign.id,
        name=campaign.name,
        about=" · ".join(part for part in parts if part),
        status=str(status),
        look=look,
        slots=campaign.slots,
        audience=campaign.audience,
        answers=counted.get(campaign.id, Answered(campaign.id)),
    )


def _first_live(campaign: Campaign) -> tuple[bool, str]:
    return campaign.status != "live", campaign.name
