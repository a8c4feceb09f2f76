"""`dangol doctor --deep` and `--repair` on a real Redis: what is damaged is said, and comes back once, or is named."""

import random
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from dangol import compose
from dangol.cli import main
from dangol.doctor import doctor, repair
from dangol.doctor.repair import InUse, examined, repaired
from dangol.machine.lock import FolderLock
from dangol.settings import Settings, load
from ingest.rebuild import lost_rows
from ingest.worker.worker import Worker
from profiles.erasures import RedisErased
from profiles.ids import visitor_id
from recommender.jobs.lock import RedisLock, locked
from tests.support.ingest_streams import START, event, records
from tests.support.machine import Clock
from tests.support.web_stage import stage_of
from tests.support.whole_log import count_whole_log
from tracker.durations import HOUR_MS
from tracker.log.port import EventLog
from tracker.redis_connection import connect
from tracker.sites import Site
from warehouse.question.scope import Scope
from web.health.warehouse_damage import DamageRecord

pytestmark = pytest.mark.redis

PORTIONS, EACH = 4, 60


@pytest.fixture
def settings(tmp_path: Path, redis_url: str, site: Site) -> Settings:
    given = {"DANGOL_DATA": str(tmp_path), "DANGOL_LOG": f"{redis_url}?stream=mended&shards=2&lease=1"}
    made = load(given | {"DANGOL_PROFILES": redis_url, "DANGOL_SECRET_KEY": "sk_mended"})
    compose.sites(made)
    return made


@pytest.fixture
def log(settings: Settings) -> Iterator[EventLog]:
    with closing(compose.log(settings)) as opened:
        yield opened


@pytest.fixture
def kept(log: EventLog) -> Iterator[None]:
    """Another group has not read anything: the log keeps all, as Kafka does for days."""
    with closing(log.consumer("keeper", "k")):
        yield


def now() -> int:
    return int(time.time() * 1000)


def happen(log: EventLog, portion: int) -> None:
    """Some visitors click around; some sign in."""
    started, made = now() - HOUR_MS, []
    for number in range(EACH):
        at = (portion * EACH + number) * 1_000
        visitor = f"v{number % 9}"
        user = f"u{number % 9}" if number % 9 < 3 and portion > 1 else None
        minutes = (started + at - START) / 60_000
        made.append(event(f"e{portion}-{number}", minutes, visitor, user))
    log.append(records(made))


def work(settings: Settings, log: EventLog) -> None:
    """An ingest worker that stops once everything is committed."""
    count_whole_log(settings, log, "w", flush_seconds=0.05)


@pytest.fixture
def filled(settings: Settings, log: EventLog) -> Settings:
    fill(settings, log)
    return settings


def fill(settings: Settings, log: EventLog) -> None:
    log.consumer(compose.INGEST_GROUP, "first").close()
    for portion in range(PORTIONS):
        happen(log, portion)
        work(settings, log)


def rows(settings: Settings) -> list[dict[str, Any]]:
    warehouse = compose.warehouse(settings)
    try:
        # The ids of today: rows keep those of their time, aliases tell what they are now.
        sql = "select * replace (profile as profile, session as session) from events order by id"
        return warehouse.rows(sql, Scope("default", bots=True))
    finally:
        warehouse.engine.close()


def commits(settings: Settings) -> list[Path]:
    return sorted((settings.folder / "warehouse" / "events" / "_delta_log").glob("*.json"))


def files(settings: Settings) -> list[Path]:
    found = (settings.folder / "warehouse" / "events").glob("day=*/*.parquet")
    return sorted(found, key=lambda path: path.stat().st_mtime_ns)


def empty(path: Path) -> None:
    path.write_bytes(b"")


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-200])


def gone(path: Path) -> None:
    path.unlink()


def silent(_: str) -> None: ...


@pytest.mark.parametrize("hurt", [empty, cut, gone])
@pytest.mark.parametrize("which", [-1, 2])
def test_a_lost_commit_comes_back_whole(filled: Settings, hurt: Callable[[Path], None], which: int) -> None:
    before = rows(filled)
    assert examined(filled) == []
    hurt(commits(filled)[which])
    assert any(each.kind == "commit" for each in examined(filled))
    with pytest.raises(doctor.Damaged, match="doctor --deep"):
        doctor.warehouse_answers(filled)
    assert repaired(filled, silent) == []
    assert rows(filled) == before
    assert examined(filled) == []
    assert doctor.warehouse_answers(filled)


