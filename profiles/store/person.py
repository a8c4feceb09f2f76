"""One person of several accounts: where customers were merged, whoever asks for one of them gets all of them as one."""

from collections.abc import Callable, Iterable, Mapping, Sequence

from profiles.fold.merges import MERGED_MOST, together
from profiles.model import Profile
from profiles.sansio import Steps, run_sync
from profiles.store.port import ProfileStore, Stored, follow_aliases

Loading = Callable[[Sequence[str]], Steps[dict[str, Stored]]]
"""What is stored under the ids, and under every id that they are aliases of."""


def person_of(loading: Loading, profile: Profile) -> Steps[Profile]:
    """The person that an account belongs to; the profile itself where it was merged with no other."""
    if profile.alone:
        return profile
    members = yield from _members(loading, profile)
    return together(members)


def people_by_id(store: ProfileStore, site: str, ids: Iterable[str]) -> dict[str, Profile]:
    """The persons that profile ids lead to; ids of nobody are left out. Raises ProfilesUnavailable."""

    def loading(names: Sequence[str]) -> Steps[dict[str, Stored]]:
        yield from ()
        return store.load(site, names)

    wanted = list(dict.fromkeys(ids))
    found = store.load(site, wanted) if wanted else {}
    people = {}
    for name in wanted:
        profile = _at(found, name)
        if profile is not None:
            people[name] = run_sync(person_of(loading, profile))
    return people


def account(store: ProfileStore, site: str, who: str) -> Profile | None:
    """The account that a customer or visitor id leads to, without those that it was merged with. ``who`` may begin with
    ``u:`` or ``v:``."""
    names = [who] if who.startswith(("u:", "v:")) else [f"u:{who}", f"v:{who}"]
    found = store.load(site, names)
    return next((profile for name in names if (profile := _at(found, name))), None)


def _members(loading: Loading, profile: Profile) -> Steps[list[Profile]]:
    """All accounts of the person, the one into which the others were merged first. Who was separated says so itself:
    the list of whoever they were merged into may still name them."""
    found: dict[str, Stored] = {}
    path = yield from _path(loading, found, profile)
    members = {each.id: each for each in reversed(path)}
    todo = list(members.values())
    while todo and len(members) <= MERGED_MOST:
        parent = todo.pop(0)
        found |= yield from loading(parent.parts)
        for one in [one for name in parent.parts if (one := _at(found, name))]:
            above = yield from _loaded(loading, found, one.merged.into)
            if above is not None and above.id == parent.id and one.id not in members:
                members[one.id] = one
                todo.append(one)
    return list(members.values())


def _path(loading: Loading, found: dict[str, Stored], profile: Profile) -> Steps[list[Profile]]:
    """From an account to the one that it was merged into, and so on. In a circle, which two workers may make that merge
    a pair crosswise, the smallest id is the last."""
    path = [profile]
    while len(path) <= MERGED_MOST:
        above = yield from _loaded(loading, found, path[-1].merged.into)
        if above is None:
            break
        if any(each.id == above.id for each in path):
            last = min(path, key=lambda each: each.id)
            return [*(each for each in path if each is not last), last]
        path.append(above)
    return path


def _loaded(loading: Loading, found: dict[str, Stored], name: str) -> Steps[Profile | None]:
    if name and name not in found:
        found |= yield from loading([name])
    return _at(found, name)


def _at(found: Mapping[str, Stored], name: str) -> Profile | None:
    stored = found.get(follow_aliases(found, name))
    return stored.profile if stored else None
