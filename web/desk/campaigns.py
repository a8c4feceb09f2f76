"""The campaigns page: what is offered, to whom, and how they answered in a period."""

from collections.abc import Mapping
from dataclasses import dataclass

from flask import Blueprint, Response, request

from offers.campaign import Campaign
from warehouse.vocabulary import vocabulary
from web.desk.pages import Pages
from web.desk.period import period_of
from web.offers import Answered, answered
from web.services import Services

STATUS = {"live": ("on", "Live"), "draft": ("", "Draft"), "paused": ("", "Paused"), "ended": ("", "Ended")}
TIERS = {"override": "before all others", "standard": "", "fallback": "when nothing else fits"}


@dataclass(frozen=True, slots=True)
class CampaignRow:
    name: str
    about: str
    status: str
    look: str
    slots: tuple[str, ...]
    audience: str
    answers: Answered


def campaigns_blueprint(pages: Pages, services: Services) -> Blueprint:
    blueprint = Blueprint("desk_campaigns", __name__)

    @blueprint.get("/desk/campaigns")
    def listed() -> Response:
        site = pages.site()
        period = period_of(request.args, site, services.clock(), "/desk/campaigns")
        campaigns = services.campaigns.all(site.id)
        span = period.span(site)
        counted = answered(services, site, span) if campaigns else {}
        demo = vocabulary(services.warehouse, site.id, span, 1).demo
        rows = [row_of(campaign, counted) for campaign in sorted(campaigns, key=_first_live)]
        return pages.show("desk/campaigns.html", "campaigns", site, rows=rows, period=period, demo=demo)

    return pages.guard(blueprint)


def row_of(campaign: Campaign, counted: Mapping[str, Answered]) -> CampaignRow:
    look, status = STATUS[campaign.status]
    count = len(campaign.creatives)
    parts = [campaign.id, f"{count} variant{'s' if count > 1 else ''}", TIERS[campaign.tier]]
    parts += [f"{campaign.holdout:.0%} held out"] if campaign.holdout else []
    return CampaignRow(
        name=campaign.name,
        about=" · ".join(part for part in parts if part),
        status=status,
        look=look,
        slots=campaign.slots,
        audience=campaign.audience,
        answers=counted.get(campaign.id, Answered(campaign.id)),
    )


def _first_live(campaign: Campaign) -> tuple[bool, str]:
    return campaign.status != "live", campaign.name
