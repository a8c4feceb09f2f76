"""The panel "Why (not)" on a person's page: each gate of a campaign in words."""

from dataclasses import dataclass

from profiles.model import Profile
from tracker.sites import Site
from web.drawing import formats
from web.language import gettext as _
from web.language import lazy_gettext as _l
from web.people.why_not import Gates, WhyNot

GATES = {
    "running": _l("Running"),
    "audience": _l("Audience"),
    "consent": _l("Consent"),
    "topic": _l("Topic"),
    "address": _l("Address"),
    "law": _l("Law"),
    "quiet hours": _l("Quiet hours"),
    "pause": _l("Pause"),
    "frequency": _l("How often"),
    "dismissed": _l("Not dismissed"),
    "cap": _l("Frequency cap"),
    "holdout": _l("Holdout"),
    "suppression": _l("Suppression list"),
    "budget": _l("Budget"),
}
REASONS = {
    "at its limit": _l("the limit is reached"),
    "bounced": _l("the address takes no mail"),
    "complained": _l("marked as spam"),
    "consent without proof": _l("no proof of the consent is kept"),
    "given": _l("given"),
    "held out": _l("held out for comparison"),
    "manual": _l("added by the shop"),
    "never asked": _l("not asked"),
    "night": _l("night at the recipient's place"),
    "no consent": _l("no consent"),
    "no personalization": _l("personalization is refused"),
    "no proof is kept": _l("no proof of the consent is kept"),
    "none is known": _l("no address is known"),
    "not confirmed": _l("the address is not confirmed"),
    "not in the audience": _l("not in the audience"),
    "not live now": _l("not live at this time"),
    "only claimed": _l("the address is only claimed"),
    "paused": _l("paused by the person"),
    "refused": _l("refused"),
    "sale": _l("own similar products after a sale"),
    "service": _l("a service message"),
    "too long ago": _l("the consent is too old"),
    "unsubscribed": _l("unsubscribed from everything"),
    "used up": _l("used up"),
    "within 30 days": _l("dismissed within 30 days"),
}


@dataclass(frozen=True, slots=True)
class GateRow:
    """``opens`` says when the gate opens by itself, "" where it does not."""

    name: str
    passes: bool
    reason: str
    opens: str


@dataclass(frozen=True, slots=True)
class WhyPanel:
    """``campaigns`` are the choices, by id and name; ``rows`` are empty until one is chosen."""

    campaigns: tuple[tuple[str, str], ...]
    chosen: str = ""
    granted: bool = False
    message: bool = False
    rows: tuple[GateRow, ...] = ()


def why_panel(gates: Gates, site: Site, profile: Profile, chosen: str) -> WhyPanel:
    """Raises Problem 404 for a campaign that there is not, and Unavailable."""
    choices = tuple((each.id, each.name) for each in gates.campaigns.all(site.id) if each.status != "ended")
    if not chosen:
        return WhyPanel(choices)
    found = gates.ask(site, profile, chosen)
    return WhyPanel(choices, chosen, found.granted, bool(found.channel), tuple(_rows(found, site)))


def _rows(found: WhyNot, site: Site) -> list[GateRow]:
    return [
        GateRow(
            str(GATES.get(each.gate, each.gate)),
            each.passes,
            ", ".join(str(REASONS.get(part, part)) for part in each.reason.split(", ")),
            _("open again %(when)s", when=formats.when(each.opens_at, site.zone)) if each.opens_at else "",
        )
        for each in found.answers
    ]
