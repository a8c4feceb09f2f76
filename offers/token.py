"""The decision's signed token: what was shown, where, with which probability. Impressions and clicks bring it back."""

import hashlib
import secrets

import msgspec
from itsdangerous import BadData, Signer
from itsdangerous.encoding import base64_decode, base64_encode

LENGTH_LIMIT = 1_000
"""Characters; ours have about 200."""
MAX_AGE_MS = 31 * 86_400_000
"""An answer older than that no longer belongs to the decision."""
SKEW_MS = 300_000


class TokenInvalid(ValueError):
    """``reason``: forged | stale | foreign (another site's)."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class Token(msgspec.Struct, frozen=True, array_like=True):
    """``ts`` in ms; ``context`` is the bandit's bucket; ``nonce`` makes a replay visible; ``held``: withheld."""

    site: str
    campaign: str
    variant: str
    slot: str
    propensity: float
    ts: int
    context: str = ""
    nonce: str = ""
    held: bool = False


_decode = msgspec.json.Decoder(Token).decode


def new_nonce() -> str:
    return secrets.token_urlsafe(9)


class TokenSigner:
    """Signs with the installation's secret (HMAC-SHA-256)."""

    def __init__(self, secret: str | bytes) -> None:
        # The key is derived once, not for each token.
        key = Signer(secret, salt="dangol.offer", digest_method=hashlib.sha256).derive_key()
        self._signer = Signer(key, key_derivation="none", digest_method=hashlib.sha256)

    def sign(self, token: Token) -> str:
        return self._signer.sign(base64_encode(msgspec.json.encode(token))).decode()

    def read(self, signed: str, site: str, now: int, max_age: int = MAX_AGE_MS) -> Token:
        """The token, as of ``now`` (ms). Raises TokenInvalid."""
        if len(signed) > LENGTH_LIMIT:
            raise TokenInvalid("forged")
        try:
            token = _decode(base64_decode(self._signer.unsign(signed)))
        except (BadData, msgspec.DecodeError, UnicodeError) as error:
            raise TokenInvalid("forged") from error
        if token.site != site:
            raise TokenInvalid("foreign")
        if not -SKEW_MS <= now - token.ts <= max_age:
            raise TokenInvalid("stale")
        return token
