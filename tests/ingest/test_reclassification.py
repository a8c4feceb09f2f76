"""A history that is classified anew tells what it would tell had it been counted under the new hosts and rules."""

import random
import threading
from pathlib import Path

import msgspec
import pytest

from ingest.dead_letters import DeadLetters
from ingest.enrich.enrich import facts
from ingest.rebuild.rebuild import Rebuild
from ingest.rebuild.reclassification import Change, Reclassification
from ingest.worker.worker import Bounds, Worker
from profiles.erasures import NobodyErased
from profiles.fold.fold import Settings
from profiles.store.memory import MemoryProfiles
from tests.support.ingest_streams import event, records, sites_of
from tracker.event import SITE as SENT_BY_SITE
from tracker.event import Event
from tracker.fields.channel_rules import ChannelRule
from tracker.log.memory import MemoryLog
from tracker.sites import Site
from warehouse.definitions.conditions import CAUSED
from warehouse.delta import Warehouse
from warehouse.question.scope import Scope

PLACES = (
    *("", "", "https://news.example/a", "https://www.google.com/", "https://pay.bank.example/ok"),
    *("https://shop-two.example/p", "https://forum.example/t/1", "https://l.facebook.com/"),
)
TAGS = (
    "",
    "",
    "",
    "?utm_source=partner-7&utm_medium=cpc&utm_campaign=Spring",
    "?utm_source=letter&utm_medium=email",
)
RULES = {
    "own_hosts": ("shop-two.example",),
    "pass_through_hosts": ("bank.example",),
    "channel_rules": (
        ChannelRule(channel="affiliate", source="partner*"),
        ChannelRule(channel="social", host="forum.example", as_source="forum"),
        ChannelRule(channel="referral", source="facebook", as_medium="shared"),
    ),
}


def stream(seed: int, count: int = 400) -> list[Event]:
    """Visits from everywhere of a few people, who buy; and what the shop's server says of them."""
    draw, events = random.Random(seed), []
    minutes = 0.0
    for number in range(count):
        minutes += draw.choice([1, 5, 20, 90, 700])
        who, fields = f"c{draw.randrange(8)}", {"received": 2 * 10**12 + number}
        url = f"https://shop.example/{number}{draw.choice(TAGS)}"
        kind = draw.choice(["page", "page", "page", "order", "server", "identify"])
        if kind == "page":
            fields |= {"url": url, "referrer": draw.choice(PLACES)}
        elif kind == "order":
            fields |= {
                "name": "Order Completed",
                "props": {"order_id": f"o{number}", "revenue": 5},
                "url": url,
            }
        elif kind == "server":
            props = {"order_id": f"s{number}", "revenue": 7}
            fields |= {"name": "Order Completed", "props": props, "source": "segment", "sender": SENT_BY_SITE}
        else:
            fields |= {"type": "identify", "user": f"u{who[1:]}", "url": url, "referrer": draw.choice(PLACES)}
        user = fields.pop("user", None) or (f"u{who[1:]}" if kind == "server" else None)
        visitor = None if kind == "server" else who
        events.append(event(f"e{number}", minutes, visitor, user, **fields))
    return events


class Shop:
    """A worker with a real warehouse."""

    def __init__(self, folder: Path, site: Site) -> None:
        folder.mkdir()
        self.log, self.live, self.folder = MemoryLog("memory://?partitions=2"), MemoryProfiles(), folder
        self.warehouse = Warehouse(str(folder / "warehouse"))
        self.sites = sites_of(folder, site)

    def count(self, events: list[Event]) -> None:
        self.log.append(records(events))
        worker = Worker(
            log=self.log,
            store=self.live,
            warehouse=self.warehouse,
            sites=self.sites,
            facts=facts,
            deadletters=DeadLetters(self.folder),
            bounds=Bounds(batch=70, poll_seconds=0.0, flush_rows=100, flush_seconds=1e9),
        )
        while worker.step():
            pass
        worker.flush()
        worker.close()

    def told(self) -> dict[str, tuple[str, ...]]:
        """Of each visit what its first deed says."""
        columns = "channel, origin, medium, campaign, keyword"
        sql = f"""
            select session as key, arg_min([{columns}], (ts, "position", id)) as way from events
            where session <> '' and {CAUSED} group by session
        """
        return {row["key"]: tuple(row["way"]) for row in self.warehouse.rows(sql, Scope("default"))}

    def every_row(self) -> dict[str, set[tuple[str, ...]]]:
        """What the rows of each visit say."""
        sql = "select session as key, list(distinct [channel, origin, medium, campaign, keyword]) as ways from events "
        rows = self.warehouse.rows(sql + "where session <> '' group by session", Scope("default"))
        return {row["key"]: {tuple(way) for way in row["ways"]} for row in rows}


def ruled(site: Site) -> Site:
    return msgspec.structs.replace(site, **RULES)


