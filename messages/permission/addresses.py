"""Addresses of a person by channel, written one way, and their keyed digests: what is stored names nobody."""

import hashlib
import hmac
import re
import unicodedata
from collections.abc import Callable, Mapping
from typing import Any

from profiles.model import Profile

TRAITS = {"email": "email", "sms": "phone", "kakao": "phone", "call": "phone", "post": "address"}
"""The trait that holds the address of a channel."""
CONFIRMATION = "Email Confirmation Requested"
"""The event that asks for the mail with the link that confirms a sign-up. Events with names that begin with "Email "
trigger messages only where the site itself told them: a browser could name any address and any link."""
_KINDS = {"email": "email", "sms": "phone", "kakao": "phone", "call": "phone"}
DIGEST_LENGTH = 32
ADDRESS_LENGTH = 512
_EMAIL = re.compile(r"[^\s@<>\"',;:\\()\[\]\x00-\x1f]{1,64}@[^\s@<>\"',;:\\()\[\]/\x00-\x1f]{1,255}")
_CALLING = {
    "KR": "82",
    "US": "1",
    "CA": "1",
    "JP": "81",
    "CN": "86",
    "TW": "886",
    "HK": "852",
    "SG": "65",
    "GB": "44",
    "DE": "49",
    "FR": "33",
    "IT": "39",
    "ES": "34",
    "AT": "43",
    "CH": "41",
    "NL": "31",
    "BE": "32",
    "PL": "48",
    "SE": "46",
    "DK": "45",
    "NO": "47",
    "FI": "358",
    "AU": "61",
    "NZ": "64",
}
_TRUNKLESS = frozenset({"IT"})
"""Where the leading 0 is part of the number."""


def address_of(profile: Profile, channel: str) -> str:
    """The person's address on the channel, as they gave it; "" without one."""
    value = profile.traits.get(TRAITS.get(channel, ""))
    return value.strip() if isinstance(value, str) and len(value) <= ADDRESS_LENGTH else ""


def address_for(profile: Profile, channel: str, trigger: Mapping[str, Any]) -> str:
    """Where a message of this trigger goes: the mail that confirms a sign-up to the address that signed up, which may
    be another than the person's. Only the site's own events have that trigger's name."""
    if channel == "email" and trigger.get("name") == CONFIRMATION:
        told = trigger.get("props", {}).get("email")
        return told if isinstance(told, str) and is_email(told) else ""
    return address_of(profile, channel)


def is_email(text: str) -> bool:
    """Whether it can be an address to write to: one "@", and nothing that a header or a list would split."""
    return bool(_EMAIL.fullmatch(text)) and "." in text.rpartition("@")[2]


def normalized(channel: str, address: str, country: str = "") -> str:
    """The one way to write an address: an e-mail address in lower case and Unicode's composed form, its domain without
    national letters; a telephone number as digits with its country's code."""
    text = unicodedata.normalize("NFKC", address).strip()
    kind = _KINDS.get(channel, channel)
    if kind == "email":
        local, _, domain = text.lower().rpartition("@")
        try:
            domain = domain.rstrip(".").encode("idna").decode()
        except UnicodeError:
            domain = domain.rstrip(".")
        return f"{local}@{domain}"
    return _number(text, country) if kind == "phone" else " ".join(text.lower().split())


class AddressDigests:
    """Digests of addresses by HMAC-SHA-256 under the installation's key. Of one address, each site has its own."""

    def __init__(self, key: Callable[[], bytes]) -> None:
        self._key = key

    def digest(self, site: str, channel: str, address: str, country: str = "") -> str:
        """DIGEST_LENGTH hexadecimal digits; "" for no address."""
        if not address:
            return ""
        told = f"{site}\0{_KINDS.get(channel, channel)}\0{normalized(channel, address, country)}"
        text = b"dangol.address\0" + told.encode("utf-8", "surrogatepass")
        return hmac.new(self._key(), text, hashlib.sha256).hexdigest()[:DIGEST_LENGTH]

    def of(self, site: str, profile: Profile, channel: str) -> str:
        """The digest of the person's address on the channel; "" without one."""
        return self.digest(site, channel, address_of(profile, channel), profile.country)


def _number(text: str, country: str) -> str:
    digits = "".join(each for each in text if each.isdecimal() and each.isascii())
    calling = _CALLING.get(country, "")
    if text.startswith("+"):
        return digits
    if digits.startswith("00"):
        return digits[2:]
    if calling and digits.startswith("0"):
        return calling + (digits if country in _TRUNKLESS else digits[1:])
    return calling + digits if calling and not digits.startswith(calling) else digits
