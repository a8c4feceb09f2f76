"""What an agent may offer a caller: decided like any offer, for the slot ``call``, and answered by the agent."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

from offers.campaign.creative import words
from offers.campaign.store import CampaignStore
from offers.decision.decider import Decider
from offers.decision.decisions import Decision, LoggedDecision
from offers.decision.eligibility import Requester
from offers.feedback.token import TokenInvalid, TokenSigner
from profiles.model import Profile
from profiles.sansio import run_sync
from tracker.event import SITE, Event, encode
from tracker.log.port import EventLog, Record
from tracker.sites import Site
from web.http.problem import Problem
from web.language import gettext as _

SLOT = "call"
MOST = 3
ANSWERS = {"interested": "Offer Clicked", "declined": "Offer Dismissed"}
TEXT_LIMIT = 600


@dataclass(frozen=True, slots=True)
class Suggestion:
    """``because``: the clauses of the audience that the person fulfils; empty for offers to everybody."""

    name: str
    text: str
    coupon: str
    token: str
    because: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class CallOffers:
    """Raises CapsUnavailable, ProfilesUnavailable and LogUnavailable."""

    decider: Decider
    campaigns: CampaignStore
    signer: TokenSigner
    log: EventLog
    clock: Callable[[], float]

    def suggest(self, site: Site, profile: Profile) -> list[Suggestion]:
        """Up to three campaigns, the best first, each counted against its caps as if it had been shown: an agent who
        asks tells the caller."""
        asker = Requester(profile.user or (profile.visitors[-1] if profile.visitors else ""))
        made: list[Decision] = []
        for _nth in range(MOST):
            told = {each.campaign for each in made}
            page = run_sync(self.decider.decide(site, profile, [SLOT], "traits", skip=told, asker=asker))
            self._note(site, profile, (*page.withheld, *page.decided))
            decision = page.slots[SLOT]
            if decision is None:
                break
            made.append(decision)
        self._note(
            site, profile, [LoggedDecision(each.campaign, SLOT, each.token, "Offer Viewed") for each in made]
        )
        return [self._suggestion(site, profile, each) for each in made]

    def answer(self, site: Site, profile: Profile, signed: str, said: str) -> None:
        """What the caller said of an offer. Raises Problem 400."""
        event = ANSWERS.get(said)
        try:
            token = self.signer.read(signed, site.id, self._now())
        except TokenInvalid as error:
            raise Problem(400, _("This offer is too old, or of somebody else")) from error
        if event is None or not token.belongs_to(profile.user, *profile.visitors):
            raise Problem(400, _("This offer is too old, or of somebody else"))
        self._note(site, profile, [LoggedDecision(token.campaign, SLOT, signed, event)])

    def _suggestion(self, site: Site, profile: Profile, decision: Decision) -> Suggestion:
        known = next(each for each in self.campaigns.known(site) if each.id == decision.campaign)
        view = self.decider.view(site, profile)
        because = tuple(each.clause for each in known.audience.explain(view) if each.matched)
        text = text_of(decision.content)[:TEXT_LIMIT]
        return Suggestion(known.campaign.name, text, decision.coupon, decision.token, because)

    def _note(self, site: Site, profile: Profile, made: Iterable[LoggedDecision]) -> None:
        now = self._now()
        events = [
            Event(
                site=site.id,
                id=str(uuid4()),
                type="track",
                name=each.event,
                visitor=None if profile.user else next(iter(profile.visitors), None),
                user=profile.user,
                ts=now,
                received=now,
                props={"campaign": each.campaign, "slot": each.slot, "token": each.token},
                source="api",
                proven=bool(profile.user),
                sender=SITE,
            )
            for each in made
        ]
        if events and (events[0].user or events[0].visitor):
            self.log.append([Record(each.key, encode(each)) for each in events])

    def _now(self) -> int:
        return int(self.clock() * 1000)


def text_of(content: Any) -> str:
    """What of a creative can be said on the telephone: its words, one value a line."""
    if isinstance(content, str):
        return words(content)
    if isinstance(content, dict):
        return "\n".join(filter(None, map(text_of, content.values())))
    if isinstance(content, list):
        return "\n".join(filter(None, map(text_of, content)))
    return ""
