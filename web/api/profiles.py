"""One profile, whole: read and erase. Secret keys only."""

from typing import Any

import msgspec
from flask import Blueprint, Response

from profiles.model import Profile
from profiles.store import ProfileStore
from web.access.audit import concerning
from web.http.json_body import answer
from web.http.problem import Problem
from web.http.site_keys import Keys
from web.stores import Stores

ID_LIMIT = 300
INTERNAL = frozenset({"seen", "positions", "marks"})
"""Ingest's bookkeeping: it says nothing about the person."""


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
    """The profile that ``who`` names: a customer id, else a visitor id, or either with its ``u:`` or ``v:``. Within a
    request, it is about that person."""
    profile = _named(store, site, who) if 0 < len(who) <= ID_LIMIT else None
    if profile is not None:
        concerning(profile.id)
    return profile


def _named(store: ProfileStore, site: str, who: str) -> Profile | None:
    if who.startswith(("u:", "v:")):
        kind, name = who[0], who[2:]
        exact = store.find(site, user=name) if kind == "u" else store.find(site, visitor=name)
        if exact is not None:
            return exact
    return store.find(site, user=who) or store.find(site, visitor=who)


def seen(store: ProfileStore, site: str, who: str) -> Profile | None:
    """Whom the site sees under ``who``: a browser that claims to be a customer is shown as that customer."""
    profile = find(store, site, who)
    if profile is None or not profile.fed:
        return profile
    return store.find(site, user=profile.fed[0]) or profile


def _found(store: ProfileStore, site: str, who: str) -> Profile:
    profile = find(store, site, who)
    if profile is None:
        raise _nobody(who)
    return profile


def _nobody(who: str) -> Problem:
    return Problem(404, f"Nobody is known by {who[:100]!r}", "id")


def document(profile: Profile) -> dict[str, Any]:
    """The profile with its fields by name; stored it is an array."""
    plain: dict[str, Any] = _plain(profile)
    return plain


def _plain(value: Any) -> Any:
    if isinstance(value, msgspec.Struct):
        fields = msgspec.structs.asdict(value)
        return {name: _plain(each) for name, each in fields.items() if name not in INTERNAL}
    if isinstance(value, dict):
        return {name: _plain(each) for name, each in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(each) for each in value]
    return value
