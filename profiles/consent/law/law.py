"""Whether one message to one person at one moment is lawful: by the law of the recipient's country."""

from collections.abc import Callable, Collection, Mapping

import msgspec

from profiles.consent.law.europe import EUROPE, europe
from profiles.consent.law.korea import korea
from profiles.consent.law.ruling import Circumstances, Ruling
from profiles.consent.law.strict import strict
from profiles.consent.law.united_states import united_states

RULES: Mapping[str, Callable[[Circumstances], Ruling]] = {
    "KR": korea,
    "US": united_states,
    **dict.fromkeys(EUROPE, europe),
}


def lawful(asked: Circumstances) -> Ruling:
    """The ruling by ``asked.country``; for a country without rules here the strictest. A message of class service,
    such as a receipt, needs no consent and has no hours."""
    if asked.service:
        return Ruling(basis="service", duties=("sender name",))
    return RULES.get(asked.country, strict)(asked)


def lawful_everywhere(asked: Circumstances, countries: Collection[str]) -> Ruling:
    """The ruling where several countries may be the person's, as where they agreed and where they are: what any of them
    forbids is forbidden, and what any of them asks for is a duty."""
    rulings = [lawful(msgspec.structs.replace(asked, country=each)) for each in countries or ("",)]
    forbidding = next((each for each in rulings if not each.lawful), rulings[0])
    return Ruling(
        basis=forbidding.basis if forbidding.lawful else "",
        reasons=tuple(dict.fromkeys(reason for each in rulings for reason in each.reasons)),
        duties=tuple(dict.fromkeys(duty for each in rulings for duty in each.duties)),
        opens_at=max(each.opens_at for each in rulings),
    )
