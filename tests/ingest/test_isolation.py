"""A message that cannot be applied is set aside with its reason; its neighbours are applied, each exactly once."""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from ingest.dead_letters import DeadLetters
from ingest.enrich import enrich
from ingest.folding.isolation import isolated
from ingest.worker import flushing, worker
from ingest.worker.worker import Bounds, Worker
from profiles.encoding import codec
from profiles.redis.store import RedisProfiles
from profiles.store.port import ProfilesUnavailable
from tests.support.ingest_streams import event, records, sites_of
from tests.support.machine import Clock
from tracker.event import Event
from tracker.log.memory import MemoryLog
from tracker.log.port import LogUnavailable, Record
from tracker.sites import Site
from warehouse.delta import PositionsMoved, Warehouse, WarehouseUnavailable
from warehouse.question.scope import Scope
from warehouse.tables import rows as arrow_rows

pytestmark = pytest.mark.redis

MANY = 40
POISON = "poison"
BOUNDS = Bounds(batch=100, poll_seconds=0.0, flush_seconds=0.0)


class Broken(RuntimeError):
    """What nobody thought of."""


class Shop:
    """A memory log in front of a real Redis and a real warehouse."""

    def __init__(self, folder: Path, redis_url: str, site: Site, clock: Clock) -> None:
        self.log, self.store = MemoryLog("memory://?partitions=3"), RedisProfiles(redis_url)
        self.path, self.sites, self.clock = str(folder / "warehouse"), sites_of(folder, site), clock
        self.letters, self.told = DeadLetters(folder), list[str]()

    def worker(self) -> Worker:
        return Worker(
            log=self.log,
            store=self.store,
            warehouse=Warehouse(self.path),
            sites=self.sites,
            facts=enrich.facts,
            deadletters=self.letters,
            consents=lambda events: self.told.extend(one.id for one in events),
            bounds=BOUNDS,
            clock=self.clock,
        )

    def drain(self, worker: Worker | None = None) -> None:
        """By hand, as ``run`` does it; whatever it raises is the process's end."""
        one = worker or self.worker()
        one._stop.wait = lambda _timeout=None: False  # type: ignore[method-assign]
        try:
            for _ in range(6):
                while one.step():
                    pass
                one._trying(one.flush)
        finally:
            one.close()

    def rows(self) -> list[dict[str, Any]]:
        return Warehouse(self.path).rows("select * from events", Scope("default", bots=True))

    def ids(self) -> Counter[str]:
        return Counter(row["id"] for row in self.rows())

    def counted(self) -> int:
        return sum(profile.counts.events for profile in self.store.scan("default"))

    def buried(self) -> dict[str, str]:
        return {letter.text(): letter.reason for letter in self.letters.list()}


@pytest.fixture
def shop(tmp_path: Path, redis_url: str, site: Site, clock: Clock) -> Iterator[Shop]:
    made = Shop(tmp_path, redis_url, site, clock)
    yield made
    made.store.close()


def crowd(*poisons: int, **fields: Any) -> list[Event]:
    """MANY events of a few visitors and customers; those at ``poisons`` have a name that breaks what a test breaks."""
    return [
        event(
            f"{POISON}{number}" if number in poisons else str(number),
            number,
            f"v{number % 7}",
            user=f"u{number % 3}" if number % 5 == 0 else None,
            name=POISON if number in poisons else "Product Viewed",
            **fields,
        )
        for number in range(MANY)
    ]


def breaks(original: Callable[..., Any], named: Callable[..., bool], error: type[Exception]) -> Any:
    def broken(*arguments: Any, **options: Any) -> Any:
        if named(*arguments):
            raise error("it broke")
        return original(*arguments, **options)

    return broken


def names(*arguments: Any) -> bool:
    return POISON in repr(arguments)


PLACES: dict[str, tuple[Any, str, Callable[..., bool]]] = {
    "decode": ("ingest.worker.decoding", "decode", lambda raw: POISON.encode() in raw),
    "fold": ("profiles.fold.fold", "apply", lambda _profile, one, *_: one.name == POISON),
    "encode": (codec, "encode", lambda profile: POISON in profile.event_counts),
    "row": (flushing, "row", lambda item, *_: item.event.name == POISON),
    "arrow": (arrow_rows, "_columns", lambda rows: any(one.name == POISON for one in rows)),
    "delta": (Warehouse, "append", lambda _self, rows, *_: any(one.name == POISON for one in rows)),
    "keep": (worker.Worker, "_keep", lambda _self, _message, item, _result: item.event.name == POISON),
}


