"""Every other country, and one that is not known: the strictest of the usual rules, out of caution."""

from profiles.consent.law.recipient_time import NIGHT, closed
from profiles.consent.law.ruling import NEAR, Basis, Circumstances, Duty, Reason, Ruling, proven

_DUTIES: tuple[Duty, ...] = (
    "ad notice",
    "sender name",
    "contact",
    "postal address",
    "free refusal",
    "unsubscribe",
)


def strict(asked: Circumstances) -> Ruling:
    """Only with a proven yes, and what rings or lights up only by day, unless the person agreed to the night."""
    answer, reasons = asked.answer, list[Reason]()
    basis: Basis = ""
    opens_at = 0
    if answer is not None and not answer.given:
        reasons.append("refused")
    elif answer is None:
        reasons.append("no consent")
    elif not proven(answer):
        reasons.append("consent without proof")
    else:
        basis = "consent"
    if asked.channel in NEAR and not (answer and answer.given and answer.night):
        night, opens_at = closed(NIGHT, asked.at, asked.zones)
        reasons += ["night"] if night else []
    return Ruling(basis=basis, reasons=tuple(reasons), duties=_DUTIES, opens_at=opens_at)
