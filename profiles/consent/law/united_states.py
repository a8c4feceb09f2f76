"""The United States: CAN-SPAM (15 U.S.C. 7704) for e-mail, the TCPA (47 CFR 64.1200) for calls and text messages.

Some states have shorter hours for calls; they are not known here (docs/permission.md).
"""

from profiles.consent.law.recipient_time import NIGHT, closed, zones_of
from profiles.consent.law.ruling import NEAR, Basis, Circumstances, Duty, Reason, Ruling, proven

_BY_MAIL: tuple[Duty, ...] = ("ad notice", "sender name", "postal address", "unsubscribe")
_BY_TELEPHONE: tuple[Duty, ...] = ("sender name", "contact", "unsubscribe")


def united_states(asked: Circumstances) -> Ruling:
    answer, reasons = asked.answer, list[Reason]()
    near = asked.channel in NEAR
    basis: Basis = ""
    opens_at = 0
    if answer is not None and not answer.given:
        reasons.append("refused")
    elif answer is not None and proven(answer):
        basis = "consent"
    elif not near:
        basis = "not refused"
    else:
        reasons.append("no consent" if answer is None else "consent without proof")
    if near:
        night, opens_at = closed(NIGHT, asked.at, asked.zones or zones_of("US"))
        reasons += ["night"] if night else []
    duties = _BY_TELEPHONE if near else _BY_MAIL
    return Ruling(basis=basis, reasons=tuple(reasons), duties=duties, opens_at=opens_at)
