"""A person is forgotten, whatever of them was still on its way."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
import redis

from dangol.history.erasure import SETTLE_SECONDS, Erasure
from dangol.transfer.person_export import export
from ingest.dead_letters import DeadLetters
from ingest.worker.worker import Bounds, Worker
from offers.coupons.pool import CouponStore
from offers.decision.caps import CapStore
from profiles.erasures import Cutoffs, RedisErased
from profiles.redis.store import RedisProfiles
from tests.support.erase_traces import traces
from tests.support.ingest_streams import event, records, simple_facts, sites_of
from tests.support.machine import Clock
from tests.support.sites import UTC_SITE, view_of
from tracker.delivery.spool import Spool
from tracker.durations import DAY_MS
from tracker.event import encode
from tracker.log.memory import MemoryLog
from tracker.log.port import Record
from tracker.sites import Site
from warehouse.delta import Warehouse
from warehouse.question.scope import Scope

LAZY = Bounds(batch=100, poll_seconds=0.0, flush_seconds=1e9)


class Shop:
    """One installation in a folder, on a real Redis and real tables, worked by hand."""

    def __init__(self, folder: Path, redis_url: str, site: Site, clock: Clock) -> None:
        self.folder, self.clock = folder, clock
        self.client = redis.Redis.from_url(redis_url)
        self.log, self.profiles = MemoryLog("memory://?partitions=4"), RedisProfiles(redis_url)
        self.erased = RedisErased(self.profiles.client)
        self.warehouse, self.deadletters = Warehouse(str(folder / "warehouse")), DeadLetters(folder)
        self.caps = CapStore(redis_url, timeout=3.0)
        self.worker = Worker(
            log=self.log,
            store=self.profiles,
            warehouse=Warehouse(str(folder / "warehouse")),
            sites=sites_of(folder, site),
            facts=simple_facts,
            deadletters=self.deadletters,
            erased=RedisErased(RedisProfiles(redis_url).client),
            bounds=LAZY,
            clock=clock,
        )
        self.erasure = Erasure(
            self.profiles,
            self.erased,
            self.caps,
            CouponStore(redis_url, timeout=3.0),
            self.warehouse,
            self.deadletters,
            clock=clock,
        )

    def send(self, *events: Any) -> None:
        self.log.append(records(events))

    def work(self, *, flush: bool = True) -> None:
        while self.worker.step():
            pass
        if flush:
            self.worker.flush()

    def erase(self, who: str) -> None:
        """To the end, at once: the worker is ours, nothing is on its way unseen."""
        request = self.erasure.ask("default", who)
        assert request
        self.erasure.finish(request, pause=self.clock.advance)

    def ids(self) -> list[str]:
        rows = self.warehouse.rows("select id from events order by id", Scope("default", bots=True))
        return [row["id"] for row in rows]

    def traces(self, *words: str) -> list[tuple[str, list[str]]]:
        return traces(self.folder, self.client, list(words))


@pytest.fixture
def shop(tmp_path: Path, redis_url: str, site: Site, clock: Clock) -> Iterator[Shop]:
    clock.advance(3600)  # the events of these tests happen in the hour before
    shop = Shop(tmp_path, redis_url, site, clock)
    yield shop
    shop.worker.close()


def minutes_now(shop: Shop) -> float:
    return (shop.clock() - 1_795_000_000) / 60 + 1


def test_what_a_worker_holds_does_not_come_back(shop: Shop) -> None:
    shop.send(event("1", visitor="hush-a", user="hush-u", traits={"email": "hush-mail"}))
    shop.send(event("1b", visitor="hush-a", type="consent", props={"marketing": True, "source": "hush-form"}))
    shop.send(event("2", visitor="other"))
    shop.work(flush=False)
    assert shop.profiles.find("default", "hush-a").consents  # type: ignore[union-attr]
    for name in ("u:hush-u", "v:hush-a"):
        shop.client.set(f"dg:caps:default:{name}", "counted by offers")
    shop.erase("hush-u")
    shop.work()
    assert shop.ids() == ["2"]
    assert shop.traces("hush") == []
    assert shop.profiles.count("default") == 1


def test_what_a_worker_wrote_after_its_look_at_the_marks_goes_too(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop.send(event("1", visitor="hush-a", user="hush-u"))
    shop.work(flush=False)
    request = shop.erasure.ask("default", "hush-u")
    assert shop.erasure.run() == 0  # a pass, but not yet the last one
    with monkeypatch.context() as before:
        before.setattr(shop.worker.outbox.erased, "cutoffs", lambda _site: Cutoffs({}))
        shop.send(event("2", 1, visitor="hush-a", user="hush-u"))
        shop.work()
    assert shop.ids() == ["1", "2"]
    shop.erasure.finish(request, pause=shop.clock.advance)
    assert shop.ids() == []
    assert shop.traces("hush") == []


def test_what_waits_in_the_log_does_not_come_back(shop: Shop) -> None:
    shop.send(event("1", visitor="hush-a", user="hush-u"))
    shop.work()
    # Unread: by a cookie that nobody knows to be hers yet, by her customer id alone, and by her old cookie.
    shop.send(event("2", 1, visitor="hush-b", user="hush-u", type="identify"))
    shop.send(event("3", 1, visitor=None, user="hush-u"), event("4", 2, visitor="hush-a"))
    shop.send(event("5", 2, visitor="other"))
    shop.erase("hush-a")
    shop.work()
    assert shop.ids() == ["5"]
    assert shop.traces("hush") == []


def test_who_comes_again_is_somebody_new(shop: Shop) -> None:
    shop.send(event("1", visitor="a1", user="kim"), event("2", 1, visitor="a1"))
    shop.work()
    request = shop.erasure.ask("default", "kim")
    shop.send(event("3", minutes_now(shop), visitor="a1", user="kim"))
    shop.work()
    shop.erasure.finish(request, pause=shop.clock.advance)
    assert shop.ids() == ["3"]
    profile = shop.profiles.find("default", visitor="a1")
    assert profile.id == "u:kim" and profile.counts.events == 1


def test_a_browser_that_two_people_share(shop: Shop) -> None:
    shop.send(event("1", 0, visitor="tablet"), event("2", 1, visitor="tablet", user="hush-u"))
    shop.send(event("3", 2, visitor="tablet", user="bojan"), event("4", 3, visitor="tablet"))
    shop.work()
    shop.erase("hush-u")
    assert shop.ids() == ["3", "4"]
    assert shop.profiles.find("default", visitor="tablet").id == "u:bojan"
    assert shop.profiles.find("default", user="bojan").counts.events == 2
    assert shop.traces("hush") == []
    shop.erase("bojan")
    assert (shop.ids(), shop.traces("tablet", "bojan")) == ([], [])


def test_a_browser_that_claimed_to_be_a_customer_takes_only_itself_along(shop: Shop) -> None:
    order = {"order_id": "o1", "revenue": 50.0}
    shop.send(event("1", 0, visitor="mine", user="kim", name="Order Completed", props=order))
    shop.send(event("2", 1, visitor="hush-b", name="Product Viewed", props={"product_id": "p1"}))
    shop.send(event("3", 2, visitor="hush-b", user="kim", proven=False), event("4", 3, visitor="hush-b"))
    shop.work()
    assert shop.profiles.find("default", user="kim").counts.events == 4
    shop.erase("v:hush-b")
    assert shop.ids() == ["1"]
    kim = shop.profiles.find("default", visitor="mine")
    assert (kim.id, kim.counts.events, kim.counts.orders, kim.counts.views) == ("u:kim", 1, 1, 0)
    assert shop.traces("hush") == []


def test_who_claimed_to_be_a_customer_does_not_bring_them_back(shop: Shop) -> None:
    shop.send(event("1", 0, visitor="a1", user="hush-u"), event("2", 1, visitor="other"))
    shop.send(event("3", 2, visitor="b2", user="hush-u", proven=False))
    shop.work()
    shop.erase("hush-u")
    shop.send(event("4", minutes_now(shop), visitor="b2"))
    shop.work()
    assert shop.ids() == ["2", "4"]
    assert shop.profiles.find("default", user="hush-u") is None
    assert shop.profiles.find("default", visitor="b2").counts.events == 1
    assert shop.traces("hush") == []


def test_the_other_of_two_people_may_go(shop: Shop) -> None:
    shop.send(event("1", 0, visitor="tablet"), event("2", 1, visitor="tablet", user="ann"))
    shop.send(event("3", 2, visitor="tablet", user="hush-u"), event("4", 3, visitor="tablet"))
    shop.work()
    shop.erase("hush-u")
    assert shop.ids() == ["1", "2"]  # what the tablet did before its first customer signed in is that one's
    assert shop.traces("hush") == []


def test_more_cookies_than_a_profile_remembers(shop: Shop) -> None:
    for number in range(30):
        shop.send(event(f"e{number}", number, visitor=f"hush-{number}"))
        shop.send(event(f"i{number}", number + 0.1, visitor=f"hush-{number}", user="hush-u"))
    shop.send(event("other", visitor="other"))
    shop.work()
    assert len(shop.profiles.find("default", user="hush-u").visitors) < 30
    shop.erase("hush-u")
    assert shop.ids() == ["other"]
    assert shop.traces("hush") == []


def test_dead_letters_go_and_others_stay(shop: Shop) -> None:
    shop.send(event("1", visitor="hush-a", user="hush-u"), event("2", visitor="other"))
    shop.log.append([Record("default:hush-a", b'{"bad'), Record("default:other", b'{"bad')])
    shop.log.append([Record("default:x", b'{"visitor":"hush-a", bad')])
    refused = event("3", user="hush-u", visitor="other", type="alias", props={"previousId": "bojan"})
    shop.send(event("4", visitor=None, user="bojan"))
    shop.work()
    shop.log.append([Record(refused.key, encode(refused))])
    shop.work()
    letters = shop.deadletters.list()
    assert len(letters) == 4
    assert len(shop.deadletters.of("default", {"hush-a"}, {"hush-u"})) == 3
    document = export(shop.profiles, shop.warehouse, shop.deadletters, UTC_SITE, view_of, user="hush-u")
    assert len(document["dead_letters"]) == 3
    shop.erase("hush-u")
    assert [letter.key for letter in shop.deadletters.list()] == ["default:other"]
    assert shop.traces("hush") == []
    shop.deadletters.add(letters[:1])  # and the file takes new ones
    assert len(shop.deadletters.list()) == 2


def test_an_export_counts_an_order_that_was_reported_twice_once(shop: Shop) -> None:
    bought = {"order_id": "o1", "revenue": 30.0}
    shop.send(
        event("1", 0, visitor="a"),
        event("2", 1, visitor="a", name="Order Completed", props=bought),
        event("3", 2, visitor="a", name="Order Completed", props=bought),
        event("4", 3, visitor="a", name="Order Completed", props={**bought, "order_id": "o2"}),
    )
    shop.work()
    document = export(shop.profiles, shop.warehouse, shop.deadletters, UTC_SITE, view_of, visitor="a")
    assert [row["repeated"] or False for row in document["events"]] == [False, False, True, False]
    (session,) = document["sessions"]
    assert (session["events"], session["revenue"]) == (4, 60.0)
    assert document["profile"]["counts"]["orders"] == 2
    assert {"city", "country"} <= document["events"][0].keys()  # whatever a row has


def test_an_export_of_a_browser_that_claims_tells_only_its_own(shop: Shop) -> None:
    shop.send(event("1", 0, visitor="own", user="kim"), event("2", 1, visitor="b2"))
    shop.send(event("3", 2, visitor="b2", user="kim", proven=False), event("4", 3, visitor="own"))
    shop.work()
    document = export(shop.profiles, shop.warehouse, shop.deadletters, UTC_SITE, view_of, visitor="b2")
    assert [row["id"] for row in document["events"]] == ["2", "3"]
    assert (document["visitors"], document["users"], document["profile"]["id"]) == (["b2"], [], "v:b2")
    assert sum(session["events"] for session in document["sessions"]) == 2
    document = export(shop.profiles, shop.warehouse, shop.deadletters, UTC_SITE, view_of, user="kim")
    assert [row["id"] for row in document["events"]] == ["1", "2", "3", "4"]


def test_without_a_profile_the_history_goes(shop: Shop) -> None:
    shop.send(event("1", visitor="hush-a"), event("2", visitor="other"))
    shop.work()
    shop.profiles.erase("default", "v:hush-a")  # expired
    assert shop.erasure.ask("default", "nobody") is None
    shop.erase("hush-a")
    assert shop.ids() == ["2"]
    assert shop.traces("hush") == []


def test_a_crash_between_the_steps_is_made_good(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    shop.send(event("1", visitor="hush-a"))
    shop.work()
    request = shop.erasure.ask("default", "hush-a")
    shop.clock.advance(60)
    with monkeypatch.context() as broken:
        broken.setattr(shop.erased, "rewrite", lambda: (_ for _ in ()).throw(RuntimeError))
        with pytest.raises(RuntimeError):
            shop.erasure.run()
    assert shop.traces("hush") == []
    assert [each.id for each in shop.erased.pending()] == [request.id]
    assert shop.erasure.run() == 1
    assert shop.erased.pending() == []


def test_a_spool_keeps_nothing_that_the_log_has(tmp_path: Path) -> None:
    spool = Spool(tmp_path / "spool")
    for count in range(3):
        spool.write([Record("k", f"hush-{count}".encode())])
        assert len(spool.read()) == 1
        spool.drop()
    assert all(b"hush" not in file.read_bytes() for file in tmp_path.rglob("*") if file.is_file())
    spool.close()


def test_marks_go_by_the_time_of_receipt_and_say_no_id(redis_url: str) -> None:
    erased = RedisErased(redis.Redis.from_url(redis_url))
    assert not erased.cutoffs("s").cover("s", ["v:a"], 5)
    erased.mark("s", ["v:a", "u:b"], 10)
    cutoffs = erased.cutoffs("s")
    assert [cutoffs.cover("s", ["v:a"], at) for at in (9, 10, 11)] == [True, True, False]
    assert not cutoffs.cover("s", ["v:b"], 5) and not erased.cutoffs("t").cover("t", ["v:a"], 5)
    erased.mark("s", ["v:c"], 10 + 31 * DAY_MS)
    later = erased.cutoffs("s")
    assert later.cover("s", ["v:c"], 11) and not later.cover("s", ["v:a"], 5)  # a month is enough


def test_no_import_brings_somebody_back_however_late(redis_url: str) -> None:
    erased = RedisErased(redis.Redis.from_url(redis_url))
    erased.mark("s", ["v:a", "u:b"], 10)
    erased.mark("s", ["v:c"], 10 + 400 * DAY_MS)
    assert erased.forgotten("s", ["v:a", "u:b", "v:x"]) == {"v:a": 10, "u:b": 10}
    assert erased.forgotten("t", ["v:a"]) == {} == erased.forgotten("s", [])
    assert redis.Redis.from_url(redis_url).ttl("dg:forgotten:s") == -1


def test_an_erased_customers_email_is_forgotten_and_no_claimed_one(shop: Shop) -> None:
    """Orders of a guest are known by e-mail. Anybody can claim another's."""
    said = event("1", user="hush-u", type="identify", traits={"email": " Hush@shop.test"}, sender="site")
    claimed = event("2", visitor="hush-b", type="identify", traits={"email": "victim@shop.test"})
    shop.send(said, msgspec.structs.replace(claimed, user="hush-c", proven=False))
    shop.work()
    for who in ("hush-u", "hush-b"):
        shop.erase(who)
    names = ["u:hush@shop.test", "u:victim@shop.test", "u:hush-u"]
    assert set(shop.erased.forgotten("default", names)) == {"u:hush@shop.test", "u:hush-u"}


