"""What enters and leaves a batch: enriched events, and what became of each."""

from typing import NamedTuple

import msgspec

from profiles.facts import Facts
from profiles.fold import orders
from profiles.fold.fold import LogPosition, Outcome
from profiles.fold.merges import merge_call
from profiles.ids import order_id, user_id, visitor_id
from tracker.event import Event

NOWHERE = LogPosition("", -1, -1)


class EnrichedEvent(msgspec.Struct, frozen=True, gc=False):
    """One event and where it stands in the log; NOWHERE if it belongs into no profile."""

    event: Event
    facts: Facts
    place: LogPosition = NOWHERE


class Rename(NamedTuple):
    """``old`` is known as ``new`` since ``ts`` (ms); ``kind`` is profile, session or merge."""

    kind: str
    old: str
    new: str
    ts: int


class Result(msgspec.Struct, frozen=True, gc=False):
    """What became of one event, in whose profile; or, in ``refused``, why it can never be applied."""

    outcome: Outcome
    profile: str = ""
    renames: tuple[Rename, ...] = ()
    refused: str = ""


def shared_order_id(item: EnrichedEvent) -> str:
    """The id of the order that the event tells of, if others may tell of it as well; "" for none."""
    key = orders.shared_key(item.event, item.facts) if item.facts.order or item.facts.refund else None
    return order_id(key) if key else ""


def ids_of(event: Event) -> list[str]:
    """The ids that an event names."""
    ids = [visitor_id(event.visitor)] if event.visitor else []
    if event.user:
        ids.append(user_id(event.user))
    if previous := previous_of(event):
        ids += [visitor_id(previous), user_id(previous)]
    if call := merge_call(event):
        ids.append(user_id(call.other))
    return ids


def previous_of(event: Event) -> str:
    """The id that the site's own alias call renames, Segment's previousId; "" for every other event."""
    previous = event.props.get("previousId") if event.type == "alias" and event.proven else None
    return previous if isinstance(previous, str) else ""
