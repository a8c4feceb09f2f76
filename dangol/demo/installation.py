"""What the demo's past visits need of the installation: its campaigns, and the key that signs what was decided."""

from dangol.demo.offers import Moment, PastOffers
from dangol.secrets import signing_key
from dangol.settings import Settings
from offers.campaign.store import CampaignStore
from offers.decision.caps import CapStore
from offers.decision.decider import Decider
from offers.decision.decision_counts import DecisionCountStore
from offers.feedback.token import TokenSigner
from offers.segments.store import SegmentStore
from tracker.sites import Site


def past_offers(settings: Settings, site: Site) -> PastOffers:
    """Decides about the demo's past visits with the installation's campaigns, caps and segments."""
    redis, moment = settings.profiles_uri, Moment()
    decider = Decider(
        CampaignStore(redis),
        CapStore(redis, timeout=5.0),
        TokenSigner(signing_key(settings)),
        segments=SegmentStore(redis),
        global_holdout=settings.global_holdout,
        clock=moment,
    )
    return PastOffers(site, decider, DecisionCountStore(redis, clock=moment), moment)
