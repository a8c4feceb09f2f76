"""Access logs: every line counted or filtered once, sessions as the worker makes them, nothing twice."""

import gzip
import os
import re
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections import Counter, defaultdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import msgspec
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingest.access_log.format import named
from ingest.access_log.importer import Importer, ImportSummary
from ingest.access_log.lines import LogUnreadable
from ingest.access_log.page_views import ImportOptions, read
from ingest.access_log.reader import AccessLogReader
from ingest.access_log.requests import is_static
from ingest.access_log.rows import STORED, made
from ingest.dead_letters import DeadLetters
from ingest.enrich.bots import is_spam
from ingest.enrich.channels import arrival
from ingest.enrich.devices import device
from ingest.enrich.enrich import facts
from ingest.worker.worker import Worker
from profiles.erasures import Cutoffs, digest
from profiles.fold.sessions import Hit, place
from profiles.ids import owner_of
from profiles.model import Session, Touch
from profiles.session_rules import rules_of
from profiles.store.memory import MemoryProfiles
from tests.support.access_log_lines import CHROME, GOOGLEBOT, KEY, imported, line, stored
from tests.support.ingest_streams import MemoryWarehouse, records, sites_of
from tests.support.machine import ROOT
from tracker.durations import DAY_SECONDS
from tracker.event import Event
from tracker.http.address import truncate
from tracker.log.memory import MemoryLog
from tracker.sites import Site, new_site
from warehouse.delta import Warehouse
from warehouse.question.scope import Scope

NAIVE = re.compile(
    r'(\S+) \S+ \S+ \[([^\]]+)\] "(\S+) (\S+)[^"]*" (\d+) \S+ "((?:[^"\\]|\\.)*)" "((?:[^"\\]|\\.)*)"'
)


@pytest.fixture
def warehouse(tmp_path: Path) -> Warehouse:
    return Warehouse(str(tmp_path / "warehouse"))


def test_a_real_log_counts_what_a_plain_regular_expression_counts(
    warehouse: Warehouse, shared_data: Path, site: Site
) -> None:
    path = shared_data / "access-combined.log"
    fates: Counter[str] = Counter()
    pages: Counter[tuple[str, int]] = Counter()
    fetches: Counter[tuple[str, str, int]] = Counter()
    sessions: dict[tuple[str, str, str], list[int]] = defaultdict(list)
    static = re.compile(
        r"\.(css|js|png|jpe?g|gif|ico|svg|ttf|woff|gz|zip|tar|mp4|swf|bz2|pdf|txt|exe|rpm|deb|doc|jar|bin|iso|csv|ppt|xls|rtf|msi)$",
        re.IGNORECASE,
    )
    for text in path.read_text().split("\n")[:-1]:
        found = NAIVE.match(text)
        if not found:
            fates["malformed"] += 1
            continue
        ip, time, method, target, status, _, ua = found.groups()
        plain = target.split("?")[0].split("#")[0]
        at = datetime.strptime(time, "%d/%b/%Y:%H:%M:%S %z")
        page = method in ("GET", "POST") and not static.search(plain) and plain != "/sitemap.xml"
        if page and (client := device("" if ua == "-" else ua)).bot:
            fetches[client.agent, unquote(plain) or "/", int(status)] += 1
        if int(status) >= 400:
            fates["errors"] += 1
        elif method == "HEAD":
            fates["head"] += 1
        elif method not in ("GET", "POST"):
            fates["method"] += 1
        elif static.search(plain) or plain == "/sitemap.xml":
            fates["static"] += 1
        elif device("" if ua == "-" else ua).bot:
            fates["bots"] += 1
        else:
            pages[plain, int(at.timestamp())] += 1
            sessions[f"{at:%Y%m%d}", ip.rpartition(".")[0], ua].append(int(at.timestamp()))
    summary = imported(warehouse, site, path)
    assert summary.lines == 10_000
    assert {name: count for name, count in summary.fates.items() if count} == fates
    assert summary.counted == summary.added == sum(pages.values())
    assert summary.lines == summary.counted + sum(summary.fates.values())
    assert summary.fetches == sum(fetches.values()) > fates["bots"]  # some of them in vain
    fetched = [row[1:] for row in stored(warehouse, "bot", "browser", "path", "props") if row[0]]
    assert Counter((*row[:2], msgspec.json.decode(str(row[2]))["status"]) for row in fetched) == fetches
    rows = [
        row[1:]
        for row in stored(warehouse, "bot", "path", "ts", "session", "visitor", "source", "type")
        if not row[0]
    ]
    assert Counter(ts for _, ts, *_ in rows) == Counter(
        {ts: sum(n for (_, at), n in pages.items() if at * 1000 == ts) for ts in {t * 1000 for _, t in pages}}
    )
    assert {kind for *_, kind in rows} == {"page"}
    assert len({visitor for *_, visitor, _, _ in rows}) == len(sessions)
    # No visit of this log has a campaign, so that gaps alone end sessions.
    gaps = sum(
        1 + sum(b - a > 1800 for a, b in zip(sorted(times), sorted(times)[1:], strict=False))
        for times in sessions.values()
    )
    assert len({session for _, _, session, *_ in rows}) == gaps


