"""People who may be written to, a campaign for them, and the parts that send, on a real Redis."""

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

from messages.ledger.ledger import Ledger
from messages.message import Message, Outcome, Transport
from messages.occasions.consumer import OccasionFinder
from messages.permission.addresses import AddressDigests
from messages.permission.kept_key import KeptKey
from messages.permission.links import LinkSigner
from messages.permission.suppression import SuppressionList
from messages.sending.links import LinkMaker
from messages.sending.loop import SendingLoop
from messages.sending.reading import Readings
from messages.sending.sender import OccasionSender
from messages.sending.sent_events import SentEvents
from offers.bandit.arm_store import ArmStore
from offers.campaign.campaign import Cap
from offers.campaign.document import parse
from offers.campaign.store import CampaignStore
from offers.decision.budget import BudgetStore
from offers.decision.caps import CONTACT, CapStore
from offers.decision.message_decider import MessageDecider
from profiles.model import Consent, Profile
from profiles.redis.store import RedisProfiles
from profiles.store.port import ABSENT, Write
from tests.support.offers import SIGNER
from tests.support.permission import sending_site
from tracker.event import SITE, Event, encode
from tracker.log.open import open_log
from tracker.log.port import Record
from tracker.sites import Sites

MAIL = {"id": "a", "kind": "email", "content": {"subject": "x", "html": "<p>x</p>"}}


class Scripted:
    """A channel that answers as told, and remembers what it was given."""

    channel, once = "email", True

    def __init__(self, answer: Callable[[Message], Outcome] | None = None) -> None:
        self.given: list[Message] = []
        self._answer = answer or (lambda _: Outcome(handed_over=True))

    def prepare(self, message: Message) -> Message:
        return message

    async def send(self, prepared: Message) -> Outcome:
        self.given.append(prepared)
        return self._answer(prepared)

    async def close(self) -> None: ...


def campaign_document(name: str = "cart", send: dict[str, Any] | None = None, **more: Any) -> dict[str, Any]:
    told = {"channel": "email", "when": {"on": "Product Added"}, **(send or {})}
    return {"id": name, "name": name, "status": "live", "creatives": [MAIL], "send": told, **more}


def buyer(number: int, at: int, **more: Any) -> Profile:
    """A customer whom the site identified, who agreed to marketing and personalization."""
    told = {"text_version": "v1", "source": "checkout"}
    agreed = [Consent("marketing", True, at, **told), Consent("personalization", True, at)]
    traits = {"email": f"p{number}@shop.example"}
    return Profile(
        f"u:{number}",
        **{
            "user": str(number),
            "subject": str(number),
            "traits": traits,
            "consents": agreed,
            "last_order": at,
            "proven": True,
            "country": "US",
            **more,
        },
    )


class Post:
    """Everything between the log and a channel, in one process."""

    def __init__(
        self,
        url: str,
        clock: Callable[[], float],
        transport: Transport,
        contact: tuple[Cap, ...] = CONTACT,
        claimant: str = "w1",
        *,
        folder: Path,
    ) -> None:
        self.url, self.clock = url, clock
        self.log = open_log(f"{url}?stream=events")
        self.sites = Sites(folder / "sites.json")
        self.site = self.sites.get("default") or sending_site()
        self.sites.save(self.site)
        self.ledger, self.profiles = Ledger(url), RedisProfiles(url)
        self.campaigns, self.suppressed = CampaignStore(url), SuppressionList(url)
        self.digests = AddressDigests(KeptKey(url))
        self.events = SentEvents(self.log, clock)
        decider = MessageDecider(
            self.campaigns,
            CapStore(url, timeout=2.0, contact=contact),
            SIGNER,
            arms=ArmStore(url),
            budgets=BudgetStore(url),
            clock=clock,
        )
        self.sender = OccasionSender(
            ledger=self.ledger,
            readings=Readings(self.ledger, self.profiles, self.suppressed, self.digests, clock),
            decider=decider,
            transports={transport.channel: transport},
            links=LinkMaker(LinkSigner(KeptKey(url)), "https://dangol.example"),
            signer=SIGNER,
            events=self.events,
            claimant=claimant,
            clock=clock,
        )
        self.loop = SendingLoop(self.sites, self.campaigns, self.ledger, self.sender, self.events, clock)
        self._finder: OccasionFinder | None = None

    def live(self, *documents: dict[str, Any]) -> None:
        for each in documents:
            self.campaigns.put(self.site.id, parse(each), int(self.clock() * 1000))

    def keep(self, *people: Profile) -> None:
        stored = self.profiles.load(self.site.id, [each.id for each in people])
        writes = [
            Write(each.id, stored[each.id].version if each.id in stored else ABSENT, each) for each in people
        ]
        assert len(self.profiles.save(self.site.id, writes)) == len(people)

    def tell(self, name: str, user: str, ident: str, ts: int | None = None, **more: Any) -> Event:
        """An event from the shop's server, in the log."""
        now = int(self.clock() * 1000)
        told = {"site": self.site.id, "id": ident, "type": "track", "name": name, "user": user}
        event = Event(
            **{
                **told,
                "ts": ts or now,
                "received": now,
                "source": "api",
                "sender": SITE,
                "proven": True,
                **more,
            }
        )
        self.log.append([Record(event.key, encode(event))])
        return event

    def find(self) -> int:
        """Read the log to its end."""
        self._finder = self._finder or OccasionFinder(
            self.log, self.sites, self.campaigns, self.ledger, SIGNER, clock=self.clock
        )
        self._finder._live.clear()  # campaigns that were written this second
        read = 0
        while count := self._finder.step(0.05):
            read += count
        return read

    def send(self) -> int:
        async def until_nothing_is_due() -> int:
            total = 0
            while count := await self.loop.step():
                total += count
            return total

        return asyncio.run(until_nothing_is_due())
