"""Responses and campaigns for tests of attribution and of the bandit's counts."""

from offers.campaign.campaign import Campaign
from offers.campaign.document import parse
from tests.support.offers import written

DECISIONS, BATCH = 50_000, 500


def uniform_regret(rates: list[float]) -> float:
    return DECISIONS * (max(rates) - sum(rates) / len(rates))


def campaign(**changes: object) -> Campaign:
    return parse(written(**{"id": "c", "goal": {"event": "Order Completed", "window": "1h"}, **changes}))
