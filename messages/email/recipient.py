"""The address that a mail goes to, as the envelope has it."""

import re
from typing import NamedTuple

from messages.message import Unprintable
from messages.permission.addresses import is_email

_DOMAIN = re.compile(
    r"(?=.{1,253}$)([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?", re.I
)
_LOCAL = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*")


class Recipient(NamedTuple):
    """``address`` with the domain as ASCII. ``international``: what stands before the "@" is not ASCII, so that only a
    server with SMTPUTF8 (RFC 6531) takes it."""

    address: str
    international: bool


def recipient(address: str) -> Recipient:
    """Raises Unprintable."""
    local, _, domain = address.strip().rpartition("@")
    if not is_email(address.strip()) or not address.isprintable():
        raise Unprintable("the address is no e-mail address")
    try:
        ascii_domain = domain.lower().encode("idna").decode("ascii")
    except UnicodeError as error:
        raise Unprintable("the domain of the address is none") from error
    if not _DOMAIN.fullmatch(ascii_domain):
        raise Unprintable("the domain of the address is none")
    international = not local.isascii()
    if len(local.encode()) > 64 or not (international or _LOCAL.fullmatch(local)):
        raise Unprintable("the address is no e-mail address")
    return Recipient(f"{local}@{ascii_domain}", international)
