"""Who there is on a site, in one walk over the profiles: by segment, by stage, and by what one may search for."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from offers.audience.visitor import View
from profiles.model import Profile
from profiles.store.port import ProfileStore

FOUND = 50


@dataclass(frozen=True, slots=True)
class Everyone:
    """Profile ids by segment (of all that were defined then) and by lifecycle stage. ``names``: of everyone with a
    customer id, name or e-mail, these in lower case, and the profile id."""

    segments: Mapping[str, frozenset[str]]
    stages: Mapping[str, frozenset[str]]
    names: tuple[tuple[str, str], ...]

    def search(self, text: str) -> list[str]:
        """Ids of those whose customer id, name or e-mail holds ``text`` in any case; whole matches first."""
        wanted = text.strip().lower()
        if not wanted:
            return []
        found = [(name, profile) for name, profile in self.names if wanted in name]
        found.sort(
            key=lambda pair: (wanted not in pair[0].split("\n"), not pair[0].startswith(wanted), pair[0])
        )
        return [profile for _name, profile in found[:FOUND]]


def everyone(
    profiles: ProfileStore, site: str, defined: Iterable[str], view_of: Callable[[Profile], View]
) -> Everyone:
    """Reads every profile; ``view_of`` tells stage and segments of each. ``defined``: the ids of all segments. Raises
    ProfilesUnavailable."""
    segments: dict[str, list[str]] = {name: [] for name in defined}
    stages: dict[str, list[str]] = {}
    names = []
    for profile in profiles.people(site):
        view = view_of(profile)
        stages.setdefault(view.stage, []).append(profile.id)
        for segment in view.segments:
            segments.setdefault(segment, []).append(profile.id)
        if text := _searched(profile):
            names.append((text, profile.id))
    return Everyone(_frozen(segments), _frozen(stages), tuple(names))


def _searched(profile: Profile) -> str:
    traits = (profile.traits.get(name) for name in ("name", "email"))
    merged = (part.removeprefix("u:") for part in profile.parts)
    parts = (profile.user, *merged, *(value for value in traits if isinstance(value, str)))
    return "\n".join(part.strip().lower() for part in parts if part)


def _frozen(groups: Mapping[str, list[str]]) -> dict[str, frozenset[str]]:
    return {name: frozenset(ids) for name, ids in groups.items()}