@pytest.mark.parametrize("error", [Broken, OverflowError, RecursionError])
@pytest.mark.parametrize("place", [*PLACES, "enrich", "consent"])
def test_whatever_breaks_only_the_message_that_breaks_it_is_set_aside(
    shop: Shop, monkeypatch: pytest.MonkeyPatch, place: str, error: type[Exception]
) -> None:
    poisons, fields = (3, 4, 21, MANY - 1), {}
    if place == "consent":
        fields = {"type": "consent"}
    sent = crowd(*poisons, **fields)
    shop.log.append(records(sent))
    one = shop.worker()
    if place == "enrich":
        one.decoder.facts = breaks(enrich.facts, lambda each, _site: each.name == POISON, error)
    elif place == "consent":
        one.updater.consents = breaks(one.updater.consents, names, error)
    else:
        module, name, named = PLACES[place]
        target = f"{module}.{name}" if isinstance(module, str) else None
        if target:
            broken = breaks(__import__(module, fromlist=[name]).__dict__[name], named, error)
            monkeypatch.setattr(target, broken)
        else:
            monkeypatch.setattr(module, name, breaks(getattr(module, name), named, error))
    shop.drain(one)
    good = {str(number) for number in range(MANY)} - {str(number) for number in poisons}
    assert shop.ids() == Counter(good)
    assert {text.split('"id":"')[1].split('"')[0] for text in shop.buried()} == {
        f"{POISON}{n}" for n in poisons
    }
    assert all("it broke" in reason for reason in shop.buried().values())
    assert shop.log.lag("ingest") == 0
    monkeypatch.undo()
    if place in ("decode", "enrich", "fold", "encode"):  # what breaks later is in the profile already
        assert shop.counted() == MANY - len(poisons)
        shop.letters.replay(shop.log)
        shop.drain()
        assert shop.ids() == Counter(one.id for one in sent)
        assert shop.counted() == MANY


