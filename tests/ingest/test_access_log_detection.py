"""The format of a log is found out from its lines, or the log is refused; each client is a visitor of its own."""

import json
from datetime import UTC
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from ingest.access_log.clients import address_of, client_of, shared_proxies
from ingest.access_log.format import AUTO, EARLIEST_MS, named
from ingest.access_log.formats.detection import FormatMismatch, named_format, recognised
from ingest.access_log.formats.records import instant
from ingest.access_log.importer import Importer
from ingest.access_log.page_views import ImportOptions
from tests.support.access_log_formats import GOOGLE, HEADS, LINES, WRAPPERS, View, views, written
from tests.support.access_log_lines import CHROME, KEY, line, stored
from tracker.sites import Site
from warehouse.delta import Warehouse

WITHOUT_AGENT = {"common", "HAProxy"}
WITHOUT_REFERRER = {*WITHOUT_AGENT, "ELB", "ALB", "Envoy"}


@pytest.fixture
def warehouse(tmp_path: Path) -> Warehouse:
    return Warehouse(str(tmp_path / "warehouse"))


def views_of(text: str | bytes, site: Site, **options: object) -> list[dict[str, object]]:
    """The page views of a log whose format nobody named, as the importer reads them."""
    from ingest.access_log.reader import AccessLogReader

    block = text if isinstance(text, bytes) else text.encode()
    choice = ImportOptions(AUTO, site, KEY, **options)  # type: ignore[arg-type]
    found = recognised(block, choice.form, UTC, "a.log")
    reader = AccessLogReader(choice._replace(form=found.form, proxies=found.proxies))
    rows = [row for part in found.lines(iter([block]), UTC) for row in reader.hits(part).to_pylist()]
    assert reader.fates["malformed"] == 0
    return rows


@pytest.mark.parametrize("wrapper", ["", *WRAPPERS])
@pytest.mark.parametrize("name", LINES)
def test_every_format_behind_every_prefix_says_the_same_views(name: str, wrapper: str, site: Site) -> None:
    expected, rows = views(), views_of(written(name, wrapper), site)
    assert [row["ts"] for row in rows] == [
        int(view.at) * 1000 + (0 if int(str(row["ts"])) % 1000 == 0 else int(str(row["ts"])) % 1000)
        for view, row in zip(expected, rows, strict=True)
    ]
    assert [str(row["url"]).endswith(view.path) for view, row in zip(expected, rows, strict=True)] == [
        True
    ] * 30
    assert len({row["visitor"] for row in rows}) == 30
    if name not in WITHOUT_AGENT:
        assert [row["browser"] for row in rows] == ["Chrome" if n % 2 else "Firefox" for n in range(30)]
    if name not in WITHOUT_REFERRER:
        assert [row["referrer"] for row in rows] == [view.referrer for view in expected]


def test_a_visitor_is_the_same_in_every_format(site: Site) -> None:
    texts = {name: views_of(written(name), site) for name in LINES if name not in WITHOUT_AGENT}
    visitors = {name: [row["visitor"] for row in rows] for name, rows in texts.items()}
    assert {name for name, found in visitors.items() if found != visitors["combined"]} == set()


