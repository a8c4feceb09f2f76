"""Holdout: the visitors who are not shown a campaign, so that its worth can be measured. A hash decides, no cookie."""

from hashlib import blake2b

from profiles.model import Profile

GLOBAL = "*"
"""The campaign name under which the site-wide holdout draws."""


def subject(profile: Profile) -> str:
    """Who is drawn: the first id a profile ever had, the same before ingest knows it and when it signs in."""
    return profile.subject or "".join(profile.visitors[:1]) or profile.id.partition(":")[2]


def draw(site: str, purpose: str, who: str) -> float:
    """The visitor's number in [0, 1) for one purpose: always the same, independent between purposes."""
    digest = blake2b(f"{site}\0{purpose}\0{who}".encode(), digest_size=8).digest()
    return (int.from_bytes(digest, "big") >> 11) / (1 << 53)


def held_out(site: str, campaign: str, who: str, share: float) -> bool:
    """Whether ``who`` belongs to the ``share`` of visitors that never see ``campaign``."""
    return share > 0 and draw(site, f"holdout:{campaign}", who) < share
