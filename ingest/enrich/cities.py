"""The country and city of a truncated address, from a MaxMind DB file of the installation's own (GeoLite2-City, DB-IP's
lite files and their like; one of countries alone will do)."""

from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path
from typing import Any

import msgspec

from ingest.enrich.countries import Source
from ingest.enrich.enrich import Enrich
from profiles.facts import Facts
from tracker.event import Event
from tracker.sites import Site


class CitiesUnreadable(Exception):
    """DANGOL_GEOIP names no MaxMind DB file, or ``maxminddb`` is not installed; the message says which."""


class Cities:
    """Looks up cities. One object for each process; the file is mapped, not read."""

    def __init__(self, path: str) -> None:
        try:
            import maxminddb
        except ImportError as error:
            raise CitiesUnreadable("DANGOL_GEOIP needs maxminddb: pip install 'dangol[geoip]'") from error
        try:
            self._reader = maxminddb.open_database(path)
        except (OSError, maxminddb.InvalidDatabaseError) as error:
            raise CitiesUnreadable(f"DANGOL_GEOIP: {path} cannot be read: {error}") from error
        self._path = path
        self.find = lru_cache(maxsize=100_000)(self._find)

    def _find(self, ip: str) -> tuple[str, str]:
        """Country code and city in English, each "" when unknown."""
        try:
            found: Any = self._reader.get(ip)
        except ValueError:  # no address, or IPv6 in a file of IPv4
            return "", ""
        if not isinstance(found, dict):
            return "", ""
        country, city = found.get("country"), found.get("city")
        code = country.get("iso_code", "") if isinstance(country, dict) else found.get("country_code", "")
        name = city.get("names", {}).get("en", "") if isinstance(city, dict) else ""
        return str(code), str(name)

    def source(self) -> Source:
        """What the file says of itself; its licence is its maker's."""
        told = self._reader.metadata()
        about = told.description.get("en", "") or Path(self._path).name
        return Source(
            f"{told.database_type}: {about}",
            "as its maker says",
            datetime.fromtimestamp(told.build_epoch, UTC).date(),
        )


def with_cities(enrich: Enrich, cities: Cities) -> Enrich:
    """Enrichment that knows cities as well, and whose countries are the file's where it knows one."""

    def facts(event: Event, site: Site) -> Facts:
        found = enrich(event, site)
        country, city = cities.find(event.ip) if event.ip else ("", "")
        if not country and not city:
            return found
        return msgspec.structs.replace(found, country=country or found.country, city=city)

    return facts