@pytest.mark.parametrize("hurt", [empty, cut, gone])
def test_a_lost_file_comes_back_from_the_log(
    settings: Settings, log: EventLog, kept: None, hurt: Callable[[Path], None]
) -> None:
    fill(settings, log)
    before, said = rows(settings), list[str]()
    hurt(files(settings)[1])
    assert [each.kind for each in examined(settings)] == ["file"]
    assert repaired(settings, said.append) == [], said
    after = rows(settings)
    differ = [(a["id"], k, a[k], b[k]) for a, b in zip(before, after, strict=True) for k in a if a[k] != b[k]]
    assert not differ
    happen(log, PORTIONS)
    work(settings, log)
    assert len(rows(settings)) == len(before) + EACH


CLAIMS: tuple[tuple[str, Callable[[int], dict[str, Any]]], ...] = (
    ("nobody", lambda _: {}),
    ("claims", lambda n: {"user": f"u{n % 2}", "proven": False}),
    ("added", lambda _: {}),
    ("claims another", lambda n: {"user": f"u{(n + 1) % 2}", "proven": False}),
    ("added there", lambda _: {}),
    ("some are proven", lambda n: {"user": f"u{n % 2}", "proven": n % 4 == 0}),
    ("theirs", lambda _: {}),
    ("moved on", lambda n: {"user": f"x{n % 3}"}),
    ("somebody else", lambda _: {}),
)
"""What four browsers say of whose they are, one after the other."""


@pytest.mark.slow
@pytest.mark.parametrize("lost", range(len(CLAIMS)), ids=[name for name, _ in CLAIMS])
def test_what_comes_back_is_whose_it_was(
    settings: Settings, log: EventLog, kept: None, lost: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lost_rows, "AT_ONCE", 3)  # what else these people did is not beside it
    log.consumer(compose.INGEST_GROUP, "first").close()
    started = (now() - 7_200_000 - START) / 60_000
    for portion, (_, says) in enumerate(CLAIMS):
        minutes = started + portion * 10
        made = [event(f"e{portion}-{n}", minutes + n, f"c{n % 4}", **says(n)) for n in range(8)]
        log.append(records(made))
        work(settings, log)
    before = rows(settings)
    gone(files(settings)[lost])
    assert repaired(settings, silent) == []
    assert rows(settings) == before


@pytest.mark.parametrize("name", ["events", "aliases"])
def test_a_table_that_is_gone_comes_back_from_the_log(
    settings: Settings, log: EventLog, kept: None, name: str
) -> None:
    fill(settings, log)
    before = rows(settings)
    shutil.rmtree(settings.folder / "warehouse" / name)
    if name == "events":
        assert [str(each) for each in repair.looked(settings)] == [str(each) for each in examined(settings)]
        assert "whole table" in str(examined(settings)[0])
    repaired(settings, silent)
    assert rows(settings) == before
    assert examined(settings) == []


def test_a_repair_of_what_is_whole_changes_nothing(filled: Settings) -> None:
    def held() -> dict[Path, bytes]:
        root = filled.folder / "warehouse"
        return {path: path.read_bytes() for path in root.rglob("*") if path.is_file()}

    assert repaired(filled, silent) == []
    before = held()
    assert repaired(filled, silent) == []
    assert held() == before


def test_what_a_repair_kept_of_anybody_goes_with_the_next_erasure(filled: Settings) -> None:
    cut(files(filled)[1])
    repaired(filled, silent)
    kept = filled.folder / "warehouse" / "events" / "_damaged"
    assert list(kept.rglob("*.parquet"))
    compose.warehouse(filled).erase("default", ["v:v5"], browsers=["v5"])
    assert not list(kept.rglob("*.parquet"))


def test_what_nobody_holds_any_more_is_named(filled: Settings) -> None:
    before = rows(filled)
    cut(files(filled)[1])
    (lost,) = repaired(filled, silent)
    assert lost.rows == EACH
    assert lost.site == "default"
    assert lost.day == str(before[0]["day"])
    left = rows(filled)
    assert len(left) == len(before) - EACH
    assert examined(filled) == []


def test_a_commit_gone_with_its_file_is_named(filled: Settings) -> None:
    before = rows(filled)
    gone(commits(filled)[-1])
    gone(files(filled)[-1])
    assert {each.kind for each in examined(filled)} == {"commit", "file"}
    (lost,) = repaired(filled, silent)
    assert (lost.day, lost.rows) == (str(before[-1]["day"]), None)
    assert len(rows(filled)) == len(before) - EACH
    assert examined(filled) == []


