"""From an event in the log to a message handed over, on a real Redis: once, and only to whom it may go."""

import time
from pathlib import Path
from typing import Any

import pytest
from msgspec import structs

from ingest.dead_letters import DeadLetters
from ingest.enrich.enrich import facts
from ingest.worker.worker import Bounds, Worker
from messages.email.answers import answer_event
from messages.email.marks import MailMark
from messages.message import Message, NotSent, Outcome, Unprintable
from messages.occasions.consumer import OccasionFinder
from offers.feedback.responses import verified_responses
from profiles.model import Consent, EventCount, Profile
from tests.support.machine import Clock
from tests.support.offers import SIGNER
from tests.support.sending import Post, Scripted, buyer, campaign_document
from tracker.durations import DAY_MS, DAY_SECONDS, HOUR_MS
from tracker.event import SITE, encode
from tracker.log.port import Record
from warehouse.delta import Warehouse
from warehouse.feeds.offer_events import offer_events


@pytest.fixture
def channel() -> Scripted:
    return Scripted()


@pytest.fixture
def post(redis_url: str, tmp_path: Path, clock: Clock, channel: Scripted) -> Post:
    made = Post(redis_url, clock, channel, folder=tmp_path)
    made.keep(buyer(1, now(clock) - DAY_MS), buyer(2, now(clock) - DAY_MS))
    return made


def now(clock: Clock) -> int:
    return int(clock() * 1000)


def through(post: Post, clock: Clock) -> None:
    """As if ingest were done: these profiles are written by hand."""
    post.find()
    clock.advance(601)
    post.send()


def test_an_event_sends_a_message_once(post: Post, clock: Clock, channel: Scripted):
    post.live(campaign_document())
    post.tell("Product Added", "1", "e1")
    through(post, clock)
    (sent,) = channel.given
    assert (sent.address, sent.campaign, sent.variant) == ("p1@shop.example", "cart", "a")
    assert sent.trigger["name"] == "Product Added" and "/v1/unsubscribe/" in sent.links.unsubscribe
    assert SIGNER.read(sent.token, "default", now(clock)).slot == "email"
    through(post, clock)
    assert len(channel.given) == 1


def test_what_became_of_it_is_an_event_and_leads_to_the_next_step(
    post: Post, clock: Clock, channel: Scripted
):
    post.live(
        campaign_document(),
        campaign_document("thanks", {"when": {"on": "Message Sent", "campaign": "cart", "wait": "1d"}}),
    )
    post.tell("Product Added", "1", "e1")
    through(post, clock)
    assert [each.campaign for each in channel.given] == ["cart"]
    post.find()
    clock.advance(DAY_SECONDS + 601)
    post.send()
    assert [each.campaign for each in channel.given] == ["cart", "thanks"]


def test_reading_the_log_again_sends_nothing_twice(
    post: Post, clock: Clock, channel: Scripted, tmp_path: Path
):
    post.live(campaign_document())
    for number in range(3):
        post.tell("Product Added", "1", f"e{number}")
    post.tell("Product Added", "1", "e0")  # the sender told it again
    told = list(post.log.reread())
    through(post, clock)
    assert len(channel.given) == 1 and len(told) == 4
    OccasionFinder(post.log, post.sites, post.campaigns, post.ledger, SIGNER, clock=clock)._work(told)
    clock.advance(3 * DAY_SECONDS)
    post.send()
    counts = post.ledger.counts("default", "cart")
    assert counts["due"] == 3 and counts["claimed"] == len(channel.given) <= 2


@pytest.mark.parametrize("first", ["cart", "order"])
def test_what_happened_meanwhile_cancels_it_in_any_order_of_arrival(
    post: Post, clock: Clock, channel: Scripted, first: str
):
    wait = {"when": {"on": "Product Added", "wait": "4h", "unless": "Order Completed"}}
    post.live(campaign_document(send=wait))
    start = now(clock)
    events = [("Product Added", "1", "e1", start), ("Order Completed", "1", "e2", start + HOUR_MS)]
    for each in events if first == "cart" else events[::-1]:
        post.tell(*each)
    post.tell("Order Completed", "2", "e3", start - HOUR_MS)  # before, so it cancels nothing
    post.tell("Product Added", "2", "e4", start)
    post.find()
    clock.advance(4 * 3600 + 601)
    post.send()
    assert [each.address for each in channel.given] == ["p2@shop.example"]
    assert post.ledger.counts("default", "cart")["refused:cancelled"] == 1


