"""Formats of access logs: the known ones, patterns of one's own, and logs in another format than was asked for."""

from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingest.access_log.format import Format, FormatInvalid, named
from ingest.access_log.formats.detection import FormatMismatch
from ingest.access_log.lines import cut, escaped
from tests.support.access_log_lines import CHROME, imported, line, stored
from tracker.sites import Site
from warehouse.delta import Warehouse


@pytest.fixture
def warehouse(tmp_path: Path) -> Warehouse:
    return Warehouse(str(tmp_path / "warehouse"))


PATTERNS = {
    "common": ("common", "", '{ip} - - [{t}] "GET {u} HTTP/1.1" 200 12'),
    "vhost": ("vhost", "", 'Shop.example:443 {ip} - - [{t}] "GET {u} HTTP/1.1" 200 12 "{r}" "{a}"'),
    "vhost and common": ("vhost", "", 'shop.example {ip} - - [{t}] "GET {u} HTTP/1.1" 200 12'),
    "apache": (
        "custom",
        '%t %{Host}i %>s %D \\"%{User-Agent}i\\" %h "%r" "%{Referer}i"',
        '[{t}] shop.example 200 17 "{a}" {ip} "GET {u} HTTP/1.1" "{r}"',
    ),
    "apache in parts": (
        "custom",
        "%{%Y-%m-%d %T %z}t|%v|%{X-Forwarded-For}i|%m|%U|%q|%s|%{Referer}i|%{User-agent}i",
        "{iso}|shop.example|{ip}, 10.0.0.1|GET|{p}|{q}|200|{r}|{a}",
    ),
    "nginx": (
        "custom",
        '$remote_addr - $remote_user [$time_local] $host "$request" $status "$http_referer" "$http_user_agent" $pipe',
        '{ip} - - [{t}] shop.example "GET {u} HTTP/1.1" 200 "{r}" "{a}" .',
    ),
    "nginx iso": (
        "custom",
        '$time_iso8601 $http_host $remote_addr "$request" $status "$http_referer" "$http_user_agent"',
        '{iso8601} shop.example {ip} "GET {u} HTTP/1.1" 200 "{r}" "{a}"',
    ),
}


@pytest.mark.parametrize("name", PATTERNS)
def test_formats(warehouse: Warehouse, site: Site, tmp_path: Path, name: str) -> None:
    form, pattern, template = PATTERNS[name]
    text = template.format(
        ip="203.0.113.7",
        t="04/Mar/2026:05:00:01 +0100",
        iso="2026-03-04 05:00:01 +0100",
        iso8601="2026-03-04T05:00:01+01:00",
        u="/p?utm_source=mail&utm_medium=email",
        p="/p",
        q="?utm_source=mail&utm_medium=email",
        r="https://www.google.com/",
        a=CHROME,
    )
    summary = imported(warehouse, site, tmp_path / "a.log", text + "\n", form=form, pattern=pattern)
    assert summary.counted == 1
    ((ts, url, path, channel, browser),) = stored(warehouse, "ts", "url", "path", "channel", "browser")
    assert ts == int(datetime(2026, 3, 4, 4, 0, 1, tzinfo=UTC).timestamp() * 1000)
    assert (path, channel) == ("/p", "e-mail")
    assert url == ("" if name == "common" else "https://shop.example") + "/p?utm_source=mail&utm_medium=email"
    assert browser == ("" if "common" in name else "Chrome")


@pytest.mark.parametrize("pattern", ["%h %r", '%h%l %t "%r"', '%l %t "%r"', "%h %t", ""])
def test_patterns_that_cannot_be_read(pattern: str) -> None:
    with pytest.raises(FormatInvalid):
        named("custom", pattern)


CUT = [
    named("combined"),
    named("common"),
    named("vhost"),
    named("custom", "%h %t %U"),
    named("custom", "%t|%h|%U|%q"),
]


@settings(deadline=None)
@given(st.sampled_from(CUT), st.lists(st.text(st.sampled_from('a "\\[]-1x|'), max_size=80), max_size=8))
def test_lines_are_cut_as_the_regular_expression_cuts_them(form: Format, texts: list[str]) -> None:
    whole = line("/a?b=c").rstrip("\n")
    good = {0: whole, 1: whole, 2: "shop.example " + whole, 3: "h [t] /u", 4: "[t]|h|/u|q"}[CUT.index(form)]
    # Among many good lines a bad one is left to the expression; of few, the block is searched for each.
    lines = [
        *texts,
        good,
        *(good.replace("a", text) for text in texts),
        *(good for _ in range(200 if texts else 0)),
    ]
    block = escaped(("\n".join(lines) + "\n").encode())
    cutting = cut(block, form)
    for index, text in enumerate(lines):
        found = form.regex.match(text.encode()) if text else None
        assert cutting.good[index] == (found is not None)
        if found:
            spans = zip(cutting.starts[index], cutting.ends[index], strict=True)
            assert [block[start:end] for start, end in spans] == [group or b"" for group in found.groups()]


@pytest.mark.parametrize(
    ("asked", "really"),
    [("combined", "vhost"), ("common", "vhost"), ("common", "combined"), ("vhost", "combined")],
)
def test_a_log_in_another_format_is_refused_before_anything_of_it_is_stored(
    warehouse: Warehouse, site: Site, tmp_path: Path, asked: str, really: str
) -> None:
    front = "shop.example:443 " if really == "vhost" else ""
    text = "".join(front + line(f"/{number}", number) for number in range(20))
    with pytest.raises(FormatMismatch, match=rf"a\.log: .* in the format {really}"):
        imported(warehouse, site, tmp_path / "a.log", text, form=asked)
    assert stored(warehouse, "id") == []
    assert imported(warehouse, site, tmp_path / "a.log", form=really).added == 20


def test_what_is_no_log_is_refused_and_an_empty_one_is_not(
    warehouse: Warehouse, site: Site, tmp_path: Path
) -> None:
    with pytest.raises(FormatMismatch, match="It begins with: id,name"):
        imported(warehouse, site, tmp_path / "a.csv", "id,name\n1,x\n")
    assert imported(warehouse, site, tmp_path / "a.log", "").lines == 0
    names = "".join(line(f"/{n}", n, ip=f"host{n}.example") for n in range(20))  # names that were looked up
    assert imported(warehouse, site, tmp_path / "b.log", names).added == 20
    common = "".join(
        line(f"/c{n}", n).split(' "-"')[0] + "\n" for n in range(20)
    )  # combined says less as well
    assert imported(warehouse, site, tmp_path / "c.log", common).added == 20


def test_lines_that_are_not_in_the_format_are_shown(warehouse: Warehouse, site: Site, tmp_path: Path) -> None:
    text = line("/a", 0) + "nonsense\n" + line("/b", 1) + "".join(f"{i}" * 500 + "\n" for i in range(5))
    summary = imported(warehouse, site, tmp_path / "a.log", text)
    assert summary.fates["malformed"] == 6
    assert summary.examples == ((2, "nonsense"), (4, "0" * 120), (5, "1" * 120))
