"""One profile, whole: read and erase. Secret keys only."""

from flask import Blueprint, Response

from profiles import lookup
from profiles.lookup import ID_LIMIT, document
from profiles.model import Profile
from profiles.store import ProfileStore
from web.access.audit import concerning
from web.http.json_body import answer
from web.http.problem import Problem
from web.http.site_keys import Keys
from web.stores import Stores


def profiles_blueprint(stores: Stores, keys: Keys) -> Blueprint:
    blueprint = Blueprint("profiles", __name__)

    @blueprint.get("/v1/profiles/<path:who>")
    def one(who: str) -> Response:
        return answer(document(_found(stores.visitors.profiles, keys.secret_key().id, who)))

    @blueprint.delete("/v1/profiles/<path:who>")
    def erase(who: str) -> Response:
        """What is live goes now; the history, which takes reading it all, within minutes: hence 202."""
        site = keys.secret_key().id
        erased = stores.visitors.erase(site, who) if len(who) <= ID_LIMIT else None
        if not erased:
            raise _nobody(who)
        for each in erased:
            concerning(each)
        return answer({"erased": erased}, 202)

    return blueprint


def find(store: ProfileStore, site: str, who: str) -> Profile | None:
    """The profile that ``who`` names. The audit trail says that the request concerns this person."""
    profile = lookup.find(store, site, who)
    if profile is not None:
        concerning(profile.id)
    return profile


def seen(store: ProfileStore, site: str, who: str) -> Profile | None:
    """The profile that reports show for whom ``who`` names, noted in the audit trail as by ``find``."""
    profile = find(store, site, who)
    return lookup.as_site_sees(store, site, profile) if profile is not None else None


def _found(store: ProfileStore, site: str, who: str) -> Profile:
    profile = find(store, site, who)
    if profile is None:
        raise _nobody(who)
    return profile


def _nobody(who: str) -> Problem:
    return Problem(404, f"Nobody is known by {who[:100]!r}", "id")
