"""Marks: what a mail carries so that an open, a click, a bounce or a complaint tells whose it is. All are signed.

A return path has 64 characters before the "@" (RFC 5321, 4.5.3.1.1), so it carries the digest of the address only. The
whole mark stands in a header, in the pixel's address and in those of the links.
"""

import base64
import hashlib
import hmac
from collections.abc import Callable, Iterable
from urllib.parse import quote

import msgspec

MARK_LIMIT = 1_200
TARGET_LIMIT = 2_000
_SIGNED = 12
"""Bytes of a signature: 96 bits."""
BOUNCE = "bounce"


class MarkInvalid(ValueError):
    """Not one of ours."""


class MailMark(msgspec.Struct, frozen=True, array_like=True):
    """One mail. ``id`` is the occasion's, ``digest`` the address's, ``token`` the signed decision."""

    site: str
    profile: str
    id: str
    campaign: str
    variant: str
    digest: str
    token: str = ""


_decode = msgspec.json.Decoder(MailMark).decode


class MailMarks:
    """Signs by HMAC-SHA-256 under the installation's key for addresses."""

    def __init__(self, key: Callable[[], bytes]) -> None:
        self._key = key

    def sign(self, mark: MailMark) -> str:
        """Letters, digits, "-", "_" and one "."."""
        text = _words(msgspec.json.encode(mark))
        return f"{text}.{_words(self._signature('mark', text))}"

    def read(self, signed: str) -> MailMark:
        """Raises MarkInvalid."""
        text, _, signature = signed.partition(".")
        if len(signed) > MARK_LIMIT or not self._same("mark", text, signature):
            raise MarkInvalid("not one of ours")
        try:
            return _decode(_bytes(text))
        except (msgspec.DecodeError, ValueError) as error:
            raise MarkInvalid("not one of ours") from error

    def click(self, prefix: str, target: str) -> str:
        """The address that counts a click and goes on to ``target``. ``prefix`` ends in the mail's signed mark: a
        target is signed for it alone."""
        signature = _words(self._signature(f"click {prefix.rpartition('/')[2]}", target))
        return f"{prefix}?to={quote(target, safe='')}&s={signature}"

    def leads(self, signed: str, target: str, signature: str) -> bool:
        """Whether a link of the mail with this mark led to ``target``."""
        return len(target) <= TARGET_LIMIT and self._same(f"click {signed}", target, signature)

    def return_path(self, site: str, digest: str, domain: str) -> str:
        """The envelope's sender of a mail: a bounce to it tells which address failed."""
        failed = bytes.fromhex(digest)
        text = (
            base64.b32encode(failed + self._signature(f"return {site}", digest)[:10])
            .decode()
            .rstrip("=")
            .lower()
        )
        return f"{BOUNCE}+{text}@{domain}"

    def returned(self, address: str, sites: Iterable[str]) -> tuple[str, str] | None:
        """The site and the digest that a return path is of; None if it is not one of ours. Servers may change the
        case of its letters."""
        name, plus, text = address.rpartition("@")[0].lower().partition("+")
        if name != BOUNCE or not plus or len(text) > 64:
            return None
        try:
            told = base64.b32decode(text.upper() + "=" * (-len(text) % 8))
        except ValueError:
            return None
        digest, signature = told[:-10].hex(), told[-10:]
        for site in sites:
            if hmac.compare_digest(signature, self._signature(f"return {site}", digest)[:10]):
                return site, digest
        return None

    def _signature(self, purpose: str, text: str) -> bytes:
        told = f"dangol.mail {purpose}\0{text}".encode("utf-8", "surrogatepass")
        return hmac.digest(self._key(), told, hashlib.sha256)[:_SIGNED]

    def _same(self, purpose: str, text: str, signature: str) -> bool:
        expected = _words(self._signature(purpose, text))
        return hmac.compare_digest(expected.encode(), signature.encode("utf-8", "surrogatepass"))


def _words(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


def _bytes(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
