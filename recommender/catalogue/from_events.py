"""What product events may tell the catalogue about an item: addresses on the site's own hosts, texts in bounds."""

import re
from collections.abc import Collection

from recommender.catalogue.item import ID_LIMIT, TEXT_LIMIT, URL_LIMIT, Item

_ABSOLUTE = re.compile(r"https?://([a-z0-9.-]+(?::[0-9]{1,5})?)(?:[/?#].*)?", re.ASCII)
_USUAL = {"http": ":80", "https": ":443"}


def host_of(address: str) -> str:
    """The host, with a port that is not the usual one, of an absolute http or https address as a browser reads it; ""
    for anything else: what names a user, hides a host behind blanks or backslashes, or is no address."""
    scheme, _, rest = address.partition(":")
    found = _ABSOLUTE.fullmatch(f"{scheme.lower()}:{_lowered(rest)}")
    return found[1].removesuffix(_USUAL[scheme.lower()]) if found and plain(address) else ""


def own_address(address: str, hosts: Collection[str]) -> str:
    """``address`` if it leads to one of the site's ``hosts``, or is a path on whichever host shows it; else ""."""
    if not address or len(address) > URL_LIMIT or not plain(address):
        return ""
    if address.startswith("/"):
        return "" if address.startswith("//") else address
    host = host_of(address)
    return address if host and host in hosts else ""


def plain(address: str) -> bool:
    """Whether a browser reads it as it stands: it drops tabs and line breaks, and takes a backslash for a slash."""
    return address.isprintable() and not any(mark in address for mark in (" ", "\\"))


def item_from_event(
    item_id: str,
    *,
    sent_by_site: bool,
    name: str = "",
    category: str = "",
    price: float | None = None,
    url: str = "",
    image: str = "",
    hosts: Collection[str] = (),
) -> Item | None:
    """The item that events name; None where its id is none. ``sent_by_site``: its pictures
    may then be on any host."""
    if not item_id.strip() or len(item_id) > ID_LIMIT or not item_id.isprintable():
        return None
    if sent_by_site:
        hosts = {*hosts, host_of(url), host_of(image)}
    return Item(
        id=item_id,
        name=name[:TEXT_LIMIT],
        category=category[:TEXT_LIMIT],
        price=price,
        url=own_address(url, hosts),
        image=own_address(image, hosts),
        sent_by_site=sent_by_site,
    )


def _lowered(rest: str) -> str:
    """The authority in lower case, the path as it is."""
    end = next((at for at, mark in enumerate(rest[2:], 2) if mark in "/?#"), len(rest))
    return rest[:end].lower() + rest[end:]
