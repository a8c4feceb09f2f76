"""Finding a profile by an id as people type it, and the profile as a document for the API."""

from collections.abc import Mapping
from typing import Any

import msgspec

from profiles.model import Profile, Session, Stage
from profiles.store.port import ProfileStore

ID_LIMIT = 300
INTERNAL: Mapping[type, frozenset[str]] = {
    Profile: frozenset({"seen", "positions", "orders"}),
    Session: frozenset({"marks"}),
}
"""Fields for ingest only: documents leave them out."""


class ProfileState(msgspec.Struct, frozen=True):
    """What is true of a profile at one moment only: it is computed for the document, and stored nowhere."""

    stage: Stage
    segments: list[str]
    consent: dict[str, bool]


COMPUTED: Mapping[type, type] = {Profile: ProfileState}
"""Whose fields documents have in addition, or instead of those that are stored."""


def find(store: ProfileStore, site: str, who: str) -> Profile | None:
    """The profile that ``who`` names: a customer id, else a visitor id, or either with its ``u:`` or ``v:``."""
    if not 0 < len(who) <= ID_LIMIT:
        return None
    if who.startswith(("u:", "v:")):
        kind, name = who[0], who[2:]
        exact = store.find(site, user=name) if kind == "u" else store.find(site, visitor=name)
        if exact is not None:
            return exact
    return store.find(site, user=who) or store.find(site, visitor=who)


def as_site_sees(store: ProfileStore, site: str, profile: Profile) -> Profile:
    """The profile that reports show for this one: a browser that claims to be a customer is shown as that customer."""
    if not profile.fed:
        return profile
    return store.find(site, user=profile.fed[0]) or profile


def document(profile: Profile, now: ProfileState) -> dict[str, Any]:
    """The profile with its fields by name; stored it is an array."""
    return {**_plain(profile), **_plain(now)}


def _plain(value: Any) -> Any:
    if isinstance(value, msgspec.Struct):
        names = zip(value.__struct_encode_fields__, value.__struct_fields__, strict=True)
        hidden = INTERNAL.get(type(value), ())
        return {name: _plain(getattr(value, field)) for name, field in names if field not in hidden}
    if isinstance(value, dict):
        return {name: _plain(each) for name, each in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(each) for each in value]
    return value
