"""Who there is on a site, in one walk over the profiles: by segment and by stage."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from offers.audience.visitor import View
from profiles.model import Profile
from profiles.store.port import ProfileStore


@dataclass(frozen=True, slots=True)
class Everyone:
    """Profile ids by segment (of all that were defined then) and by lifecycle stage."""

    segments: Mapping[str, frozenset[str]]
    stages: Mapping[str, frozenset[str]]


def everyone(
    profiles: ProfileStore, site: str, defined: Iterable[str], view_of: Callable[[Profile], View]
) -> Everyone:
    """Reads every profile; ``view_of`` tells stage and segments of each. ``defined``: the ids of all segments. Raises
    ProfilesUnavailable."""
    segments: dict[str, list[str]] = {name: [] for name in defined}
    stages: dict[str, list[str]] = {}
    for profile in profiles.people(site):
        view = view_of(profile)
        stages.setdefault(view.stage, []).append(profile.id)
        for segment in view.segments:
            segments.setdefault(segment, []).append(profile.id)
    return Everyone(_frozen(segments), _frozen(stages))


def _frozen(groups: Mapping[str, list[str]]) -> dict[str, frozenset[str]]:
    return {name: frozenset(ids) for name, ids in groups.items()}
