"""Where mails are handed over, and in whose name: the settings of the channel, checked."""

import re
from ipaddress import ip_address
from urllib.parse import unquote, urlsplit

import msgspec

from messages.permission.addresses import is_email

DOMAIN = re.compile(
    r"(?=.{1,253}$)[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*", re.IGNORECASE
)
PORTS = {"smtp": 587, "smtps": 465}


class ServerInvalid(ValueError):
    """A setting of mail that cannot be used; the message names what is wrong, and holds no password."""


class MailServer(msgspec.Struct, frozen=True, kw_only=True):
    """``tls`` "required": STARTTLS before anything is said; "direct": TLS from the first byte; "off": on this machine
    only."""

    host: str
    port: int
    user: str = ""
    password: str = ""
    tls: str = "required"


class Sender(msgspec.Struct, frozen=True, kw_only=True):
    """``address`` is the From; ``domain`` the one of return paths, Message-IDs and List-IDs. ``dkim_key`` (PEM) with
    ``dkim_selector`` signs where the relay does not."""

    address: str
    name: str = ""
    domain: str = ""
    dkim_selector: str = ""
    dkim_key: str = ""


def mail_server(address: str) -> MailServer:
    """Of ``smtp://user:password@host:587`` or ``smtps://host``. Without TLS only on this machine, or where
    ``?tls=off`` says so. Raises ServerInvalid."""
    try:
        parts = urlsplit(address)
        port = parts.port or PORTS.get(parts.scheme, 0)
    except ValueError as error:
        raise ServerInvalid("no address such as smtp://user:password@host:587") from error
    if parts.scheme not in PORTS or not parts.hostname or parts.path not in ("", "/"):
        raise ServerInvalid("no address such as smtp://user:password@host:587")
    if parts.query not in ("", "tls=off", "tls=required"):
        raise ServerInvalid(f"knows tls=off and tls=required, not {parts.query[:40]!r}")
    tls = "direct" if parts.scheme == "smtps" else "required"
    if tls == "required" and (parts.query == "tls=off" or (_here(parts.hostname) and not parts.query)):
        tls = "off"
    user, password = unquote(parts.username or ""), unquote(parts.password or "")
    if user and tls == "off" and not _here(parts.hostname):
        raise ServerInvalid("a password is sent over TLS only")
    return MailServer(host=parts.hostname, port=port, user=user, password=password, tls=tls)


def sender(address: str, name: str = "", domain: str = "", selector: str = "", key: str = "") -> Sender:
    """Raises ServerInvalid."""
    if not is_email(address) or not address.isascii():
        raise ServerInvalid(f"{address!r} is no address to send from")
    domain = domain or address.rpartition("@")[2]
    if not DOMAIN.fullmatch(domain):
        raise ServerInvalid(f"{domain!r} is no domain")
    if bool(selector) != bool(key):
        raise ServerInvalid("DKIM needs a key and its selector")
    return Sender(address=address, name=name, domain=domain, dkim_selector=selector, dkim_key=key)


def _here(host: str) -> bool:
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False
