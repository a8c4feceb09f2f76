"""Countries: fresh data, said where it comes from, and a warning when it is old."""

from datetime import date, timedelta
from pathlib import Path

import netaddr
import pytest
from mmdb_writer import MMDBWriter

from dangol import compose
from dangol.doctor.doctor import Outdated, countries_are_new
from dangol.settings import Settings
from ingest.enrich.cities import Cities
from ingest.enrich.countries import KEPT_DAYS, country, source
from tests.support.machine import Clock
from tracker.durations import DAY_SECONDS


def test_the_data_is_younger_than_a_year_and_has_a_name() -> None:
    found = source()
    assert found.made and not found.old(date(2026, 11, 30))
    assert "RIPE NCC" in found.name and "Apache-2.0" in found.licence
    assert found.old(found.made + timedelta(days=KEPT_DAYS + 1)) and not found.old(
        found.made + timedelta(KEPT_DAYS)
    )


def test_addresses_of_the_registries() -> None:
    assert [country(ip) for ip in ("193.0.6.0", "202.12.29.0", "200.3.14.0", "196.216.2.0")] == [
        "NL",
        "AU",
        "UY",
        "ZA",
    ]
    assert country("127.0.0.0") == country("::") == country("fe80::") == country("1.2.3") == ""


def test_the_doctor_warns_of_old_data(tmp_path: Path, clock: Clock) -> None:
    settings = Settings(data=str(tmp_path))
    assert "iptocc" in countries_are_new(settings)
    clock.advance(2 * 365 * DAY_SECONDS)
    with pytest.raises(Outdated, match="pip install -U iptocc"):
        countries_are_new(settings, clock)


def test_a_file_of_ones_own_may_know_countries_alone(tmp_path: Path) -> None:
    writer = MMDBWriter(ip_version=4, database_type="My-Country", description="mine")
    writer.insert_network(netaddr.IPSet(["203.0.113.0/24"]), {"country": {"iso_code": "KR"}})
    writer.insert_network(netaddr.IPSet(["198.51.100.0/24"]), {"country_code": "JP"})
    path = tmp_path / "mine.mmdb"
    writer.to_db_file(str(path))
    cities = Cities(str(path))
    assert [cities.find(ip) for ip in ("203.0.113.0", "198.51.100.0", "8.8.8.0")] == [
        ("KR", ""),
        ("JP", ""),
        ("", ""),
    ]
    found = compose.country_source(Settings(data=str(tmp_path), geoip=str(path)))
    assert found.name.startswith("My-Country: mine") and found.made == date.today()  # noqa: DTZ011