@pytest.mark.skipif(shutil.which("goaccess") is None, reason="GoAccess is not installed")
def test_pages_of_a_real_log_are_asked_for_as_often_as_goaccess_says(
    shared_data: Path, site: Site, tmp_path: Path
) -> None:
    lines = (shared_data / "access-combined.log").read_text().splitlines(keepends=True)
    whole = [
        text
        for text in lines
        if (found := NAIVE.match(text))
        and int(found[5]) < 400
        and "\\x" not in text
        and not is_spam(arrival("", found[6]))
    ]
    path, report = tmp_path / "access.log", tmp_path / "report.json"
    path.write_text("".join(whole))
    options = ["--log-format=COMBINED", "--no-global-config", "--max-items=20000", "-o", str(report)]
    subprocess.run(["goaccess", str(path), *options], check=True, stdout=subprocess.DEVNULL)
    theirs: Counter[str] = Counter()
    # What it calls static is in another list; a page stands there once for each method and protocol.
    for each in msgspec.json.decode(report.read_bytes())["requests"]["data"]:
        if each["method"] in ("GET", "POST"):
            theirs[unquote(each["data"])] += each["hits"]["count"]
    choice = ImportOptions(named("combined"), site, KEY, host="log.example")
    urls = read(path.read_bytes(), choice, choice.host).hits["url"].to_pylist()
    ours = Counter(unquote(url.removeprefix("https://log.example")) for url in urls)
    assert len(whole) > 9_000
    assert len(ours) > 600
    assert {page: count for page, count in theirs.items() if not is_static(page)} == ours


def test_the_same_rows_as_through_the_event_log(
    warehouse: Warehouse, shared_data: Path, site: Site, tmp_path: Path
) -> None:
    lines = (shared_data / "access-combined.log").read_text().splitlines(keepends=True)
    tagged = [text.replace("GET / HTTP", f"GET /?utm_source=s{i % 3} HTTP") for i, text in enumerate(lines)]
    tagged = [
        text.replace("GET /blog/tags", f"GET /blog/tags?gclid={i % 2}") for i, text in enumerate(tagged)
    ]
    block = "".join(tagged).encode()
    imported(warehouse, site, tmp_path / "a.log", block, host="semicomplete.com")
    rows = {row["id"]: row for row in warehouse.rows("select * from events", Scope("default", bots=True))}
    choice = ImportOptions(named("combined"), site, KEY, frozenset({"errors", "static"}), "semicomplete.com")
    ids = AccessLogReader(choice).hits(block)["id"].to_pylist()
    got = [found.groups() for text in tagged if (found := NAIVE.match(text)) and found[3] in ("GET", "POST")]
    senders = {name: (found[0], found[6]) for name, found in zip(ids, got, strict=True)}
    log, live = MemoryLog(), MemoryWarehouse()
    log.consumer("ingest", "worker").close()
    log.append(
        records([as_event(row, *senders[row["id"]]) for row in sorted(rows.values(), key=as_sessions_see)])
    )
    worker = Worker(
        log=log,
        store=MemoryProfiles(),
        warehouse=live,
        sites=sites_of(tmp_path, site),
        facts=facts,
        deadletters=DeadLetters(tmp_path),
    )
    while worker.step():
        pass
    worker.flush()
    worker.close()
    assert len(live.rows) == len(rows) > 2000
    for fed in live.rows:
        # An import comes from no log: its rows have no place there.
        expected = fed._asdict() | {"partition": None, "position": None, "repeated": None}
        if fed.bot:  # only a log says how a page was answered
            assert rows[fed.id]["props"].startswith('{"status":')
            expected["props"] = rows[fed.id]["props"]
        assert rows[fed.id] == expected


