"""The record of consent: what a visitor said about each purpose, true or false.

A purpose that is absent was never asked about. ``profiles.consent.rules`` decides what follows from it.
"""

from collections.abc import Mapping
from typing import Any

from profiles.model import Profile, Purpose

PURPOSES: tuple[Purpose, ...] = ("analytics", "personalization", "marketing")


def note(profile: Profile, said: Mapping[str, Any]) -> None:
    """Record, in place, what a consent event says. Other names and values are ignored."""
    for purpose in PURPOSES:
        given = said.get(purpose)
        if isinstance(given, bool):
            profile.consent[purpose] = given


def merge(into: Profile, other: Profile) -> None:
    """Two profiles become one, in place: what either of them refused stays refused."""
    for purpose, given in other.consent.items():
        into.consent[purpose] = given and into.consent.get(purpose, True)


def clear(profile: Profile) -> None:
    """Clear the record, in place: it came from a browser that only claimed to be this customer."""
    profile.consent = {}
