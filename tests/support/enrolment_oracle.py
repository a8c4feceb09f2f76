"""A campaign's people computed naively from the raw list of what happened, for tests of enrolment."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from tracker.durations import DAY_MS

DECISIONS = ("decided", "withheld")
RESPONSES = ("view", "click", "dismissed")


@dataclass(frozen=True)
class Happening:
    """``device`` did it, or it was decided about them, at ``at`` (ms). ``shares``: own and global holdout, and the
    variant's share; ``number`` is that of the decision, of the order, or of the visit."""

    at: int
    device: int
    what: str
    number: int = 0
    variant: str = ""
    shares: tuple[float, float, float] = (0.0, 0.0, 1.0)
    amount: float = 0.0


@dataclass
class Person:
    since: int
    held: bool
    held_share: float
    variant: str
    variant_share: float
    open: bool = False
    crossed: bool = False
    converted: bool = False
    orders: float = 0
    revenue: float = 0.0
    impressions: float = 0
    clicks: float = 0
    dismissed: bool = False
    unsubscribed: bool = False
    returned: bool = False
    before: list[float] = field(default_factory=lambda: [0.0, 0.0, 0.0, 0.0])


def people(
    raw: Sequence[Happening], owners: Mapping[int, int], start: int, end: int, window: int, now: int
) -> dict[int, Person]:
    """By person those who were enrolled with ``start`` ≤ since < ``end``. ``owners``: whose each device is."""
    found: dict[int, Person] = {}
    for owner in sorted(set(owners.values())):
        mine = [each for each in raw if owners[each.device] == owner]
        person = _enrolment(mine)
        if person is not None and start <= person.since < end:
            person.open = person.since + window >= now
            kinds = {each.what for each in mine if each.what in DECISIONS and each.at < end}
            person.crossed = len(kinds) == 2
            _outcome(person, mine, window)
            _history(person, mine)
            found[owner] = person
    return found


def _enrolment(mine: Sequence[Happening]) -> Person | None:
    for each in sorted(mine, key=lambda each: each.at):
        own, overall, share = each.shares
        withheld = 1 - (1 - own) * (1 - overall)
        if each.what in DECISIONS or (each.what in RESPONSES and withheld == 0):
            return Person(each.at, each.what == "withheld", withheld, each.variant, share)
    return None


def _outcome(person: Person, mine: Sequence[Happening], window: int) -> None:
    within = [each for each in mine if person.since <= each.at <= person.since + window]
    back: dict[int, float] = {}
    for each in mine:
        if each.what == "refund":
            back[each.number] = back.get(each.number, 0.0) + each.amount
    for each in within:
        if each.what == "order" and each.amount - back.get(each.number, 0.0) > 0:
            person.converted = True
            person.orders += 1
            person.revenue += each.amount - back.get(each.number, 0.0)
    person.impressions = len({each.number for each in within if each.what in RESPONSES})
    person.clicks = sum(each.what == "click" for each in within)
    person.dismissed = any(each.what == "dismissed" for each in within)
    person.returned = any(each.what == "refund" for each in within)
    allowed = True
    for each in sorted(mine, key=lambda each: each.at):
        if each.what == "refuse":
            person.unsubscribed |= allowed and each in within
            allowed = False
        elif each.what == "allow":
            allowed = True


def _history(person: Person, mine: Sequence[Happening]) -> None:
    first = person.since - 90 * DAY_MS
    begun: dict[tuple[int, int], int] = {}
    for each in mine:
        if each.what == "page":
            visit = each.device, each.number
            begun[visit] = min(begun.get(visit, each.at), each.at)
    person.before[0] = sum(first <= at < person.since for at in begun.values())
    for each in mine:
        if first <= each.at < person.since:
            person.before[1] += each.what == "page"
            person.before[2] += each.what == "order"
            person.before[3] += each.amount if each.what == "order" else 0.0


def row_of(each: Happening, token: str, owner: str) -> dict[str, Any]:
    """The columns of the warehouse's row that says this happened."""
    names = {
        "decided": "Offer Decided",
        "withheld": "Offer Withheld",
        "view": "Offer Viewed",
        "click": "Offer Clicked",
        "dismissed": "Offer Dismissed",
        "order": "Order Completed",
        "refund": "Order Refunded",
    }
    common = {"profile": owner, "visitor": owner.partition(":")[2], "session": "", "type": "track"}
    common["name"] = names.get(each.what, "")
    if each.what in ("decided", "withheld"):
        return {**common, "sender": "site", "props": token}
    if each.what in RESPONSES:
        return {**common, "sender": "n1", "props": token}
    if each.what == "order":
        return {**common, "order": f"o{each.number}", "revenue": each.amount, "sender": "site"}
    if each.what == "refund":
        told = {"order": f"o{each.number}", "revenue": -each.amount, "refund": f"r{each.number}-{each.at}"}
        return {**common, **told, "sender": "site"}
    if each.what == "page":
        return {**common, "type": "page", "session": f"s{each.device}-{each.number}"}
    allowed = json.dumps({"personalization": each.what == "allow"})
    return {**common, "type": "consent", "props": allowed}
