"""One profile, whole: read and erase. Secret keys only."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from flask import Response

from profiles.store.lookup import ID_LIMIT, document
from profiles.store.port import ProfileStore
from web.access.audit import concerning
from web.http.json_body import answer
from web.http.problem import Problem
from web.http.routes import Routes, delete, get
from web.http.site_keys import Keys
from web.people.lookup import find


@dataclass(frozen=True, slots=True)
class Profiles:
    """``erasing`` (site, id) forgets a person and returns the ids that are erased."""

    store: ProfileStore
    erasing: Callable[[str, str], Sequence[str] | None]
    keys: Keys

    def routes(self) -> Routes:
        return (
            get("/v1/profiles/<path:who>", self.one),
            delete("/v1/profiles/<path:who>", self.erase),
        )

    def one(self, who: str) -> Response:
        profile = find(self.store, self.keys.secret_key().id, who)
        if profile is None:
            raise _nobody(who)
        return answer(document(profile))

    def erase(self, who: str) -> Response:
        """What is live goes now; the history, which takes reading it all, within minutes: hence 202."""
        site = self.keys.secret_key().id
        erased = self.erasing(site, who) if len(who) <= ID_LIMIT else None
        if not erased:
            raise _nobody(who)
        for each in erased:
            concerning(each)
        return answer({"erased": erased}, 202)


def _nobody(who: str) -> Problem:
    return Problem(404, f"Nobody is known by {who[:100]!r}", "id")
