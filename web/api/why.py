"""GET /v1/profiles/<who>/why/<campaign>: every gate between a person and a campaign, with its answer."""

from dataclasses import dataclass

from flask import Response

from profiles.store.port import ProfileStore
from web.http.json_body import answer
from web.http.problem import Problem
from web.http.routes import Routes, get
from web.http.site_keys import Keys
from web.people.lookup import find
from web.people.why_not import Gates


@dataclass(frozen=True, slots=True)
class WhyNotApi:
    profiles: ProfileStore
    gates: Gates
    keys: Keys

    def routes(self) -> Routes:
        return (get("/v1/profiles/<path:who>/why/<campaign_id>", self.why),)

    def why(self, who: str, campaign_id: str) -> Response:
        site = self.keys.secret_key()
        profile = find(self.profiles, site.id, who)
        if profile is None:
            raise Problem(404, f"Nobody is known by {who[:100]!r}", "id")
        return answer(self.gates.ask(site, profile, campaign_id))
