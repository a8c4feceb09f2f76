"""The ledger on a real Redis: each occasion is claimed once at most, whoever asks, whatever dies."""

import threading
from typing import Any

import msgspec
import pytest

from messages.ledger.ledger import STALE_MS, Attempt, Claim, Ledger
from messages.ledger.occasion import LATE_MS, Occasion, occasion_id
from profiles.sansio import run_sync
from tests.support.machine import RedisServer
from tests.support.redis_cluster import RedisCluster
from tracker.durations import DAY_MS

T = 1_795_000_000_000
SITE, CART = "default", "cart"


def occasion(trigger: str = "e1", **more: Any) -> Occasion:
    told = {"site": SITE, "campaign": CART, "cause": "event", "visitor": "a", "ts": T, "due": T, **more}
    return Occasion(id=occasion_id(SITE, told["campaign"], told["visitor"], trigger), **told)


def claimed(ledger: Ledger, one: Occasion, claimant: str = "w1", **more: Any) -> Claim:
    told = {"read_at": run_sync(ledger.moment()), "names": ("v:a",), **more}
    return run_sync(ledger.claim(Attempt(occasion=one, claimant=claimant, **told)))


def test_what_is_told_again_is_known(redis_url: str):
    ledger = Ledger(redis_url)
    assert ledger.add([occasion(), occasion("e2"), occasion()], T) == 2
    assert ledger.add([occasion()], T) == 0
    assert {each.id for each in run_sync(ledger.take(SITE, CART, T, 10))} == {
        occasion().id,
        occasion("e2").id,
    }
    assert run_sync(ledger.take(SITE, CART, T, 10)) == []  # leased
    assert claimed(ledger, occasion()).verdict == "claimed"
    assert ledger.add([occasion()], T) == 0
    assert run_sync(ledger.answer(occasion(), "w1", "handed over"))
    assert ledger.add([occasion()], T) == 0
    assert claimed(ledger, occasion(), "w2") == Claim("gone", "handed over")
    assert ledger.counts(SITE, CART) == {"due": 2, "claimed": 1, "handed over": 1}


def test_a_trigger_of_long_ago_makes_no_occasion(redis_url: str):
    ledger = Ledger(redis_url)
    assert ledger.add([occasion(due=T - LATE_MS)], T) == 0
    assert ledger.add([occasion(due=T - LATE_MS + 1)], T) == 1


