"""Arrivals whose answer is known from public documentation, and what must not change an answer."""

from pathlib import Path
from typing import NamedTuple
from urllib.parse import quote, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.enrich.channels import arrival, landing
from tests.support.machine import ROOT
from tests.support.sources_file import lines_of_sources
from tracker.fields.channel_rules import CHANNELS
from web.labels import CHANNELS as LABELS

PAGE = "https://shop.example/"


class Known(NamedTuple):
    channel: str
    source: str
    medium: str
    campaign: str
    url: str
    referrer: str
    note: str


def known() -> list[Known]:
    lines = (Path(__file__).parent / "arrivals.tsv").read_text("utf-8").splitlines()
    rows = [line.split("\t") for line in lines if line and not line.startswith("#")]
    return [Known(*row[:4], PAGE + row[4], *row[5:]) for row in rows]


KNOWN = known()
TAGGED = [
    each
    for each in KNOWN
    if "?utm_" in each.url and not any(odd in each.url[len(PAGE) + 1 :] for odd in ("#", ";", "?", "%3D"))
]
REFERRED = [each for each in KNOWN if each.url == PAGE and each.referrer.startswith("http")]


@pytest.mark.parametrize("each", KNOWN, ids=lambda each: f"{each.url[20:]} {each.referrer}".strip())
def test_a_known_arrival(each: Known) -> None:
    came = arrival(each.url, each.referrer)
    if each.channel == "none":
        assert came is None
        return
    assert came
    wanted = {
        "channel": each.channel,
        "origin": each.source,
        "medium": each.medium,
        "campaign": each.campaign.strip("-"),
    }
    asked = {name: value for name, value in wanted.items() if value != "~"}
    assert {name: getattr(came, name) for name in asked} == asked, each.note


def test_the_table_is_long_and_asks_for_every_channel() -> None:
    assert len(KNOWN) >= 300
    assert len({(each.url, each.referrer) for each in KNOWN}) == len(KNOWN)
    assert {each.channel for each in KNOWN} - {"none", "~"} == set(CHANNELS) - {"direct"}


def test_every_channel_has_a_name_on_the_desk_in_both_languages() -> None:
    assert set(LABELS) == set(CHANNELS)
    korean = (ROOT / "web" / "translations" / "ko.po").read_text("utf-8")
    assert [name for name in LABELS.values() if f'msgid "{name}"\nmsgstr "' not in korean] == []


query_names = st.sampled_from(["color", "page", "q", "utmx", "gclidx", "xfbclid", "n", "amp", "id"])
junk = st.lists(st.tuples(query_names, st.text("ab1%=+-_é", max_size=6).map(quote)), max_size=5)


@given(st.sampled_from(TAGGED), st.randoms(use_true_random=False), junk)
def test_order_case_and_other_parameters_change_nothing(
    each: Known, random: object, others: list[tuple[str, str]]
) -> None:
    pairs = urlsplit(each.url).query.split("&")
    names = [pair.partition("=")[0] for pair in pairs]
    mixed = [*pairs, *("=".join(pair) for pair in others)]
    if len(set(names)) == len(names):
        random.shuffle(mixed)  # type: ignore[attr-defined]
    changed = [
        name.upper() + sign + (value if "%" in value else value.swapcase())
        for name, sign, value in (pair.partition("=") for pair in mixed)
    ]
    plain = arrival(each.url, each.referrer)
    assert arrival(f"{PAGE}?{'&'.join(mixed)}", each.referrer) == plain
    known_only = [pair for pair in changed if "UTM" in pair[:3]]
    if all("clid" not in pair.lower() for pair in pairs):
        assert arrival(f"{PAGE}?{'&'.join(known_only)}", each.referrer) == plain


@given(st.sampled_from(TAGGED), st.sampled_from(["#", "#/", "#!/a/b?", "#/route?", "?&&", "?a&", "?x=1?"]))
def test_it_does_not_matter_where_tags_stand(each: Known, before: str) -> None:
    tags = urlsplit(each.url).query
    assert arrival(PAGE + before + tags, each.referrer) == arrival(each.url, each.referrer)
    escaped = tags.replace("&", "&amp;")
    assert arrival(f"{PAGE}?{escaped}", each.referrer) == arrival(each.url, each.referrer)


@given(
    st.sampled_from(REFERRED),
    st.sampled_from(["www.", "m.", ""]),
    st.sampled_from([":443", ":8443", "."]),
    st.sampled_from(["", "#", "#x?y=z"]),
)
def test_prefixes_and_ports_of_a_referrer_change_nothing(
    each: Known, prefix: str, port: str, end: str
) -> None:
    parts = urlsplit(each.referrer)
    host = parts.hostname or ""
    if not host.startswith(("www.", "m.")) and "." in host and prefix != "m.":
        host = prefix + host
    changed = f"HTTPS://{host}{port}{parts.path}" + (f"?{parts.query}" if parts.query else "") + end
    plain = arrival(PAGE, each.referrer)
    assert arrival(PAGE, changed) == plain


@given(st.text(max_size=80), st.text(max_size=80), st.sampled_from(KNOWN))
def test_a_channel_is_always_one_of_the_names(text: str, other: str, each: Known) -> None:
    for url, referrer in (
        (text, other),
        (PAGE + text, f"https://{other}/"),
        (f"{PAGE}?utm_source={quote(text)}&utm_medium={quote(other)}", each.referrer),
        (f"{each.url}&{text}", f"{each.referrer}{other}"),
        (each.url, f"android-app://{text}/"),
    ):
        came = arrival(url, referrer)
        assert came is None or came.channel in CHANNELS
        assert arrival(landing(url), referrer) == came


@given(st.sampled_from(KNOWN), st.sampled_from(["", "p/1", "a b", "%EC%8B%A0", "x#y", "x?y"]))
def test_a_landing_says_what_the_whole_address_says(each: Known, path: str) -> None:
    url = each.url.replace(PAGE, PAGE + path, 1)
    assert arrival(landing(url), each.referrer) == arrival(url, each.referrer)
    assert arrival(landing(each.url), each.referrer) == arrival(each.url, each.referrer)


@given(
    st.from_regex(r"\A[a-z]{3,12}(-[a-z]{2,5})?\Z"),
    st.sampled_from(["example", "co.kr", "de", "shop", "info"]),
)
def test_a_host_that_no_list_knows_is_a_referral(name: str, suffix: str) -> None:
    host = f"x-{name}.{suffix}"
    for known_host in ("google.com", "naver.com", "facebook.com", "paypal.com", "chatgpt.com", "semalt.com"):
        came = arrival(PAGE, f"https://{known_host}.{host}/?q=a&query=b")
        assert came and (came.channel, came.origin) == ("referral", f"{known_host}.{host}")


def test_no_other_host_of_a_search_company_is_search() -> None:
    """Names that no list has, before every host that searches."""
    searching = [line.split("\t")[1] for line in lines_of_sources() if line.startswith("search\t")]
    hosts = {
        host.replace("*", "com")
        for host in searching
        if "." in host and not host.startswith((".", "=", "app/"))
    }
    assert len(hosts) > 150
    below = tuple(host for host in searching if host.startswith("."))
    assert below == (
        ".ixquick.com",
        ".startpage.com",
        ".search.yahoo.co.jp",
        ".search.yahoo.com",
        ".zapmeta.com",
        ".zapmetasearch.com",
    )
    for host in sorted(host for host in hosts if not f".{host}".endswith(below)):
        came = arrival(PAGE, f"https://intranet-tools.{host}/")
        assert came is None or came.channel != "organic search", host
