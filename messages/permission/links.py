"""The links of a message: signed, without an end, and good for one thing only. They need no login."""

import hashlib
from collections.abc import Callable
from typing import Literal

import msgspec
from itsdangerous import BadData, Signer
from itsdangerous.encoding import base64_decode, base64_encode

LENGTH_LIMIT = 1_500

LinkKind = Literal["u", "c"]
"""``u``: unsubscribe and preferences; ``c``: confirm an address."""


class LinkInvalid(ValueError):
    """Not one of ours, or made for something else."""


class MessageLink(msgspec.Struct, frozen=True, array_like=True):
    """To whom a message went, and about what. ``profile`` is a profile's id; ``digest`` the address's, so that the link
    still works when the person was erased. ``at`` is when it was made (ms). ``token`` is the signed decision.
    Of a link that confirms, ``topic`` is what was asked for, ``text_version`` to which text, ``source`` where,
    ``night`` whether at night, too, ``address`` the
    address itself, and ``item`` what they want to be told of when it is back."""

    kind: LinkKind
    site: str
    profile: str
    channel: str
    topic: str
    digest: str
    at: int
    campaign: str = ""
    token: str = ""
    text_version: str = ""
    source: str = ""
    address: str = ""
    jurisdiction: str = ""
    night: bool | None = None
    item: str = ""


_decode = msgspec.json.Decoder(MessageLink).decode


class LinkSigner:
    """Signs with the installation's key for addresses (HMAC-SHA-256): a new signing key ends no link."""

    def __init__(self, key: Callable[[], bytes]) -> None:
        self._key = key

    def sign(self, link: MessageLink) -> str:
        return self._signer().sign(base64_encode(msgspec.json.encode(link))).decode()

    def read(self, signed: str, kind: LinkKind) -> MessageLink:
        """Raises LinkInvalid."""
        try:
            if len(signed) > LENGTH_LIMIT:
                raise BadData("too long")
            found = _decode(base64_decode(self._signer().unsign(signed)))
        except (BadData, msgspec.DecodeError, UnicodeError) as error:
            raise LinkInvalid("not one of ours") from error
        if found.kind != kind:
            raise LinkInvalid("made for something else")
        return found

    def _signer(self) -> Signer:
        return Signer(self._key(), salt="dangol.message-link", digest_method=hashlib.sha256)
