"""The country of a truncated address, from the statistics of the registries that give out addresses (``iptocc``)."""

from datetime import date
from functools import lru_cache
from importlib.metadata import distribution
from typing import NamedTuple

import msgspec
from iptocc import country_code

KEPT_DAYS = 365
"""Addresses are given to others all the time: older data is worth a warning."""


class Source(NamedTuple):
    """Where countries come from: ``licence`` in a few words, ``made`` the day of the data, None when it is not told."""

    name: str
    licence: str
    made: date | None

    def old(self, today: date) -> bool:
        return self.made is not None and (today - self.made).days > KEPT_DAYS


@lru_cache(maxsize=100_000)
def country(ip: str) -> str:
    """ISO 3166 code in upper case, "" when unknown or private.

    The address comes truncated (/24, /48): countries are allocated in blocks no smaller than that.
    """
    code = country_code(ip) if ip else None
    return code if code and len(code) == 2 and code.isalpha() else ""


class _Metadata(msgspec.Struct):
    timestamp: str


class _Bill(msgspec.Struct):
    metadata: _Metadata


def source() -> Source:
    """Of the wheel that is installed; its bill of materials tells when it was made, with the data of that night."""
    wheel, made = distribution("iptocc"), None
    for file in wheel.files or ():
        if file.name.endswith(".cyclonedx.json"):
            try:
                bill = msgspec.json.decode(file.read_text(), type=_Bill)
                made = date.fromisoformat(bill.metadata.timestamp[:10])
            except (OSError, ValueError, msgspec.MsgspecError):
                made = None
    name = (
        f"delegation statistics of AFRINIC, APNIC, ARIN, LACNIC and RIPE NCC, through iptocc {wheel.version}"
    )
    return Source(name, "public statistics; iptocc: MIT or Apache-2.0", made)
