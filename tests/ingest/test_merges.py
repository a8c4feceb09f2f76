"""Customers who are merged are one for whoever reads them, each account keeps its own, and everything survives."""

import random
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingest.dead_letters import DeadLetters
from ingest.enrich.enrich import facts
from ingest.folding.batch import Batch
from ingest.folding.events import EnrichedEvent
from ingest.rebuild.lost_rows import LostRows
from ingest.rebuild.rebuild import Rebuild
from ingest.worker.worker import Bounds, Worker
from profiles.erasures import NobodyErased
from profiles.facts import Facts
from profiles.fold import dedup
from profiles.fold.fold import LogPosition, Settings
from profiles.model import Merge, Profile
from profiles.redis.store import RedisProfiles
from profiles.store.memory import MemoryProfiles
from profiles.store.port import ABSENT, Write
from tests.support.ingest_installation import Installation, MortalStore
from tests.support.ingest_streams import START, event, facts_of, records, sites_of
from tests.support.merge_events import People, acting, merged, separated
from tracker.event import SITE, Event
from tracker.log.memory import MemoryLog
from tracker.log.port import Record
from tracker.sites import Site
from warehouse.delta import Warehouse
from warehouse.question.scope import Scope

USERS = ["u0", "u1", "u2", "u3", "u4"]
LINKS = ("merged", "parts", "consent", "affinities", "scores")


def deeds(count: int, draw: random.Random) -> list[Event]:
    """Pages, orders and sign-ins of five customers on two browsers each."""
    found = []
    for number in range(count):
        user = draw.choice(USERS)
        visitor = f"c{user[1:]}{draw.randrange(2)}"
        kind = draw.randrange(4)
        if kind == 0:
            found.append(event(f"e{number}", number, visitor, user, type="identify", traits={"n": number}))
        elif kind == 1:
            order = {"order_id": f"o{number}", "revenue": 10.0}
            found.append(
                event(f"e{number}", number, None, user, name="Order Completed", props=order, sender=SITE)
            )
        else:
            found.append(event(f"e{number}", number, visitor))
    return found


def with_merges(events: list[Event], draw: random.Random, people: People) -> list[Record]:
    """The same with merges and separations among them, each as it would be allowed at that time."""
    found: list[Record] = []
    seen: set[str] = set()
    for number, one in enumerate(events):
        found += records([one])
        seen |= {one.user} if one.user else set()
        if draw.random() > 0.15 or len(seen) < 2:
            continue
        user, into = draw.sample(sorted(seen), 2)
        if draw.random() < 0.4 and user in people.into:
            found.append(acting(separated(f"s{number}", user, people.separate(user), number)))
        elif people.merge(user, into):
            found.append(acting(merged(f"m{number}", user, into, number)))
    return found


class Shop:
    """A log, a store in memory and real tables."""

    def __init__(self, folder: Path, site: Site, partitions: int = 1) -> None:
        self.log, self.sites = MemoryLog(f"memory://?partitions={partitions}"), sites_of(folder, site)
        self.live, self.folder = MemoryProfiles(), folder
        self.warehouse = Warehouse(str(folder / "warehouse"))

    def count(self, sent: list[Record]) -> None:
        """One by one, as ingest does that keeps up: a merge is told after what it speaks of."""
        letters = DeadLetters(self.folder)
        worker = Worker(
            log=self.log,
            store=self.live,
            warehouse=self.warehouse,
            sites=self.sites,
            facts=facts,
            deadletters=letters,
            bounds=Bounds(batch=40, poll_seconds=0.0, flush_rows=100, flush_seconds=1e9),
        )
        for one in sent:
            self.log.append([one])
            while not worker.step():
                pass
        worker.flush()
        worker.close()
        assert not list(letters.list())

    def people(self) -> set[str]:
        """Whom reports count."""
        found = Warehouse(self.warehouse.path)
        try:
            rows = found.rows("select distinct profile from events", Scope("default"))
        finally:
            found.engine.close()
        return {row["profile"] for row in rows}

    def rebuilt(self, store: MemoryProfiles | None = None) -> MemoryProfiles:
        """The profiles that a rebuild makes in place of those of ``store``; by default of none."""
        made, events = store or MemoryProfiles(), Warehouse(self.warehouse.path)
        try:
            summary = Rebuild(events, made, NobodyErased(), "default", Settings()).run(lambda _: None)
        finally:
            events.engine.close()
        assert not summary.waiting and not summary.older
        return made


def accounts(store: MemoryProfiles) -> dict[str, dict[str, object]]:
    """Each account by itself, but for its links."""
    found = {}
    for name, one in store.entries("default").items():
        if isinstance(one, Profile):
            found[name] = {
                field: getattr(one, field) for field in one.__struct_fields__ if field not in LINKS
            }
            # What else tells positions in the log, which differ between the two.
            found[name] |= {"renamed": [], "seen": dedup.ids(one.seen), "positions": sorted(one.positions)}
            found[name] |= {"orders": len(one.orders)}
    return found


