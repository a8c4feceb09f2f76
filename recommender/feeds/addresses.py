"""Which addresses a feed may be fetched from: those of the internet, and no others."""

from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address

_NAT64 = (IPv6Network("64:ff9b::/96"), IPv6Network("64:ff9b:1::/48"))


def is_internal(address: str) -> bool:
    """Whether an IP address is of this machine, of a private or link-local network, a metadata service or none of the
    internet's; also where it stands inside an IPv6 address. What is no address counts as internal."""
    try:
        found = ip_address(address.partition("%")[0])
    except ValueError:
        return True
    return _internal(found)


def _internal(address: IPv4Address | IPv6Address) -> bool:
    if not address.is_global or address.is_multicast or address.is_reserved or address.is_unspecified:
        inside = _inside(address)
        return inside is None or address.is_loopback or _internal(inside)
    inside = _inside(address)
    return inside is not None and _internal(inside)


def _inside(address: IPv4Address | IPv6Address) -> IPv4Address | None:
    """The IPv4 address that an IPv6 address leads to: mapped, 6to4, Teredo or NAT64."""
    if isinstance(address, IPv4Address):
        return None
    if address.teredo is not None:
        return address.teredo[1]
    if any(address in network for network in _NAT64):
        return IPv4Address(int(address) & 0xFFFFFFFF)
    return address.ipv4_mapped or address.sixtofour
