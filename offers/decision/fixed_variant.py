"""The variant of a person under a fixed allocation or in an A/A test: the same from ask to ask, and on each device."""

import math

from offers.campaign.compiled_campaign import CompiledCampaign
from offers.decision.holdout import draw
from profiles.model import Exposure


def fixed_variant(site: str, campaign: CompiledCampaign, who: str, seen: Exposure | None) -> str:
    """The variant of ``who`` (``offers.decision.holdout.subject``): the one that was met first, as far as the profile
    tells (``seen``) and it is still shown; else drawn by the weights, always in the same way.

    The draw is weighted rendezvous hashing (Thaler and Ravishankar 1998; weights by Schindelhauer and Schomaker 2005):
    a weight that changes moves no more people than it must.
    """
    if seen is not None and campaign.weights.get(seen.variant, 0.0) > 0:
        return seen.variant
    return min(
        (name for name, weight in campaign.weights.items() if weight > 0),
        key=lambda name: (
            -math.log1p(-draw(site, f"variant:{campaign.id}:{name}", who)) / campaign.weights[name]
        ),
    )
