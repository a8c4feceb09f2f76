"""Merges of known customers: a duplicate account becomes part of another, and can be separated again.

The site says so, with its secret key, by an event of the log. Each account keeps a profile of its own, in which its own
events are counted as ever; the merge is a link between them. So nothing is counted twice, and whoever separates them
finds each with what it had and what it did since.
"""

from collections.abc import Sequence
from typing import NamedTuple

from profiles.fold import claims, identity
from profiles.fold.fold import LogPosition
from profiles.model import Merge, Profile
from tracker.event import SITE, Event

MERGED, SEPARATED = "Customers Merged", "Customers Separated"
INTO, FROM = "mergedInto", "separatedFrom"
LOG_KEY = "#merges"
"""After the site and a colon, the key in the log of what merges and separates: in one partition for all customers of a
site, so that nobody sees the one before the other."""
MERGED_MOST = 16
"""Accounts that may be merged into one person."""


class MergeCall(NamedTuple):
    """The account of ``user`` becomes part of ``other``'s, or no longer is."""

    user: str
    other: str
    stands: bool


def merging(site: str, event_id: str, now: int, user: str, into: str) -> Event:
    """The event that makes the account of ``user`` part of ``into``'s, from ``now`` (ms) on."""
    return _event(site, event_id, now, user, MERGED, {INTO: into})


def separating(site: str, event_id: str, now: int, user: str, other: str) -> Event:
    """The event that undoes it."""
    return _event(site, event_id, now, user, SEPARATED, {FROM: other})


def separation_told(site: str, event_id: str, now: int, user: str, separated: str) -> Event:
    """The event that tells ``user`` of it in their history. It changes nothing."""
    return _event(site, event_id, now, user, SEPARATED, {"separated": separated})


def merge_call(event: Event) -> MergeCall | None:
    """What an event says about a merge. Only the site itself can say it, and only about accounts, not browsers."""
    if event.type != "alias" or event.visitor or not event.user or not event.proven or event.sender != SITE:
        return None
    for name, field in ((MERGED, INTO), (SEPARATED, FROM)):
        other = event.props.get(field)
        if event.name == name and isinstance(other, str) and other:
            return MergeCall(event.user, other, name == MERGED)
    return None


def applied(profile: Profile, at: LogPosition) -> bool:
    """Whether the profile knows what the message says of its merge, or something later."""
    known = profile.merged
    return known.partition == at.partition and at.position <= known.position


def link(profile: Profile, into: str, ts: int, at: LogPosition) -> None:
    """Set, in place, whose part the account is; "" for nobody's. ``ts`` (ms) is when the site said it."""
    profile.merged = Merge(into, max(ts, profile.merged.at + 1), at.partition, at.position)


def together(members: Sequence[Profile]) -> Profile:
    """The one person that these accounts are, in place of the first, whose id and scores it has; ``parts``
    are the others."""
    first, *others = members
    scores, merged = first.scores, first.merged
    if not first.proven and any(other.proven for other in others):
        claims.prove(first)
    for other in others:
        identity.merge(first, other)
    first.scores, first.merged = scores, merged
    first.parts = [other.id for other in others]
    return first


def _event(site: str, event_id: str, now: int, user: str, name: str, props: dict[str, str]) -> Event:
    return Event(
        site=site,
        id=event_id,
        type="alias",
        name=name,
        user=user,
        ts=now,
        received=now,
        source="api",
        props=props,
        proven=True,
        sender=SITE,
    )
