"""What an event is to the campaigns that send: a trigger of some, the end of others' waiting. Pure functions."""

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from messages.ledger.occasion import LATE_MS, Occasion, kept, occasion_id
from offers.campaign.campaign import Campaign
from tracker.event import SITE, Event
from tracker.sites import Site

PAGE = "Page Viewed"
OURS = ("Message ", "Email ")
"""Events that only we tell: a stranger's word that a message was sent is nobody's."""


class Ending(NamedTuple):
    """An event at ``ts`` (ms) that cancels what waits of a campaign for the person of ``names``. It is to be known for
    ``keep_ms``."""

    campaign: str
    names: tuple[str, ...]
    ts: int
    keep_ms: int


def name_of(event: Event) -> str:
    """By which name campaigns wait for the event; "" where they cannot."""
    if event.type == "page":
        return PAGE
    return event.name if event.type == "track" else ""


def person_of(event: Event, site: Site) -> tuple[str, str]:
    """Visitor and user whom the event is about. A user whom nobody vouches for is a claim: the message is then the
    browser's own, so that a stranger causes none to a customer."""
    believed = event.proven or event.sender == SITE or site.identity == "trusting"
    return event.visitor or "", (event.user or "") if believed else ""


def occasions(
    event: Event, site: Site, campaigns: Iterable[Campaign], about: str, partition: int, position: int
) -> Iterator[Occasion]:
    """Of the live campaigns that wait for the event. ``about`` is the campaign that the event is about, "" for none."""
    name, (visitor, user) = name_of(event), person_of(event, site)
    if not name or event.backfill or not (visitor or user):
        return
    if name.startswith(OURS) and event.sender != SITE:
        return
    for campaign in campaigns:
        send = campaign.send
        if send is None or send.when.on != name or (send.when.campaign and send.when.campaign != about):
            continue
        # The ids that the event itself has: whoever reads the log again finds the same, whatever was merged since.
        person = f"{event.user or ''}\0{event.visitor or ''}"
        trigger = {"name": name, "id": event.id, "ts": event.ts, "props": dict(event.props)}
        yield Occasion(
            id=occasion_id(site.id, campaign.id, person, event.id),
            site=site.id,
            campaign=campaign.id,
            cause="event",
            visitor=visitor,
            user=user,
            ts=event.ts,
            due=event.ts + send.when.wait_ms,
            trigger=kept(trigger),
            partition=partition,
            position=position,
        )


def endings(event: Event, site: Site, campaigns: Iterable[Campaign]) -> Iterator[Ending]:
    """Of the live campaigns whose waiting the event ends."""
    name, (visitor, user) = name_of(event), person_of(event, site)
    names = tuple(f"{kind}:{who}" for kind, who in (("u", user), ("v", visitor)) if who)
    if not name or not names:
        return
    for campaign in campaigns:
        if campaign.send is not None and campaign.send.when.unless == name:
            yield Ending(campaign.id, names, event.ts, campaign.send.when.wait_ms + 2 * LATE_MS)
