"""Registrable domains: what one owner has registered, by the public suffix list of a kept library."""

from functools import lru_cache

from publicsuffixlist import PublicSuffixList

# Hosts below these belong to different shops; the public suffix list does not know them.
_SHARED = frozenset(
    {
        *(
            "cafe24.com",
            "cafe24.io",
            "imweb.me",
            "sixshop.com",
            "makeshop.co.kr",
            "makeshop.jp",
            "godomall.com",
        ),
        *("shoplineapp.com", "bigcartel.com", "ecwid.com", "jimdosite.com", "tistory.com", "base.shop"),
        *("stores.jp", "shop-pro.jp", "waca.store", "easystore.co", "tiendanube.com", "nuvemshop.com.br"),
    }
)


@lru_cache(maxsize=1)
def _everyone() -> PublicSuffixList:
    """With the suffixes of companies, such as myshopify.com: hosts below those have different owners."""
    return PublicSuffixList()


@lru_cache(maxsize=1)
def _registries() -> PublicSuffixList:
    return PublicSuffixList(only_icann=True)


@lru_cache(maxsize=1 << 15)
def owner(host: str) -> str:
    """What tells the owner of ``host``: its registrable domain, else the host itself, such as an address.

    >>> owner("eu.shop.co.kr"), owner("checkout.kim.myshopify.com"), owner("192.0.2.7")
    ('shop.co.kr', 'kim.myshopify.com', '192.0.2.7')
    """
    if host[-1:].isdigit() or ":" in host:
        return host
    domain = _everyone().privatesuffix(host) or host
    if domain in _SHARED and domain != host:
        return host[: -len(domain) - 1].rpartition(".")[2] + "." + domain
    return domain


def registered(host: str) -> tuple[str, str]:
    """The domain of ``host`` that was registered, and the same with ``*`` for its suffix where that is a country's
    or com's; both "" for what has none.

    >>> registered("m.search.yahoo.co.jp"), registered("google.zip")
    (('yahoo.co.jp', 'yahoo.*'), ('google.zip', ''))
    """
    if host[-1:].isdigit() or ":" in host:
        return "", ""
    domain = _registries().privatesuffix(host) or ""
    name, _, suffix = domain.partition(".")
    kind, _, country = suffix.rpartition(".")
    common = len(country) == 2 and kind in ("", "co", "com", "or", "ne", "net", "org")
    return domain, f"{name}.*" if common or suffix in ("com", "cat", "net", "org") else ""
