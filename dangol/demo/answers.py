"""How demo visitors respond to offers. They request, see and click offers like a browser."""

import random
from collections.abc import Iterator
from typing import Any

from dangol.demo.diary import Message
from dangol.demo.people import Person
from dangol.shop.client import Client

SLOTS = ("hero", "cart")


class Answers:
    """The responses of one person, drawn from the seed. Dangol decides which offers are shown."""

    def __init__(self, seed: int, number: int, person: Person) -> None:
        self._name, self._person = f"demo-{seed}-{number}", person
        self._rng = random.Random(f"dangol answers:{seed}:{number}")

    def play(self, client: Client, shop: str) -> list[Message]:
        """Request the offers of SLOTS; the messages that a browser would send about them. Bots request nothing."""
        if self._person.bot:
            return []
        visitor, device = self._person.devices[0]
        asked = {
            "visitor": visitor,
            "page": {"url": f"{shop}/"},
            "slots": [{"id": slot, "kind": "offer"} for slot in SLOTS],
        }
        shown = client.ask("/v1/personalize", asked)["slots"]
        context = {"demo": True, "ip": self._person.ip, "userAgent": device.ua, "page": {"url": f"{shop}/"}}
        return [
            {
                "messageId": f"{self._name}-{said}-{slot}",
                "anonymousId": visitor,
                "context": context,
                **message,
            }
            for slot in SLOTS
            if shown[slot]["offer"]
            for said, message in self._answer(slot, shown[slot])
        ]

    def _answer(self, slot: str, shown: dict[str, Any]) -> Iterator[tuple[str, Message]]:
        offer = shown["offer"]
        properties = {"campaign": offer["campaign"], "variant": offer["variant"], "slot": slot}
        properties |= {"token": shown["token"]}
        said = ["Viewed"]
        if self._rng.random() < _liking(offer["campaign"], offer["variant"]):
            said.append("Clicked")
        elif self._rng.random() < 0.02:
            said.append("Dismissed")
        for each in said:
            yield each.lower(), {"type": "track", "event": f"Offer {each}", "properties": properties}


def _liking(campaign: str, variant: str) -> float:
    """The click-through rate of a variant. It is the same for all visitors and seeds, so that a bandit can learn it."""
    return random.Random(f"{campaign}:{variant}").uniform(0.04, 0.3)
