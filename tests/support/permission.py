"""People and questions for tests of permission."""

from typing import Any

from messages.permission.gate import Asked, StoresSay
from profiles.model import Consent, Profile
from tracker.sites import Site, new_site

T = 1_795_000_000_000
"""2026-11-18 11:06:40 UTC, 20:06 in Seoul."""
OPEN = StoresSay(audience=True, cap_left=True, held_out=False, suppressed={}, budget_left=True)


def sending_site(**more: Any) -> Site:
    import msgspec

    told = {"name": "Shop", "contact": "02-123-4567", "postal_address": "1 Main Street"}
    return msgspec.structs.replace(new_site("default", "wk_test", "sk_test"), **{**told, **more})


def agreed(at: int = T - 86_400_000, **more: Any) -> Consent:
    """A yes to marketing whose proof is kept."""
    told = {"text_version": "v1", "source": "checkout", **more}
    return Consent("marketing", True, at, **told)


def customer(*consents: Consent, **more: Any) -> Profile:
    """A customer whom the site identified, with an e-mail address and a telephone number from the site."""
    traits = {"email": "kim@shop.example", "phone": "010-1234-5678", "address": "1 Main Street"}
    told = {"user": "kim", "traits": traits, "country": "KR", "proven": True, **more}
    return Profile("u:kim", consents=list(consents), **told)


def asked(profile: Profile, **more: Any) -> Asked:
    told = {"site": sending_site(), "channel": "email", "address": "kim@shop.example", "at": T, **more}
    return Asked(profile=profile, **told)
