"""Cities from a MaxMind DB file, made here with three networks in it."""

from pathlib import Path

import pytest

from dangol import compose
from dangol.settings import load
from ingest.access_log.format import named
from ingest.access_log.page_views import ImportOptions
from ingest.access_log.reader import AccessLogReader
from ingest.enrich.cities import Cities, CitiesUnreadable, with_cities
from ingest.enrich.enrich import facts
from tests.support.ingest_streams import event
from tracker.sites import Site

pytest.importorskip("maxminddb", reason="no city lookups: pip install 'dangol[geoip]'")
mmdb_writer = pytest.importorskip("mmdb_writer", reason="no file to look up in: pip install mmdb-writer")
netaddr = pytest.importorskip("netaddr")


@pytest.fixture
def file(tmp_path: Path) -> Path:
    writer = mmdb_writer.MMDBWriter(6, "GeoLite2-City", ipv4_compatible=True)
    seoul = {"country": {"iso_code": "KR"}, "city": {"names": {"en": "Seoul", "ko": "서울특별시"}}}
    writer.insert_network(netaddr.IPSet(["203.0.113.0/24", "2001:db8:1::/48"]), seoul)
    writer.insert_network(netaddr.IPSet(["198.51.100.0/24"]), {"country": {"iso_code": "JP"}})
    path = tmp_path / "cities.mmdb"
    writer.to_db_file(str(path))
    return path


def test_a_truncated_address_has_its_city(file: Path) -> None:
    cities = Cities(str(file))
    assert cities.find("203.0.113.0") == cities.find("2001:db8:1::") == ("KR", "Seoul")
    assert cities.find("198.51.100.0") == ("JP", "")
    assert cities.find("192.0.2.0") == cities.find("no address") == ("", "")


def test_events_get_the_city_and_the_file_s_country(file: Path, site: Site) -> None:
    enrich = with_cities(facts, Cities(str(file)))
    found = enrich(event("1", ip="203.0.113.0"), site)
    assert (found.country, found.city) == ("KR", "Seoul")
    assert enrich(event("2"), site) == facts(event("2"), site)
    assert enrich(event("3", ip="8.8.8.0"), site) == facts(event("3", ip="8.8.8.0"), site)


def test_a_worker_of_an_installation_with_such_a_file_uses_it(file: Path, site: Site) -> None:
    enrich = compose.enrichment(load({"DANGOL_GEOIP": str(file)}))
    assert enrich(event("1", ip="203.0.113.0"), site).city == "Seoul"
    bare = compose.enrichment(load({}))(event("1", ip="203.0.113.0"), site)
    assert bare.city == "" and bare.country == facts(event("1", ip="203.0.113.0"), site).country


def test_access_logs_tell_cities_too(file: Path, site: Site) -> None:
    browser = "Mozilla/5.0 (X11; Linux x86_64) Firefox/140.0"
    line = f'{{}} - - [01/Nov/2026:10:00:00 +0000] "GET / HTTP/1.1" 200 1 "-" "{browser}"\n'
    block = "".join(map(line.format, ("203.0.113.9", "198.51.100.7", "8.8.8.8"))).encode()

    def places(geoip: str) -> list[tuple[str, str | None]]:
        hits = AccessLogReader(ImportOptions(named("combined"), site, b"key", geoip=geoip)).hits(block)
        return list(zip(hits["country"].to_pylist(), hits["city"].to_pylist(), strict=True))

    assert places(str(file)) == [("KR", "Seoul"), ("JP", None), ("US", None)]
    assert [city for _, city in places("")] == [None, None, None]
    with pytest.raises(CitiesUnreadable, match="absent"):
        places("absent.mmdb")


def test_a_file_that_is_none_is_named(tmp_path: Path) -> None:
    (tmp_path / "no.mmdb").write_bytes(b"nothing of the kind")
    for name in ("no.mmdb", "absent.mmdb"):
        with pytest.raises(CitiesUnreadable, match=name):
            Cities(str(tmp_path / name))
