"""Who may say which customer this is: the site itself, by its secret key or by a proof that it wrote into the page.

The write key is public and a customer's number can be guessed. Whatever else names a customer only claims to be them.
"""

import hmac
from collections.abc import Mapping
from typing import Any, NamedTuple

from tracker.event import SITE, UNKNOWN
from tracker.sites import Site

PROOF_CHARACTERS = 64


class Caller(NamedTuple):
    """Who sends an event: somebody who knows the site's public key, or, ``trusted``, its own server."""

    site: Site
    trusted: bool

    @property
    def believed(self) -> bool:
        """Whether all that it says of customers is true: the site's server, or a site that trusts every page."""
        return self.trusted or self.site.identity == "trusting"

    def sender(self, ip: str) -> str:
        """Who told of an event, as ``Event.sender``: anybody may send with the public key, so then the network that
        the request came from."""
        return SITE if self.trusted else ip or UNKNOWN

    def proves(self, user: str | None, proof: object, received: int) -> bool:
        """Whether this is the site's customer ``user``, and no mere claim, at ``received`` (ms)."""
        if not user:
            return False
        return self.believed or (isinstance(proof, str) and valid(self.site, user, proof, received))


def caller(site: Site, key: str | None) -> Caller:
    """Whoever sends ``key`` to ``site``."""
    return Caller(site, bool(key) and same(key or "", site.secret_key))


def proof_of(secret_key: str, user: str) -> str:
    """HMAC-SHA256 of the customer's id under the secret key, in lower-case hex: what the shop's server computes."""
    return hmac.digest(secret_key.encode(), user.encode("utf-8", "surrogatepass"), "sha256").hex()


def valid(site: Site, user: str, proof: str, received: int) -> bool:
    """Whether ``proof`` is the customer's, under the key of today or, for a while, the one before it."""
    if len(proof) != PROOF_CHARACTERS:
        return False
    keys = [site.secret_key, *([site.former_secret_key] if received < site.former_until else ())]
    return any(same(proof, proof_of(key, user)) for key in keys if key)


def same(one: str, other: str) -> bool:
    """Compared in a time that tells nothing of where they differ."""
    return hmac.compare_digest(one.encode("utf-8", "surrogatepass"), other.encode())


def from_context(context: Mapping[str, Any] | None) -> object:
    """The proof in a context of Segment's format."""
    return context.get("proof") if context else None
