"""Proof of a customer's id: the site proves it with its secret key, or with a proof that it wrote into the page.

The write key is public, and a customer's id can be guessed: without a proof the id is only a claim.
"""

import hmac
from collections.abc import Mapping
from typing import Any, NamedTuple

from tracker.event import SITE, UNKNOWN
from tracker.sites import Site

PROOF_CHARACTERS = 64


class Caller(NamedTuple):
    """The sender of an event: anyone who knows the site's public key or, if ``trusted``, the site's own server."""

    site: Site
    trusted: bool

    @property
    def believed(self) -> bool:
        """Whether its customer ids need no proof: it is the site's server, or the site trusts every page."""
        return self.trusted or self.site.identity == "trusting"

    def sender(self, ip: str) -> str:
        """The value of ``Event.sender``: ``SITE`` for the site's server; else the network that the request came from,
        since anybody may send with the public key."""
        return SITE if self.trusted else ip or UNKNOWN

    def proves(self, user: str | None, proof: object, received: int) -> bool:
        """Whether ``user`` is proven to be the site's customer at ``received`` (ms)."""
        if not user:
            return False
        return self.believed or (isinstance(proof, str) and valid(self.site, user, proof, received))


def caller(site: Site, key: str | None) -> Caller:
    """The caller that sends ``key`` to ``site``."""
    return Caller(site, bool(key) and same(key or "", site.secret_key))


def proof_of(secret_key: str, user: str) -> str:
    """The proof that the shop's server computes: HMAC-SHA256 of the customer's id, lower-case hex."""
    return hmac.digest(secret_key.encode(), user.encode("utf-8", "surrogatepass"), "sha256").hex()


def valid(site: Site, user: str, proof: str, received: int) -> bool:
    """Whether ``proof`` is the customer's, by the current secret key or, for a while, the former one."""
    if len(proof) != PROOF_CHARACTERS:
        return False
    keys = [site.secret_key, *([site.former_secret_key] if received < site.former_until else ())]
    return any(same(proof, proof_of(key, user)) for key in keys if key)


def same(one: str, other: str) -> bool:
    """Compare in constant time."""
    return hmac.compare_digest(one.encode("utf-8", "surrogatepass"), other.encode())


def from_context(context: Mapping[str, Any] | None) -> object:
    """The proof in a context of Segment's format."""
    return context.get("proof") if context else None