def test_an_order_that_only_the_profile_knows_cancels_it_too(post: Post, clock: Clock, channel: Scripted):
    wait = {"when": {"on": "Product Added", "wait": "4h", "unless": "Order Completed"}}
    post.live(campaign_document(send=wait))
    post.tell("Product Added", "1", "e1")
    merged = {"Order Completed": EventCount(1, now(clock) + 5)}
    post.keep(structs.replace(buyer(1, now(clock) - DAY_MS), event_counts=merged))
    post.find()
    clock.advance(4 * 3600 + 601)
    post.send()
    assert channel.given == []


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"consents": []}, "consent"),
        ({"traits": {}}, "address"),
        ({"claims": ["email"]}, "address"),
    ],
)
def test_who_may_not_be_written_to_is_not(
    post: Post, clock: Clock, channel: Scripted, change: dict[str, Any], reason: str
):
    post.live(campaign_document())
    post.keep(structs.replace(buyer(1, now(clock) - DAY_MS), **change))
    post.tell("Product Added", "1", "e1")
    through(post, clock)
    assert channel.given == []
    assert post.ledger.counts("default", "cart")[f"refused:{reason}"] == 1


def test_a_consent_that_is_withdrawn_while_the_message_is_written_stops_it(
    redis_url: str, tmp_path: Path, clock: Clock
):
    class Slow(Scripted):
        def prepare(self, message: Message) -> Message:
            refused = [*message.profile.consents, Consent("marketing", False, now(clock))]
            post.keep(structs.replace(message.profile, consents=refused))
            return message

    channel = Slow()
    post = Post(redis_url, clock, channel, folder=tmp_path)
    post.keep(buyer(1, now(clock) - DAY_MS))
    post.live(campaign_document())
    post.tell("Product Added", "1", "e1")
    through(post, clock)
    assert channel.given == []
    assert post.ledger.counts("default", "cart")["refused:consent"] == 1


def test_a_stranger_causes_no_message_to_a_customer(post: Post, clock: Clock, channel: Scripted):
    post.live(campaign_document(), campaign_document("next", {"when": {"on": "Message Sent"}}))
    post.tell("Product Added", "1", "e1", visitor="v9", proven=False, sender="1.2.3.0")
    post.tell("Message Sent", "1", "e2", proven=False, sender="1.2.3.0")
    through(post, clock)
    assert channel.given == []


def test_at_most_one_a_day_over_all_campaigns(post: Post, clock: Clock, channel: Scripted):
    post.live(*(campaign_document(f"c{number}") for number in range(4)))
    post.tell("Product Added", "1", "e1")
    through(post, clock)
    assert len(channel.given) == 1
    clock.advance(DAY_SECONDS)
    post.send()
    assert len(channel.given) == 2


def test_again_limits_one_campaign(post: Post, clock: Clock, channel: Scripted):
    post.live(campaign_document(send={"again": "30d"}))
    post.tell("Product Added", "1", "e1")
    through(post, clock)
    clock.advance(DAY_SECONDS)
    post.tell("Product Added", "1", "e2")
    through(post, clock)
    assert len(channel.given) == 1
    assert post.ledger.counts("default", "cart")["refused:again"] == 1


def test_the_answers_of_the_other_side(redis_url: str, tmp_path: Path, clock: Clock):
    def answer(message: Message) -> Outcome:
        number = int(message.address[1])
        if number == 1:
            return Outcome(handed_over=False, reason="550", permanent=True)
        if number == 2 and attempts.append(1) is None and len(attempts) == 1:
            raise NotSent("421", 5)
        if number == 3:
            raise ConnectionError("dropped after DATA")
        return Outcome(handed_over=True, reference="r")

    attempts: list[int] = []
    channel = Scripted(answer)
    post = Post(redis_url, clock, channel, folder=tmp_path)
    post.keep(*(buyer(number, now(clock) - DAY_MS) for number in (1, 2, 3)))
    post.live(campaign_document())
    for number in (1, 2, 3):
        post.tell("Product Added", str(number), f"e{number}")
    through(post, clock)
    clock.advance(61)
    post.send()
    counts = post.ledger.counts("default", "cart")
    assert (counts["refused:channel"], counts["handed over"], counts["unknown"]) == (1, 1, 1)
    clock.advance(3600)
    post.send()
    assert sorted(each.address[1] for each in channel.given) == ["1", "2", "2", "3"]


