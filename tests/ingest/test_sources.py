"""The file of hosts, names and click ids: how it is made, and what holds of all its lines."""

import importlib.util
import re
from collections import Counter
from pathlib import Path
from types import ModuleType

import pytest

from ingest.enrich.channels import arrival
from ingest.enrich.sources.domains import owner, registered
from ingest.enrich.sources.places import named, place_of, places
from tests.support.machine import ROOT
from tests.support.sources_file import lines_of_sources
from tracker.fields.channel_rules import CHANNELS

FILE = ROOT / "ingest" / "enrich" / "sources" / "sources.tsv"


@pytest.fixture(scope="module")
def tool() -> ModuleType:
    spec = importlib.util.spec_from_file_location("sources_tool", ROOT / "tools" / "sources.py")
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_file_is_what_the_script_makes_of_the_lists(tool: ModuleType) -> None:
    text = FILE.read_text("utf-8")
    day = re.match(r"# Made on (\d{4}-\d\d-\d\d) ", text)
    assert day, "the head tells the day"
    assert tool.made(tool.arguments(["--day", day[1]])) == text
    assert "# Sources: " in text and "# Licences: " in text


def test_kept_lists_are_joined_and_ours_win(tool: ModuleType, tmp_path: Path) -> None:
    engines, socials, spam = tmp_path / "engines.yml", tmp_path / "socials.yml", tmp_path / "spam.txt"
    engines.write_text(
        "Newfind:\n  - urls: [newfind.example, 'find.{}']\n    params: [q, '/x(y)/']\nG:\n  - urls: [mail.google.com]\n"
    )
    socials.write_text("Friends:\n  - friends.example\n  - facebook.com\n  - a.example/path\n")
    spam.write_text("spammer.example\nschlüssel.example\n")
    asked = ["--engines", str(engines), "--socials", str(socials), "--spam", str(spam), "--day", "2026-12-01"]
    lines = tool.made(tool.arguments(asked)).splitlines()
    assert {
        "search\tnewfind.example\tnewfind\tq",
        "search\tfind.*\tnewfind\tq",
        "social\t.friends.example\tfriends",
        "spam\t.spammer.example",
        "spam\t.xn--schlssel-95a.example",
        "e-mail\t.mail.google.com\tgmail",
    } <= set(lines)
    assert not [line for line in lines if "a.example/path" in line or line.startswith("search\tmail.google")]
    assert "CC0-1.0" in "".join(lines[:4]) and "searchengine-and-social-list" in lines[1]


def test_every_line_is_read_and_says_one_thing() -> None:
    kinds = Counter(line.split("\t")[0] for line in lines_of_sources())
    assert set(kinds) == {
        *("search", "social", "video", "shopping", "e-mail", "AI assistant", "display", "affiliate"),
        *("passing", "referral", "spam", "click"),
    }
    assert all(count >= 50 for count in kinds.values())
    patterns = [line.split("\t")[1] for line in lines_of_sources()]
    assert [each for each, count in Counter(patterns).items() if count > 1] == []
    known = places()
    assert len(known.exact) + len(known.below) + len(known.names) + len(known.paths) + len(
        known.clicks
    ) == len(patterns)


def test_every_host_of_the_file_can_be_found_and_has_the_kind_of_its_line() -> None:
    known = places()
    for table, before in ((known.exact, ""), (known.below, "a.b.")):
        for pattern, place in table.items():
            host = before + pattern.replace("*", "de")
            assert place_of(host) == place, host
            assert pattern.startswith("app/") or registered(host)[0], host


def test_every_source_with_a_name_and_every_click_id_has_a_channel() -> None:
    known = places()
    for name, place in known.names.items():
        assert named(name) == place
        came = arrival(
            f"https://shop.example/?utm_source={name.replace(' ', '_')}".replace("&", "%26").replace(
                "+", "%2B"
            ),
            "",
        )
        assert came and came.channel in CHANNELS and came.origin == place.name, name
    for click in known.clicks:
        value = click.pattern.replace("*", "a") or "x"
        came = arrival(f"https://shop.example/?{click.parameter}={value}", "")
        assert came and came.channel not in ("campaign", "direct", "referral"), click
        assert came.key == f"{click.parameter}={value}"


@pytest.mark.parametrize(
    ("host", "whose"),
    [
        ("a.b.shop.co.uk", "shop.co.uk"),
        ("kim.myshopify.com", "kim.myshopify.com"),
        ("a.kim.cafe24.com", "kim.cafe24.com"),
        ("cafe24.com", "cafe24.com"),
        ("localhost", "localhost"),
        ("2001:db8::1", "2001:db8::1"),
        ("co.uk", "co.uk"),
        ("", ""),
    ],
)
def test_the_owner_of_a_host(host: str, whose: str) -> None:
    assert owner(host) == whose
