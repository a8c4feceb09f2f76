"""A cache of the profiles that a worker saved last: those of people on the site now are not decoded again."""

from collections.abc import Mapping

from profiles.model import Profile
from profiles.store.port import Stored

LIMIT = 64 * 1024 * 1024


class ProfileCache:
    """Holds about ``limit`` bytes. The profile that was saved longest ago is dropped first."""

    def __init__(self, limit: int = LIMIT) -> None:
        self.limit = limit
        self.bytes = 0
        self._kept: dict[str, dict[str, Stored]] = {}
        self._sizes: dict[tuple[str, str], int] = {}

    def of(self, site: str) -> Mapping[str, Stored]:
        """The site's profiles by id, to be read only."""
        return self._kept.setdefault(site, {})

    def drop(self, site: str, name: str) -> None:
        """Remove a profile. From now on the caller may change it."""
        size = self._sizes.pop((site, name), None)
        if size is not None:
            del self._kept[site][name]
            self.bytes -= size

    def keep(self, site: str, name: str, version: bytes, profile: Profile) -> None:
        """Add the profile as it is stored at ``version``. From now on nobody may change it."""
        self.drop(site, name)
        self._kept.setdefault(site, {})[name] = Stored(version, profile)
        size = self._sizes[site, name] = memory(profile)
        self.bytes += size
        while self.bytes > self.limit:
            self.drop(*next(iter(self._sizes)))


def memory(profile: Profile) -> int:
    """About how many bytes of memory a profile takes, from measured sizes of what it holds."""
    traits, sessions = profile.traits, profile.sessions
    return (
        2_000
        + 200 * len(profile.items)
        + 200
        * (len(profile.affinities) + len(profile.event_counts) + len(profile.exposure) + len(profile.cart))
        + 300 * len(sessions)
        + 40 * sum([len(session.marks) for session in sessions])
        + sum([len(entries) for _, entries in profile.seen])
        + (600 * len(traits) if traits else 0)
    )
