"""Why somebody got a message, as they would put it."""

from dataclasses import dataclass

from messages.permission.links import MessageLink
from profiles.consent.standing import marketing_answer
from profiles.model import Profile
from tracker.sites import Site
from web.drawing import formats
from web.people.answers import ConsentRow, answer_row


@dataclass(frozen=True, slots=True)
class WhySent:
    """``campaign`` is its name, "" where nobody knows it any more; ``sent`` when; ``agreed`` the yes that it rests
    on, None where it needed none or none stands any more."""

    campaign: str
    sent: str
    agreed: ConsentRow | None


def why_sent(profile: Profile, link: MessageLink, campaign: str, site: Site) -> WhySent:
    found = marketing_answer(profile, link.channel, link.topic)
    sent = formats.when(link.at, site.zone) if link.at else ""
    return WhySent(campaign, sent, answer_row(found, site) if found is not None and found.given else None)
