"""Acknowledged events, remembered by id while things are killed, and compared with the Delta table: each exactly once.

A client repeats nothing: an id counts as acknowledged when the whole answer to its request was read, and said yes.
"""

import json
import random
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple
from urllib.parse import urlencode

from deltalake import DeltaTable

from tests.support.client_threads import ClientThreads
from tests.support.installation import eventually

UA = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"
PAGE = "https://shop.example/seen/"
PER_REQUEST = 5
PER_VISITOR = 40


class Sent(NamedTuple):
    """One request, and the ids of the events in it."""

    method: str
    path: str
    ids: Sequence[str]
    body: str | None = None
    headers: Mapping[str, str] = MappingProxyType({})


def segment(key: str, visitor: str, ids: Sequence[str]) -> Sent:
    batch = [
        {"type": "track", "event": "Product Viewed", "anonymousId": visitor, "messageId": one} for one in ids
    ]
    return Sent("POST", "/v1/batch", ids, json.dumps({"writeKey": key, "batch": batch}))


def browser(key: str, visitor: str, ids: Sequence[str]) -> Sent:
    """As the snippet sends: a browser waits 30 ms for the log, then its events go to the disk."""
    return segment(key, visitor, ids)._replace(headers={"Origin": "https://shop.example"})


def snowplow(key: str, visitor: str, ids: Sequence[str]) -> Sent:
    data = [
        {"e": "pv", "p": "web", "aid": key, "eid": one, "duid": visitor, "url": PAGE, "ua": UA} for one in ids
    ]
    schema = "iglu:com.snowplowanalytics.snowplow/payload_data/jsonschema/1-0-4"
    return Sent(
        "POST", "/com.snowplowanalytics.snowplow/tp2", ids, json.dumps({"schema": schema, "data": data})
    )


def matomo(key: str, visitor: str, ids: Sequence[str]) -> Sent:
    """The protocol has no ids of events: the tracker makes them, and the page's address tells them apart."""
    told = [
        "?" + urlencode({"idsite": key, "rec": 1, "_id": visitor, "ua": UA, "url": PAGE + one}) for one in ids
    ]
    return Sent("POST", "/matomo.php", ids, json.dumps({"requests": told}))


def pixel(key: str, visitor: str, ids: Sequence[str]) -> Sent:
    fields = {"k": key, "v": visitor, "id": ids[0], "e": "Mail Opened"}
    return Sent("GET", f"/t.gif?{urlencode(fields)}", ids[:1])


PROTOCOLS: dict[str, Callable[[str, str, Sequence[str]], Sent]] = {
    "Segment batch": segment,
    "Segment, browser": browser,
    "Snowplow POST": snowplow,
    "Matomo bulk": matomo,
    "pixel": pixel,
}


class Clients(ClientThreads):
    """One client for each protocol, each sending request after request over a connection that it opens anew when it
    breaks, some 60 events a second."""

    def __init__(self, port: int, key: str) -> None:
        self.port, self.key = port, key
        self.acknowledged: dict[str, list[str]] = {name: [] for name in PROTOCOLS}
        self.outcomes = Counter[str]()
        super().__init__(PROTOCOLS)

    def count(self) -> int:
        return sum(map(len, self.acknowledged.values()))

    def client(self, name: str) -> None:
        connection = HTTPConnection("127.0.0.1", self.port, timeout=30)
        n = 0
        while not self.stopped.wait(PER_REQUEST / 60 if name != "pixel" else 1 / 30):
            ids = [f"{name[:3]}{len(name)}-{n + each}" for each in range(PER_REQUEST)]
            sent = PROTOCOLS[name](self.key, f"v{n // PER_VISITOR}", ids)
            n += len(sent.ids)
            outcome = self._ask(connection, sent)
            self.outcomes[outcome] += 1
            if outcome == "200":
                self.acknowledged[name] += sent.ids
            else:
                connection.close()
                self.stopped.wait(0.05)
        connection.close()

    def _ask(self, connection: HTTPConnection, sent: Sent) -> str:
        """The status of an answer that was read whole, or the name of what went wrong."""
        try:
            connection.request(sent.method, sent.path, sent.body, {"User-Agent": UA, **sent.headers})
            answer = connection.getresponse()
            told = answer.read()
        except (OSError, HTTPException) as error:
            return type(error).__name__
        if sent.path == "/matomo.php" and answer.status == 200:
            assert json.loads(told)["tracked"] == len(sent.ids), told
        return str(answer.status)


