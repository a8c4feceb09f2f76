"""Profiles rebuilt from the warehouse equal the live ones, field by field; and nothing that workers did is lost."""

import random
import shutil
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec
import pyarrow as pa
import pytest
from click.testing import CliRunner

from dangol import compose
from dangol.commands.profiles import rebuild_profiles
from dangol.secrets import ensure_default_site
from dangol.settings import load
from ingest.dead_letters import DeadLetters
from ingest.enrich.enrich import facts
from ingest.rebuild import rebuild
from ingest.rebuild.rebuild import Rebuild, RebuildSummary
from ingest.worker.worker import Bounds, Worker
from profiles.erasures import Cutoffs, Erased, NobodyErased, digest
from profiles.fold import dedup, event_counts, fold
from profiles.fold.fold import Settings
from profiles.model import Profile
from profiles.orders.shared import SharedOrder
from profiles.store.memory import MemoryProfiles
from profiles.store.port import LONGEST_CHAIN, Alias, Write
from tests.support.ingest_streams import START, event, facts_of, records, sites_of
from tests.support.machine import RedisServer
from tests.support.whole_log import count_whole_log
from tracker.durations import MINUTE_MS
from tracker.event import SITE as SENT_BY_SITE
from tracker.event import Event
from tracker.log.memory import MemoryLog
from tracker.sites import Site
from warehouse.delta import Warehouse
from warehouse.question.scope import Scope
from warehouse.tables.schema import EVENTS
from warehouse.tables.table import Table

SITE = "default"
PHONE = (
    "Mozilla/5.0 (iPhone; CPU iPhone OS 17_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.1 "
    "Mobile/15E148 Safari/604.1"
)
WAYS = ["", "", "?utm_source=mail&utm_medium=email&utm_campaign=spring", "?gclid=abc"]


def stream(count: int, draw: random.Random, claims: float = 0.0) -> list[Event]:
    """Browsers of customers who look, buy, answer offers, sign in, share cookies, consent; late and repeated events."""
    events: list[Event] = []
    for number in range(count):
        who = draw.randrange(12)
        visitor: str | None = f"c{who}"
        user: str | None = None
        minutes = number * 4 - (draw.random() * 120 if draw.random() < 0.1 else 0)
        item = {"product_id": f"p{draw.randrange(30)}", "category": f"k{draw.randrange(5)}", "price": 9.5}
        kind = draw.choices(
            [
                "page",
                "view",
                "add",
                "order",
                "offer",
                "identify",
                "alias",
                "consent",
                "group",
                "server",
                "own",
                "retry",
            ],
            [30, 15, 8, 5, 5, 6, 1, 2, 1, 4, 9, 5],
        )[0]
        fields: dict[str, object] = {}
        if kind == "retry" and events:
            again = draw.choice(events[-40:])
            events.append(msgspec.structs.replace(again, received=START + 10**8 + number))
            continue
        if kind == "view":
            fields = {"name": "Product Viewed", "props": item}
        elif kind == "add":
            fields = {"name": "Product Added", "props": {**item, "quantity": 2}}
        elif kind == "order":
            order = {
                "order_id": f"o{draw.randrange(40)}",
                "revenue": 19.9,
                "products": [item, {**item, "sku": "x"}],
            }
            fields = {"name": "Order Completed", "props": order}
        elif kind == "server":
            visitor, user = None, f"u{who % 4}{draw.choice(['', '', '@mail'])}"
            what = draw.choice(["Completed", "Completed", "Updated", "Refunded", "Cancelled"])
            fields = {
                "name": f"Order {what}",
                "props": {
                    "order_id": f"o{draw.randrange(40)}",
                    "total": 5,
                    "refund_id": f"r{draw.randrange(3)}",
                },
                "source": "segment",
                "sender": SENT_BY_SITE,
            }
        elif kind == "offer":
            fields = {
                "name": draw.choice(["Offer Viewed", "Offer Clicked", "Offer Dismissed"]),
                "props": {"campaign": f"b{number % 3}"},
            }
        elif kind == "identify":
            user = f"u{draw.choice([who % 4, who % 4, (who + 1) % 4])}"
            fields = {"type": "identify", "traits": {"plan": number, "gone": None}}
        elif kind == "alias":
            user = f"u{who % 4}"
            fields = {
                "type": "alias",
                "props": {"previousId": f"c{who}" if draw.random() < 0.9 else f"c{draw.randrange(12)}"},
            }
        elif kind == "consent":
            said = {f"k{draw.randrange(5)}": draw.choice([0.0, 3.5])}
            fields = {"type": "consent", "props": {"marketing": draw.random() < 0.5, "interests": said}}
        elif kind == "own":
            fields = {"name": f"Game {draw.randrange(150)} Played"}
        elif kind == "group":
            fields = {"type": "group", "props": {"groupId": "acme"}}
        else:
            context = {"session": f"s{number // 9}"} if who == 11 else {}
            fields = {"referrer": draw.choice(["", "https://www.google.com/"]), "context": context}
        if user and draw.random() < claims:
            fields |= {"proven": False}
        fields |= {"url": f"https://shop.example/{number}{draw.choice(WAYS)}", "ua": draw.choice(["", PHONE])}
        fields |= {"lang": draw.choice(["", "ko-KR"]), "received": START + 10**8 + number}
        events.append(event(f"e{number}", minutes, visitor, user, **({"source": "snippet"} | fields)))
    return events


