"""Finding a person by what an agent types, among many profiles: the time of a search beside one PING to the same Redis,
the memory of the index beside the profiles', and what the index costs when profiles are saved."""

import os
import random
import statistics
import tempfile
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import TypeVar

from bench.results import percentiles, record
from profiles.fold.orders import named_order_key
from profiles.model import Profile
from profiles.orders.order import Order, Told
from profiles.redis.indexing import NOTHING, Announced, Indexing
from profiles.redis.store import RedisProfiles
from profiles.search.search import PersonSearch
from profiles.store.port import ABSENT, Write
from tests.support.machine import RedisServer

PEOPLE = int(os.environ.get("BENCH_PEOPLE", "1000000"))
SEARCHES = int(os.environ.get("BENCH_SEARCHES", "200"))
TOGETHER = 500
T = TypeVar("T")
SITE = "default"
HEADER = ["searched by", "p50 ms", "p95 ms", "× PING"]
SURNAMES = "김이박최정강조윤장임한오서신권황안송류홍"
SYLLABLES = "민서준지우현도윤하은수아연재영호진성경태희선미정승혜원"


def person(at: int, chance: random.Random) -> Profile:
    name = chance.choice(SURNAMES) + "".join(chance.choices(SYLLABLES, k=2))
    if at % 3 == 0:
        name = f"{latin(chance, 3).title()} {latin(chance, 4).title()}"
    order = named_order_key(f"A-{at}")
    return Profile(
        f"u:c{at}",
        user=f"c{at}",
        traits={"name": name, "email": f"{latin(chance, 3)}{at}@mail.example", "phone": f"010{at:08}"},
        last_seen=at,
        orders={order: Order(page=Told(at, 10_000))},
    )


def latin(chance: random.Random, syllables: int) -> str:
    return "".join(chance.choice("bdgjkmnprst") + chance.choice("aeiou") for _ in range(syllables))


class Unindexed(Indexing):
    """Saving without an index, to see what it costs."""

    def announce(self, _site: str, _writes: Sequence[Write]) -> Announced:
        return NOTHING


def filled(store: RedisProfiles) -> float:
    """Save everybody; seconds that the processor of this process worked on it."""
    chance, worked = random.Random(1), 0.0
    for first in range(0, PEOPLE, TOGETHER):
        some = [person(at, chance) for at in range(first, min(first + TOGETHER, PEOPLE))]
        began = time.process_time()
        store.save(SITE, [Write(each.id, ABSENT, each) for each in some])
        worked += time.process_time() - began
    return worked


def memory(store: RedisProfiles) -> int:
    return int(store.client.info("memory")["used_memory"])


def timed(run: Callable[[], T]) -> tuple[float, T]:
    """Milliseconds, and what came out."""
    began = time.perf_counter()
    found = run()
    return (time.perf_counter() - began) * 1000, found


def asked(kind: str, one: Profile, chance: random.Random) -> str:
    name, phone = str(one.traits["name"]), str(one.traits["phone"])
    at = chance.randrange(len(name) - 1)
    swapped = name[:at] + name[at + 1] + name[at] + name[at + 2 :]
    return {
        "e-mail": str(one.traits["email"]),
        "phone": phone,
        "last four digits": phone[-4:],
        "order": f"A-{one.last_seen}",
        "name": name,
        "name with a typo": swapped,
    }[kind]


def measured(store: RedisProfiles, some: list[Profile]) -> tuple[list[list[str]], str]:
    """A row for each kind of search, and the note on the first."""
    chance, search, rows, missed = random.Random(2), PersonSearch(store.index, store), [], 0
    first, _ = timed(lambda: search.search(SITE, "kim"))
    ping = statistics.median(timed(store.client.ping)[0] for _ in range(500))
    for kind in ("e-mail", "phone", "order", "last four digits", "name", "name with a typo"):
        times = []
        for _ in range(SEARCHES):
            text = asked(kind, chance.choice(some), chance)
            took, found = timed(partial(search.search, SITE, text))
            times.append(took)
            missed += not found
        p50, p95 = percentiles(times, 50, 95)
        rows.append([kind, f"{p50:.1f}", f"{p95:.1f}", f"{p50 / ping:.0f} ×"])
    return (
        rows,
        f"The first search, which reads the words of all names, took {first:.0f} ms. {missed} found nobody.",
    )


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        server = RedisServer(Path(folder))
        server.start()
        try:
            store = RedisProfiles(server.url)
            for name, value in (("appendonly", "no"), ("appendfsync", "no")):
                store.client.config_set(name, value)
            store._indexing = Unindexed(store.index)
            plain, bare = filled(store), memory(store)
            store.client.flushall()
            store = RedisProfiles(server.url)
            indexed, whole = filled(store), memory(store)
            again = random.Random(1)
            some = [one for at in range(PEOPLE) if (one := person(at, again)) and at % (PEOPLE // 1000) == 0]
            rows, note = measured(store, some)
        finally:
            server.kill()
    note += (
        f" The index takes {(whole - bare) / PEOPLE:.0f} bytes a person beside {bare / PEOPLE:.0f} of the profile;"
        f" the first save of a person takes {indexed / plain:.1f} × the processor time."
        f" {PEOPLE:,} people, load {os.getloadavg()[0]:.1f}. Asked: p95 ≤ 200 ms."
    )
    record("Finding a person", "python -m bench.person_search", HEADER, rows, note)


if __name__ == "__main__":
    main()
