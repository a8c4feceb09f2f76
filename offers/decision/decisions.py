"""What a decision returns: the offer for each slot of a page, and the decisions that must be logged."""

from typing import Any, NamedTuple


class Decision(NamedTuple):
    """What to show. ``propensity``: how likely this variant was, given the campaign. ``token`` comes back signed.
    ``items``: recommendations that belong inside, asked for as an item slot does. ``coupon``: the visitor's code, ""
    for none."""

    campaign: str
    variant: str
    slot: str
    kind: str
    content: Any
    propensity: float
    token: str
    context: str
    items: dict[str, Any] | None = None
    coupon: str = ""


class LoggedDecision(NamedTuple):
    """A decision that results must know of, seen or not: to be logged as the track event ``event``."""

    campaign: str
    slot: str
    token: str
    event: str = "Offer Withheld"


class PageDecisions(NamedTuple):
    """Every slot that was asked for, None where nothing is to be shown.

    ``withheld``: what the holdout kept from this visitor. ``decided``: what was shown of campaigns that have a
    holdout; the two groups are compared, so both are logged at the same moment.
    """

    slots: dict[str, Decision | None]
    withheld: tuple[LoggedDecision, ...] = ()
    decided: tuple[LoggedDecision, ...] = ()
