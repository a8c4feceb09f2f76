"""The European Union and who follows its rules: Directive 2002/58/EC, article 13, and the GDPR, articles 7 and 21.

Which member states ask for a confirmed address (double opt-in) is their courts' practice, known from secondary sources
(docs/permission.md).
"""

from profiles.consent.law.ruling import Basis, Circumstances, Duty, Reason, Ruling, proven

EUROPE = frozenset(
    [
        *(
            "AT",
            "BE",
            "BG",
            "CY",
            "CZ",
            "DE",
            "DK",
            "EE",
            "ES",
            "FI",
            "FR",
            "GR",
            "HR",
            "HU",
            "IE",
            "IT",
            "LT",
        ),
        *(
            "LU",
            "LV",
            "MT",
            "NL",
            "PL",
            "PT",
            "RO",
            "SE",
            "SI",
            "SK",
            "IS",
            "LI",
            "NO",
            "CH",
            "GB",
            "EU",
            "UK",
        ),
    ]
)
"""The member states and the EEA; Switzerland and the United Kingdom have rules of the same kind. "EU" and "UK" are what
records of consent say."""
CONFIRMED = frozenset({"AT", "CH", "DE"})
"""Where a yes by e-mail proves nothing until the address was confirmed."""
_DUTIES: tuple[Duty, ...] = ("ad notice", "sender name", "contact", "unsubscribe")


def europe(asked: Circumstances) -> Ruling:
    answer, reasons = asked.answer, list[Reason]()
    basis: Basis = ""
    if answer is not None and not answer.given:
        reasons.append("refused")
    elif answer is not None and not (problem := _problem(asked)):
        basis = "consent"
    elif asked.channel == "post":
        basis = "not refused"
    elif asked.channel != "call" and asked.similar and asked.bought_at:
        basis = "sale"
    else:
        reasons.append("no consent" if answer is None else problem or "no consent")
    return Ruling(basis=basis, reasons=tuple(reasons), duties=_DUTIES)


def _problem(asked: Circumstances) -> Reason | None:
    """Why the yes cannot be shown to a court."""
    if asked.answer is None or not proven(asked.answer):
        return "consent without proof"
    if asked.channel == "email" and asked.country in CONFIRMED and not asked.answer.verified_at:
        return "not confirmed"
    return None
