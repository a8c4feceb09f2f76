"""One profile, whole: read, erase, merge into another and separate. Secret keys only."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import msgspec
from flask import Response

from offers.segments.views import Views
from profiles.store.lookup import ID_LIMIT, document
from profiles.store.port import ProfileStore
from web.access.audit import concerning
from web.http.json_body import answer, body
from web.http.problem import Problem
from web.http.routes import Routes, delete, get, post
from web.http.site_keys import Keys
from web.people.lookup import find
from web.people.merges import Merges

MERGE_BYTES = 4_096


class MergeGiven(msgspec.Struct):
    """The customer that the one in the path becomes part of, by customer id or visitor id."""

    into: str


@dataclass(frozen=True, slots=True)
class Profiles:
    """``erasing`` (site, id) forgets a person and returns the ids that are erased."""

    store: ProfileStore
    erasing: Callable[[str, str], Sequence[str] | None]
    keys: Keys
    merges: Merges
    views: Views

    def routes(self) -> Routes:
        return (
            get("/v1/profiles/<path:who>", self.one),
            delete("/v1/profiles/<path:who>", self.erase),
            post("/v1/profiles/<path:who>/merge", self.merge),
            delete("/v1/profiles/<path:who>/merge", self.separate),
        )

    def one(self, who: str) -> Response:
        site = self.keys.secret_key()
        profile = find(self.store, site.id, who)
        if profile is None:
            raise _nobody(who)
        return answer(document(profile, self.views.of(site)(profile).state))

    def erase(self, who: str) -> Response:
        """What is live goes now; the history, which takes reading it all, within minutes: hence 202."""
        site = self.keys.secret_key().id
        erased = self.erasing(site, who) if len(who) <= ID_LIMIT else None
        if not erased:
            raise _nobody(who)
        for each in erased:
            concerning(each)
        return answer({"erased": erased}, 202)

    def merge(self, who: str) -> Response:
        """An event says it, which ingest applies within moments: hence 202."""
        site = self.keys.secret_key().id
        own, into = self.merges.merge(site, who, body(MergeGiven, MERGE_BYTES).into)
        return answer({"id": own, "into": into}, 202)

    def separate(self, who: str) -> Response:
        own, above = self.merges.separate(self.keys.secret_key().id, who)
        return answer({"id": own, "from": above}, 202)


def _nobody(who: str) -> Problem:
    return Problem(404, f"Nobody is known by {who[:100]!r}", "id")