def test_what_cannot_be_written_is_refused_and_counts_against_no_cap(
    redis_url: str, tmp_path: Path, clock: Clock
):
    class Broken(Scripted):
        def prepare(self, message: Message) -> Message:
            if message.campaign == "broken":
                raise Unprintable("no such placeholder")
            return message

    channel = Broken()
    post = Post(redis_url, clock, channel, folder=tmp_path)
    post.keep(buyer(1, now(clock) - DAY_MS))
    post.live(campaign_document("broken"))
    post.tell("Product Added", "1", "e1")
    through(post, clock)
    assert post.ledger.counts("default", "broken")["refused:unprintable"] == 1
    post.live(campaign_document("good"))
    post.tell("Product Added", "1", "e2")
    through(post, clock)
    time.sleep(0.6)  # the decider reads campaigns twice a second
    through(post, clock)
    assert [each.campaign for each in channel.given] == ["good"]


def test_it_waits_until_the_profile_knows_its_trigger(post: Post, clock: Clock, channel: Scripted):
    post.live(campaign_document())
    post.tell("Product Added", "1", "e1")
    (message,) = post.log.reread()
    post.find()
    post.send()
    assert channel.given == []
    follows = {"default:1": (message.partition, message.position)}
    post.keep(structs.replace(buyer(1, now(clock) - DAY_MS), positions=follows))
    clock.advance(3)
    post.send()
    assert len(channel.given) == 1


def test_whoever_is_not_known_gets_nothing(post: Post, clock: Clock, channel: Scripted):
    post.live(campaign_document())
    post.tell("Product Added", "nobody", "e1")
    through(post, clock)
    assert post.ledger.counts("default", "cart")["refused:nobody"] == 1
    assert channel.given == [] and isinstance(buyer(1, 0), Profile)


def test_a_clock_that_jumps_sends_nothing_twice(post: Post, clock: Clock, channel: Scripted):
    post.live(campaign_document())
    post.tell("Product Added", "1", "e1")
    through(post, clock)
    for seconds in (-DAY_SECONDS, 30 * DAY_SECONDS, -29 * DAY_SECONDS):
        clock.advance(seconds)
        through(post, clock)
    assert len(channel.given) == 1


def test_a_sign_up_is_confirmed_at_its_own_address_and_only_if_the_site_asked(
    post: Post, clock: Clock, channel: Scripted
):
    send = {"when": {"on": "Email Confirmation Requested"}, "class": "service"}
    post.live(campaign_document("confirm", send))
    props = {"email": "other@shop.example", "confirm": "https://x.example/v1/confirm/t"}
    post.tell("Email Confirmation Requested", "1", "forged", props=props, sender="")
    through(post, clock)
    assert channel.given == [], "a browser could name any address and any link"
    post.tell("Email Confirmation Requested", "1", "e1", props=props, sender=SITE)
    through(post, clock)
    (sent,) = channel.given
    assert (sent.address, sent.trigger["props"]["confirm"]) == ("other@shop.example", props["confirm"])


def test_a_message_counts_in_the_results_as_an_offer_does(
    post: Post, clock: Clock, channel: Scripted, tmp_path: Path
):
    """What the sender told the log and a click in a mail, taken in by a worker: profile and responses agree."""
    post.live(campaign_document())
    post.tell("Product Added", "1", "e1")
    through(post, clock)
    (sent,) = channel.given
    mark = MailMark("default", "u:1", sent.id, "cart", sent.variant, "", sent.token)
    profile = post.profiles.find("default", user="1")
    assert profile is not None
    clicked = answer_event(
        mark, profile, "Email Link Clicked", {"url": "https://x.example"}, now(clock), "once"
    )
    post.log.append([Record(clicked.key, encode(clicked))])
    warehouse = Warehouse(str(tmp_path / "warehouse"))
    worker = Worker(
        log=post.log,
        store=post.profiles,
        warehouse=warehouse,
        sites=post.sites,
        facts=facts,
        deadletters=DeadLetters(tmp_path),
        bounds=Bounds(batch=100, poll_seconds=0.0, flush_seconds=1e9),
        clock=clock,
    )
    while worker.step():
        pass
    worker.flush()
    known = post.profiles.find("default", user="1")
    assert known is not None
    seen = known.exposure["cart"]
    assert (seen.views, seen.clicks, seen.variant) == (1, 1, sent.variant)
    assert known.counts.visits == 0  # a mail is no visit
    responses, refused = verified_responses(
        offer_events(warehouse, "default", 0, now(clock) + DAY_MS), SIGNER, "default"
    )
    assert [(each.row.kind, each.token.variant) for each in responses] == [("view", "a"), ("click", "a")]
    assert refused == {}