class Shop:
    """A worker with its own log, profiles and a real warehouse."""

    def __init__(self, folder: Path, site: Site, partitions: int = 1) -> None:
        self.log = MemoryLog(f"memory://?partitions={partitions}")
        self.live = MemoryProfiles()
        self.warehouse = Warehouse(str(folder / "warehouse"))
        self.sites, self.deadletters = sites_of(folder, site), DeadLetters(folder)

    def worker(self) -> Worker:
        return Worker(
            log=self.log,
            store=self.live,
            warehouse=self.warehouse,
            sites=self.sites,
            facts=facts,
            deadletters=self.deadletters,
            bounds=Bounds(batch=70, poll_seconds=0.0, flush_rows=500, flush_seconds=1e9),
        )

    def count(self, events: Sequence[Event]) -> None:
        self.log.append(records(events))
        worker = self.worker()
        while worker.step():
            pass
        worker.flush()
        worker.close()

    def rebuild(
        self,
        store: MemoryProfiles,
        erased: Erased | None = None,
        pause: Callable[[float], None] = lambda _: None,
        oldest: int = 0,
    ) -> RebuildSummary:
        events = Warehouse(self.warehouse.path)
        try:
            return Rebuild(events, store, erased or NobodyErased(), SITE, Settings(), oldest).run(pause)
        finally:
            events.engine.close()


@pytest.fixture
def shop(tmp_path: Path, site: Site) -> Shop:
    return Shop(tmp_path, site)