@pytest.mark.parametrize("error", [ProfilesUnavailable("away"), OSError(28, "No space left on device")])
def test_a_store_that_is_away_is_no_fault_of_a_message(
    shop: Shop, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    shop.log.append(records(crowd()))
    times, save = iter([error] * 3), RedisProfiles.save

    def away(self: RedisProfiles, site: str, writes: Sequence[Any]) -> Any:
        if (failure := next(times, None)) is not None:
            raise failure
        return save(self, site, writes)

    monkeypatch.setattr(RedisProfiles, "save", away)
    one = shop.worker()
    shop.drain(one)
    assert shop.ids() == Counter(map(str, range(MANY)))
    assert (shop.counted(), shop.buried()) == (MANY, {})


@pytest.mark.parametrize("error", [WarehouseUnavailable("away"), OSError(28, "No space left on device")])
def test_a_warehouse_that_is_away_is_no_fault_of_a_message(
    shop: Shop, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    shop.log.append(records(crowd()))
    times, append = iter([error] * 3), Warehouse.append

    def away(self: Warehouse, *portion: Any) -> None:
        if (failure := next(times, None)) is not None:
            raise failure
        append(self, *portion)

    monkeypatch.setattr(Warehouse, "append", away)
    shop.drain()
    assert shop.ids() == Counter(map(str, range(MANY)))
    assert (shop.counted(), shop.buried()) == (MANY, {})


def test_memory_that_is_full_is_no_fault_of_a_message(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    shop.log.append(records(crowd(5)))
    monkeypatch.setattr(codec, "encode", breaks(codec.encode, names, MemoryError))
    with pytest.raises(MemoryError):  # the process starts again
        shop.drain()
    monkeypatch.undo()
    shop.drain()
    assert sum(shop.ids().values()) == MANY == shop.counted()


def test_an_append_that_dies_between_two_portions_stores_nothing_twice_and_loses_no_letter(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The disk fills up while what broke the append is looked for."""
    shop.log.append(records(crowd(3, 21)))
    append, calls = Warehouse.append, iter(range(1000))

    def broken(self: Warehouse, rows: Sequence[Any], *rest: Any) -> None:
        if any(one.name == POISON for one in rows):
            raise Broken("it broke")
        if rows and next(calls) in (2, 4):
            raise OSError(28, "No space left on device")
        append(self, rows, *rest)

    monkeypatch.setattr(Warehouse, "append", broken)
    shop.drain()
    assert shop.ids() == Counter(str(number) for number in range(MANY) if number not in (3, 21))
    assert len(shop.buried()) == 2


def test_a_profile_that_cannot_be_read_costs_only_its_own_events(shop: Shop) -> None:
    shop.store.client.set("p:default:v:v1", b"12345678 no profile at all")
    shop.log.append(records([event(str(number), number, f"v{number}") for number in range(5)]))
    shop.drain()
    assert shop.ids() == Counter("0234")
    assert [reason for reason in shop.buried().values() if "ProfileInvalid" in reason]


@pytest.mark.parametrize(
    "value",
    ["18446744073709551616", "-9223372036854775809", "9" * 4000, "1e400", '"\\u0000"', "[" * 200 + "]" * 200],
)
@pytest.mark.parametrize("part", ["props", "traits", "context"])
def test_what_an_earlier_release_let_in_is_applied_or_set_aside(shop: Shop, value: str, part: str) -> None:
    """The audit's attack: a trait of 2^64, which a tracker had put into the log."""
    kind = "identify" if part == "traits" else "track"
    old = (
        f'{{"site":"default","id":"old","type":"{kind}","name":"N","ts":1795000000000,"received":1795000000000,'
        f'"source":"segment","visitor":"v1","user":"u1","{part}":{{"big":{value},"groupId":{value}}}}}'
    )
    shop.log.append([Record("default:v1", old.encode()), *records(crowd())])
    shop.drain()
    ids = shop.ids()
    buried = [text for text in shop.buried() if text == old]
    assert ids.pop("old", 0) + len(buried) == 1
    assert ids == Counter(map(str, range(MANY)))
    if part == "traits" and value.strip("-").isdigit():
        assert not buried, "a profile has it as text"
    shop.letters.replay(shop.log)
    shop.drain()


def test_isolated_keeps_order_and_sets_aside_before_it_goes_on() -> None:
    done: list[str] = []

    def work(items: Sequence[int]) -> Sequence[int]:
        if any(item % 5 == 0 for item in items):
            raise Broken
        done.extend(map(str, items))
        return [item * 10 for item in items]

    made = isolated(work, range(12), lambda item, _error: done.append(f"-{item}"))
    assert made == [item * 10 for item in range(12) if item % 5]
    assert done == [f"-{item}" if item % 5 == 0 else str(item) for item in range(12)]
    assert isolated(work, [], lambda *_: None) == []


@pytest.mark.parametrize(
    "error",
    [
        ProfilesUnavailable("away"),
        LogUnavailable("away"),
        WarehouseUnavailable("away"),
        PositionsMoved({}),
        OSError(28, "No space left on device"),
        MemoryError(),
    ],
    ids=repr,
)
def test_what_passes_is_no_items_fault(error: Exception) -> None:
    def away(_items: Sequence[int]) -> Sequence[int]:
        raise error

    with pytest.raises(type(error)):
        isolated(away, [1], lambda *_: pytest.fail("set aside"))


def test_a_letter_is_on_disk_before_any_later_position_is(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Power goes right after the next portion is stored: nobody will read the message again."""
    shop.log.append(records(crowd(3)))
    append, found = Warehouse.append, list[str]()

    class Dead(BaseException):
        pass

    def broken(self: Warehouse, rows: Sequence[Any], aliases: Any, positions: Any) -> None:
        if any(one.name == POISON for one in rows):
            if len(rows) == 1:
                found.append(rows[0].id)
            raise Broken("it broke")
        append(self, rows, aliases, positions)
        if found and rows:
            raise Dead

    monkeypatch.setattr(Warehouse, "append", broken)
    with pytest.raises(Dead):
        shop.drain()
    monkeypatch.undo()
    assert len(shop.buried()) == 1
    shop.drain()
    ids = shop.ids()
    assert ids.pop(f"{POISON}3", 1) == 1
    assert ids == Counter(str(number) for number in range(MANY) if number != 3)
