"""The process that sends messages: settings enter; the finder of occasions and the loop of sending leave."""

import asyncio
import logging
import os
import threading
import time
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from dangol.compose.ingest import member
from dangol.compose.mail import email_transport
from dangol.compose.storage import address_digests, contact_caps, log, profiles, sites, suppressions
from dangol.secrets import signing_key
from dangol.settings import Settings
from profiles.model import Profile
from tracker.sites import Site
from tracker.unavailable import Unavailable

if TYPE_CHECKING:
    from messages.ledger.ledger import Ledger
    from messages.message import Channel, Transport
    from messages.occasions.consumer import OccasionFinder
    from messages.occasions.sweep import Sweep
    from messages.sending.loop import SendingLoop
    from messages.sending.sender import ItemsFor
    from offers.decision.message_decider import MessageDecider

logger = logging.getLogger("dangol.messages")


def ledger(settings: Settings) -> "Ledger":
    from messages.ledger.ledger import Ledger

    return Ledger(settings.profiles_uri)


def message_decider(settings: Settings) -> "MessageDecider":
    """The decider of messages, on the stores of the page's."""
    from offers.bandit.arm_store import ArmStore
    from offers.campaign.store import CampaignStore
    from offers.coupons.pool import CouponStore
    from offers.decision.budget import BudgetStore
    from offers.decision.caps import CapStore
    from offers.decision.message_decider import MessageDecider
    from offers.feedback.token import TokenSigner
    from offers.segments.store import SegmentStore

    redis = settings.profiles_uri
    return MessageDecider(
        CampaignStore(redis),
        CapStore(redis, timeout=2.0, contact=contact_caps(settings)),
        TokenSigner(signing_key(settings)),
        arms=ArmStore(redis),
        budgets=BudgetStore(redis),
        coupons=CouponStore(redis),
        segments=SegmentStore(redis),
        global_holdout=settings.global_holdout,
    )


def occasion_finder(settings: Settings, name: str = "") -> "OccasionFinder":
    from messages.occasions.consumer import OccasionFinder
    from offers.campaign.store import CampaignStore
    from offers.feedback.token import TokenSigner

    return OccasionFinder(
        log(settings),
        sites(settings),
        CampaignStore(settings.profiles_uri),
        ledger(settings),
        TokenSigner(signing_key(settings)),
        member=member(name),
    )


def sweep(settings: Settings) -> "Sweep":
    """Finds who entered a segment, and whose day it is."""
    from messages.occasions.sweep import MemberStore, Sweep
    from offers.campaign.store import CampaignStore
    from offers.segments.store import SegmentStore

    redis = settings.profiles_uri
    return Sweep(
        sites(settings),
        CampaignStore(redis),
        SegmentStore(redis),
        profiles(settings),
        ledger(settings),
        MemberStore(redis),
    )


class WaitingMessages(NamedTuple):
    """Of all live campaigns that send. ``overdue_seconds``: since when the oldest should have gone."""

    waiting: int
    claimed: int
    unknown: int
    overdue_seconds: float


def waiting_messages(settings: Settings, now: float) -> WaitingMessages:
    """What the ledger holds at ``now`` (seconds). Raises Unavailable."""
    from offers.campaign.store import CampaignStore

    known, campaigns = ledger(settings), CampaignStore(settings.profiles_uri)
    waiting, claimed, unknown, overdue = 0, 0, 0, 0.0
    for site in sites(settings).all().values():
        for each in campaigns.all(site.id):
            if each.send is None or each.status != "live":
                continue
            count, due, under_way = known.waiting(site.id, each.id)
            waiting, claimed = waiting + count, claimed + under_way
            unknown += known.counts(site.id, each.id).get("unknown", 0)
            overdue = max(overdue, now - due / 1000 if count else 0.0)
    return WaitingMessages(waiting, claimed, unknown, overdue)


def transports(settings: Settings) -> "dict[Channel, Transport]":
    """The channels that are set up. To be made inside the event loop that sends. Raises SettingsInvalid."""
    found: dict[Channel, Transport] = {}
    mail = email_transport(settings)
    if mail is not None:
        found[mail.channel] = mail
    return found


def recommended(settings: Settings) -> "ItemsFor":
    """The items inside of a message, recommended as on a page; none while the model or the catalogue cannot be read."""
    from dangol.compose.web_stores import shops
    from profiles.session_rules import rules_of
    from recommender.serving.request import Recommendations, parse_slot_request
    from tracker.refusal import Refusal
    from web.personalize.personalizer import item_document

    shop_of = shops(settings)

    def items(site: Site, profile: Profile, ask: Mapping[str, Any]) -> Sequence[dict[str, Any]]:
        request, shop = parse_slot_request(dict(ask)), shop_of(site.id)
        if isinstance(request, Refusal):  # it was checked when its campaign was written
            return ()
        try:
            visitor = shop.recommender.visitor(profile, None, rules_of(site))
            shown = shop.recommender.recommend(visitor, request)
        except Unavailable as error:
            logger.warning("a message goes without items: %s", error)
            return ()
        found = shown.items if isinstance(shown, Recommendations) else ()
        return [item_document(pick, shop.catalogue, site.currency, visitor.now) for pick in found]

    return items


def sending_loop(settings: Settings, channels: "dict[Channel, Transport]") -> "SendingLoop":
    from messages.sending.links import LinkMaker
    from messages.sending.loop import SendingLoop
    from messages.sending.reading import Readings
    from messages.sending.sender import OccasionSender
    from messages.sending.sent_events import SentEvents
    from offers.campaign.store import CampaignStore
    from offers.feedback.token import TokenSigner

    digests, links = address_digests(settings)
    known, events = ledger(settings), SentEvents(log(settings), time.time)
    sender = OccasionSender(
        ledger=known,
        readings=Readings(known, profiles(settings), suppressions(settings), digests, time.time),
        decider=message_decider(settings),
        transports=channels,
        links=LinkMaker(links, settings.public_url or settings.url),
        signer=TokenSigner(signing_key(settings)),
        events=events,
        claimant=f"{member()}-{os.urandom(4).hex()}",
        clock=time.time,
        items=recommended(settings),
    )
    return SendingLoop(
        sites(settings), CampaignStore(settings.profiles_uri), known, sender, events, time.time
    )


def run_messages(settings: Settings, name: str, stopped: threading.Event) -> None:
    """Find occasions in two threads, and send in this one's event loop, until ``stopped`` is set."""

    def over() -> bool:  # only the loop that sends tells that it gets on
        return threading.Event.is_set(stopped)

    threads = [
        threading.Thread(target=work, args=(over,), name=role)
        for role, work in (("occasions", occasion_finder(settings, name).run), ("sweep", sweep(settings).run))
    ]
    for each in threads:
        each.start()

    def ended() -> bool:
        return stopped.is_set() or not all(each.is_alive() for each in threads)

    async def send() -> None:
        channels = transports(settings)
        try:
            await sending_loop(settings, channels).run(ended)
        finally:
            for each in channels.values():
                await each.close()

    try:
        asyncio.run(send())
    finally:
        stopped.set()
        for each in threads:
            each.join()
