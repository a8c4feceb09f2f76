"""The decision's signed token: what was shown, where, with which probability. Impressions and clicks bring it back."""

import hashlib
import math
import secrets
from hashlib import blake2b

import msgspec
from itsdangerous import BadData, Signer
from itsdangerous.encoding import base64_decode, base64_encode

from tracker.durations import DAY_MS

LENGTH_LIMIT = 1_000
"""Characters; ours have about 220."""
MAX_AGE_MS = 31 * DAY_MS
"""An answer older than that no longer belongs to the decision."""
SKEW_MS = 300_000


class TokenInvalid(ValueError):
    """``reason``: forged | stale | foreign (another site's, or another visitor's)."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class Token(msgspec.Struct, frozen=True, array_like=True):
    """``ts`` in ms; ``context`` is the bandit's bucket; ``nonce`` makes a replay visible; ``held``: withheld.
    ``owner`` says whose answers count (``owner_of``); "" where nobody in particular asked, and in older tokens.
    ``holdout`` and ``global_holdout`` are the shares that were withheld then, None in older tokens."""

    site: str
    campaign: str
    variant: str
    slot: str
    propensity: float
    ts: int
    context: str = ""
    nonce: str = ""
    held: bool = False
    owner: str = ""
    holdout: float | None = None
    global_holdout: float | None = None

    @property
    def held_share(self) -> float:
        """How likely it was that the campaign is withheld; NaN where the token does not say."""
        return withheld_share(self.holdout, self.global_holdout)

    def belongs_to(self, *ids: str | None) -> bool:
        """Whether somebody with one of these ids may answer."""
        return not self.owner or any(owner_of(self.site, each) == self.owner for each in ids if each)


def withheld_share(holdout: float | None, global_holdout: float | None) -> float:
    """The share of people from whom the own or the global holdout withholds a campaign; NaN where one is not known."""
    if holdout is None or global_holdout is None:
        return math.nan
    return round(1 - (1 - holdout) * (1 - global_holdout), 12)


def owner_of(site: str, asked: str) -> str:
    """A short digest of the id, a visitor's or a customer's, for whom it was decided: the token does not tell it."""
    return (
        blake2b(f"{site}\0{asked}".encode("utf-8", "surrogatepass"), digest_size=6).hexdigest()
        if asked
        else ""
    )


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

    def read(self, signed: str, site: str | None, now: int, max_age: int = MAX_AGE_MS) -> Token:
        """The token, as of ``now`` (ms); of any site where ``site`` is None. Raises TokenInvalid."""
        if len(signed) > LENGTH_LIMIT:
            raise TokenInvalid("forged")
        try:
            token = _decode(base64_decode(self._signer.unsign(signed)))
        except (BadData, msgspec.DecodeError, UnicodeError) as error:
            raise TokenInvalid("forged") from error
        if site is not None and token.site != site:
            raise TokenInvalid("foreign")
        if not -SKEW_MS <= now - token.ts <= max_age:
            raise TokenInvalid("stale")
        return token