def test_the_fields_of_a_w3c_log_change_in_the_middle(site: Site) -> None:
    first, second = views(60)[:30], views(60)[30:]
    head = "#Software: Microsoft Internet Information Services 10.0\n#Fields: time c-ip cs-method cs-uri-stem cs-host "
    head += "cs(User-Agent) sc-status\n"
    text = HEADS["IIS"] + "".join(LINES["IIS"](view) + "\n" for view in first) + head
    for view in second:
        agent = view.ua.replace(" ", "+")
        text += f"{view.iso.split('T')[1]} {view.ip} GET {view.path.split('?')[0]} shop.example {agent} 200\n"
    rows = views_of(text, site)
    assert [int(str(row["ts"])) // 1000 for row in rows] == [int(view.at) for view in (*first, *second)]
    assert len({row["visitor"] for row in rows}) == 60
    assert rows[-1]["url"] == f"https://shop.example{second[-1].path.split('?')[0]}"


@pytest.mark.parametrize("stream", ["kubernetes", "docker"])
def test_a_line_that_a_container_runtime_cut_is_one_line(stream: str, site: Site) -> None:
    texts = []
    for number, view in enumerate(views()):
        whole = LINES["combined"](view)
        parts = [whole[:40], whole[40:90], whole[90:]] if number % 3 == 0 else [whole]
        for index, part in enumerate(parts):
            last = index == len(parts) - 1
            if stream == "docker":
                texts.append(
                    json.dumps({"log": part + "\n" * last, "stream": "stdout", "time": view.iso + "Z"})
                )
            else:
                texts.append(f"{view.iso}.5Z stdout {'F' if last else 'P'} {part}")
                texts.append(f"{view.iso}.5Z stderr F worker started")
    if stream == "docker":
        assert [row["path"] for row in views_of("\n".join(texts) + "\n", site)] == [
            f"/p{n}" for n in range(30)
        ]
        return
    block = ("\n".join(texts) + "\n").encode()
    with pytest.raises(FormatMismatch):  # half of them are no access log
        recognised(block, AUTO, UTC, "a.log")
    calm = "\n".join(text for text in texts if "stderr" not in text) + "\n"
    assert [row["path"] for row in views_of(calm, site)] == [f"/p{n}" for n in range(30)]


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("id,name\n1,x\n", "a request"),
        (
            'shop.example:443 - - [04/Mar/2026:05:00:00 +0000] "GET / HTTP/1.1" 200 1 "-" "Mozilla/5.0"\n'
            * 30,
            "address",
        ),
        ('203.0.113.7 - - "GET / HTTP/1.1" 200 1 "-" "Mozilla/5.0"\n' * 30, "a time"),
        ("2026/03/04 05:00:00 [error] 12#12: *1 open() failed, client: 203.0.113.7\n" * 30, "a request"),
        (
            '203.0.113.7 - - [01/Jan/1970:00:00:00 +0000] "GET / HTTP/1.1" 200 1 "-" "Mozilla/5.0"\n' * 30,
            "a time",
        ),
        ('{"level":"info","msg":"started"}\n' * 30, "a request"),
        ("\0\1\2\3" * 5000, "a request"),
        ('"' * 300_000, "a request"),
        ("[" * 300_000 + "\n", "a request"),
        ("{" * 300_000 + "\n", "a request"),
        ("a, " * 100_000 + "\n", "a request"),
    ],
)
def test_what_is_not_understood_is_refused_with_the_line_and_what_was_tried(text: str, reason: str) -> None:
    with pytest.raises(FormatMismatch) as refused:
        recognised(text.encode(), AUTO, UTC, "a.log")
    assert reason in str(refused.value)
    assert "a.log: the lines are in no format that is known" in str(refused.value)
    assert "It begins with: " in str(refused.value)
    assert "Tried: common, combined" in str(refused.value)


