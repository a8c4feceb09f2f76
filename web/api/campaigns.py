"""Campaigns over HTTP, as documents. Secret keys only."""

from flask import Blueprint, Response

from offers.campaign.campaign import Campaign, CampaignInvalid
from offers.campaign.document import document, parse
from recommender.serving.request import parse_slot_request
from tracker.refusal import Refusal
from web.http.json_body import answer, body
from web.http.problem import Problem
from web.http.site_keys import Keys
from web.reports.campaign_counts import found
from web.stores import Stores

BODY_LIMIT = 512 * 1024


def check_items(campaign: Campaign) -> None:
    """What its creatives ask of the recommender. Raises CampaignInvalid naming the field."""
    for index, creative in enumerate(campaign.creatives):
        ask = parse_slot_request(creative.items) if creative.items is not None else None
        if isinstance(ask, Refusal):
            raise CampaignInvalid(f"creatives[{index}].items.{ask.field}", ask.message)


def campaigns_blueprint(stores: Stores, keys: Keys) -> Blueprint:
    blueprint = Blueprint("campaigns", __name__)
    store = stores.campaigns.store

    @blueprint.get("/v1/campaigns")
    def listed() -> Response:
        return answer({"campaigns": [document(each) for each in store.all(keys.secret_key().id)]})

    @blueprint.get("/v1/campaigns/<campaign_id>")
    def one(campaign_id: str) -> Response:
        return answer(document(found(stores, keys.secret_key(), campaign_id)))

    @blueprint.get("/v1/campaigns/<campaign_id>/versions")
    def versions(campaign_id: str) -> Response:
        """Newest first; ``campaign`` is null where it was deleted."""
        kept = store.versions(keys.secret_key().id, campaign_id[:100])
        if not kept:
            raise Problem(404, f"There never was a campaign {campaign_id[:100]!r}", "id")
        told = [
            {"saved": each.saved, "campaign": document(each.campaign) if each.campaign else None}
            for each in kept
        ]
        return answer({"versions": told})

    @blueprint.put("/v1/campaigns/<campaign_id>")
    def put(campaign_id: str) -> Response:
        site = keys.secret_key()
        campaign = parse(body(dict[str, object], BODY_LIMIT), campaign_id, site.zone)
        check_items(campaign)
        store.put(site.id, campaign, int(stores.clock() * 1000))
        return answer(document(campaign))

    @blueprint.delete("/v1/campaigns/<campaign_id>")
    def delete(campaign_id: str) -> Response:
        site = keys.secret_key()
        if not store.delete(site.id, campaign_id, int(stores.clock() * 1000)):
            raise Problem(404, f"There is no campaign {campaign_id[:100]!r}", "id")
        return Response(status=204)

    return blueprint
