"""The proofs by which shops sign their webhooks, compared in constant time."""

import hmac
from base64 import b64encode


def signed(body: bytes, secret: str, signature: str) -> bool:
    """Whether ``signature`` is the base64 of the body's HMAC-SHA256 under ``secret``, as Shopify and WooCommerce send
    it."""
    if not secret or not signature:
        return False
    expected = b64encode(hmac.digest(secret.encode(), body, "sha256"))
    return hmac.compare_digest(expected, signature.strip().encode("utf-8", "surrogatepass"))


def same_key(key: str, secret: str) -> bool:
    """Whether ``key`` is the shared key itself, as Cafe24 sends it."""
    return bool(secret) and hmac.compare_digest(key.encode("utf-8", "surrogatepass"), secret.encode())
