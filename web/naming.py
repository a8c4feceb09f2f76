"""Ids made of names."""

import re
from hashlib import sha256


def slug(name: str) -> str:
    """Letters, digits and hyphens of ASCII, at most 64; a name that has none, or loses some, gets a digest at its end,
    so that two Korean names do not become one."""
    plain = re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")[:48].strip("-")
    if name.isascii() and plain:
        return plain
    return f"{plain or 'n'}-{sha256(name.encode()).hexdigest()[:8]}"