def as_sessions_see(row: dict[str, Any]) -> tuple[object, ...]:
    came = arrival(row["url"], row["referrer"])
    return row["ts"], not (came and came.key), came.key if came else ""


def as_event(row: dict[str, Any], ip: str, ua: str) -> Event:
    fields = {
        name: row[name] for name in ("site", "id", "type", "visitor", "ts", "received", "url", "referrer")
    }
    return Event(**fields, ip=truncate(ip), ua="" if ua == "-" else ua, source="log")


def test_importing_again_adds_nothing_and_a_grown_file_what_is_new(
    warehouse: Warehouse, site: Site, tmp_path: Path
) -> None:
    text = line("/a", 0) + line("/a", 0) + line("/b", 10)
    path = tmp_path / "a.log"
    assert imported(warehouse, site, path, text).added == 3  # two equal requests are two
    again = imported(warehouse, site, path)
    assert (again.counted, again.added, again.known) == (3, 0, 3)
    grown = imported(warehouse, site, path, text + line("/a", 0) + line("/c", 20))
    assert (grown.counted, grown.added) == (5, 2)
    assert len(stored(warehouse, "id")) == 5
    assert len(set(stored(warehouse, "session"))) == 1


@pytest.mark.slow
def test_a_file_cut_in_the_middle_of_a_line_and_then_whole(
    warehouse: Warehouse, site: Site, tmp_path: Path
) -> None:
    text = (line("/a", 0) + line("/b", 10)).encode()
    for end in range(len(text) // 2, len(text), 7):
        imported(warehouse, site, tmp_path / "a.log", text[:end])
    assert imported(warehouse, site, tmp_path / "a.log", text).counted == 2
    assert stored(warehouse, "path") == [("/a",), ("/b",)]


def test_a_log_whose_clock_went_back(
    warehouse: Warehouse, site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What comes days late is counted once, however the file is cut into blocks."""
    days = [line(f"/{day}", day * DAY_SECONDS + second) for day in (0, 9, 3, 9, 0) for second in (0, 0, 1)]
    path = tmp_path / "a.log"
    first = imported(warehouse, site, path, "".join(days))
    monkeypatch.setattr("ingest.access_log.lines.BLOCK", 300)
    again = imported(warehouse, site, path)
    # Two of day 9, twice, are four; those of days 3 and 0 that come after it are not told apart from equal ones.
    assert (first.counted, first.added, again.added) == (15, 11, 0)
    pages = Counter(page for (page,) in stored(warehouse, "path"))
    assert pages == {"/0": 3, "/9": 6, "/3": 2}
    assert len(set(stored(warehouse, "id"))) == 11


def test_late_lines_join_two_sessions_into_one(warehouse: Warehouse, site: Site, tmp_path: Path) -> None:
    first = line("/a", 0) + line("/c", 2400)
    imported(warehouse, site, tmp_path / "1.log", first)
    assert len(set(stored(warehouse, "session"))) == 2
    imported(warehouse, site, tmp_path / "2.log", line("/b", 1200))
    assert len(set(stored(warehouse, "session"))) == 1


def test_visitors_are_told_apart_by_network_browser_and_day(
    warehouse: Warehouse, site: Site, tmp_path: Path
) -> None:
    text = (
        line("/1", 0, ip="203.0.113.7") + line("/2", 1, ip="203.0.113.200") + line("/3", 2, ip="203.0.114.7")
    )
    text += line("/4", 3, ua=CHROME.replace("120", "121")) + line("/5", DAY_SECONDS)
    imported(warehouse, site, tmp_path / "a.log", text)
    one, two, *others = [visitor for (visitor,) in stored(warehouse, "visitor")]
    assert one == two
    assert len({one, *others}) == 4
    assert stored(warehouse, "profile")[0] == (f"v:{one}",)
    every = repr(warehouse.rows("select * from events", Scope("default")))
    assert "203.0.113.7" not in every
    assert "203.0.113.200" not in every


@pytest.mark.parametrize("codec", ["gzip", "gzip members", "zstd"])
def test_compressed_files(warehouse: Warehouse, site: Site, tmp_path: Path, codec: str) -> None:
    text = "".join(line(f"/{i}", i) for i in range(50)).encode()
    if codec == "zstd":
        packed = pa.compress(text, codec="zstd", asbytes=True)
    elif codec == "gzip":
        packed = gzip.compress(text)
    else:  # as logrotate and cat make them
        half = text.index(b"\n", len(text) // 2) + 1
        packed = gzip.compress(text[:half]) + gzip.compress(text[half:])
    plain = imported(warehouse, site, tmp_path / "a.log", text)
    again = imported(warehouse, site, tmp_path / "a.log.1", packed)
    assert (plain.added, again.counted, again.added) == (50, 50, 0)


def test_a_broken_archive_is_named_and_what_came_before_is_kept(
    warehouse: Warehouse, site: Site, tmp_path: Path
) -> None:
    packed = gzip.compress("".join(line(f"/{i}", i) for i in range(5000)).encode())
    with pytest.raises(LogUnreadable, match=r"a\.log\.gz"):
        imported(warehouse, site, tmp_path / "a.log.gz", packed[:-200])


def test_search_words_of_korean_portals(warehouse: Warehouse, site: Site, tmp_path: Path) -> None:
    words = "운동화"
    euc = words.encode("euc-kr")
    percent = "".join(f"%{byte:02X}" for byte in euc)
    apache = "".join(f"\\x{byte:02x}" for byte in euc)
    naver = "http://search.naver.com/search.naver?where=nexearch&query="
    texts = [
        line("/1", 0, ip="203.0.113.1", referrer=naver + percent).encode(),
        line("/2", 1, ip="203.0.114.1", referrer=naver + apache).encode(),
        line("/3", 2, ip="203.0.115.1", referrer=naver + "RAW").encode().replace(b"RAW", euc),
        line("/4", 3, ip="203.0.116.1", referrer=naver + words).encode(),
        line("/5", 4, ip="203.0.117.1", referrer="https://search.daum.net/search?q=" + words).encode(),
    ]
    imported(warehouse, site, tmp_path / "a.log", b"".join(texts))
    for _, channel, keyword in stored(warehouse, "path", "channel", "keyword"):
        assert (channel, keyword) == ("organic search", words)


def test_hostile_lines_are_counted_and_harm_nobody(warehouse: Warehouse, site: Site, tmp_path: Path) -> None:
    good = line("/good", 5)
    bad = [
        "\n",
        "nonsense\n",
        '1.2.3.4 - - [99/Foo/2026:99:99:99 +0000] "GET / HTTP/1.1" 200 1 "-" "x"\n',
        '1.2.3.4 - - [31/Feb/2026:00:00:00 +0000] "GET / HTTP/1.1" 200 1 "-" "x"\n',
        '1.2.3.4 - - [04/Mar/2026:00:00:00 +0000] "\\x16\\x03\\x01" 200 1 "-" "x"\n',
        '1.2.3.4 - - [04/Mar/2026:00:00:00 +0000] "GET evil.example/ HTTP/1.1" 200 1 "-" "x"\n',
        '1.2.3.4 - - [04/Mar/2026:00:00:00 +0000] "GET / HTTP/1.1" 2x0 1 "-" "x"\n',
        '1.2.3.4 - - [04/Mar/2026:00:00:00 +0000] "GET / HTTP/1.1" 200 1 "-" "half',
        "\0" * 100 + "\n",
        '"' * 1000 + "\n",
        "a " * 50_000 + "\n",
    ]
    bad[7] += "\n"
    odd = line("/quote", 6, ua='Mozilla/5.0 \\"quoted\\" \\\\ Firefox/120.0') + line("/%ff%00?a=%zz", 7)
    odd += (
        line("/" + "x" * 100_000, 8) + line("//evil.example/x", 9) + line("/r", 10, referrer="http://[bad/")
    )
    summary = imported(
        warehouse, site, tmp_path / "a.log", "".join(bad) + good + odd + good.replace("\n", "\r\n")
    )
    assert summary.fates["malformed"] == len(bad)
    assert summary.counted == summary.added == 7
    assert all(len(str(url)) < 2100 for (url,) in stored(warehouse, "url"))


def test_filters_can_be_lifted(warehouse: Warehouse, site: Site, tmp_path: Path) -> None:
    text = line("/", 0) + line("/no", 1, status=404) + line("/a.css", 2) + line("/", 3, ua=GOOGLEBOT)
    text += line("/", 4, method="HEAD") + line("/", 5, method="PROPFIND")
    plain = imported(warehouse, site, tmp_path / "a.log", text)
    assert plain.counted == 1
    assert {name: count for name, count in plain.fates.items() if count} == {
        "errors": 1,
        "head": 1,
        "method": 1,
        "static": 1,
        "bots": 1,
    }
    assert plain.fetches == 1
    lifted = imported(warehouse, site, tmp_path / "a.log", keep=frozenset({"errors", "static"}))
    assert (lifted.counted, lifted.added) == (3, 2)
    assert [bot for (bot,) in stored(warehouse, "bot")].count(True) == 1


def test_internal_links_are_no_arrivals(warehouse: Warehouse, site: Site, tmp_path: Path) -> None:
    text = line("/", 0, referrer="https://www.google.com/") + line(
        "/s.css", 1, referrer="https://www.shop.example/"
    )
    text += line("/next", 2, referrer="https://shop.example/")
    summary = imported(warehouse, site, tmp_path / "a.log", text)
    assert summary.host == "shop.example"
    assert stored(warehouse, "channel", "origin") == [("organic search", "google")] * 2


def test_two_imports_at_once_add_nothing_twice(site: Site, tmp_path: Path) -> None:
    folder, path = str(tmp_path / "warehouse"), tmp_path / "a.log"
    path.write_text("".join(line(f"/{i}", i) for i in range(300)))
    results: list[ImportSummary] = []
    threads = [
        threading.Thread(target=lambda: results.append(imported(Warehouse(folder), site, path)))
        for _ in range(3)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(result.added for result in results) == [0, 0, 300]
    assert len(stored(Warehouse(folder), "id")) == 300


@pytest.mark.slow
def test_the_command_reads_standard_input_and_sums_up(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "dangol", "import-log", "-"]
    environ = {**os.environ, "DANGOL_DATA": str(tmp_path / "data")}
    text = line("/", 0) + line("/a.css", 1) + "nonsense\n"
    said = [
        subprocess.run(command, input=text, env=environ, cwd=ROOT, capture_output=True, text=True, check=True)
        for _ in range(2)
    ]
    assert "3 lines" in said[0].stdout
    assert "read as combined" in said[0].stdout
    assert (
        "from 2026-03-04 to 2026-03-04: http://127.0.0.1:8000/desk?from=2026-03-04&to=2026-03-04"
        in said[0].stdout
    )
    assert "1  page views counted: 1 new, 0 known already" in said[0].stdout
    assert "1  filtered: static files" in said[0].stdout
    assert "1  not in this format" in said[0].stdout
    assert "0 new, 1 known already" in said[1].stdout


@pytest.mark.slow
def test_the_command_warns_of_a_proxy_and_says_what_mends_it(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "dangol", "import-log", "-"]
    environ = {**os.environ, "DANGOL_DATA": str(tmp_path / "data")}

    def said(text: str, *options: str) -> str:
        done = subprocess.run(
            [*command, *options],
            input=text,
            env=environ,
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=False,
        )
        return done.stdout + done.stderr

    main = "".join(line(f"/{n}", n, ip="10.0.0.1").rstrip("\n") + f' "203.0.{n}.7"\n' for n in range(9))
    assert "--client xff" in said(main, "--client", "connection")
    assert "Warning" not in said(main.replace("GET /", "GET /again"))
    assert "10.0.0.0, which seems to be a proxy" in said(
        "".join(line(f"/x{n}", n, ip="10.0.0.1") for n in range(9))
    )
    assert "is none of auto, connection" in said(main, "--client", "first")
    assert "there is no timezone" in said(main, "--timezone", "Mars/Base")
    assert "in no format that is known" in said("id,name\n1,x\n")


@settings(deadline=None)
@given(
    st.lists(
        st.tuples(
            st.integers(0, 2), st.integers(0, 40), st.sampled_from(["", "", "", "?utm_source=a", "?gclid=b"])
        ),
        max_size=30,
    ),
    st.sampled_from(
        [(30, 24, True, False), (2, 1, True, True), (30, 24, False, True), (600, 1, False, False)]
    ),
)
def test_sessions_of_many_views_are_those_of_one_view_after_another(
    views: list[tuple[int, int, str]], rules: tuple[int, int, bool, bool]
) -> None:
    timeout, longest, by_campaign, midnight = rules
    site = msgspec.structs.replace(
        new_site("default"),
        timezone="Asia/Kolkata",
        session_timeout_minutes=timeout,
        session_max_hours=longest,
        session_split_campaign=by_campaign,
        session_split_midnight=midnight,
    )
    # Kolkata's midnight is at 18:30.
    text = "".join(
        line("/" + query, 48_000 + minutes * 60, ip=f"203.0.{who}.7") for who, minutes, query in views
    )
    hits = AccessLogReader(ImportOptions(named("combined"), site, KEY)).hits(text.encode() or b"\n")
    rows = made(hits, STORED.empty_table(), site, 0).rows.to_pylist()
    known: dict[str, list[Session]] = defaultdict(list)
    for row in sorted(rows, key=as_sessions_see):
        came = arrival(row["url"], row["referrer"])
        touch = Touch(row["ts"], came.channel, came.origin) if came else None
        owner = owner_of(site.id, row["visitor"])
        hit = Hit(row["ts"], came.key if came else "", True, touch)
        session = place(known[owner], owner, hit, rules_of(site)).session
        assert (row["session"], row["channel"], row["origin"]) == (
            session.id,
            session.touch.channel,
            session.touch.origin,
        )


@pytest.mark.slow
def test_a_log_of_many_days_stored_in_parts(
    warehouse: Warehouse, site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = "".join(
        line(f"/{day}-{view}", day * DAY_SECONDS + view * 100, ip=f"203.0.{view % 7}.1")
        for day in range(6)
        for view in range(90)
    )
    imported(warehouse, site, tmp_path / "a.log", text)
    apart = Warehouse(str(tmp_path / "apart"))
    monkeypatch.setattr("ingest.access_log.importer.ENOUGH", 50)
    monkeypatch.setattr("ingest.access_log.importer.PORTION", 70)
    monkeypatch.setattr("ingest.access_log.lines.BLOCK", 10_000)
    assert imported(apart, site, tmp_path / "a.log").added == 540
    assert apart.events.files()[0] > warehouse.events.files()[0] + 3  # it was more than one commit
    columns = ("id", "ts", "session", "visitor", "channel")
    assert stored(apart, *columns) == stored(warehouse, *columns)
    assert imported(apart, site, tmp_path / "a.log").added == 0


def test_who_was_erased_stays_erased_until_new_lines_come(
    warehouse: Warehouse, site: Site, tmp_path: Path
) -> None:
    path = tmp_path / "a.log"
    imported(
        warehouse, site, path, line("/mine", 0) + line("/mine", 60) + line("/other", 5, ip="203.0.114.1")
    )
    (mine,) = {who for who, page in stored(warehouse, "visitor", "path") if page == "/mine"}
    until = int(datetime(2026, 3, 4, 5, 2, tzinfo=UTC).timestamp() * 1000)
    warehouse.erase(site.id, [f"v:{mine}"])

    class Marks:
        def cutoffs(self, site: str) -> Cutoffs:
            return Cutoffs({digest(site, f"v:{mine}"): until})

    choice = ImportOptions(named("combined"), site, KEY)
    again = Importer(warehouse, choice, Marks()).file(str(path))
    assert (again.counted, again.added, again.known, again.erased) == (3, 0, 1, 2)
    with path.open("a") as file:
        file.write(line("/after", 300))
    assert Importer(warehouse, choice, Marks()).file(str(path)).added == 1
    assert stored(warehouse, "path") == [("/other",), ("/after",)]


def test_hostile_bytes_cost_their_own_line_at_most(warehouse: Warehouse, site: Site, tmp_path: Path) -> None:
    good = [line(f"/{number}", number).encode() for number in range(6)]
    parts = [
        good[0],
        b"\0" * 500 + b"\n",  # what a file system leaves after a crash
        good[1].replace(b"Mozilla", b"Moz\0illa"),
        line("/" + "x" * (1 << 20), 1).encode(),
        good[2].replace(b"Chrome", "크롬".encode()),
        good[3].replace(b"Chrome", "크롬".encode("euc-kr")),
        b"y" * (3 << 20) + b"\n",
        good[4],
        good[5][:60],
    ]
    summary = imported(warehouse, site, tmp_path / "a.log", b"".join(parts))
    pages = [page for (page,) in stored(warehouse, "path")]
    assert [page for page in pages if len(str(page)) < 9] == ["/0", "/1", "/2", "/3", "/4"]
    assert (summary.lines, summary.counted) == (9, len(pages)) == (9, 6)
    assert summary.fates["malformed"] == 3
    parts[-1] = good[5]  # the rest was written
    assert imported(warehouse, site, tmp_path / "a.log", b"".join(parts)).added == 1


def test_a_rotated_and_packed_log_beside_the_new_one_counts_each_line_once(
    warehouse: Warehouse, site: Site, tmp_path: Path
) -> None:
    old = "".join(line(f"/{number}", number) for number in range(40))
    imported(warehouse, site, tmp_path / "access.log", old)
    (tmp_path / "access.log.1.gz").write_bytes(gzip.compress(old.encode()))
    assert imported(warehouse, site, tmp_path / "access.log.1.gz").added == 0
    assert imported(warehouse, site, tmp_path / "access.log", line("/new", 50)).added == 1
    assert len(stored(warehouse, "id")) == 41


@pytest.mark.slow
def test_killed_in_the_middle_and_run_again_counts_each_line_once(site: Site, tmp_path: Path) -> None:
    log, folder = tmp_path / "access.log", str(tmp_path / "warehouse")
    log.write_text("".join(line(f"/{n}", n * 60, ip=f"203.0.{n % 200}.1") for n in range(30_000)))
    code = f"""
from ingest.access_log import importer, lines
lines.BLOCK, importer.ENOUGH = 200_000, 1_000
from ingest.access_log.page_views import ImportOptions
from ingest.access_log.format import named
from tracker.sites import new_site
from warehouse.delta import Warehouse
reading = importer.Importer(Warehouse({folder!r}), ImportOptions(named("combined"), new_site("default"), {KEY!r}))
reading.file({str(log)!r})
"""
    killed = 0
    for _ in range(3):
        before = Warehouse(folder).events.files()[0] if killed else 0
        child = subprocess.Popen([sys.executable, "-c", code], cwd=ROOT)
        deadline = time.monotonic() + 120
        while child.poll() is None and time.monotonic() < deadline:
            if Warehouse(folder).events.files()[0] > before:  # something is stored, not everything
                child.kill()
                break
            time.sleep(0.02)
        killed += child.wait() == -signal.SIGKILL
    assert killed
    warehouse = Warehouse(folder)
    partly = len(stored(warehouse, "id"))
    summary = Importer(warehouse, ImportOptions(named("combined"), site, KEY)).file(str(log))
    assert (summary.counted, summary.known) == (30_000, partly)
    ids = stored(warehouse, "id")
    assert len(ids) == len(set(ids)) == 30_000
