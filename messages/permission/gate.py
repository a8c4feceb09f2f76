"""The gate: whether one person may be sent one message now. Every question is answered, not only the first no.

The sender asks it before it claims an occasion, and the desk's "Why (not)" shows it: one function, so that both
say the same.
"""

from collections.abc import Iterator, Mapping
from typing import Literal

import msgspec

from messages.message import Channel, MessageClass
from messages.permission.addresses import TRAITS, address_of
from messages.permission.care import gap_days, last_message
from messages.permission.suppression import SuppressionReason, bars
from messages.permission.wording import missing
from profiles.consent.law.law import lawful_everywhere
from profiles.consent.law.recipient_time import Hours, closed, known_zone, zones_of
from profiles.consent.law.ruling import Circumstances, Duty, Ruling, proven
from profiles.consent.record import standing
from profiles.consent.standing import marketing_answer
from profiles.model import Consent, Profile
from tracker.durations import DAY_MS
from tracker.sites import Site

GateName = Literal[
    "running",
    "dismissed",
    "audience",
    "consent",
    "topic",
    "address",
    "law",
    "quiet hours",
    "pause",
    "frequency",
    "cap",
    "holdout",
    "suppression",
    "budget",
]


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """One message to one person at ``at`` (ms). ``address`` is where it would go, ``digest`` its digest
    (``messages.permission.addresses``). ``quiet`` are the campaign's own hours, None for none. ``basis`` "law": it may
    go without a consent where the law has another reason, such as a sale; ``similar`` is then as in
    ``profiles.consent.law.ruling``."""

    site: Site
    profile: Profile
    channel: Channel
    message_class: MessageClass = "marketing"
    topic: str = ""
    address: str = ""
    digest: str = ""
    at: int
    quiet: Hours | None = None
    basis: Literal["consent", "law"] = "consent"
    similar: bool = False


class StoresSay(msgspec.Struct, frozen=True, kw_only=True):
    """What the stores say of the message: in the campaign's ``audience``; under all caps (``cap_left``); held out; why
    the address is suppressed; within the budget. ``last_message`` (ms) is the last message of marketing to the
    person on any channel, 0 for none."""

    audience: bool
    cap_left: bool
    held_out: bool
    suppressed: Mapping[SuppressionReason, int]
    budget_left: bool
    last_message: int = 0


class GateAnswer(msgspec.Struct, frozen=True):
    """``reason`` says why, also where it passes and the reason is of use. ``opens_at`` (ms): when this gate opens by
    itself, 0 where it does not, or is open."""

    gate: GateName
    passes: bool
    reason: str = ""
    opens_at: int = 0


class Permission(msgspec.Struct, frozen=True):
    """All answers, and what the message must carry."""

    answers: tuple[GateAnswer, ...]
    duties: tuple[Duty, ...] = ()

    @property
    def granted(self) -> bool:
        return all(each.passes for each in self.answers)

    @property
    def refusal(self) -> GateAnswer | None:
        """The first gate that is closed; a lasting one before one that opens by itself."""
        shut = [each for each in self.answers if not each.passes]
        return next((each for each in shut if not each.opens_at), shut[0] if shut else None)

    @property
    def opens_at(self) -> int:
        """When (ms) it is worth asking again; 0 where it is granted, or a closed gate does not open by itself."""
        shut = [each for each in self.answers if not each.passes]
        return max(each.opens_at for each in shut) if shut and all(each.opens_at for each in shut) else 0


def permission(asked: Asked, stores: StoresSay) -> Permission:
    """Every gate's answer. A message of class service passes those that are about marketing."""
    answer = marketing_answer(asked.profile, asked.channel, asked.topic)
    ruling = _ruling(asked, answer)
    return Permission(tuple(_answers(asked, stores, answer, ruling)), ruling.duties)


def countries_of(profile: Profile) -> tuple[str, ...]:
    """The countries whose law may hold: where they answered, where they say they live, where they were last seen."""
    said = [one.jurisdiction for one in standing(profile).values() if one.purpose == "marketing"]
    told = profile.traits.get("country")
    found = (*said, told if isinstance(told, str) else "", profile.country)
    return tuple(dict.fromkeys(each.strip().upper() for each in found if len(each.strip()) == 2))


def zones_of_recipient(profile: Profile, site: Site, countries: tuple[str, ...]) -> tuple[str, ...]:
    """The timezones that the person may be in: their own if known, else all of their countries', else the site's."""
    own = profile.traits.get("timezone")
    if known_zone(own) and "timezone" not in profile.claims:
        return (str(own),)
    return tuple(dict.fromkeys(zone for each in countries for zone in zones_of(each))) or (site.timezone,)


