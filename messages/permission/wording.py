"""What the law asks a message to carry, as text: the label at its start and the lines at its end. Pure functions."""

from collections.abc import Collection

import msgspec

from profiles.consent.law.ruling import Duty
from tracker.sites import Site

AD_LABEL = "(광고)"


class FooterWords(msgspec.Struct, frozen=True):
    """The sentences of one language."""

    notice: str
    contact: str
    refuse: str


WORDS = {
    "en": FooterWords(
        "This is an advertisement by %s.", "Contact: %s", "To refuse further messages, free of charge: %s"
    ),
    "ko": FooterWords("%s에서 보내는 광고입니다.", "연락처: %s", "무료 수신거부: %s"),
}


def labelled(text: str, duties: Collection[str]) -> str:
    """``text`` with the label at its very start, where it must be, exactly once."""
    if "ad label" not in duties:
        return text
    rest = text.lstrip()
    while rest.startswith(AD_LABEL):
        rest = rest[len(AD_LABEL) :].lstrip()
    return f"{AD_LABEL} {rest}"


def footer(duties: Collection[str], site: Site, refuse: str, lang: str = "en") -> tuple[str, ...]:
    """The lines for the end of a message. ``refuse`` says where to refuse: an address of ours, or a number that is free
    to call."""
    words, name = WORDS["ko" if lang.lower().startswith("ko") else "en"], site.name or site.id
    lines = []
    if "ad notice" in duties:
        lines.append(words.notice % name)
    elif "sender name" in duties:
        lines.append(name)
    if "postal address" in duties:
        lines.append(site.postal_address)
    if "contact" in duties:
        lines.append(words.contact % site.contact)
    if {"free refusal", "unsubscribe"} & set(duties):
        lines.append(words.refuse % refuse)
    return tuple(lines)


def missing(duties: Collection[Duty], site: Site) -> tuple[Duty, ...]:
    """The duties that no message of this site can fulfil, since its settings do not say what to write."""
    known: dict[Duty, str] = {"contact": site.contact, "postal address": site.postal_address}
    return tuple(duty for duty in duties if not known.get(duty, "-").strip())