def links(store: MemoryProfiles) -> dict[str, tuple[str, int, list[str]]]:
    return {
        name: (one.merged.into, one.merged.at, sorted(one.parts))
        for name, one in store.entries("default").items()
        if isinstance(one, Profile)
    }


def assert_one_person_each(store: MemoryProfiles, people: People, users: list[str]) -> None:
    alone = {user: store.load("default", [f"u:{user}"])[f"u:{user}"].profile for user in users}
    for root, group in people.groups(users).items():
        expected = [profile for user in group if (profile := alone[user]) is not None]
        for user in group:
            found = store.find("default", user=user)
            assert found is not None
            assert found.id == f"u:{root}"
            assert set(found.parts) == {f"u:{each}" for each in group - {root}}
            assert found.counts.orders == sum(each.counts.orders for each in expected)
            assert found.counts.pageviews == sum(each.counts.pageviews for each in expected)
            assert set(found.visitors) == {v for each in expected for v in each.visitors}
    customers = {each.id for each in store.people("default") if each.user}
    assert customers == {f"u:{root}" for root in people.groups(users)}
    assert store.count("default") == len(list(store.people("default")))


@pytest.mark.parametrize("partitions", [1, 3])
@pytest.mark.parametrize("seed", range(4))
def test_accounts_are_as_if_never_merged_and_reads_reports_and_rebuild_see_one_person(
    tmp_path: Path, site: Site, seed: int, partitions: int
) -> None:
    draw, people = random.Random(seed), People()
    events = deeds(200, draw)
    plain, shop = Shop(tmp_path / "plain", site, partitions), Shop(tmp_path / "merged", site, partitions)
    plain.count(records(events))
    shop.count(with_merges(events, draw, people))
    users = sorted({one.user for one in events if one.user})
    assert accounts(shop.live) == accounts(plain.live)
    assert_one_person_each(shop.live, people, users)
    assert {name for name in shop.people() if name.startswith("u:")} == {
        f"u:{root}" for root in people.groups(users)
    }
    made = shop.rebuilt()
    assert links(made) == links(shop.live)
    assert accounts(made) == accounts(shop.live)
    before = accounts(shop.live), links(shop.live)
    shop.rebuilt(shop.live)
    assert (accounts(shop.live), links(shop.live)) == before


