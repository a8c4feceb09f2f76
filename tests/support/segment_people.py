"""Profiles for tests of segments."""

from profiles.model import Profile

NOW = 1_795_000_000_000


def person(number: int, **changes) -> Profile:
    return Profile(id=f"v:{number}", visitors=[str(number)], last_seen=NOW, **changes)
