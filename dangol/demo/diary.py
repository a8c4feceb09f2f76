"""The messages that the snippet would send about one demo visitor."""

import random
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from dangol.demo.people import Device, Person
from dangol.shop.calls import Call

Message = dict[str, Any]
"""One message of Segment's HTTP API, as yet without its timestamp."""


class Diary:
    """Times and messages, oldest first; ``name`` begins the ids. Pauses and times are in seconds. ``proof`` is the
    shop's that this is its customer."""

    def __init__(self, name: str, person: Person, shop: str, rng: random.Random, proof: str = "") -> None:
        self._name, self._person, self._shop, self._rng, self._proof = name, person, shop, rng, proof
        self.entries: list[tuple[float, Message]] = []
        self._known: set[str] = set()  # anonymous ids that signed in
        self._time = 0.0
        self._url = self._referrer = self._title = ""
        self._visitor, self._device = person.devices[0]

    def open(self, time: float, device: tuple[str, Device]) -> None:
        """A new session begins at ``time``."""
        self._time, self._url = time, ""
        self._visitor, self._device = device

    def page(self, path: str, title: str, referrer: str = "", pause: float = 0.0) -> None:
        """The next page is opened; without a ``referrer`` it was linked from the one before."""
        self._referrer = referrer or self._url
        self._url, self._title = self._shop + path, f"{title} · Dangol Market"
        self._write({"type": "page"}, pause or self._rng.uniform(4, 75))

    def call(self, call: Call, pause: float = 0.0) -> None:
        """The page calls ``dangol('track', …)``."""
        _, name, properties = call
        message = {"type": "track", "event": name, "properties": properties}
        self._write(message, pause or self._rng.uniform(0.02, 0.2))

    def identify(self, traits: Mapping[str, str]) -> None:
        """The visitor signs in: from now on this device belongs to the customer."""
        self._known.add(self._visitor)
        self._write({"type": "identify", "traits": traits}, 0.05)

    @property
    def signed_in(self) -> bool:
        return self._visitor in self._known

    def _write(self, message: Message, pause: float) -> None:
        self._time += pause
        message |= {
            "messageId": f"{self._name}-{len(self.entries)}",
            "anonymousId": self._visitor,
            "context": self._context(),
        }
        if self.signed_in:
            message["userId"] = self._person.customer
            if self._proof:
                message["context"]["proof"] = self._proof
        self.entries.append((self._time, message))

    def _context(self) -> dict[str, Any]:
        person, device = self._person, self._device
        return {
            "demo": True,
            "ip": person.ip,
            "locale": person.region.locale,
            "timezone": person.region.timezone,
            "userAgent": device.ua,
            "screen": {"width": device.screen[0], "height": device.screen[1]},
            "page": {"url": self._url, "title": self._title, "referrer": self._referrer},
        }


def iso(seconds: float) -> str:
    """Seconds since the epoch as ISO 8601 with milliseconds, which sorts like the time itself."""
    moment = datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds")
    return moment.replace("+00:00", "Z")
