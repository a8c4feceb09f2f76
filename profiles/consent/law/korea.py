"""Korea: the Network Act (정보통신망법), article 50, and its enforcement decree, articles 61 to 62-3.

From secondary sources (docs/permission.md): the decree's six months, the exemption of e-mail from the night, and the
two years.
"""

from profiles.consent.law.recipient_time import NIGHT, closed
from profiles.consent.law.ruling import WRITTEN, Basis, Circumstances, Duty, Reason, Ruling, proven
from profiles.model import Consent
from tracker.durations import DAY_MS

SEOUL = ("Asia/Seoul",)
SALE_MS = 180 * DAY_MS
"""Six months after the sale of goods of the same kind: the shortest ones have 181 days."""
RECONFIRM_DAYS = 730
RECONFIRM_MS = RECONFIRM_DAYS * DAY_MS
RESULT_DAYS = 14
_DUTIES: tuple[Duty, ...] = ("ad label", "sender name", "contact", "free refusal")


def korea(asked: Circumstances) -> Ruling:
    answer, reasons = asked.answer, list[Reason]()
    basis: Basis = ""
    if answer is not None and not answer.given:
        reasons.append("refused")
    elif answer is not None and proven(answer) and asked.at < reconfirm_by(answer):
        basis = "consent"
    elif asked.similar and asked.bought_at and asked.channel != "post" and _recent(asked):
        basis = "sale"
    elif answer is None:
        reasons.append("no consent")
    else:
        reasons.append("too long ago" if proven(answer) else "consent without proof")
    opens_at = 0
    if asked.channel not in WRITTEN and not (answer and answer.given and answer.night):
        night, opens_at = closed(NIGHT, asked.at, SEOUL)
        reasons += ["night"] if night else []
    return Ruling(basis=basis, reasons=tuple(reasons), duties=_DUTIES, opens_at=opens_at)


def reconfirm_by(answer: Consent) -> int:
    """Until when (ms) the sender has to ask again whether a yes still stands."""
    return max(answer.given_at, answer.verified_at) + RECONFIRM_MS


def tell_result_by(answer: Consent) -> int:
    """Until when (ms) the person has to be told what became of a consent, a refusal or its withdrawal."""
    return answer.given_at + RESULT_DAYS * DAY_MS


def _recent(asked: Circumstances) -> bool:
    return 0 <= asked.at - asked.bought_at < SALE_MS