@settings(max_examples=25)
@given(seed=st.integers(0, 10_000))
def test_workers_that_die_at_any_write_leave_the_same_people(
    seed: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    draw, people = random.Random(seed), People()
    folder = tmp_path_factory.mktemp("kills")
    site = Site(id="default", name="default", write_key="wk", secret_key="sk")
    shop = Installation(sites_of(folder, site), folder, 1)
    events = deeds(80, draw)
    shop.log.append(with_merges(events, draw, people))
    calm = Installation(shop.sites, folder, 1)
    calm.log.append(records(events))
    calm.run(30)
    for _ in range(30):
        store = MortalStore(shop.store)
        store.left = draw.randrange(1, 30)
        shop.run(draw.choice([1, 7, 30]), store, draw.choice([1, 20]))
    shop.run(30)
    users = sorted({one.user for one in events if one.user})
    assert_one_person_each(shop.store, people, users)
    mine, theirs = (
        {
            name: facts_of(one)
            for name, one in each.store.entries("default").items()
            if isinstance(one, Profile)
        }
        for each in (shop, calm)
    )
    assert mine == theirs
    roots = {shop.warehouse.profile_of(row.profile) for row in shop.warehouse.rows}
    assert {name for name in roots if name.startswith("u:")} == {f"u:{root}" for root in people.groups(users)}


def test_consent_said_by_a_merged_person_holds_for_all_accounts(tmp_path: Path, site: Site) -> None:
    """One refused before; what the person grants since counts, whichever account says it."""
    shop = Shop(tmp_path, site)
    consent = {"type": "consent", "source": "api"}
    sent = [
        event("c1", 0, None, "kim", props={"marketing": False}, **consent),
        event("c2", 1, None, "lee", props={"analytics": True}, **consent),
    ]
    shop.count([*records(sent), acting(merged("m1", "kim", "lee", 2))])
    assert shop.live.find("default", user="lee").consent == {"marketing": False, "analytics": True}  # type: ignore[union-attr]
    shop.count(records([event("c3", 3, None, "lee", props={"marketing": True}, **consent)]))
    assert shop.live.find("default", user="kim").consent["marketing"] is True  # type: ignore[union-attr]
    made = shop.rebuilt().find("default", user="kim")
    assert made is not None
    assert made.consent == {"marketing": True, "analytics": True}


def test_a_renamed_account_stays_merged(tmp_path: Path, site: Site) -> None:
    shop = Shop(tmp_path, site)
    people = [event("p1", 0, "a", "kim"), event("p2", 1, "b", "lee")]
    alias = event("r1", 3, "a", "kim2", type="alias", props={"previousId": "kim"}, sender=SITE)
    shop.count([*records(people), acting(merged("m1", "kim", "lee", 2)), *records([alias])])
    for who in ("kim", "kim2", "lee"):
        found = shop.live.find("default", user=who)
        assert found is not None
        assert (found.id, found.parts) == ("u:lee", ["u:kim2"])
    assert shop.people() == {"u:lee"}
    shop.count([acting(separated("s1", "kim2", "lee", 4))])
    assert shop.people() == {"u:lee", "u:kim2"}
    assert {each.id for each in shop.live.people("default")} == {"u:lee", "u:kim2"}


@pytest.mark.parametrize(
    "forged",
    [
        {"sender": "192.0.2.0"},
        {"proven": False},
        {"visitor": "a"},
        {"type": "identify"},
    ],
)
def test_only_the_site_itself_merges(tmp_path: Path, site: Site, forged: dict[str, object]) -> None:
    shop = Shop(tmp_path, site)
    shop.count(records([event("p1", 0, "a", "kim"), event("p2", 1, "b", "lee")]))
    fields = {"visitor": None, "sender": SITE, "type": "alias", "props": {"mergedInto": "lee"}} | forged
    visitor = fields.pop("visitor")
    shop.count(records([event("m1", 2, visitor, "kim", name="Customers Merged", **fields)]))  # type: ignore[arg-type]
    assert shop.live.find("default", user="kim").id == "u:kim"  # type: ignore[union-attr]
    assert shop.people() == {"u:kim", "u:lee"}


@pytest.mark.redis
def test_two_workers_that_merge_crosswise_leave_one_person(redis_url: str) -> None:
    """Their links make a circle: all readers agree on whom it is read as."""
    store = RedisProfiles(redis_url)
    for own, other in (("a", "b"), ("b", "a")):
        profile = Profile(f"u:{own}", user=own, merged=Merge(f"u:{other}", 5, 0, 1), parts=[f"u:{other}"])
        profile.counts.orders = 2
        store.save("default", [Write(profile.id, ABSENT, profile)])
    store.save("default", [Write("u:c", ABSENT, Profile("u:c", user="c", merged=Merge("u:a", 6, 0, 2)))])
    for who in "abc":
        found = store.find("default", user=who)
        assert found is not None
        assert (found.id, found.counts.orders) == ("u:a", 4)
    assert [each.id for each in store.people("default")] == ["u:a"]


def test_a_worker_that_wakes_up_late_does_not_undo_what_was_said_since() -> None:
    """It read the merge long ago, and another worker has read the separation since."""
    store = MemoryProfiles()

    def applied(position: int, one: Event) -> None:
        place = LogPosition(one.user or "", 0, position)
        Batch(store, "default", Settings(), lambda _: False).run([EnrichedEvent(one, Facts(), place)])

    applied(1, event("p1", 0, "a", "kim"))
    applied(2, event("p2", 1, "b", "lee"))
    applied(3, merged("m1", "kim", "lee", 2))
    assert store.find("default", user="kim").id == "u:lee"  # type: ignore[union-attr]
    applied(4, separated("s1", "kim", "lee", 3))
    applied(3, merged("m1", "kim", "lee", 2))
    assert store.find("default", user="kim").id == "u:kim"  # type: ignore[union-attr]
    assert store.count("default") == 2


@pytest.mark.redis
def test_who_says_that_they_are_separate_is(redis_url: str) -> None:
    """A worker died between the two writes of a separation: the other still lists the account."""
    store = RedisProfiles(redis_url)
    kim = Profile("u:kim", user="kim", merged=Merge("", 7, 0, 4))
    lee = Profile("u:lee", user="lee", parts=["u:kim"])
    store.save("default", [Write(one.id, ABSENT, one) for one in (kim, lee)])
    assert store.find("default", user="lee").parts == []  # type: ignore[union-attr]
    assert {each.id for each in store.people("default")} == {"u:kim", "u:lee"}
    assert store.count("default") == 2


def test_what_the_warehouse_lost_of_a_merge_is_made_again_from_the_log(tmp_path: Path, site: Site) -> None:
    shop = Shop(tmp_path, site)
    shop.log.consumer("another group", "one").poll(
        1, 0.0
    )  # it has committed nothing: the log keeps everything
    people = [event("p1", 0, "a", "kim"), event("p2", 1, "b", "lee")]
    shop.count([*records(people), acting(merged("m1", "kim", "lee", 2))])
    restored = LostRows(
        shop.log, "ingest", shop.live, shop.sites, facts, NobodyErased(), lambda: START / 1000
    )
    found = list(restored.run())
    merges = [alias for each in found for alias in each.aliases if alias.kind == "merge"]
    assert [(alias.old, alias.new) for alias in merges] == [("u:kim", "u:lee")]
    assert {made.id for each in found for made in each.rows} == {"p1", "p2", "m1"}
    assert sum(each.unknown for each in found) == 0
