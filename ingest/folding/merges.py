"""Merges of customers, in a batch: links between accounts are set, and what one says for all of them is told to all."""

from ingest.folding.entries import Entries
from ingest.folding.events import EnrichedEvent, Rename, Result
from profiles.consent import record as consent
from profiles.consent.statement import statement_of
from profiles.fold import affinity, merges
from profiles.fold.fold import Outcome
from profiles.fold.merges import MergeCall
from profiles.ids import user_id
from tracker.event import Event


def apply_merge(entries: Entries, item: EnrichedEvent, call: MergeCall) -> Result:
    """Make an account part of another, or separate it. What a replay says is known: it only completes what a crash may
    have left undone, and says the newest to the warehouse again."""
    own, other = entries.root(user_id(call.user)), entries.root(user_id(call.other))
    entry = entries.entry(own)
    profile = entry.profile
    if profile is None:
        return Result(Outcome("applied"), own, (), f"merge of a customer who is not known: {own}")
    outcome = Outcome("replayed", "", profile.last_touch)
    if not merges.applied(profile, item.place):
        if call.stands and (why := _refused(entries, own, other)):
            return Result(Outcome("applied"), own, (), why)
        merges.link(profile, other if call.stands else "", item.event.received, item.place)
        entry.changed = True
        outcome = Outcome("applied", "", profile.last_touch)
    into = profile.merged.into
    if into and (above := entries.entry(entries.root(into))).profile and own not in above.profile.parts:
        above.profile.parts.append(own)
        above.changed = True
    below = entries.entry(other)
    if not into and below.profile and own in below.profile.parts:
        below.profile.parts.remove(own)
        below.changed = True
    rename = Rename("merge", own, entries.root(into) if into else own, profile.merged.at)
    return Result(outcome, own, (rename,))


def tell_others(entries: Entries, root: str, event: Event) -> None:
    """What a person says of consent and interests holds for all accounts that were merged with this one."""
    interests = event.props.get("interests")
    for name in _members(entries, root):
        entry = entries.entry(name)
        if entry.profile is None or name == root:
            continue
        consent.note(entry.profile, statement_of(event).answers)
        if isinstance(interests, dict):
            affinity.correct(entry.profile, dict.fromkeys(interests, 0.0), event.ts)
        entry.changed = True


def _refused(entries: Entries, own: str, other: str) -> str:
    """Why an account cannot become part of another; "" when it can."""
    profile = entries.entry(own).profile
    if not entries.entry(other).profile:
        return f"merge into a customer who is not known: {other}"
    if profile and profile.merged.into and entries.root(profile.merged.into) != other:
        return f"merge of {own}, who is part of {profile.merged.into} already"
    name = other
    for _ in range(merges.MERGED_MOST):
        if name == own:
            return f"merge in a circle: {other} is part of {own}"
        above = entries.entry(name).profile
        if not (above and above.merged.into):
            return ""
        name = entries.root(above.merged.into)
    return f"merge of too many accounts: {own} into {other}"


def _members(entries: Entries, root: str) -> list[str]:
    """The accounts of the person that ``root`` belongs to."""
    found = [root]
    for name in found:
        profile = entries.entry(name).profile
        if profile is None or len(found) > merges.MERGED_MOST:
            continue
        up = [entries.root(profile.merged.into)] if profile.merged.into else []
        down = [part for each in profile.parts if _is_part(entries, part := entries.root(each), name)]
        found += [each for each in (*up, *down) if each not in found]
    return found


def _is_part(entries: Entries, part: str, of: str) -> bool:
    profile = entries.entry(part).profile
    return bool(profile and profile.merged.into and entries.root(profile.merged.into) == of)
