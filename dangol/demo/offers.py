"""What campaigns showed a demo visitor in past visits, and how they responded: decided by the real decider as of then.

A visitor's messages are collected, enriched and folded in memory as they happen, so that each decision knows what was
known at its time. Impressions and clicks go into the same visit as any other message.
"""

import random
from collections.abc import Iterator
from datetime import datetime

import msgspec

from dangol.demo.diary import Message, iso
from dangol.demo.people import Person
from ingest.enrich.enrich import facts
from ingest.folding.batch import Batch
from ingest.folding.events import EnrichedEvent
from offers.decision.decider import Decider
from offers.decision.decision_counts import DecisionCountStore
from offers.decision.decisions import Decision, LoggedDecision
from offers.decision.eligibility import Requester
from profiles.fold.fold import LogPosition, Settings
from profiles.ids import visitor_id
from profiles.model import Profile
from profiles.sansio import run_sync
from profiles.session_rules import rules_of
from profiles.store.memory import MemoryProfiles
from tracker.http.request import Request
from tracker.protocols.rejected_event import Collected
from tracker.protocols.segment import collect
from tracker.sites import Site

SEEN, CLICKED, DISMISSED = 1.2, 2.4, 3.0
"""Seconds after the page: an impression counts after one second on the screen."""
DISMISSAL = 0.02


class Moment:
    """A clock that stands where it is put (seconds)."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


class PastOffers:
    """``decider`` and ``counts`` have ``moment`` as their clock."""

    def __init__(self, site: Site, decider: Decider, counts: DecisionCountStore, moment: Moment) -> None:
        self._site, self._decider, self._counts, self._moment = site, decider, counts, moment
        self._settings = Settings(rules_of(site), currency=site.currency)

    def close(self) -> None:
        """Write the counts of decisions. Raises DecisionCountsUnavailable."""
        self._counts.flush()

    def told(self, seed: int, number: int, person: Person, messages: list[Message]) -> list[Message]:
        """What the page told of offers, by time; ``messages`` are all that the visitor did, oldest first."""
        if person.bot:
            return []
        rng = random.Random(f"dangol answers:{seed}:{number}")
        shop = _Memory(self._site, self._settings)
        told: list[Message] = []
        for message in messages:
            shop.learn(message)
            slot = slot_of(message)
            if not slot:
                continue
            for each in self._answered(slot, message, shop.profile(message["anonymousId"]), rng):
                shop.learn(each)
                told.append(each)
        return told

    def _answered(self, slot: str, page: Message, profile: Profile, rng: random.Random) -> Iterator[Message]:
        """The messages about one slot of a page."""
        at = datetime.fromisoformat(page["timestamp"]).timestamp()
        self._moment.now = at
        made = run_sync(
            self._decider.decide(self._site, profile, [slot], asker=Requester(page["anonymousId"]))
        )
        for logged in (*made.withheld, *made.decided):
            yield _decided(page, logged, at)
        decision = made.slots[slot]
        if decision is None:
            return
        self._counts.add(self._site, [(decision.campaign, decision.variant, decision.context)])
        yield _told(page, decision, "Viewed", at + SEEN)
        if rng.random() < liking(decision.campaign, decision.variant):
            yield _told(page, decision, "Clicked", at + CLICKED)
        elif rng.random() < DISMISSAL:
            yield _told(page, decision, "Dismissed", at + DISMISSED)


class _Memory:
    """One visitor's profiles as ingest would have them."""

    def __init__(self, site: Site, settings: Settings) -> None:
        self._site, self._settings, self._store, self._number = site, settings, MemoryProfiles(), 0

    def learn(self, message: Message) -> None:
        body = msgspec.json.encode({"batch": [message]})
        at = int(datetime.fromisoformat(message["timestamp"]).timestamp() * 1000)
        key = self._site.write_key
        request = Request("POST", "/v1/batch", "", body, at, authorization=f"Bearer {key}")
        collected = collect(request, lambda _: self._site)
        for event in collected.events if isinstance(collected, Collected) else ():
            self._number += 1
            place = LogPosition(event.key, 0, self._number)
            batch = Batch(self._store, self._site.id, self._settings, lambda _: True)
            batch.run([EnrichedEvent(event, facts(event, self._site), place)])

    def profile(self, visitor: str) -> Profile:
        """As the decider is given it: an empty one for who is not known yet."""
        known = self._store.find(self._site.id, visitor)
        return known or Profile(id=visitor_id(visitor), visitors=[visitor])


def slot_of(message: Message) -> str:
    """The slot for offers that the page has, as ``dangol.shop`` draws it; "" for none."""
    if message["type"] != "page":
        return ""
    path = message["context"]["page"]["url"].partition("/shop")[2].partition("?")[0]
    return {"/": "hero", "/cart": "cart"}.get(path, "")


def liking(campaign: str, variant: str) -> float:
    """The click-through rate of a variant. It is the same for all visitors and seeds, so that a bandit can learn it."""
    return random.Random(f"{campaign}:{variant}").uniform(0.04, 0.3)


def _told(page: Message, decision: Decision, said: str, at: float) -> Message:
    properties = {"campaign": decision.campaign, "variant": decision.variant, "slot": decision.slot}
    return _about(page, f"Offer {said}", properties | {"token": decision.token}, at)


def _decided(page: Message, logged: LoggedDecision, at: float) -> Message:
    properties = {"campaign": logged.campaign, "slot": logged.slot, "token": logged.token}
    return _about(page, logged.event, properties, at)


def _about(page: Message, name: str, properties: dict[str, str], at: float) -> Message:
    """Who signed in on the page's device is named in it, and its id makes this one's."""
    suffix = f"{name.lower().replace(' ', '-')}-{properties['campaign']}"
    return {
        **{each: page[each] for each in ("anonymousId", "userId", "context") if each in page},
        "messageId": f"{page['messageId']}-{suffix}"[:100],
        "type": "track",
        "event": name,
        "properties": properties,
        "timestamp": iso(at),
    }
