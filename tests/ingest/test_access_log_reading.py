"""Reading by the thousand says what reading line by line says: the same views, visitors and sessions."""

import gzip
import re
from collections import Counter, defaultdict
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingest.access_log.clients import client_of
from ingest.access_log.format import named
from ingest.access_log.lines import LogUnreadable, blocks, opened
from ingest.access_log.page_views import ImportOptions
from ingest.access_log.reader import AccessLogReader
from ingest.access_log.repeated import DAYS_KNOWN, RepeatedLines
from ingest.access_log.requests import SURELY_STATIC, address, agent, page_url, request
from ingest.access_log.rows import STORED, made
from ingest.enrich.bots import is_bot_client, is_spam
from ingest.enrich.channels import arrival, landing
from ingest.enrich.devices import device
from ingest.enrich.enrich import path_of
from profiles.fold.sessions import Hit, place
from profiles.ids import owner_of
from profiles.model import Session, Touch
from profiles.session_rules import rules_of
from tests.support.access_log_lines import CHROME, GOOGLEBOT, KEY, line
from tracker.durations import DAY_MS
from tracker.http.address import truncate
from tracker.sites import Site, new_site

COMBINED = re.compile(
    r'(\S+) \S+ \S+ \[([^\]]+)\] "((?:[^"\\]|\\.)*)" (\d+) \S+ "((?:[^"\\]|\\.)*)" "((?:[^"\\]|\\.)*)"'
)
SITE = new_site("default")
TARGETS = [
    "/",
    "/p/1",
    "/p/1?color=red",
    "/a.css",
    "/a.CSS?v=1",
    "/a.css/b",
    "/p.html",
    "/x.y/",
    "/?utm_source=a",
]
TARGETS += [
    "/?gclid=b",
    "/%ed%81%ac",
    "/?mail=a@b.example",
    "/sitemap.xml",
    "//evil.example/x",
    "/v1.2/p",
    "/a.jpg#x",
]
REFERRERS = [
    "-",
    "",
    "https://www.google.com/",
    "https://shop.example/p/1",
    "http://search.naver.com/?query=%BF%EE",
]
AGENTS = [CHROME, GOOGLEBOT, "-", "curl/8.0", 'Mozilla/5.0 \\"x\\" Firefox/120.0']