def known(store: MemoryProfiles) -> dict[str, object]:
    """Everything that stands under an id. What a profile keeps for late events and replays depends on when it was
    last trimmed: it is trimmed. Aliases are followed, since a chain may be cut short or not."""
    entries = store.entries(SITE)
    found: dict[str, object] = {}
    for name, one in entries.items():
        at = name
        for _ in range(LONGEST_CHAIN):
            value = entries[at]
            if isinstance(value, Alias):
                at = value.target
        if isinstance(one, Profile):
            fold.trim(one)
            one.renamed = []
            one.positions = dict(sorted(one.positions.items()))
            found[name] = {field: getattr(one, field) for field in one.__struct_fields__}
        elif isinstance(one, SharedOrder):
            found[name] = one
        else:
            found[name] = (at, one.before)
    return found


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("slices", [1, 5])
def test_rebuilt_profiles_equal_the_live_ones_field_by_field(
    shop: Shop, monkeypatch: pytest.MonkeyPatch, seed: int, slices: int
) -> None:
    monkeypatch.setattr(rebuild, "ROWS_AT_ONCE", -(-600 // slices))
    monkeypatch.setattr(event_counts, "NAMES_KEPT", 4)
    shop.count(stream(600, random.Random(seed), claims=seed % 3 / 2))
    made = MemoryProfiles()
    summary = shop.rebuild(made)
    people = [one for one in known(shop.live).values() if isinstance(one, dict) and not one["fed"]]
    assert summary.written == len(people)
    assert_the_same(made, shop.live)


def assert_the_same(
    made: MemoryProfiles, live: MemoryProfiles, told: Mapping[str, Callable[[Any], object]] | None = None
) -> None:
    """Every id, alias and field. ``told``: what is compared of a field, instead of all of it."""
    expected, rebuilt = known(live), known(made)
    assert rebuilt.keys() == expected.keys()
    for name, one in expected.items():
        found = rebuilt[name]
        if not isinstance(one, dict) or not isinstance(found, dict):
            assert (name, found) == (name, one)
            continue
        # A retry moves the position on and has no row.
        assert all(found["positions"][key][1] <= at for key, (_, at) in one["positions"].items())
        found["positions"] = one["positions"]
        for field, value in one.items():
            part = (told or {}).get(field, lambda value: value)
            assert (name, field, part(found[field])) == (name, field, part(value))


@pytest.mark.parametrize("seed", range(4))
def test_many_partitions_of_which_workers_kept_up_are_rebuilt_field_by_field(
    tmp_path: Path, site: Site, seed: int
) -> None:
    """Merges in both orders, shared cookies and late events included: what came later was counted later."""
    shop, made = Shop(tmp_path, site, partitions=3), MemoryProfiles()
    worker = shop.worker()
    for one in stream(400, random.Random(seed), claims=seed % 3 / 2):
        shop.log.append(records([one]))
        while not worker.step():
            pass
    worker.flush()
    worker.close()
    shop.rebuild(made)
    assert_the_same(made, shop.live)


# What depends on the order in which one person's events came out of several partitions, which no row tells, and what
# of it does not.
WHATEVER_THE_ORDER: dict[str, Callable[[Any], object]] = {
    "seen": dedup.ids,
    "visitors": set,
    "claimants": set,
    "claims": set,
    "affinities": lambda all_: {name: (round(one.weight, 6), one.ts) for name, one in all_.items()},
    "counts": lambda counts: msgspec.structs.replace(counts, revenue=round(counts.revenue, 6)),
    "orders": set,
    "items": lambda items: sorted((one.ts, one.item, one.kind) for one in items),
    "traits": set,
    "consent": set,
    "cart": lambda cart: None,
    "cursor": lambda cursor: None,
    "subject": lambda subject: None,
}


@pytest.mark.parametrize("seed", range(4))
def test_many_partitions_read_one_after_the_other_are_rebuilt_but_for_what_their_order_decides(
    tmp_path: Path, site: Site, seed: int
) -> None:
    """Every cookie is one customer's, every order reported once, and nobody corrects an interest: else the order
    decides whose the cookie is, which report counts, and what was done since."""
    shop, made = Shop(tmp_path, site, partitions=3), MemoryProfiles()
    reported: dict[object, str] = {}
    shop.count(
        [
            one
            for one in stream(500, random.Random(seed), claims=seed % 3 / 2)
            if of_one_customer(one)
            and "interests" not in one.props
            and ("order_id" not in one.props or reported.setdefault(one.props["order_id"], one.id) == one.id)
        ]
    )
    shop.rebuild(made)
    assert_the_same(made, shop.live, WHATEVER_THE_ORDER)


def of_one_customer(one: Event) -> bool:
    if one.type == "alias" and one.props["previousId"] != one.visitor:
        return False
    return not (one.visitor and one.user) or int(one.user[1:]) == int(one.visitor[1:]) % 4


def test_a_rebuild_changes_nothing_that_is_right_and_mends_what_is_not(shop: Shop) -> None:
    shop.count(stream(300, random.Random(2)))
    before = known(shop.live)

    def spoil(profile: Profile) -> Profile:
        profile.counts.events += 7
        profile.scores = {"churn": 0.2}
        return profile

    name = next(name for name, one in before.items() if isinstance(one, dict) and one["counts"].events > 20)
    shop.live.update(SITE, name, spoil)
    assert shop.rebuild(shop.live).waiting == 0
    after = known(shop.live)
    mended = after.pop(name)
    assert isinstance(mended, dict)
    expected = before.pop(name)
    assert isinstance(expected, dict)
    assert mended == expected | {"scores": {"churn": 0.2}}
    assert after == before


def test_who_has_events_in_a_worker_s_hands_waits_until_they_are_stored(shop: Shop) -> None:
    shop.count([event("1", 0), event("2", 1, "b2")])
    busy = shop.worker()
    shop.log.append(records([event("3", 2, received=START + 9 * MINUTE_MS)]))
    busy.step()
    passes = []

    def pause(_: float) -> None:
        passes.append(shop.live.find(SITE, "a1").counts.events)
        if len(passes) == 2:
            busy.flush()

    summary = shop.rebuild(shop.live, pause=pause)
    assert (summary.written, summary.waiting, passes) == (2, 0, [2, 2])
    busy.close()
    assert shop.live.find(SITE, "a1").counts.events == 2


def test_a_worker_that_saves_at_the_same_moment_wins(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    shop.count([event("1", 0)])
    worker, save = shop.worker(), shop.live.save

    def meanwhile(site: str, writes: Sequence[Write]) -> dict[str, bytes]:
        monkeypatch.setattr(shop.live, "save", save)
        shop.log.append(records([event("2", 1)]))
        worker.step()
        return save(site, writes)

    monkeypatch.setattr(shop.live, "save", meanwhile)
    summary = shop.rebuild(shop.live, pause=lambda _: worker.flush())
    worker.close()
    assert summary.waiting == 0
    assert shop.live.find(SITE, "a1").counts.events == 2


class Marks(NobodyErased):
    def __init__(self) -> None:
        self.marks: dict[bytes, int] = {}

    def cutoffs(self, site: str) -> Cutoffs:
        return Cutoffs(dict(self.marks))


def test_marks_of_erased_people_hold(shop: Shop) -> None:
    shop.count([event("1", 0), event("2", 0, "b2"), event("3", 60, "b2")])
    erased, made = Marks(), MemoryProfiles()
    erased.marks = {digest(SITE, "v:a1"): START + MINUTE_MS, digest(SITE, "v:b2"): START + MINUTE_MS}
    assert shop.rebuild(made, erased).written == 1
    assert made.find(SITE, "a1") is None
    assert made.find(SITE, "b2").counts.events == 1  # what came after the erasure


def test_someone_erased_while_their_events_are_folded_does_not_come_back(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop.count([event("1", 0)])
    erased, made = Marks(), MemoryProfiles()
    put = Rebuild._put

    def late(self: Rebuild, *arguments: object) -> set[str]:
        erased.marks = {digest(SITE, "v:a1"): 1 << 52}
        return put(self, *arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(Rebuild, "_put", late)
    assert shop.rebuild(made, erased).written == 0
    assert made.find(SITE, "a1") is None


def test_what_retention_took_stays_in_the_profile(shop: Shop) -> None:
    day = 24 * 60
    shop.count(
        [
            event("1", 0),
            event("2", 1, "a1", "kim", type="identify"),
            event("3", 3 * day, received=START + 3 * day * MINUTE_MS),
        ]
    )
    shop.count([event("4", 3 * day, "b2", received=START + 3 * day * MINUTE_MS)])
    before = known(shop.live)
    assert shop.warehouse.retire(START + 2 * day * MINUTE_MS) == 2
    summary = shop.rebuild(shop.live)
    assert (summary.written, summary.older) == (1, 1)
    assert known(shop.live) == before
    lost = MemoryProfiles()
    shop.rebuild(lost)
    own = lost.find(
        SITE, "a1"
    )  # what proved it is gone: the browser reads only itself until they prove it again
    assert own is not None and (own.id, own.user, own.counts.events) == ("v:a1", None, 1)
    profile = lost.find(SITE, user="kim")  # who they are is known still
    assert profile is not None
    assert (profile.id, profile.user, profile.counts.events) == ("u:kim", "kim", 1)


def test_nobody_comes_back_whom_redis_has_forgotten_for_their_age(shop: Shop) -> None:
    shop.count([event("1", 0)])
    made = MemoryProfiles()
    assert shop.rebuild(made, oldest=START + MINUTE_MS).older == 1
    assert made.find(SITE, "a1") is None


@pytest.mark.redis
def test_the_command_brings_back_profiles_that_redis_lost(tmp_path: Path, own_redis: RedisServer) -> None:
    url = own_redis.url
    config = load({"DANGOL_DATA": str(tmp_path / "data"), "DANGOL_PROFILES": url, "DANGOL_LOG": url})
    ensure_default_site(config)
    log = compose.log(config)
    log.append(records([event("1", 0), event("2", 1, "a1", "kim", type="identify")]))
    store = compose.profiles(config)
    count_whole_log(config, log)
    before = store.find(SITE, "a1")
    assert before is not None
    for name in ("u:kim", "v:a1"):
        store.erase(SITE, name)
    said = CliRunner().invoke(rebuild_profiles, obj=config)
    assert "default: 1 rebuilt, 0 left" in said.output
    assert store.find(SITE, "a1") == before
    store.close()
    log.close()


NEWER = ("partition", "position", "hint", "repeated", "city", "proven")


def test_rows_of_the_first_layout_are_read_appended_to_and_rebuilt(shop: Shop) -> None:
    shop.count([event("1", 0), event("2", 1), event("bot", 2, ua="Googlebot/2.1"), event("~", 3, "~today")])
    rows = shop.warehouse.events.open().to_pyarrow_table()
    path = Path(shop.warehouse.path)
    shutil.rmtree(path)
    layout = pa.schema([field for field in EVENTS if field.name not in NEWER])
    Table(f"{path}/events", layout, ["day"], None).append(rows.select(layout.names).cast(layout), ())
    shop.warehouse = Warehouse(str(path))
    shop.count([event("3", 4)])
    made = MemoryProfiles()
    assert shop.rebuild(made).written == 1
    assert facts_of(made.find(SITE, "a1")) == facts_of(shop.live.find(SITE, "a1"))
    for number in range(3):
        shop.count([event(f"more{number}", 5 + number)])
    assert shop.warehouse.compact() > 0
    assert shop.warehouse.erase(SITE, ["v:nobody"]) == 0
    found = shop.warehouse.rows(
        "select count(*) as n, count(position) as new from events", Scope(SITE, bots=True)
    )
    assert found == [{"n": 8, "new": 4}]
