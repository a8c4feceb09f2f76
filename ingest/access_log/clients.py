"""Who sent a request: the client's address, of the connection's and of those that proxies wrote down.

A connection comes from the client or from a proxy. Each proxy appends the address that it saw to X-Forwarded-For, so
that the client is the last one in it that belongs to no proxy.
"""

import re
from collections import Counter
from collections.abc import Iterable
from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

from tracker.http.address import truncate

_PRIVATE = tuple(
    map(
        ip_network,
        (
            "10.0.0.0/8",
            "172.16.0.0/12",
            "192.168.0.0/16",
            "100.64.0.0/10",
            "127.0.0.0/8",
            "169.254.0.0/16",
            "::1/128",
            "fc00::/7",
            "fe80::/10",
        ),
    )
)
_CLOUDFLARE = tuple(
    map(
        ip_network,
        (
            "173.245.48.0/20",
            "103.21.244.0/22",
            "103.22.200.0/22",
            "103.31.4.0/22",
            "141.101.64.0/18",
            "108.162.192.0/18",
            "190.93.240.0/20",
            "188.114.96.0/20",
            "197.234.240.0/22",
            "198.41.128.0/17",
            "162.158.0.0/15",
            "104.16.0.0/13",
            "104.24.0.0/14",
            "172.64.0.0/13",
            "131.0.72.0/22",
            "2400:cb00::/32",
            "2606:4700::/32",
            "2803:f800::/32",
            "2405:b500::/32",
            "2405:8100::/32",
            "2a06:98c0::/29",
            "2c0f:f248::/32",
        ),
    )
)
"""Published by Cloudflare, whose proxies stand before many sites: its addresses are no visitors'."""

_CHOICE = re.compile(r"auto|connection|xff|xff-first|xff:[1-9]\d?")
CHOICES = "auto, connection, xff, xff-first or xff:N"
_NOBODY = frozenset({"", "-", "unknown", "_"})
HALF = 0.5
ENOUGH_LINES = 20
"""Lines of which more than half share an address that another one stands before: the address is a proxy's."""
MOST_PROXIES = 3


def is_choice(text: str) -> bool:
    """Whether ``text`` says which address is the client's."""
    return bool(_CHOICE.fullmatch(text))


def plain(text: str) -> str:
    """An address without brackets, quotes, port and zone; "" for what names nobody.

    >>> plain("[2001:db8::1%eth0]:443"), plain("203.0.113.7:5060"), plain("host.example"), plain("-")
    ('2001:db8::1', '203.0.113.7', 'host.example', '')
    """
    text = text.strip().strip('"')
    if text[:4].lower() == "for=":
        text = text[4:].partition(";")[0].strip('"')
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    text = text.partition("%")[0]
    return "" if text.lower() in _NOBODY else text


@lru_cache(maxsize=1 << 10)
def address_of(text: str) -> str:
    """The address in ``text``, also an IPv6 address with a port and no brackets; "" where there is none."""
    found = plain(text)
    if not truncate(found) and found.count(":") > 1:
        found = found.rpartition(":")[0]
    return found if truncate(found) else ""


@lru_cache(maxsize=1 << 10)
def is_inside(address: str) -> bool:
    """Whether the address is of a private network or of this machine."""
    found = _parsed(address)
    return found is not None and any(found in each for each in _PRIVATE if each.version == found.version)


@lru_cache(maxsize=1 << 12)
def is_proxy(address: str) -> bool:
    """Whether the address is private, or of a proxy that is known by its address."""
    found = _parsed(address)
    if found is None:
        return False
    return is_inside(address) or any(found in each for each in _CLOUDFLARE if each.version == found.version)


def client_of(
    connection: str, forwarded: str, choice: str = "auto", proxies: frozenset[str] = frozenset()
) -> str:
    """The client's address, or the name of its host where the server looked that up; "" for nobody.

    ``forwarded``: X-Forwarded-For, or the like. ``choice``: ``connection`` believes no proxy; ``xff-first`` the first
    address of ``forwarded``, which the client may have made up; ``xff:N`` the one that the N-th proxy, counted from
    the server, saw; ``auto`` and ``xff`` the last one that is no proxy's, private, known, or one of ``proxies``.
    """
    near = address_of(connection) or plain(connection)
    hops = hops_of(forwarded)
    if choice == "connection" or not hops:
        return near
    if choice == "xff-first":
        return hops[0]
    if choice.startswith("xff:"):
        return hops[-min(int(choice[4:]), len(hops))]
    outside = [hop for hop in hops if not is_proxy(hop) and hop not in proxies]
    if outside:
        return outside[-1]
    # Nobody but proxies and private networks: whoever is first in the row, unless the connection is a client's.
    return hops[0] if not near or is_proxy(near) or near in proxies else near


def hops_of(forwarded: str) -> list[str]:
    """The addresses in X-Forwarded-For or Forwarded, the client's first."""
    return [found for hop in forwarded.split(",") if (found := address_of(hop))]


def shared_proxies(lines: Iterable[tuple[str, str]]) -> frozenset[str]:
    """Addresses that most of the lines (connection, forwarded) share, with others before them: proxies."""
    chains = [
        [*hops_of(forwarded), *filter(None, [address_of(connection)])] for connection, forwarded in lines
    ]
    found: set[str] = set()
    for _ in range(MOST_PROXIES):
        last = Counter[str]()
        for chain in chains:
            while len(chain) > 1 and (is_proxy(chain[-1]) or chain[-1] in found):
                chain.pop()
            if len(chain) > 1:
                last[chain[-1]] += 1
        top, count = last.most_common(1)[0] if last else ("", 0)
        if count < ENOUGH_LINES or count <= HALF * len(chains):
            break
        found.add(top)
    return frozenset(found)


def _parsed(address: str) -> IPv4Address | IPv6Address | None:
    try:
        found = ip_address(address)
    except ValueError:
        return None
    return getattr(found, "ipv4_mapped", None) or found
