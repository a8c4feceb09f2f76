"""The sites file, edited by another process while this one serves."""

import json
from pathlib import Path
from typing import Any

import msgspec
import pytest

from tracker.sites import Site, Sites, SitesInvalid


@pytest.fixture
def sites(tmp_path: Path) -> Sites:
    sites = Sites(tmp_path / "sites.json")
    sites.save(Site(id="one", write_key="wk_1", secret_key="sk_1"))
    return sites


def test_an_edit_half_done_changes_nothing_and_the_whole_one_everything(
    sites: Sites, caplog: pytest.LogCaptureFixture
) -> None:
    whole = sites.path.read_bytes().replace(b"wk_1", b"wk_new")
    sites.path.write_bytes(whole[:40])
    sites.refresh()
    assert sites.by_write_key("wk_1") and "keeping the sites" in caplog.text
    with pytest.raises(SitesInvalid, match=r"sites\.json"):
        Sites(sites.path)
    sites.path.write_bytes(whole)
    sites.refresh()
    assert sites.by_write_key("wk_new") and not sites.by_write_key("wk_1")


def test_protocols_without_keys_name_a_site_in_four_ways(sites: Sites) -> None:
    first = sites.get("one")
    assert sites.by_any_name("whatever") is first  # the only one there is
    second = Site(id="two", write_key="wk_2", secret_key="sk_2")
    sites.save(second)
    assert [sites.by_any_name(name) for name in ("wk_2", "sk_2", "two", "2", "1")] == [
        *[second] * 4,
        first,
    ]
    assert [sites.by_any_name(name) for name in ("", "3", "0", "1" * 50)] == [None] * 4


@pytest.mark.parametrize(
    "wrong",
    [
        {"id": "x" * 300},
        {"id": "가" * 22},  # 66 bytes
        {"id": ""},
        {"id": "../other"},
        {"id": "a/b"},
        {"id": "a{b}"},
        {"id": "a:b"},
        {"id": "two\n"},
        {"timezone": "Mars/Phobos"},
        {"timezone": "../../etc/passwd"},
        {"timezone": ""},
        {"timezone": "\0"},
        {"timezone": "x" * 5000},
        {"currency": "euros"},
        {"currency": ""},
        {"currency": "ABC"},
        {"locale": "nowhere"},
        {"locale": "x" * 5000},
        {"rates": {"USD": [["2026-01-02", 1], ["2026-01-01", 1]]}},
        {"rates": {"USD": [["2026-01-01", 1], ["2026-01-01", 2]]}},
        {"rates": {"EUR": [["2026-01-01", 1]]}},
        {"rates": {"usd": [["2026-01-01", 1]]}},
        {"rates": {"USD": [["20260101", 1]]}},
        {"rates": {"USD": [["2026-01-01", 0]]}},
        {"rates": {"USD": [["2026-01-01", "1"]]}},
        {"rates": {"USD": [["2026-01-01"]]}},
        {"rates": {"USD": 1}},
        {"rates": None},
        {"session_timeout_minutes": 0},
        {"session_timeout_minutes": -5},
        {"session_max_hours": 10**12},
        {"timezone": 5},
        {"identity": "everybody"},
        {"origins": None},
    ],
    ids=str,
)
def test_a_bad_site_is_refused_or_set_aside_and_the_others_go_on(
    sites: Sites, wrong: dict[str, Any], caplog: pytest.LogCaptureFixture
) -> None:
    two, three = (
        {"id": each, "write_key": f"wk_{each}", "secret_key": f"sk_{each}"} for each in ("two", "three")
    )
    with pytest.raises((SitesInvalid, msgspec.ValidationError)):
        sites.save(msgspec.convert({**two, **wrong}, Site))
    file = [json.loads(sites.path.read_bytes())[0], {**two, **wrong}, three]
    sites.path.write_text(json.dumps(file))
    for known in (Sites(sites.path), sites):
        known.refresh()
        assert list(known.all()) == ["one", "three"] and len(known.aside) == 1
        assert known.by_write_key("wk_1") and known.by_write_key("wk_three") and not known.by_key("wk_two")
        assert known.by_any_name("2") is None and known.by_any_name("3") is known.get("three")
    assert "set aside" in caplog.text
    sites.save(Site(id="four", write_key="wk_4", secret_key="sk_4"))
    assert json.loads(sites.path.read_bytes())[1] == file[1]  # what a person wrote is theirs to mend


def test_a_site_that_was_good_goes_on_as_it_was_until_its_edit_is_mended(sites: Sites) -> None:
    sites.path.write_bytes(sites.path.read_bytes().replace(b'"UTC"', b'"Mars/Phobos"'))
    sites.refresh()
    assert sites.by_write_key("wk_1") and sites.aside
    sites.path.write_bytes(sites.path.read_bytes().replace(b"Mars/Phobos", b"Asia/Seoul"))
    sites.refresh()
    assert sites.get("one").timezone == "Asia/Seoul" and not sites.aside  # type: ignore[union-attr]


def test_a_key_is_one_sites(sites: Sites, caplog: pytest.LogCaptureFixture) -> None:
    for keys in (("wk_1", "sk_2"), ("wk_2", "wk_1"), ("sk_1", "sk_2")):
        thief = Site(id="two", write_key=keys[0], secret_key=keys[1])
        with pytest.raises(SitesInvalid, match="'one' has the same key"):
            sites.save(thief)
        entries = [*json.loads(sites.path.read_bytes())[:1], msgspec.to_builtins(thief)]
        sites.path.write_text(json.dumps(entries))
        assert Sites(sites.path).by_key("wk_1").id == "one"  # type: ignore[union-attr]
        assert "answers to no key" in caplog.text


@pytest.mark.parametrize(
    "entry", ["*", "https://*.shop.example", "null", "https://shop.example/path", "https://", ""]
)
def test_what_is_no_origin_is_refused(sites: Sites, entry: str) -> None:
    with pytest.raises(SitesInvalid, match="no origin"):
        sites.save(Site(id="two", write_key="wk_2", secret_key="sk_2", origins=(entry,)))


MINE = {"id": "one", "write_key": "wk_1", "secret_key": "sk_1"}


@pytest.mark.parametrize("first", [True, False])
@pytest.mark.parametrize(
    "other",
    [
        {"id": "two", "write_key": "wk_2", "secret_key": "wk_1"},
        {"id": "two", "write_key": "sk_1", "secret_key": "sk_2"},
        {"id": "two", "write_key": "wk_1", "secret_key": "sk_1"},
        {"id": "one", "write_key": "wk_2", "secret_key": "sk_2"},
        {"id": "one", "write_key": "", "secret_key": "", "timezone": "Mars/Phobos"},
    ],
)
def test_a_site_that_is_added_takes_neither_id_nor_key_of_another(
    sites: Sites, other: dict[str, str], first: bool
) -> None:
    sites.path.write_text(json.dumps([other, MINE] if first else [MINE, other]))
    sites.refresh()
    mine = sites.by_write_key("wk_1")
    assert mine is not None and mine.id == "one" and sites.by_secret_key("sk_1") is mine
    assert sites.by_secret_key("wk_1") is None and sites.by_write_key("sk_1") is None
    if not other["write_key"]:
        assert Sites(sites.path).by_write_key("wk_1") == mine, "the valid one, at the start too"
    sites.save(Site(id="three", write_key="wk_3", secret_key="sk_3"))
    assert len(json.loads(sites.path.read_text())) == 3, "nobody's entry is lost"
    assert sites.by_write_key("wk_1") == mine
