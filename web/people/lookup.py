"""Whom an id means, noted in the audit log: the request concerns this person."""

from profiles.model import Profile
from profiles.store import lookup
from profiles.store.port import ProfileStore
from web.access.audit import concerning


def find(store: ProfileStore, site: str, who: str) -> Profile | None:
    """The profile that ``who`` names. The audit log says that the request concerns this person."""
    profile = lookup.find(store, site, who)
    if profile is not None:
        concerning(profile.id)
    return profile


def seen(store: ProfileStore, site: str, who: str) -> Profile | None:
    """The profile that reports show for whom ``who`` names, noted in the audit log as by ``find``."""
    profile = find(store, site, who)
    return lookup.as_site_sees(store, site, profile) if profile is not None else None
