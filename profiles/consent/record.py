"""The record of consent: each answer that a person gave, appended and never changed.

What holds is computed from it: the newest answer about a purpose, channel and topic. Answers have a total order, so the
record is the same in whatever order they arrive, and however often.
``profiles.consent.rules`` decides what follows from it.
"""

from collections.abc import Iterable

import msgspec

from profiles.model import Consent, Profile, Purpose, Wish

PURPOSES: tuple[Purpose, ...] = ("analytics", "personalization", "marketing")
KEPT = 16
"""The newest answers of a profile that stay, beside the newest of each purpose, channel and topic."""
SUBJECTS_KEPT = 64
"""Purposes with channel and topic; the purposes as a whole always stay."""
MERGE = "merge"
"""The source of a refusal that a merge adds."""

Subject = tuple[str, str, str]


def note(profile: Profile, answers: Iterable[Consent]) -> None:
    """Add what somebody said to the record, in place. What was noted before changes nothing."""
    together = {*profile.consents, *answers}
    profile.consents = kept = _within(together)
    profile.consents_cut += len(together) - len(kept)


def wish(profile: Profile, wish: Wish | None) -> None:
    """Note, in place, how often somebody wants messages; what they said last counts."""
    if wish is not None:
        profile.wish = max(profile.wish, wish, key=_wish_order)


def standing(profile: Profile) -> dict[Subject, Consent]:
    """The newest answer about each purpose, channel and topic."""
    return _newest(profile.consents)


def withdrawn(profile: Profile, purpose: Purpose) -> Profile:
    """The profile as if the person refused ``purpose`` just now; ``profile`` stays as it is."""
    at = max((one.given_at for one in profile.consents), default=0)
    return msgspec.structs.replace(profile, consents=[*profile.consents, Consent(purpose, False, at)])


def merge(into: Profile, other: Profile) -> None:
    """Two profiles become one, in place. What either of them refused stays refused: where the newest answer of the two
    is a yes and the other a no, a refusal of the same time is added."""
    ours, theirs = standing(into), standing(other)
    stricter = []
    for subject in ours.keys() & theirs.keys():
        older, newer = sorted((ours[subject], theirs[subject]), key=_order)
        if newer.given and not older.given:
            purpose, channel, topic = newer.purpose, newer.channel, newer.topic
            stricter.append(Consent(purpose, False, newer.given_at, channel, topic, source=MERGE))
    into.consents_cut += other.consents_cut
    into.wish = max(into.wish, other.wish, key=_wish_order)
    note(into, (*other.consents, *stricter))


def clear(profile: Profile) -> None:
    """Clear the record, in place: it came from a browser that only claimed to be this customer."""
    profile.consents, profile.consents_cut, profile.wish = [], 0, Wish()


def _order(one: Consent) -> tuple[object, ...]:
    """Of two answers of the same time, the refusal is the newer one."""
    rest = (one.jurisdiction, one.text_version, one.source, one.verified_at, one.address)
    return (
        one.given_at,
        not one.given,
        one.night is None,
        bool(one.night),
        one.purpose,
        one.channel,
        one.topic,
        *rest,
    )


def _wish_order(one: Wish) -> tuple[int, int, int]:
    """Of two of the same time, the stricter one is the newer."""
    return one.at, one.pause_until, one.every_days


def _subject(one: Consent) -> Subject:
    return one.purpose, one.channel, one.topic


def _newest(answers: Iterable[Consent]) -> dict[Subject, Consent]:
    return {_subject(one): one for one in sorted(answers, key=_order)}


def _within(answers: set[Consent]) -> list[Consent]:
    """The bounds hold one by one as they hold for all at once: an answer that was cut never has to come back."""
    ordered = sorted(answers, key=_order)
    if len(ordered) <= KEPT:
        return ordered
    newest = sorted(_newest(ordered).values(), key=_order)
    whole = {one for one in newest if not (one.channel or one.topic)}
    stay = {*ordered[-KEPT:], *[one for one in newest if one not in whole][-SUBJECTS_KEPT:], *whole}
    return [one for one in ordered if one in stay]
