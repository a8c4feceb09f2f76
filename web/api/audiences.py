"""The preview of an audience over HTTP. Secret keys only."""

from dataclasses import dataclass
from typing import Annotated, Any

import msgspec
from flask import Response
from msgspec import Meta

from offers.audience.grammar import LENGTH_LIMIT
from web.http.json_body import answer, body
from web.http.routes import Routes, post
from web.http.site_keys import Keys
from web.people.audience_preview import Audiences, parsed

BODY_LIMIT = 64 * 1024


class PreviewBody(msgspec.Struct, frozen=True):
    """``visitor``: a customer or visitor id whose clauses are explained."""

    audience: Annotated[str, Meta(max_length=LENGTH_LIMIT)] = ""
    visitor: Annotated[str, Meta(max_length=300)] | None = None


@dataclass(frozen=True, slots=True)
class AudiencePreview:
    audiences: Audiences
    keys: Keys

    def routes(self) -> Routes:
        return (post("/v1/audiences/preview", self.previewed),)

    def previewed(self) -> Response:
        site, given = self.keys.secret_key(), body(PreviewBody, BODY_LIMIT)
        audience = parsed(given.audience)
        told: dict[str, Any] = {}
        if given.visitor:
            told["visitor"] = self.audiences.explained(site, given.audience, given.visitor)
        size = self.audiences.size(site, audience)
        found = {"size": size.size, "total": size.total, "exact": size.exact, "sample": size.sample}
        return answer({**found, **told})
