"""Why (not): for one person and one campaign every gate with its answer, from the functions that decide and send."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import msgspec

from messages.permission.addresses import AddressDigests, address_of
from messages.permission.care import last_message
from messages.permission.gate import Asked, GateAnswer, StoresSay, permission
from messages.permission.suppression import SuppressionList
from messages.permission.wording import footer, labelled
from offers.campaign.campaign import Campaign
from offers.campaign.send import Send
from offers.campaign.store import CampaignStore
from offers.decision.decider import Decider
from offers.decision.examined import Examined
from profiles.consent.law.recipient_time import Hours
from profiles.model import Profile
from profiles.sansio import run_sync
from tracker.sites import Site
from web.http.problem import Problem


class WhyNot(msgspec.Struct, frozen=True):
    """``channel`` "" for a campaign on the page. ``granted``: it may be shown or sent now. ``opens_at`` (ms) is when it
    is worth asking again, 0 where no closed gate opens by itself. ``duties`` is what the message must carry: ``label``
    at its start, and the lines of ``footer`` at its end, with the unsubscribe link in place of "…"."""

    campaign: str
    name: str
    channel: str
    granted: bool
    answers: tuple[GateAnswer, ...]
    opens_at: int = 0
    duties: tuple[str, ...] = ()
    label: str = ""
    footer: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Gates:
    """Asks every gate, and counts nothing. Raises Unavailable."""

    decider: Decider
    campaigns: CampaignStore
    addresses: AddressDigests
    suppressed: SuppressionList
    clock: Callable[[], float]

    def ask(self, site: Site, profile: Profile, campaign_id: str) -> WhyNot:
        """Raises Problem 404."""
        found = run_sync(self.decider.examine(site, profile, campaign_id))
        campaign = self.campaigns.get(site.id, campaign_id)
        if found is None or campaign is None:
            raise Problem(404, f"There is no campaign {campaign_id[:100]!r}", "campaign")
        send = campaign.send
        if send is None:  # it is shown on the page
            answers = tuple(_page_answers(found))
            return WhyNot(campaign.id, found.name, "", all(each.passes for each in answers), answers)
        return self._message(site, profile, campaign, found, send)

    def _message(
        self, site: Site, profile: Profile, campaign: Campaign, found: Examined, send: Send
    ) -> WhyNot:
        digest = self.addresses.of(site.id, profile, send.channel)
        asked = Asked(
            site=site,
            profile=profile,
            channel=send.channel,
            message_class=send.message_class,
            topic=send.topic,
            address=address_of(profile, send.channel),
            digest=digest,
            at=int(self.clock() * 1000),
            quiet=_hours(send),
        )
        stores = StoresSay(
            audience=found.audience,
            cap_left=found.cap_left,
            held_out=found.held_out,
            suppressed=self.suppressed.find(site.id, digest),
            budget_left=found.budget_left,
            last_message=last_message(profile),
        )
        said = permission(asked, stores)
        answers = (*_running(found), *said.answers)
        granted = all(each.passes for each in answers)
        return WhyNot(
            campaign.id,
            found.name,
            send.channel,
            granted,
            answers,
            said.opens_at,
            tuple(said.duties),
            labelled("", said.duties).strip(),
            footer(said.duties, site, "…", profile.lang or "en"),
        )


def _running(found: Examined) -> Iterator[GateAnswer]:
    yield GateAnswer("running", found.running, "" if found.running else "not live now")


def _page_answers(found: Examined) -> Iterator[GateAnswer]:
    yield from _running(found)
    because = "; ".join(found.missing) or ("" if found.audience else "not in the audience")
    yield GateAnswer("audience", found.audience, because)
    # Without consent to personalization only campaigns for everybody are shown.
    yield GateAnswer(
        "consent", found.personal or found.audience, "" if found.personal else "no personalization"
    )
    yield GateAnswer("dismissed", not found.dismissed, "within 30 days" if found.dismissed else "")
    yield GateAnswer("cap", found.cap_left, "" if found.cap_left else "at its limit")
    yield GateAnswer("holdout", not found.held_out, "held out" if found.held_out else "")
    yield GateAnswer("budget", found.budget_left, "" if found.budget_left else "used up")


def _hours(send: Send) -> Hours | None:
    """The campaign's quiet hours, as minutes of the day."""
    if send.quiet is None:
        return None
    start, end = (int(each[:2]) * 60 + int(each[3:5]) for each in send.quiet)
    return start, end
