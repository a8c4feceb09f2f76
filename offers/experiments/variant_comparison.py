"""Variants compared as if each had been shown to the same visitors, although the bandit chose who met which."""

from offers.campaign.campaign import Campaign
from offers.experiments.off_policy import OffPolicy, estimate
from offers.feedback.attribution import Impression


def shown_to_all(campaign: Campaign, impressions: list[Impression], variant: str) -> OffPolicy | None:
    """What each impression would have brought if everybody had been shown ``variant``; None if it was never shown.

    Only impressions of the time in which the variant was on offer count: the others could not have been this variant.
    """
    mine = [each.ts for each in impressions if each.variant == variant]
    if not mine:
        return None
    still = any(creative.id == variant for creative in campaign.creatives)
    while_offered = [each for each in impressions if mine[0] <= each.ts and (still or each.ts <= mine[-1])]
    if campaign.reward == "revenue":
        rewards = [each.value for each in while_offered]
    else:
        rewards = [float(each.delay(campaign.reward) is not None) for each in while_offered]
    targets = [float(each.variant == variant) for each in while_offered]
    return estimate(rewards, [max(each.propensity, 1e-6) for each in while_offered], targets)
