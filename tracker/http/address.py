"""IP addresses: the client's address behind proxies, and the truncated form that may be kept."""

from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from socket import AF_INET, AF_INET6, inet_ntop, inet_pton

_INSIDE = tuple(map(ip_network, ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "fc00::/7", "fe80::/10")))
_MAPPED = b"\0" * 10 + b"\xff\xff"


def truncate(address: str) -> str:
    """IPv4 to its /24, IPv6 to its /48, as text; "" for what is no address.

    >>> truncate("203.0.113.77"), truncate("2001:db8:1:2::3")
    ('203.0.113.0', '2001:db8:1::')
    """
    try:
        a, b, c, _ = inet_pton(AF_INET, address)
    except (OSError, ValueError):
        return _truncate_v6(address)
    return f"{a}.{b}.{c}.0"


def _truncate_v6(address: str) -> str:
    try:
        packed = inet_pton(AF_INET6, address.partition("%")[0])
    except (OSError, ValueError):
        return ""
    if packed.startswith(_MAPPED):
        return "{}.{}.{}.0".format(*packed[12:])
    return inet_ntop(AF_INET6, packed[:6] + b"\0" * 10)


@lru_cache(maxsize=65_536)
def subscriber(address: str) -> str:
    """The address that a rate is counted for: the IPv4 address, or the IPv6 /64, which one line has. "" for an address
    of this machine or of a private network: it belongs to the shop's own proxy, which sends everybody's requests."""
    found = _parsed(address)
    if found is None or found.is_loopback:
        return ""
    if any(found in network for network in _INSIDE if network.version == found.version):
        return ""
    return _line(found)


def attempts_key(address: str) -> str:
    """What attempts to get in are counted under: as ``subscriber``, but private networks are limited, too. A text that
    is no address is its own key; "unknown" stands for none."""
    found = _parsed(address)
    return _line(found) if found else address or "unknown"


def _parsed(address: str) -> IPv4Address | IPv6Address | None:
    try:
        found = ip_address(address.partition("%")[0])
    except ValueError:
        return None
    return getattr(found, "ipv4_mapped", None) or found


def _line(found: IPv4Address | IPv6Address) -> str:
    return str(found) if found.version == 4 else str(ip_network((found, 64), strict=False).network_address)


def client(connection: str, forwarded: str, proxies: int) -> str:
    """The full address of the client, behind ``proxies`` proxies of our own.

    Each proxy appends the address it saw to X-Forwarded-For, so only the last ``proxies`` entries are
    ours. Anything to their left was written by the client and is not believed.
    """
    if proxies <= 0 or not forwarded:
        return connection
    hops = [hop.strip() for hop in forwarded.split(",")]
    return _without_port(hops[-min(proxies, len(hops))])


def _without_port(hop: str) -> str:
    if hop.startswith("["):
        return hop[1:].partition("]")[0]
    return hop.partition(":")[0] if hop.count(":") == 1 else hop