def confirmed(asked: Asked) -> bool:
    """Whether the address is the person's, as far as anybody can know: the site itself told it, or they confirmed it
    by a link that was sent there."""
    profile, trait = asked.profile, TRAITS.get(asked.channel)
    if trait is None or (profile.id.startswith("u:") and profile.proven and trait not in profile.claims):
        return True
    proofs = {one.address for one in profile.consents if one.given and one.verified_at}
    return bool(asked.digest) and asked.digest in proofs


def _ruling(asked: Asked, answer: Consent | None) -> Ruling:
    countries = countries_of(asked.profile)
    return lawful_everywhere(
        Circumstances(
            country="",
            channel=asked.channel,
            service=asked.message_class == "service",
            at=asked.at,
            zones=zones_of_recipient(asked.profile, asked.site, countries),
            answer=answer,
            bought_at=asked.profile.last_order,
            similar=asked.similar,
        ),
        countries,
    )


def _answers(asked: Asked, stores: StoresSay, answer: Consent | None, ruling: Ruling) -> Iterator[GateAnswer]:
    service = asked.message_class == "service"
    yield GateAnswer("audience", stores.audience, "" if stores.audience else "not in the audience")
    yield from _consent(asked, answer, ruling)
    yield _address(asked)
    yield _law(asked, ruling)
    if not service:
        yield from _timing(asked, stores)
    yield GateAnswer("cap", service or stores.cap_left, "" if service or stores.cap_left else "at its limit")
    out = stores.held_out and not service
    yield GateAnswer("holdout", not out, "held out" if out else "")
    barred = bars(stores.suppressed, service)
    yield GateAnswer("suppression", not barred, ", ".join(stores.suppressed))
    yield GateAnswer("budget", stores.budget_left, "" if stores.budget_left else "used up")


def _consent(asked: Asked, answer: Consent | None, ruling: Ruling) -> Iterator[GateAnswer]:
    """Consent to the channel at all, then to the topic."""
    if asked.message_class == "service":
        yield GateAnswer("consent", True, "service")
        return
    whole = marketing_answer(asked.profile, asked.channel, "")
    by_law = asked.basis == "law" and ruling.lawful
    if answer is not None and answer.given:
        kept = proven(answer)
        yield GateAnswer("consent", kept or by_law, "given" if kept else "no proof is kept")
        yield GateAnswer("topic", True)
        return
    if whole is not None and whole.given:
        yield GateAnswer("consent", True, "given")
        yield GateAnswer("topic", False, "refused")
        return
    no = "refused" if answer is not None else "never asked"
    yield GateAnswer("consent", answer is None and by_law, ruling.basis if by_law else no)
    yield GateAnswer("topic", True)


def _address(asked: Asked) -> GateAnswer:
    trait = TRAITS.get(asked.channel)
    if not asked.address and asked.channel != "webhook":
        return GateAnswer("address", False, "none is known")
    theirs = asked.address == address_of(asked.profile, asked.channel)
    if trait in asked.profile.claims and theirs and not confirmed(asked):
        return GateAnswer("address", False, "only claimed")
    if asked.message_class == "marketing" and not confirmed(asked):
        return GateAnswer("address", False, "not confirmed")
    return GateAnswer("address", True)


def _law(asked: Asked, ruling: Ruling) -> GateAnswer:
    """Lawful, and nothing of what the message must carry is unknown."""
    if lacking := missing(ruling.duties, asked.site):
        return GateAnswer("law", False, f"the site's settings lack: {', '.join(lacking)}")
    lasting = [reason for reason in ruling.reasons if reason != "night"]
    opens_at = 0 if lasting else ruling.opens_at
    return GateAnswer("law", ruling.lawful, ", ".join(ruling.reasons) or ruling.basis, opens_at)


def _timing(asked: Asked, stores: StoresSay) -> Iterator[GateAnswer]:
    """The campaign's quiet hours, the person's pause, and the time since the last message."""
    profile, at = asked.profile, asked.at
    zones = zones_of_recipient(profile, asked.site, countries_of(profile))
    quiet, until = closed(asked.quiet, at, zones) if asked.quiet else (False, 0)
    yield GateAnswer("quiet hours", not quiet, ", ".join(zones) if quiet else "", until)
    paused = profile.wish.pause_until
    yield GateAnswer("pause", paused <= at, "paused" if paused > at else "", paused if paused > at else 0)
    last, gap = max(stores.last_message, last_message(profile)), gap_days(profile, at)
    due = last + gap * DAY_MS
    early = bool(last and gap) and due > at
    yield GateAnswer("frequency", not early, f"one in {gap} days" if gap else "", due if early else 0)