def stored(warehouse: Path) -> Counter[str]:
    """How often each id of a client stands in the warehouse."""
    folder = warehouse / "events"
    if not (folder / "_delta_log").is_dir():
        return Counter()
    table = DeltaTable(str(folder)).to_pyarrow_table(columns=["source", "id", "url"])
    rows = zip(*(table[name].to_pylist() for name in ("source", "id", "url")), strict=True)
    return Counter(url.removeprefix(PAGE) if source == "matomo" else one for source, one, url in rows)


def by_visitor(warehouse: Path) -> Counter[str]:
    """How many events of each visitor stand in the warehouse."""
    table = DeltaTable(str(warehouse / "events")).to_pyarrow_table(columns=["visitor"])
    return Counter(table["visitor"].to_pylist())


class Found(NamedTuple):
    """What a run came to."""

    rounds: int
    killed: Counter[str]
    acknowledged: dict[str, list[str]]
    lost: dict[str, list[str]]
    twice: list[str]
    seconds: float

    def table(self) -> list[tuple[object, ...]]:
        """Rows for bench/RESULTS.md."""
        total, lost = (sum(map(len, each.values())) for each in (self.acknowledged, self.lost))
        named = [(name, len(ids), len(self.lost[name])) for name, ids in self.acknowledged.items()]
        return [
            *((f"acknowledged, {name}", f"{count:,}", f"{gone:,} lost") for name, count, gone in named),
            ("**acknowledged, all**", f"{total:,}", f"**{lost:,} lost, {len(self.twice):,} twice**"),
            *((f"killed: {kind}", count, "") for kind, count in sorted(self.killed.items())),
            ("**processes killed**", self.killed.total(), f"in {self.rounds} rounds, {self.seconds:.0f} s"),
        ]


def order(kinds: Sequence[str], rounds: int, draw: random.Random) -> list[str]:
    """What is killed in each round: every kind as often as every other, in no order."""
    chosen: list[str] = []
    while len(chosen) < rounds:
        chosen += draw.sample(kinds, len(kinds))
    return chosen[:rounds]


def run(site: Any, rounds: int, draw: random.Random, patience: float) -> Found:
    """Kill in ``site`` (Supervised or Apart) ``rounds`` times under load, then wait at most ``patience`` seconds until
    everything acknowledged is in the warehouse."""
    began = time.monotonic()
    killed = Counter[str]()
    with Clients(site.port, site.key) as clients:
        for kind in order(site.kinds, rounds, draw):
            before = clients.count()
            eventually(lambda before=before: clients.count() > before + 60, 120)
            time.sleep(draw.random() * 2.5)
            killed.update(site.kill(kind))
        before = clients.count()
        eventually(lambda: clients.count() > before + 60, 120)
    everything = {one for ids in clients.acknowledged.values() for one in ids}
    deadline = time.monotonic() + patience
    found = stored(site.warehouse)
    while not everything <= found.keys() and time.monotonic() < deadline:
        time.sleep(1.0)
        found = stored(site.warehouse)
    time.sleep(4.0)  # what is stored twice would be stored by now
    found = stored(site.warehouse)
    lost = {name: [one for one in ids if one not in found] for name, ids in clients.acknowledged.items()}
    twice = [one for one, count in found.items() if count > 1]
    assert set(clients.outcomes) <= FINE, clients.outcomes
    return Found(rounds, killed, clients.acknowledged, lost, twice, time.monotonic() - began)


FINE = {
    "200",
    "503",
    "ConnectionRefusedError",
    "ConnectionResetError",
    "RemoteDisconnected",
    "BrokenPipeError",
    "IncompleteRead",
    "TimeoutError",
}
"""What a client may meet while servers are killed: no other status, and nothing that is not HTTP."""
