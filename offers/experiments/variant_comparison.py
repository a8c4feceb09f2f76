"""Variants compared as if each had been shown to the same visitors, although the bandit chose who met which."""

from offers.bandit.thompson_sampling import Arm
from offers.campaign.campaign import Campaign
from offers.experiments.off_policy import CLIP, OffPolicy, estimate
from offers.feedback.attribution import Impression


def unconfounded_arm(campaign: Campaign, impressions: list[Impression]) -> Arm:
    """One variant's counts as if it had been shown to all visitors alike.

    Each impression is weighted by how unlikely it was. Together they are worth as many impressions as tell the same
    (Kish's effective sample size).
    """
    weights = [each.weight / max(each.propensity, 1 / CLIP) for each in impressions]
    total = sum(weights)
    scale = total / sum(weight**2 for weight in weights) if impressions else 0.0
    arm = Arm(total * scale)
    for each, weight in zip(impressions, weights, strict=True):
        if each.delay(campaign.reward) is not None:
            arm = arm.plus(Arm(0.0, 1.0, each.value, each.value**2), weight * scale)
    return arm


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