def test_many_workers_claim_it_once(redis_url: str):
    ledger = Ledger(redis_url)
    many = [occasion(f"e{number}") for number in range(40)]
    ledger.add(many, T)
    won: list[str] = []
    start = threading.Barrier(4)

    def work(name: str) -> None:
        own = Ledger(redis_url)
        start.wait()
        won.extend(one.id for one in many if claimed(own, one, name).verdict == "claimed")

    threads = [threading.Thread(target=work, args=(f"w{number}",)) for number in range(4)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert sorted(won) == sorted(one.id for one in many)


def test_a_claim_rests_on_a_fresh_reading(redis_url: str):
    ledger = Ledger(redis_url)
    ledger.add([occasion()], T)
    now = run_sync(ledger.moment())
    assert claimed(ledger, occasion(), read_at=now - STALE_MS - 50).verdict == "stale"
    assert claimed(ledger, occasion(), read_at=now + 60_000).verdict == "stale"  # the clock went back
    assert claimed(ledger, occasion()).verdict == "claimed"


def test_again_holds_for_every_id_of_the_person_and_not_for_the_occasion_itself(redis_url: str):
    ledger = Ledger(redis_url)
    first, second = occasion(), occasion("e2", visitor="b")
    ledger.add([first, second], T)
    assert claimed(ledger, first, names=("u:kim", "v:a"), again_ms=DAY_MS).verdict == "claimed"
    assert claimed(ledger, second, names=("u:kim", "v:b"), again_ms=DAY_MS).verdict == "again"
    assert run_sync(ledger.answer(first, "w1", "due", "try again", T))
    assert claimed(ledger, first, "w2", names=("u:kim", "v:a"), again_ms=DAY_MS).verdict == "claimed"


def test_what_happened_in_between_cancels_it_in_any_order(redis_url: str):
    ledger = Ledger(redis_url)
    ledger.note(SITE, CART, ["u:kim"], T + 5, DAY_MS)
    ledger.note(SITE, CART, ["u:kim"], T - 5, DAY_MS)  # an older one that comes later
    before, after = occasion(), occasion("e2", ts=T + 6)
    ledger.add([before, after], T)
    assert claimed(ledger, before, names=("v:a", "u:kim")).verdict == "cancelled"
    assert claimed(ledger, after, names=("v:a", "u:kim")).verdict == "claimed"


def test_a_suppressed_address_is_not_claimed(redis_url: str):
    from messages.permission.suppression import SuppressionList

    ledger, listed = Ledger(redis_url), SuppressionList(redis_url)
    digest = "ab" * 16
    listed.add(SITE, digest, "unsubscribed", T)
    ledger.add([occasion()], T)
    assert claimed(ledger, occasion(), digest=digest).verdict == "suppressed"
    assert claimed(ledger, occasion(), digest=digest, service=True).verdict == "claimed"
    listed.add(SITE, digest, "bounced", T)
    ledger.add([occasion("e2")], T)
    assert claimed(ledger, occasion("e2"), digest=digest, service=True).verdict == "suppressed"


def test_a_claim_without_an_answer_is_unknown_and_never_due_again(
    redis_url: str, monkeypatch: pytest.MonkeyPatch
):
    ledger = Ledger(redis_url)
    ledger.add([occasion()], T)
    claimed(ledger, occasion())
    assert run_sync(ledger.give_up(SITE, CART)) == []
    monkeypatch.setattr("messages.ledger.ledger.UNANSWERED_MS", -1_000)
    assert [each.id for each in run_sync(ledger.give_up(SITE, CART))] == [occasion().id]
    assert ledger.state(SITE, CART, occasion().id) == ("unknown", "no answer")
    assert run_sync(ledger.take(SITE, CART, T + 10 * DAY_MS, 10)) == []
    assert ledger.counts(SITE, CART)["unknown"] == 1
    assert not run_sync(ledger.answer(occasion(), "w2", "handed over"))  # somebody else's
    assert run_sync(ledger.answer(occasion(), "w1", "handed over"))  # its own, late
    assert ledger.counts(SITE, CART) == {"due": 1, "claimed": 1, "unknown": 0, "handed over": 1}


def test_a_claim_outlives_a_killed_redis(own_redis: RedisServer):
    ledger = Ledger(own_redis.url)
    many = [occasion(f"e{number}") for number in range(20)]
    ledger.add(many, T)
    for one in many[:10]:
        assert claimed(ledger, one).verdict == "claimed"
    own_redis.kill()
    own_redis.start()
    after = Ledger(own_redis.url)
    assert after.add(many, T) == 0
    assert [claimed(after, one, "w2").verdict for one in many] == ["gone"] * 10 + ["claimed"] * 10


def test_each_campaigns_keys_lie_on_one_node(cluster: RedisCluster):
    ledger = Ledger(cluster.url)
    many = [occasion(f"e{number}", campaign=f"c{number}") for number in range(12)]
    assert ledger.add(many, T) == 12
    for one in many:
        assert [each.id for each in run_sync(ledger.take(SITE, one.campaign, T, 5))] == [one.id]
        assert claimed(ledger, one, again_ms=DAY_MS, names=("u:kim", "v:a")).verdict == "claimed"
        assert run_sync(ledger.answer(one, "w1", "refused", "550"))
        assert ledger.waiting(SITE, one.campaign) == (0, 0, 0)
    assert msgspec.json.decode(msgspec.json.encode(many[0]), type=Occasion) == many[0]