def test_a_log_that_goes_on_in_another_format_is_refused_before_that_block(
    warehouse: Warehouse, site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ingest.access_log.lines.BLOCK", 50_000)
    path = tmp_path / "a.log"
    path.write_text("".join(line(f"/{n}", n) for n in range(1000)) + written("Caddy", count=300))
    with pytest.raises(
        FormatMismatch, match=r"(?s)a\.log: .* are not in the format of the first ones \(combined\).*"
    ):
        Importer(warehouse, ImportOptions(AUTO, site, KEY)).file(str(path))
    pages = {str(page) for (page,) in stored(warehouse, "path")}
    assert {f"/{n}" for n in range(700)} <= pages <= {f"/{n}" for n in range(1000)}


def test_a_summary_says_the_dates_and_a_shared_proxy(
    warehouse: Warehouse, site: Site, tmp_path: Path
) -> None:
    def summary(text: str, **options: object) -> tuple[str | None, bool]:
        path = tmp_path / "a.log"
        path.write_text(text)
        found = Importer(warehouse, ImportOptions(AUTO, site, KEY, **options)).file(str(path))  # type: ignore[arg-type]
        assert (found.first, found.last) == (int(views()[0].at) * 1000, int(views()[-1].at) * 1000)
        return found.shared, found.forwards

    assert summary(written("combined")) == (None, False)
    main = written("nginx main behind a proxy")
    assert summary(main) == (None, True)
    assert summary(main, client="connection") == ("10.0.0.0", True)
    lone = "".join(f"172.18.0.1 - - {view.core}\n" for view in views())
    assert summary(lone) == ("172.18.0.0", False)
    public = "".join(f"198.51.100.9 - - {_other(view, n).core}\n" for n, view in enumerate(views()))
    assert summary(public) == ("198.51.100.0", False)
    assert summary("".join(f"162.158.{n}.9 - - {view.core}\n" for n, view in enumerate(views()))) == (
        "162.158.0.0",
        False,
    )


def _other(view: View, number: int) -> View:
    return view._replace(ua=view.ua.replace("/12", f"/{number % 8}12"))


@pytest.mark.parametrize(
    ("connection", "forwarded", "choice", "client"),
    [
        ("203.0.113.7", "-", "auto", "203.0.113.7"),
        ("203.0.113.7:4711", "", "auto", "203.0.113.7"),
        ("[2001:db8::7]:4711", "", "auto", "2001:db8::7"),
        ("fe80::1%eth0", "", "auto", "fe80::1"),
        ("::ffff:203.0.113.7", "", "auto", "::ffff:203.0.113.7"),
        ("10.0.0.1", "203.0.113.7, 10.0.0.2", "auto", "203.0.113.7"),
        ("10.0.0.1", "198.51.100.1, 203.0.113.7, 162.158.1.1", "auto", "203.0.113.7"),
        ("10.0.0.1", "198.51.100.1, 203.0.113.7", "xff-first", "198.51.100.1"),
        ("10.0.0.1", "198.51.100.1, 203.0.113.7", "xff:2", "198.51.100.1"),
        ("10.0.0.1", "198.51.100.1, 203.0.113.7", "xff:1", "203.0.113.7"),
        ("10.0.0.1", "203.0.113.7", "connection", "10.0.0.1"),
        ("10.0.0.1", "unknown, -", "auto", "10.0.0.1"),
        ("10.0.0.1", 'for="[2001:db8::7]:4711";proto=https', "auto", "2001:db8::7"),
        ("10.0.0.1", "192.168.1.4, 10.0.0.7", "auto", "192.168.1.4"),
        ("198.51.100.4", "192.168.1.4", "auto", "198.51.100.4"),
        ("host.example", "-", "auto", "host.example"),
        ("-", "-", "auto", ""),
    ],
)
def test_who_the_client_is(connection: str, forwarded: str, choice: str, client: str) -> None:
    assert client_of(connection, forwarded, choice) == client


def test_an_address_that_most_lines_share_behind_others_is_a_proxy() -> None:
    lines = [("198.51.100.8", f"203.0.113.{n}, 198.51.100.7") for n in range(40)]
    assert shared_proxies(lines) == {"198.51.100.7", "198.51.100.8"}
    assert shared_proxies([("198.51.100.8", "-")] * 40) == frozenset()
    assert shared_proxies(lines[:10]) == frozenset()


@given(st.text(max_size=60) | st.from_regex(r"[\[\]0-9a-f:.%,\" -]{0,60}"))
def test_any_text_is_an_address_or_none(text: str) -> None:
    found = address_of(text)
    assert found == "" or address_of(found) == found


@pytest.mark.parametrize(
    "text", ["1772600400", "1772600400.000", "1772600400000", "1772600400000000", "1772600400000000000"]
)
def test_a_number_is_a_time_in_the_unit_that_it_fits(text: str) -> None:
    assert instant(text, UTC) == 1_772_600_400_000


@given(st.text(max_size=40) | st.integers().map(str) | st.floats().map(str))
@example("²")
@example("9" * 400)
def test_no_time_is_older_than_the_web(text: str) -> None:
    found = instant(text, UTC)
    assert found is None or found >= EARLIEST_MS


@settings(deadline=None, max_examples=60)
@given(
    st.sampled_from(sorted(LINES)),
    st.lists(st.text(max_size=60) | st.binary(max_size=60).map(lambda b: b.decode("latin-1")), max_size=20),
)
def test_noise_among_the_lines_harms_none_of_them(name: str, noise: list[str]) -> None:
    from tracker.sites import new_site

    lines = written(name, count=60).splitlines()
    head = len(HEADS.get(name, "").splitlines())
    for index, text in enumerate(noise):
        clean = text.replace("\n", " ").replace("\r", " ").lstrip("#")
        lines.insert(head + index * 2, f"~{clean}")
    block = ("\n".join(lines) + "\n").encode(errors="replace")
    found = recognised(block, AUTO, UTC, "a.log")
    from ingest.access_log.reader import AccessLogReader

    reader = AccessLogReader(ImportOptions(found.form, new_site("default"), KEY, proxies=found.proxies))
    hits = [reader.hits(part) for part in found.lines(iter([block]), UTC)]
    assert sum(map(len, hits)) == 60
    assert reader.fates["malformed"] == len(noise)


def test_names_that_were_looked_up_are_clients_and_a_lone_virtual_host_is_not(site: Site) -> None:
    names = "".join(line(f"/{n}", n, ip=f"host{n}.example") for n in range(20))
    assert len({row["visitor"] for row in views_of(names, site)}) == 20
    with pytest.raises(FormatMismatch, match="client"):
        recognised("".join(line(f"/{n}", n, ip="shop.example") for n in range(20)).encode(), AUTO, UTC, "a")


def test_what_is_asked_for_is_read_behind_prefixes_too(site: Site) -> None:
    block = written("combined", "docker compose").encode()
    assert recognised(block, named("combined"), UTC, "a").prefixes == ("docker compose",)
    json_log = written("Caddy", "Kubernetes").encode()
    assert recognised(json_log, named_format("json"), UTC, "a").form.records == "json"
    with pytest.raises(FormatMismatch, match="its lines are in the format JSON"):
        recognised(json_log, named("combined"), UTC, "a")


def test_nginx_without_escape_json_writes_json_that_is_none(site: Site) -> None:
    rows = []
    for view in views():
        agent = view.ua + r" \x22quoted\x22"
        rows.append(
            f'{{"time_local":"{view.clf}","remote_addr":"{view.ip}","request":"GET {view.path} HTTP/1.1",'
            f'"status":200,"http_referer":"-","http_user_agent":"{agent}"}}\n'
        )
    found = views_of("".join(rows), site)
    assert (len(found), {row["browser"] for row in found}) == (30, {"Chrome", "Firefox"})


def test_referrers_and_agents_survive_conversion(site: Site) -> None:
    view = views()[1]._replace(ua=CHROME + ' "x"\t크롬 \\', referrer=GOOGLE + "?q=운동화")
    texts = [LINES["nginx JSON"](view._replace(path=f"/{n}")) for n in range(20)]
    rows = views_of("\n".join(texts) + "\n", site)
    assert (rows[0]["browser"], rows[0]["referrer"]) == ("Chrome", GOOGLE + "?q=%EC%9A%B4%EB%8F%99%ED%99%94")


LOGS = Path(__file__).parent / "access_logs"


@pytest.mark.parametrize(
    ("name", "pages", "visitors", "form"),
    [
        ("nginx-main", 25, 13, "nginx"),
        ("nginx-json", 25, 13, "JSON"),
        ("nginx-syslog", 25, 13, "nginx, behind syslog"),
        ("apache-vhost", 13, 13, "vhost"),
        ("apache-timed", 13, 13, "combined"),
        ("apache-proxied", 13, 13, "combined"),
        ("haproxy", 12, 12, "HAProxy"),
        ("caddy", 12, 12, "JSON"),
    ],
)
def test_logs_that_real_servers_wrote(
    warehouse: Warehouse, site: Site, name: str, pages: int, visitors: int, form: str
) -> None:
    """nginx 1.22, Apache 2.4, HAProxy 2.6 and Caddy 2.6 wrote them: twelve visitors asked for a page each, through
    proxies that said so, and one with an odd user agent came without."""
    summary = Importer(warehouse, ImportOptions(AUTO, site, KEY)).file(str(LOGS / f"{name}.log"))
    assert (summary.format, summary.counted) == (form, pages)
    assert len({who for (who,) in stored(warehouse, "visitor")}) == visitors
    assert {str(path) for (path,) in stored(warehouse, "path")} == {
        f"/{page}.html" for page in ("index", *"abc")
    }
    assert summary.shared == ("127.0.0.0" if name in ("apache-vhost", "apache-timed", "haproxy") else None)


def test_a_request_that_nobody_answered_is_an_error(warehouse: Warehouse, site: Site, tmp_path: Path) -> None:
    path = tmp_path / "a.log"
    path.write_text(written("HAProxy").replace(" 200 2750", " -1 2750", 1))
    summary = Importer(warehouse, ImportOptions(AUTO, site, KEY)).file(str(path))
    assert (summary.fates["errors"], summary.counted, summary.fates["malformed"]) == (1, 29, 0)