def test_what_a_killed_worker_had_not_committed_is_no_damage_and_comes_once(
    filled: Settings, log: EventLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    from warehouse.tables.table import Table

    before = len(rows(filled))

    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    happen(log, PORTIONS)
    with monkeypatch.context() as dying:
        dying.setattr(Table, "_adopt", killed)
        worker: Worker = compose.worker(filled, "w")
        while not worker.step():
            pass
        with pytest.raises(KeyboardInterrupt):
            worker.flush()
        worker.close()
    assert len(files(filled)) > PORTIONS
    assert examined(filled) == []
    assert repaired(filled, silent) == []
    assert len(rows(filled)) == before
    work(filled, log)
    assert len(rows(filled)) == before + EACH


@pytest.mark.parametrize("source", ["files", "log"])
def test_nobody_who_was_erased_comes_back(settings: Settings, log: EventLog, kept: None, source: str) -> None:
    fill(settings, log)
    before = rows(settings)
    empty(commits(settings)[-1]) if source == "files" else gone(files(settings)[-1])
    erased = RedisErased(compose.profiles(settings).client)
    erased.mark("default", [visitor_id("v5")], now())
    assert repaired(settings, silent) == [] or source == "log"
    after = {row["id"] for row in rows(settings)}
    expected = {
        row["id"] for row in before if row["visitor"] != "v5" or not row["id"].startswith(f"e{PORTIONS - 1}-")
    }
    assert after == expected


def test_a_repair_refuses_while_ingest_runs(
    filled: Settings, log: EventLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(repair, "JOINING", 1.0)
    with closing(log.consumer(compose.INGEST_GROUP, "alive")) as member:
        member.poll(1, 0.1)
        with pytest.raises(InUse, match="ingest"):
            repaired(filled, silent)
    assert repaired(filled, silent) == []


def test_a_repair_refuses_beside_dangol_up_and_beside_the_schedule(filled: Settings) -> None:
    with FolderLock(filled.folder), pytest.raises(InUse, match="dangol up"):
        repaired(filled, silent)
    refused = list[str]()

    def meanwhile() -> None:
        with pytest.raises(InUse, match="scheduler") as said:
            repaired(filled, silent)
        refused.append(str(said.value))

    locked(meanwhile, RedisLock(connect(filled.profiles_uri, 30.0), "warehouse"), 10.0)
    assert refused
    assert repaired(filled, silent) == []


def test_the_command_says_what_is_wrong_and_how_it_ended(
    filled: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("dangol.settings.load", lambda *_: filled)
    monkeypatch.setattr(repair, "SETTLED", 0.0)
    run = CliRunner().invoke
    assert run(main, ["doctor", "--deep"]).exit_code == 0
    empty(commits(filled)[-1])
    found = run(main, ["doctor", "--deep"])
    assert found.exit_code == 1
    assert "is empty" in found.output
    assert "about 60 rows" in found.output
    done = run(main, ["doctor", "--repair"])
    assert done.exit_code == 0, done.output
    assert "60 added" in done.output
    assert run(main, ["doctor", "--deep"]).exit_code == 0


def test_pages_go_on_and_say_that_something_is_missing(
    tmp_path: Path, redis_url: str, site: Site, clock: Clock
) -> None:
    from tests.support.warehouse_rows import row

    stage = stage_of(tmp_path, redis_url, site, clock)
    record, warehouse = DamageRecord(redis_url), stage.warehouse
    warehouse.on_damage = record.read
    at = int(clock() * 1000) - HOUR_MS
    for portion in range(3):
        warehouse.append([row(at + k, id=f"{portion}-{k}", session=f"s{portion}") for k in range(20)], [], {})
    desk = stage.with_health(incomplete=record.incomplete).desk()
    assert desk.get("/readyz").json["status"] == "ready"
    path = random.Random(3).choice(sorted(Path(warehouse.path).glob("events/day=*/*.parquet")))
    path.write_bytes(path.read_bytes()[:300])
    pages = ("/desk", "/desk/funnel", "/desk/paths", "/desk/retention", "/desk/products", "/desk/visitors")
    assert [desk.get(page).status_code for page in pages] == [200] * len(pages)
    for page in pages:
        assert "Part of the stored events cannot be read" in desk.get(page).text
        assert "about 20 events" in desk.get(page).text
    assert "읽을 수 없습니다" in desk.get("/desk", headers={"Accept-Language": "ko"}).text
    ready = desk.get("/readyz")
    assert (ready.status_code, ready.json["status"]) == (200, "degraded")
    assert ready.json["checks"]["warehouse"] == "damaged"
    for source in ("look", "deep", "read"):
        record.say(source, [])
    assert "cannot be read" not in desk.get("/desk").text