@pytest.mark.parametrize("seed", range(4))
def test_history_tells_what_it_would_have_told_under_the_new_rules(
    tmp_path: Path, site: Site, seed: int
) -> None:
    events = stream(seed)
    old, new = Shop(tmp_path / "old", site), Shop(tmp_path / "new", ruled(site))
    old.count(events)
    new.count(events)
    before, stored, counts = (
        old.told(),
        old.every_row(),
        old.warehouse.rows("select count(*) as n from events", Scope("default")),
    )
    again = Reclassification(old.warehouse, ruled(site))
    promised = sum(each.visits for each in again.changes())
    assert again.run() > 0
    assert old.told() == new.told() != before
    after = old.every_row()
    assert promised == sum(len(ways) > 1 or ways != after[key] for key, ways in stored.items())
    assert all(len(ways) == 1 for ways in after.values())
    assert old.warehouse.rows("select count(*) as n from events", Scope("default")) == counts
    assert again.run() == 0 and again.changes() == []
    made, expected = MemoryProfiles(), new.live
    Rebuild(old.warehouse, made, NobodyErased(), "default", Settings(), arrivals=ruled(site)).run(
        lambda _: None
    )
    for name in (f"c{number}" for number in range(8)):
        rebuilt, live = made.find("default", name), expected.find("default", name)
        assert (rebuilt is None) == (live is None)
        if rebuilt and live:
            assert (rebuilt.first_touch, rebuilt.last_touch) == (live.first_touch, live.last_touch)
            touches, kept = ({each.id: each.touch for each in person.sessions} for person in (rebuilt, live))
            assert kept.items() <= touches.items()  # of the rebuilt one nothing was trimmed yet


def test_changes_are_told_by_visits(tmp_path: Path, site: Site) -> None:
    shop = Shop(tmp_path / "shop", site)
    forum = {"referrer": "https://forum.example/t/1"}
    shop.count(
        [
            event("a", 0, "v1", url="https://shop.example/", **forum),
            event("b", 1, "v1", url="https://shop.example/2"),
            event("c", 90, "v1", url="https://shop.example/", **forum),
            event("d", 0, "v2", url="https://shop.example/"),
        ]
    )
    found = Reclassification(shop.warehouse, ruled(site)).changes()
    assert found == [Change("referral", "forum.example", "social", "forum", 2)]
    assert Reclassification(shop.warehouse, site).changes() == []


def test_what_belongs_to_no_visit_tells_the_last_way_but_direct(tmp_path: Path, site: Site) -> None:
    shop, address = Shop(tmp_path / "shop", site), {"url": "https://shop.example/"}
    server = {"name": "Order Completed", "source": "segment", "sender": SENT_BY_SITE}

    def order(number: int, minutes: float, user: str) -> Event:
        return event(
            f"o{number}", minutes, None, user, props={"order_id": f"o{number}", "revenue": 5}, **server
        )

    shop.count(
        [
            event("a", 0, "v1", "kim", type="identify"),
            order(1, 5, "kim"),
            event("b", 10, "v1", "kim", **address, referrer="https://forum.example/t/1"),
            event("c", 90, "v1", "kim", **address),
            order(2, 400, "kim"),
            order(3, 400, "somebody"),
        ]
    )
    Reclassification(shop.warehouse, ruled(site)).run()
    rows = shop.warehouse.rows(
        "select id, channel from events where name <> '' order by id", Scope("default")
    )
    assert {row["id"]: row["channel"] for row in rows} == {"o1": "direct", "o2": "social", "o3": "direct"}


def test_another_site_s_rows_stay(tmp_path: Path, site: Site) -> None:
    shop = Shop(tmp_path / "shop", site)
    other = msgspec.structs.replace(site, id="other", write_key="wk_2", secret_key="sk_2")
    shop.sites.save(other)
    seen = event("a", 0, "v1", url="https://shop.example/", referrer="https://forum.example/t/1")
    shop.count([seen, msgspec.structs.replace(seen, site="other")])
    assert Reclassification(shop.warehouse, ruled(site)).run() == 1
    channels = [
        shop.warehouse.rows("select channel from events", Scope(name)) for name in ("default", "other")
    ]
    assert channels == [[{"channel": "social"}], [{"channel": "referral"}]]


def test_nothing_is_lost_while_a_worker_appends_and_files_are_compacted(tmp_path: Path, site: Site) -> None:
    shop, done = Shop(tmp_path / "shop", site), threading.Event()
    events = stream(9, 900)
    shop.count(events[:300])
    failures: list[Exception] = []

    def append() -> None:
        try:
            for start in range(300, 900, 60):
                shop.count(events[start : start + 60])
        except Exception as error:
            failures.append(error)
        finally:
            done.set()

    def compact() -> None:
        while not done.is_set():
            Warehouse(shop.warehouse.path).compact()

    threads = [threading.Thread(target=each) for each in (append, compact)]
    for each in threads:
        each.start()
    own = Warehouse(shop.warehouse.path)
    while not done.is_set():
        Reclassification(own, ruled(site)).run()
    for each in threads:
        each.join()
    assert failures == []
    Reclassification(own, ruled(site)).run()
    ids = own.rows("select id, count(*) as n from events group by id", Scope("default", bots=True))
    assert {row["id"]: row["n"] for row in ids} == {each.id: 1 for each in events}
    fresh = Shop(tmp_path / "fresh", ruled(site))
    fresh.count(events)
    assert Shop.told(shop) == fresh.told()