@pytest.mark.parametrize("jump", [-7200.0, 7200.0])
def test_what_came_while_the_clock_was_wrong_goes_too(shop: Shop, jump: float) -> None:
    """And the request does not wait for the clock to be where it was."""
    now = int(shop.clock() * 1000)
    shop.send(msgspec.structs.replace(event("1", visitor="hush-a", user="hush-u"), received=now, ts=now))
    shop.work()
    shop.clock.advance(jump)
    shop.erase("hush-u")
    shop.work()
    assert shop.ids() == [] and shop.traces("hush") == []


def test_an_erasure_does_not_wait_until_the_clock_is_where_it_was(shop: Shop) -> None:
    shop.send(event("1", visitor="hush-a"))
    shop.work()
    request = shop.erasure.ask("default", "hush-a")
    assert request
    shop.clock.advance(-7200.0)
    waited = 0.0

    def pause(seconds: float) -> None:
        nonlocal waited
        waited += seconds
        shop.clock.advance(seconds)

    shop.erasure.finish(request, pause)
    assert waited <= 2 * SETTLE_SECONDS and shop.ids() == []


def test_one_sites_failure_holds_up_no_other_erasure(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    sites_of(shop.folder, Site(id="bad", write_key="wk_b", secret_key="sk_b"))
    shop.send(event("1", visitor="hush-a"), event("2", site="bad", visitor="hush-b"))
    shop.work()
    request = shop.erasure.ask("default", "hush-a")
    assert request and shop.erasure.ask("bad", "hush-b")
    former = shop.warehouse.former

    def broken(site: str, ids: Any) -> Any:
        if site == "bad":
            raise ZeroDivisionError
        return former(site, ids)

    monkeypatch.setattr(shop.warehouse, "former", broken)
    with pytest.raises(ZeroDivisionError):
        shop.erasure.run()
    shop.clock.advance(SETTLE_SECONDS + 1)
    with pytest.raises(ZeroDivisionError):
        shop.erasure.run()
    assert [each.site for each in shop.erased.pending()] == ["bad"] and "1" not in shop.ids()


def test_what_the_site_tells_again_of_the_time_before_does_not_come_back(shop: Shop) -> None:
    """A shop's webhook tells an old order again when it is refunded."""
    shop.send(event("1", user="hush-u", name="Order Completed"))
    shop.work()
    shop.erase("hush-u")
    shop.clock.advance(60)
    now = int(shop.clock() * 1000)
    again = msgspec.structs.replace(
        event("2", user="hush-u", name="Order Completed"), received=now, sender="site"
    )
    anew = msgspec.structs.replace(again, id="3", ts=now)
    shop.send(again, anew)
    shop.work()
    assert shop.ids() == ["3"]
