"""Campaigns over HTTP, as documents. Secret keys only."""

from collections.abc import Callable
from dataclasses import dataclass

from flask import Response, request

from offers.campaign.campaign import Campaign, CampaignInvalid
from offers.campaign.document import document, parse
from offers.campaign.store import CampaignStore
from offers.ready_made.messages import LANGUAGES, ready_made
from recommender.serving.request import parse_slot_request
from tracker.refusal import Refusal
from web.campaigns.plan import CampaignPlans
from web.http.json_body import answer, body
from web.http.problem import Problem
from web.http.routes import Routes, delete, get, post, put
from web.http.site_keys import Keys
from web.reports.campaign_counts import found

BODY_LIMIT = 512 * 1024


def check_items(campaign: Campaign) -> None:
    """What its creatives ask of the recommender. Raises CampaignInvalid naming the field."""
    for index, creative in enumerate(campaign.creatives):
        ask = parse_slot_request(creative.items) if creative.items is not None else None
        if isinstance(ask, Refusal):
            raise CampaignInvalid(f"creatives[{index}].items.{ask.field}", ask.message)


@dataclass(frozen=True, slots=True)
class Campaigns:
    store: CampaignStore
    plans: CampaignPlans
    keys: Keys
    clock: Callable[[], float]

    def routes(self) -> Routes:
        return (
            get("/v1/campaigns", self.listed),
            post("/v1/campaigns/plan", self.plan),
            get("/v1/campaigns/ready-made", self.ready_made),
            get("/v1/campaigns/<campaign_id>", self.one),
            get("/v1/campaigns/<campaign_id>/versions", self.versions),
            put("/v1/campaigns/<campaign_id>", self.put),
            delete("/v1/campaigns/<campaign_id>", self.delete),
        )

    def listed(self) -> Response:
        return answer({"campaigns": [document(each) for each in self.store.all(self.keys.secret_key().id)]})

    def one(self, campaign_id: str) -> Response:
        return answer(document(found(self.store, self.keys.secret_key(), campaign_id)))

    def plan(self) -> Response:
        """How long the experiment of a campaign takes, which need not be stored."""
        site = self.keys.secret_key()
        campaign = parse(body(dict[str, object], BODY_LIMIT), zone=site.zone)
        return answer(self.plans.plan(site, campaign).as_json())

    def ready_made(self) -> Response:
        """Drafts of the usual messages, in the language ``lang``."""
        self.keys.secret_key()
        lang = request.args.get("lang", "en")
        for language in LANGUAGES:
            if lang == language:
                return answer(ready_made(language))
        raise Problem(400, f"lang is one of {', '.join(LANGUAGES)}", "lang")

    def versions(self, campaign_id: str) -> Response:
        """Newest first; ``campaign`` is null where it was deleted."""
        saved = self.store.versions(self.keys.secret_key().id, campaign_id[:100])
        if not saved:
            raise Problem(404, f"There never was a campaign {campaign_id[:100]!r}", "id")
        told = [
            {"saved": each.saved, "campaign": document(each.campaign) if each.campaign else None}
            for each in saved
        ]
        return answer({"versions": told})

    def put(self, campaign_id: str) -> Response:
        site = self.keys.secret_key()
        campaign = parse(body(dict[str, object], BODY_LIMIT), campaign_id, site.zone)
        check_items(campaign)
        self.store.put(site.id, campaign, int(self.clock() * 1000))
        return answer(document(campaign))

    def delete(self, campaign_id: str) -> Response:
        site = self.keys.secret_key()
        if not self.store.delete(site.id, campaign_id, int(self.clock() * 1000)):
            raise Problem(404, f"There is no campaign {campaign_id[:100]!r}", "id")
        return Response(status=204)
