"""What a site writes about: the topics of its settings and campaigns, and what a campaign is called."""

from offers.campaign.store import CampaignStore
from tracker.sites import Sites

TOPICS_LIMIT = 20


def topics_of(campaigns: CampaignStore, sites: Sites, site: str) -> list[str]:
    """The site's own topics first, then those of campaigns that are not over."""
    known = sites.get(site)
    sends = [each.send for each in campaigns.all(site) if each.status != "ended"]
    topics = [send.topic.lower() for send in sends if send is not None and send.topic]
    return list(dict.fromkeys((*(known.topics if known else ()), *sorted(topics))))[:TOPICS_LIMIT]


def campaign_name(campaigns: CampaignStore, site: str, campaign: str) -> str:
    """The campaign's name; "" where nobody knows it."""
    found = campaigns.get(site, campaign) if campaign else None
    return found.name if found else ""
