"""What agents fetch changes no figure about people, whoever sends it under whatever id, and leaves nothing in Redis."""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import msgspec
import pytest
import redis
from hypothesis import given, settings
from hypothesis import strategies as st

from ingest.access_log.format import named
from ingest.access_log.importer import Importer
from ingest.access_log.page_views import ImportOptions
from ingest.dead_letters import DeadLetters
from ingest.enrich.enrich import facts
from ingest.worker.worker import Worker
from profiles.redis.store import RedisProfiles
from profiles.store.memory import MemoryProfiles
from profiles.store.port import ProfileStore
from tests.support.access_log_lines import KEY, line
from tests.support.ingest_streams import START, event, facts_of, records, sites_of
from tracker.durations import DAY_MS
from tracker.event import FETCHES, Event, decode, encode
from tracker.log.memory import MemoryLog
from tracker.sites import Site
from warehouse.delta import Warehouse
from warehouse.funnel.funnel import Rules, funnel, parse_step
from warehouse.question.span import Span
from warehouse.reports.agents import agent_report
from warehouse.reports.live import live
from warehouse.reports.overview import overview
from warehouse.reports.paths import paths
from warehouse.reports.products import product_report
from warehouse.reports.retention import retention
from warehouse.reports.vocabulary import vocabulary

SITE = Site(id="default", write_key="w", secret_key="s", currency="EUR")
SPAN = Span(START - 3 * DAY_MS, START + 3 * DAY_MS, SITE.zone)
CHROME = (
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 "
    "Safari/537.36"
)
AGENTS = (
    "Mozilla/5.0 AppleWebKit/537.36 (KHTML, like Gecko; compatible; ClaudeBot/1.0; +claudebot@anthropic.com)",
    "Mozilla/5.0 AppleWebKit/537.36 (KHTML, like Gecko); compatible; ChatGPT-User/1.0; +https://openai.com/bot",
    "curl/8.5.0",
    "SomebodysTool/1.0",
)
LIBRARY = {"library": {"name": FETCHES}}
PATHS = ("/", "/p/1", "/p/2", "/checkout")

seen = st.tuples(
    st.integers(0, 600),
    st.sampled_from("abc"),
    st.sampled_from(PATHS),
    st.sampled_from(["", "Product Viewed", "Buy"]),
)
fetched = st.tuples(
    st.integers(0, 600),
    st.sampled_from(["a", "b", "agent-1", "~x"]),
    st.sampled_from(PATHS),
    st.sampled_from([*AGENTS, CHROME, ""]),
    st.sampled_from([None, "kim"]),
    st.sampled_from([200, 404]),
)


def persons(number: int, minutes: int, who: str, path: str, name: str) -> Event:
    named: dict[str, Any] = {"name": name} if name else {}
    url = f"https://shop.example{path}"
    return event(f"p{number}", minutes, who, url=url, ua=CHROME, source="snippet", **named)


def agents(number: int, minutes: int, who: str, path: str, ua: str, user: str | None, status: int) -> Event:
    fields: dict[str, Any] = {"url": f"https://shop.example{path}", "ua": ua, "props": {"status": status}}
    referrer = "https://www.google.com/"
    return event(f"f{number}", minutes, who, user, referrer=referrer, context=LIBRARY, proven=False, **fields)


def ingested(folder: Path, events: Sequence[Event], store: ProfileStore) -> Warehouse:
    warehouse, log = Warehouse(str(folder / "warehouse")), MemoryLog()
    log.consumer("ingest", "worker").close()
    log.append(records([decode(encode(each)) for each in events]))
    worker = Worker(
        log=log,
        store=store,
        warehouse=warehouse,
        sites=sites_of(folder, SITE),
        facts=facts,
        deadletters=DeadLetters(folder),
    )
    while worker.step():
        pass
    worker.flush()
    worker.close()
    return warehouse


def figures(warehouse: Warehouse) -> dict[str, Any]:
    """Every report about people."""
    steps = [parse_step("page:/"), parse_step("page:/p/*"), parse_step("event:Buy")]
    site = SITE.id
    now = live(warehouse, site, SPAN.start)  # of one moment, its events of several people have no order
    return {
        "overview": overview(warehouse, site, SPAN, "EUR"),
        "paths": paths(warehouse, site, SPAN, None, "from", 4),
        "exits": paths(warehouse, site, SPAN, None, "to", 4),
        "retention": retention(warehouse, site, SPAN, "EUR", "day", "visit", True),
        "products": product_report(warehouse, site, SPAN, "EUR"),
        "vocabulary": vocabulary(warehouse, site, SPAN),
        "funnel": funnel(warehouse, site, steps, Rules(window=DAY_MS), SPAN),
        "live": (now.visitors, now.sessions, now.pages, Counter(now.events)),
    }


def people_of(store: MemoryProfiles) -> list[Any]:
    found = store.load("default", ["v:a", "v:b", "v:c", "v:agent-1", "v:~x", "u:kim"])
    return [(name, each.profile and facts_of(each.profile)) for name, each in sorted(found.items())]


@settings(deadline=None, max_examples=25)
@given(st.lists(seen, min_size=1, max_size=12), st.lists(fetched, max_size=12))
def test_no_figure_about_people_changes(views: list[tuple[Any, ...]], reads: list[tuple[Any, ...]]) -> None:
    people = [persons(number, *view) for number, view in enumerate(views)]
    all_of = sorted(
        [*people, *(agents(number, *read) for number, read in enumerate(reads))], key=lambda each: each.ts
    )
    people.sort(key=lambda each: each.ts)
    with TemporaryDirectory() as one, TemporaryDirectory() as other:
        alone, beside = MemoryProfiles(), MemoryProfiles()
        without, with_them = ingested(Path(one), people, alone), ingested(Path(other), all_of, beside)
        log = Path(other) / "access.log"
        log.write_text("".join(line(path, at, ua=AGENTS[at % 3]) for at, path in enumerate(PATHS)))
        Importer(with_them, ImportOptions(named("combined"), SITE, KEY)).file(str(log))
        assert figures(with_them) == figures(without)
        assert people_of(beside) == people_of(alone)
        programs = [read for read in reads if read[3] in AGENTS]
        report = agent_report(with_them, "default", SPAN, "EUR")
        assert (report.fetches, report.rendered) == (len(programs), 0)
        assert report.failed == sum(read[5] == 404 for read in programs)


@pytest.mark.redis
def test_fetches_leave_no_key_in_redis_whatever_strangers_call_themselves(
    tmp_path: Path, redis_url: str
) -> None:
    client = redis.Redis.from_url(redis_url)
    store = RedisProfiles(redis_url)
    reads = [
        agents(number, number % 90, f"stranger-{number}", f"/{number}", f"Bot{number}/1.0", None, 200)
        for number in range(300)
    ]
    ingested(tmp_path / "one", [persons(0, 0, "a", "/", "")], store)
    before = set(client.keys())
    warehouse = ingested(tmp_path / "two", reads, store)
    assert set(client.keys()) == before != set()
    assert agent_report(warehouse, "default", SPAN, "EUR").fetches == 300
    client.close()


def test_a_record_of_the_middleware_keeps_its_mark_in_the_log() -> None:
    read = agents(0, 0, "agent-1", "/", AGENTS[0], None, 200)
    assert msgspec.json.decode(encode(read))["context"] == LIBRARY and decode(encode(read)).fetch
    assert not persons(0, 0, "a", "/", "").fetch
