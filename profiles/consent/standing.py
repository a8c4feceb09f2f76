"""What a person last said about messages of a channel and topic: the answers that bear on it, brought together."""

import msgspec

from profiles.consent.law.ruling import proven
from profiles.consent.record import SUBJECTS_KEPT, standing
from profiles.consent.statement import TEXT_CHARACTERS
from profiles.model import Consent, Profile


def marketing_answer(profile: Profile, channel: str, topic: str) -> Consent | None:
    """The answer that holds for marketing on ``channel`` about ``topic``; None while nothing was said of it.

    A no holds against every yes, but for one that was given later and is about at least as much in particular. So a no
    to everything ends an earlier yes to a topic, and a yes to everything does not bring back a topic that was refused.
    """
    channel, topic = channel.lower(), topic.strip().lower()[:TEXT_CHARACTERS]  # as statements have them
    newest = standing(profile)
    wide, near = ("", channel) if channel else ("",), ("", topic) if topic else ("",)
    about = [answer for answer in newest.values() if _about(answer, wide, near)]
    if profile.consents_cut and sum(1 for subject in newest if subject[1] or subject[2]) >= SUBJECTS_KEPT:
        # A refusal may be among those that there was no room for: only what is about just this counts as a yes.
        about = [one for one in about if not one.given or (one.channel, one.topic) == (channel, topic)]
    refusals = [one for one in about if not one.given]
    allowing = [one for one in about if one.given and all(_overrides(one, no) for no in refusals)]
    found = max(
        allowing or refusals or about,
        key=lambda one: (one.given_at, bool(one.channel) + bool(one.topic)),
        default=None,
    )
    if found is None or not found.given:
        return found
    # Who confirmed their address and says yes again has still confirmed it, unless they refused in between.
    refused = max(
        (one.given_at for one in profile.consents if not one.given and _about(one, wide, near)), default=0
    )
    confirmed = [one.verified_at for one in allowing if proven(one) and one.given_at > refused]
    return msgspec.structs.replace(found, verified_at=max([found.verified_at, *confirmed]))


def _about(one: Consent, channels: tuple[str, ...], topics: tuple[str, ...]) -> bool:
    return one.purpose == "marketing" and one.channel in channels and one.topic in topics


def _overrides(yes: Consent, no: Consent) -> bool:
    return yes.given_at > no.given_at and no.channel in ("", yes.channel) and no.topic in ("", yes.topic)