def one_by_one(texts: list[str]) -> tuple[Counter[str], list[dict[str, Any]]]:
    """The views and fetches of lines as a plain program reads them: one line after another, and nothing kept."""
    fates, views = Counter[str](), []
    for text in texts:
        found = COMBINED.match(text)
        if not found:
            fates["malformed"] += 1
            continue
        ip, time, asked, status, referrer, ua = found.groups()
        told, ua, referrer = request(asked), agent(ua), address(referrer)
        url = page_url("shop.example", told.target)
        spam, bot = is_spam(arrival(url, referrer)), is_bot_client(device(ua), SITE)
        ts = int(datetime.strptime(time, "%d/%b/%Y:%H:%M:%S %z").timestamp() * 1000)
        who = (ts // DAY_MS, truncate(client_of(ip, "")), ua)
        view = {"ts": ts, "url": url, "path": path_of(url), "referrer": referrer, "who": who, "ua": ua}
        view |= {"bot": bot, "status": int(status) if bot else None}
        if bot and not told.fate and not spam:
            views.append(view)
        if told.fate == "malformed" and int(status) < 400:
            fates["malformed"] += 1
            continue
        if int(status) >= 400:
            fates["errors"] += 1
            continue
        if fate := told.fate or ("bots" if bot or spam else ""):
            fates[fate] += 1
            continue
        views.append(view)
    return fates, views


requests = st.tuples(
    st.sampled_from(TARGETS) | st.text(st.sampled_from("/a.b?=&%cs"), max_size=12).map("/{}".format),
    st.integers(0, 200_000),
    st.integers(0, 3).map("203.0.{}.7".format) | st.just("2001:db8::1"),
    st.sampled_from(REFERRERS),
    st.sampled_from(AGENTS),
    st.sampled_from([200, 200, 200, 304, 404, 500]),
    st.sampled_from(["GET", "GET", "GET", "POST", "HEAD", "PUT", "get"]),
)


@settings(deadline=None, max_examples=150)
@given(
    st.lists(requests, min_size=1, max_size=40),
    st.lists(st.text(max_size=20), max_size=3),
    st.integers(100, 5000),
)
def test_reading_in_blocks_says_what_one_line_after_another_says(
    asked: list[tuple[Any, ...]], noise: list[str], size: int
) -> None:
    texts = [
        line(path, second, ip=ip, referrer=referrer, ua=ua, status=status, method=method).rstrip("\n")
        for path, second, ip, referrer, ua, status, method in asked
    ]
    texts += [re.sub(r"[\n\r#]", " ", text).strip() or "~" for text in noise]
    fates, views = one_by_one(texts)
    reader = AccessLogReader(ImportOptions(named("combined"), SITE, KEY, host="shop.example"))
    parts, part = [], ""
    for text in texts:
        part += text + "\n"
        if len(part) > size:
            parts, part = [*parts, part], ""
    tables = [reader.hits(each.encode()) for each in (*parts, part) if each]
    hits = pa.concat_tables(tables)
    assert {name: count for name, count in reader.fates.items() if count} == fates
    rows = hits.to_pylist()
    told = ("ts", "url", "path", "referrer", "bot", "status")
    assert [{name: row[name] for name in told} for row in rows] == [
        {name: view[name] for name in told} for view in views
    ]
    assert len({row["id"] for row in rows}) == len(rows)
    names: dict[Any, str] = {}
    assert all(
        names.setdefault(view["who"], row["visitor"]) == row["visitor"]
        for view, row in zip(views, rows, strict=True)
    )
    assert len(set(names.values())) == len(names)
    people = hits.filter(pc.invert(hits["bot"]))
    assert sessions(people) == sessions_one_by_one(people)
    assert sessions(hits) == sessions(people) + Counter([""] * (len(hits) - len(people)))


def sessions(hits: pa.Table) -> Counter[str]:
    return Counter(made(hits, STORED.empty_table(), SITE, 0).rows["session"].to_pylist())


def sessions_one_by_one(hits: pa.Table) -> Counter[str]:
    """Each visitor's views in the order of their times, in the sessions of the profiles."""
    known: dict[str, list[Session]] = defaultdict(list)
    found = Counter[str]()

    def order(row: dict[str, Any]) -> tuple[object, ...]:
        came = arrival(row["url"], row["referrer"])
        return (row["ts"], not (came and came.key), came.key if came else "")

    for row in sorted(hits.to_pylist(), key=order):
        came = arrival(row["url"], row["referrer"])
        touch = Touch(row["ts"], came.channel, came.origin) if came else None
        owner = owner_of(SITE.id, row["visitor"])
        found[
            place(
                known[owner], owner, Hit(row["ts"], came.key if came else "", True, touch), rules_of(SITE)
            ).session.id
        ] += 1
    return found


@pytest.mark.parametrize("many", [3, 1_000])
def test_sessions_are_the_same_however_many_views_are_looked_at_at_once(
    many: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = "".join(line(f"/{n}", n * 97 % 90_000, ip=f"203.0.{n % 13}.7") for n in range(400))
    hits = AccessLogReader(ImportOptions(named("combined"), SITE, KEY)).hits(text.encode())
    whole = sessions(hits)
    monkeypatch.setattr("ingest.access_log.rows.VIEWS_AT_ONCE", many)
    assert sessions(hits) == whole == sessions_one_by_one(hits)


@settings(max_examples=300)
@given(st.text(st.sampled_from("/ab.csjpg?=&%# \\xGETPOSTHD1"), max_size=40) | st.text(max_size=30))
def test_what_is_surely_static_is_static(text: str) -> None:
    for asked in (
        text,
        f"GET /{text} HTTP/1.1",
        f"POST /a.css{text} HTTP/2.0",
        f"GET /{text}.jpg HTTP/1.1",
        f"PUT {text}GET /a.jpg HTTP/1.1",
    ):
        if asked.isascii() and pc.match_substring_regex(pa.array([asked]), SURELY_STATIC)[0].as_py():
            assert request(asked).fate == "static"
    assert pc.match_substring_regex(pa.array(["GET /a/b.jpg?x=1 HTTP/1.1"]), SURELY_STATIC)[0].as_py()


@given(
    st.sampled_from(
        ["", "https://shop.example", "http://shop.example:8080", "https://[bad", "HTTPS://Shop.example"]
    ),
    st.text(st.sampled_from("/ab.%?&=#utm_source@"), max_size=30),
    st.sampled_from(["", "?utm_source=x", "?a=1&gclid=2", "?%75tm_source=x", "?color=red#utm_source=x"]),
    st.sampled_from(["", "https://www.google.com/", "https://shop.example/", "https://other.example/"]),
)
def test_a_landing_says_of_an_arrival_what_the_url_says(
    host: str, path: str, query: str, referrer: str
) -> None:
    url = f"{host}/{path}{query}"
    assert arrival(landing(url), referrer) == arrival(url, referrer)


@given(st.lists(st.lists(st.tuples(st.integers(0, 6), st.integers(0, 5)), max_size=12), max_size=6))
def test_lines_that_come_again_are_numbered_as_a_dictionary_numbers_them(
    batches: list[list[tuple[int, int]]],
) -> None:
    known: dict[tuple[int, str], int] = {}
    newest, repeated = 0, RepeatedLines()
    for batch in batches:
        ids = [f"log-{day:012}{number:012}" for day, number in batch]
        expected = []
        for (day, _), name in zip(batch, ids, strict=True):
            newest = max(newest, day)
            if day < newest - DAYS_KNOWN:
                expected.append(name)
                continue
            known[day, name] = known.get((day, name), 0) + 1
            expected.append(name if known[day, name] == 1 else f"{name}-{known[day, name]}")
        ts = pa.array([day * DAY_MS for day, _ in batch], pa.int64()).to_numpy()
        assert repeated.numbered(pa.array(ids, pa.string()), ts).to_pylist() == expected
        known = {key: count for key, count in known.items() if key[0] >= newest - DAYS_KNOWN}


@pytest.fixture
def log(tmp_path: Path) -> Path:
    """Equal lines far apart, and lines in no format."""
    lines = [line("/s.css", 0, referrer="https://shop.example/")] * 2
    for number in range(3_000):
        lines.append(line(f"/{number % 700}", number // 700, ip=f"203.0.{number % 7}.1"))
        if number % 100 == 0:
            lines += [
                "nonsense\n",
                line("/", number, ua=GOOGLEBOT),
                line("/x", number, referrer="https://shop.example/"),
            ]
    path = tmp_path / "access.log"
    path.write_text("".join(lines))
    return path


def told(path: Path, site: Site) -> tuple[object, ...]:
    """Everything that is known of a file."""
    reader = AccessLogReader(ImportOptions(named("combined"), site, KEY))
    with opened(str(path)) as (stream, _):
        views = [row for block in blocks(stream, path.name) for row in reader.hits(block).to_pylist()]
    return views, reader.lines, reader.fates, reader.examples, reader.host


def test_the_bounds_of_blocks_change_nothing(log: Path, site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = told(log, site)
    monkeypatch.setattr("ingest.access_log.lines.BLOCK", 10_000)
    assert told(log, site) == whole
    views, lines, fates, examples, host = whole
    assert isinstance(views, list)
    assert lines == log.read_text().count("\n")
    assert len({view["id"] for view in views}) == len(views) == 3_060
    assert sum(view["bot"] for view in views) == 30
    assert (fates["malformed"], len(examples), host) == (30, 3, "shop.example")  # type: ignore[index, arg-type]


def test_what_comes_before_a_broken_place_is_told_first(
    log: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ingest.access_log.lines.BLOCK", 10_000)
    broken = tmp_path / "access.log.gz"
    broken.write_bytes(gzip.compress(log.read_bytes())[:-3_000])

    def lines() -> Iterator[int]:
        with pytest.raises(LogUnreadable), opened(str(broken)) as (stream, _):
            yield from (block.count(b"\n") for block in blocks(stream, broken.name))

    assert sum(lines()) > 1_000


def test_a_line_without_an_end_is_one_line_and_fills_no_memory(tmp_path: Path) -> None:
    path = tmp_path / "a.log"
    path.write_bytes(b"x" * (5 << 20) + b"\n" + line("/a").encode() + b"y" * (3 << 20))
    with opened(str(path)) as (stream, _):
        found = list(blocks(stream, "a.log"))
    assert max(map(len, found)) < 3 << 20
    assert b"".join(found).count(b"\n") == 3
    assert line("/a").encode() in b"".join(found)
