"""The links of a mail: with UTM parameters and the decision's token where they lead to the shop, counted where the
person agreed, and without addresses that run code. Pure functions."""

import re
from collections.abc import Callable, Mapping
from functools import lru_cache
from html import escape, unescape
from urllib.parse import parse_qsl, quote, urlsplit, urlunsplit

from offers.campaign.mails.markup import END, LINK, SOURCE
from tracker.sites import Site

TOKEN = "dg_token"  # noqa: S105 the name of a parameter
_ADDRESSES = re.compile(f"([{LINK}{SOURCE}])([^{END}]*+){END}")
_INVISIBLE = re.compile(r"[\x00-\x20\x7f-\xa0\u200b-\u200f\u2028-\u202f\ufeff]")
_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*):")
_ALLOWED = {"href": {"http", "https", "mailto", "tel"}, "src": {"http", "https", "cid"}}


class LinkRules:
    """``ours`` are addresses that stay as they are, such as the one to unsubscribe. ``counted`` makes the address that
    counts a click of one; None without consent."""

    def __init__(
        self,
        site: Site,
        parameters: Mapping[str, str],
        ours: frozenset[str],
        counted: Callable[[str], str] | None,
    ) -> None:
        self._parameters, self._ours, self._counted = parameters, ours, counted
        self._hosts = hosts_of(site)
        self._known: dict[str, str] = {}

    def html(self, source: str) -> str:
        """Of a template's HTML, whose addresses stand between marks (``offers.campaign.mails.markup``)."""
        return _ADDRESSES.sub(self._rewritten, source)

    def text(self, source: str) -> str:
        return re.sub(r"(?<=\()https?://[^\s()<>]+(?=\))", lambda found: self.link(found[0]), source)

    def link(self, address: str) -> str:
        """Where a link leads. An address occurs more than once in a mail."""
        known = self._known.get(address)
        if known is None:
            known = self._known[address] = self._link(address)
        return known

    def _link(self, address: str) -> str:
        if address in self._ours or not re.match(r"(?i)https?://", address):
            return address
        marked = with_parameters(address, self._parameters) if _leads_to(address, self._hosts) else address
        return self._counted(marked) if self._counted else marked

    def _rewritten(self, found: re.Match[str]) -> str:
        address = unescape(found[2]).strip()
        if not allowed("href" if found[1] == LINK else "src", address):
            return ""
        return escape(self.link(address)) if found[1] == LINK else found[2]


def allowed(attribute: str, address: str) -> bool:
    """Whether the address may stand there: programs of mail know no relative ones."""
    plain = _INVISIBLE.sub("", address)
    if attribute == "href" and plain.startswith("#"):
        return True
    scheme = _SCHEME.match(plain)
    return bool(scheme and scheme[1].lower() in _ALLOWED["href" if attribute == "href" else "src"])


def with_parameters(address: str, parameters: Mapping[str, str]) -> str:
    """The address with the parameters that it does not have yet."""
    try:
        parts = urlsplit(address)
    except ValueError:
        return address
    has = {name for name, _ in parse_qsl(parts.query, keep_blank_values=True)}
    more = "&".join(
        f"{name}={quote(value, safe='', errors='replace')}"
        for name, value in parameters.items()
        if name not in has
    )
    query = f"{parts.query}&{more}" if parts.query and more else parts.query or more
    return urlunsplit(parts._replace(query=query))


@lru_cache(256)
def _hosts(own: tuple[str, ...], origins: tuple[str, ...]) -> tuple[str, ...]:
    named = [*own, *(urlsplit(each if "//" in each else f"//{each}").hostname or "" for each in origins)]
    return tuple(each.lower().lstrip("*.") for each in named if each)


def hosts_of(site: Site) -> tuple[str, ...]:
    """The shop's own hosts; empty where it has not said them: any may be."""
    return _hosts(site.own_hosts, site.origins)


def _leads_to(address: str, hosts: tuple[str, ...]) -> bool:
    try:
        host = (urlsplit(address).hostname or "").lower()
    except ValueError:
        return False
    return not hosts or any(host == each or host.endswith(f".{each}") for each in hosts)
