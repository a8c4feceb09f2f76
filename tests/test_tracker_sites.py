"""The sites file, edited by another process while this one serves."""

from pathlib import Path

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
