"""Ids made of names, and how a kept list of people is named."""

import re
from hashlib import sha256

TRAIT = "list "
"""A kept list is a trait of each of its people: it follows them when ids merge, and goes when they are erased."""


def slug(name: str) -> str:
    """Letters, digits and hyphens of ASCII, at most 64; a name that has none, or loses some, gets a digest at its end,
    so that two Korean names do not become one."""
    plain = re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")[:48].strip("-")
    if name.isascii() and plain:
        return plain
    return f"{plain or 'n'}-{sha256(name.encode()).hexdigest()[:8]}"
