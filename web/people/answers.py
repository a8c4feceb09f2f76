"""What a person said of consent, answer by answer: for the desk and for the person's own page."""

from dataclasses import dataclass

from profiles.consent.record import MERGE
from profiles.model import Consent, Profile
from tracker.sites import Site
from web.drawing import formats
from web.language import gettext as _
from web.language import lazy_gettext as _l

PURPOSES = {
    "analytics": _l("Analytics"),
    "personalization": _l("Personalization"),
    "marketing": _l("Marketing"),
}


@dataclass(frozen=True, slots=True)
class ConsentRow:
    """One answer: ``about`` which purpose, channel and topic, and what was asked; ``source`` where it was given."""

    about: str
    given: bool
    when: str
    source: str


def answers_of(profile: Profile, site: Site) -> tuple[ConsentRow, ...]:
    """The record, the newest answer first."""
    return tuple(answer_row(one, site) for one in reversed(profile.consents))


def answer_row(one: Consent, site: Site) -> ConsentRow:
    night = {True: _("also at night"), False: _("not at night"), None: ""}[one.night]
    text = _("text version %(version)s", version=one.text_version) if one.text_version else ""
    confirmed = (
        _("confirmed %(when)s", when=formats.when(one.verified_at, site.zone)) if one.verified_at else ""
    )
    about = (str(PURPOSES[one.purpose]), one.channel, one.topic, night, one.jurisdiction, text, confirmed)
    return ConsentRow(
        " · ".join(part for part in about if part),
        one.given,
        formats.when(one.given_at, site.zone) if one.given_at else _("at an unknown time"),
        _("merge of two profiles") if one.source == MERGE else one.source,
    )
