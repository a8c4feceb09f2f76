"""The country of a truncated address, from the database that ships with geoip2fast."""

from functools import lru_cache

from geoip2fast import GeoIP2Fast


@lru_cache(maxsize=1)
def _database() -> GeoIP2Fast:
    return GeoIP2Fast(geoip2fast_data_file="geoip2fast-ipv6.dat.gz")


@lru_cache(maxsize=100_000)
def country(ip: str) -> str:
    """ISO 3166 code in upper case, "" when unknown or private.

    The address comes truncated (/24, /48): countries are allocated in blocks no smaller than that.
    """
    if not ip:
        return ""
    code = _database().lookup(ip).country_code
    return code if len(code) == 2 and code.isalpha() else ""
