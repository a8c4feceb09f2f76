"""Decisions about messages: the caps of the page's store, counted once for each message, and the holdout."""

from typing import Any

from msgspec import structs

from offers.decision.caps import CapStore
from offers.decision.message_decider import MessageDecider, MessageDecision
from profiles.model import Profile
from profiles.sansio import run_sync
from tests.support.machine import Clock
from tests.support.offers import SIGNER, Fixed, message
from tests.support.sites import UTC_SITE
from tracker.durations import DAY_SECONDS

KIM = Profile(id="u:kim", user="kim", visitors=["a"], subject="a")


def decider(clock: Clock, url: str, *documents: dict[str, Any]) -> MessageDecider:
    return MessageDecider(Fixed(*documents), CapStore(url, timeout=2.0), SIGNER, clock=clock)


def decided(
    decider: MessageDecider, occasion: str, campaign: str = "cart", who: Profile = KIM
) -> MessageDecision:
    return run_sync(decider.decide_message(UTC_SITE, who, campaign, occasion))


def test_one_a_day_and_three_a_week_over_all_campaigns(clock: Clock, redis_url: str):
    both = decider(
        clock, redis_url, message(id="cart"), message({"channel": "sms"}, id="news", creatives=JSON)
    )
    clock.now = 1_795_392_000.0  # a Monday
    sent = []
    for day in range(7):
        sent += [day for each in ("cart", "news") if decided(both, f"{each}{day}", each).decision]
        clock.advance(DAY_SECONDS)
    assert sent == [0, 1, 2]
    clock.advance(DAY_SECONDS)
    assert decided(both, "later").decision is not None


JSON = [{"id": "a", "kind": "json", "content": {"text": "x"}}]


def test_a_message_counts_once_however_often_it_is_decided(clock: Clock, redis_url: str):
    one = decider(clock, redis_url, message(id="cart"))
    assert all(decided(one, "o1").decision for _ in range(5))
    assert decided(one, "o2").refusal == "cap"
    assert decided(one, "o1").decision


def test_what_was_not_sent_is_given_back_once(clock: Clock, redis_url: str):
    one = decider(clock, redis_url, message(id="cart"))
    decision = decided(one, "o1").decision
    assert decision is not None
    token = SIGNER.read(decision.token, UTC_SITE.id, int(clock.now * 1000))
    assert run_sync(one.take_back(UTC_SITE, KIM, token, "o1"))
    assert not run_sync(one.take_back(UTC_SITE, KIM, token, "o1"))
    assert decided(one, "o2").decision
    assert decided(one, "o3").refusal == "cap"


def test_a_browsers_messages_count_for_the_customer_that_it_became(clock: Clock, redis_url: str):
    one = decider(clock, redis_url, message(id="cart"))
    assert decided(one, "o1", who=Profile(id="v:a", visitors=["a"])).decision
    assert decided(one, "o2").refusal == "cap"


def test_a_service_message_is_not_held_up(clock: Clock, redis_url: str):
    marketing, receipt = message(id="cart"), message({"class": "service"}, id="receipt", holdout=0.9)
    one = decider(clock, redis_url, marketing, receipt)
    assert decided(one, "o1").decision
    people = [structs.replace(KIM, id=f"u:{n}", user=str(n), subject=str(n)) for n in range(20)]
    assert all(decided(one, f"r{who.id}", "receipt", who).decision for who in people)
    assert all(decided(one, f"again{n}", "receipt").decision for n in range(5))


def test_whom_the_holdout_keeps_it_from_gets_none_and_is_logged(clock: Clock, redis_url: str):
    one = decider(clock, redis_url, message(id="cart", holdout=0.5))
    answers = [
        decided(one, str(n), who=structs.replace(KIM, id=f"u:{n}", user=str(n), subject=str(n)))
        for n in range(60)
    ]
    withheld = [each for each in answers if each.refusal == "holdout"]
    assert 15 < len(withheld) < 45
    assert all(each.decision is None and each.logged[0].event == "Offer Withheld" for each in withheld)
    assert all(each.logged[0].event == "Offer Decided" for each in answers if each.decision)


def test_pages_and_messages_do_not_use_up_each_others_limit(clock: Clock, redis_url: str):
    from offers.audience.visitor import View
    from offers.decision.caps import CapRequest

    one, caps = decider(clock, redis_url, message(id="cart")), CapStore(redis_url, timeout=2.0)
    view = View(KIM, int(clock.now * 1000), UTC_SITE)
    for _ in range(30):
        assert run_sync(caps.take(UTC_SITE.id, view, [[CapRequest("hero")]]))[0].shown == 0
    assert run_sync(caps.take(UTC_SITE.id, view, [[CapRequest("hero")]]))[0].shown is None
    assert decided(one, "o1").decision


def test_what_does_not_run_or_fit_says_so(clock: Clock, redis_url: str):
    paused = message(id="paused", status="paused")
    one = decider(clock, redis_url, message(id="cart", audience="orders > 3"), paused)
    assert decided(one, "o1").refusal == "audience"
    assert decided(one, "o1", "paused").refusal == "not running"
    assert decided(one, "o1", "nobody").refusal == "not running"
