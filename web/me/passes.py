"""Who may open whose page: a signed pass, in a link that the shop gave its customer or in the page's own forms."""

import hashlib
from typing import Literal

import msgspec
from itsdangerous import BadData, Signer
from itsdangerous.encoding import base64_decode, base64_encode

from tracker.durations import DAY_SECONDS, HOUR_SECONDS

LINK_SECONDS = 90 * DAY_SECONDS
FORM_SECONDS = 2 * HOUR_SECONDS
LENGTH_LIMIT = 1_000

Kind = Literal["link", "form"]
LIFE: dict[str, int] = {"link": LINK_SECONDS, "form": FORM_SECONDS}


class PassInvalid(ValueError):
    """Not one of ours, or too old."""


class Pass(msgspec.Struct, frozen=True, array_like=True):
    """Opens the page of the profile ``id`` of ``site``. ``by``: whether the visitor came by a link or a cookie.

    ``kind`` form: it stands in a form of the page and says that the page was ours. ``at`` in seconds.
    """

    site: str
    id: str
    kind: Kind
    by: Literal["link", "cookie"]
    at: int


_decode = msgspec.json.Decoder(Pass).decode


class PassSigner:
    """Signs with the installation's secret (HMAC-SHA-256)."""

    def __init__(self, secret: str | bytes) -> None:
        self._signer = Signer(secret, salt="dangol.me", digest_method=hashlib.sha256)

    def sign(self, given: Pass) -> str:
        return self._signer.sign(base64_encode(msgspec.json.encode(given))).decode()

    def read(self, signed: str, kind: Kind, now: float) -> Pass:
        """The pass, as of ``now`` (seconds); one of the future is of a clock that was ahead. Raises PassInvalid."""
        try:
            if len(signed) > LENGTH_LIMIT:
                raise BadData("too long")
            found = _decode(base64_decode(self._signer.unsign(signed)))
        except (BadData, msgspec.DecodeError, UnicodeError) as error:
            raise PassInvalid("not one of ours") from error
        if found.kind != kind or abs(now - found.at) > LIFE[kind]:
            raise PassInvalid("too old, or for something else")
        return found
