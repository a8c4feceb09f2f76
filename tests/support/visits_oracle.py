"""What visits a history holds, by DESIGN §6 and nothing else: naive, over the sorted events, with no code of the fold.

Profiles, rows and reports are compared with it. ``visits_of(sent, rules)`` takes everything that one site was told of
people (no bots, no opted-out visitors, no retries), in the order of sending, and gives the visits of each owner.

- An **owner** is a visitor id; where an event names none, the customer id. Two devices of a customer make two visits.
- A **deed** is a page, a screen or a tracked event but for decisions and impressions. A tracked event that names no
  visitor is the server's own, unless its source names the visit (``hint``). What the shop itself tells of an order
  afterwards, and an order from a file of orders, is no deed.
- A **visit** has at least one deed. It ends after ``timeout`` without a deed, at ``longest``, at midnight where the
  site wants that, and when a deed brings another campaign or click id (``key``) where the site splits by campaigns. A
  visit that its source named (``hint``) is one, whatever its times and campaigns are.
- **Order**: by time; of one millisecond a deed with a campaign comes first (the least by name, where campaigns split),
  then the one that was sent first.
- The **touch** of a visit is what its first deed says: ``Touch()`` for nothing, which is direct.
- **Joiners** (identify, alias, group, consent, impressions) of a visitor belong to the visit that is going on at their
  time: start ≤ time ≤ last deed before + ``timeout``, and not over by ``longest`` or midnight. Of several the one that
  started last. Of one millisecond, one that was sent before the visit's deeds comes before the visit. They are in
  ``joiners`` and change nothing of the visit. One whose hint names no visit belongs to none.
- All other events belong to no visit: their rows have the session "".

This is what rows say when events arrive in order. Whatever the order of arrival is, the deeds' visits are the same; a
joiner that arrives before the deed whose visit it would join stays outside.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import NamedTuple

from profiles.facts import Facts
from profiles.ids import hinted_id, owner_of, session_id
from profiles.model import Touch
from profiles.session_rules import DEFAULT, SessionRules
from tracker.event import SITE, Event

JOINERS = ("identify", "alias", "group", "consent")
SHOWN, DECIDED = ("Offer Viewed",), ("Offer Decided", "Offer Withheld")
AFTERWARDS = frozenset(
    f"Order {what}" for what in ("Updated", "Refunded", "Cancelled", "Shipped", "Delivered", "Returned")
)


class Sent(NamedTuple):
    """An event and what enrichment says of it."""

    event: Event
    facts: Facts

    @property
    def owner(self) -> str:
        return owner_of(self.event.site, self.event.visitor or f"u:{self.event.user}")

    @property
    def is_deed(self) -> bool:
        event = self.event
        if event.type in ("page", "screen"):
            return True
        if event.type != "track" or event.name in SHOWN + DECIDED:
            return False
        if event.sender == SITE and event.name in AFTERWARDS:
            return False
        if self.facts.session_hint:
            return True
        of_a_file = event.sender == SITE and event.backfill and event.source == "api"
        if of_a_file and event.name == "Order Completed":
            return False
        return event.visitor is not None

    @property
    def joins(self) -> bool:
        event = self.event
        return event.visitor is not None and (
            event.type in JOINERS or (event.type == "track" and event.name in SHOWN)
        )


@dataclass
class Visit:
    """``deeds`` are in order; ``campaigns`` the touches of later deeds with a campaign that opened no visit."""

    id: str
    owner: str
    deeds: list[Sent]
    joiners: list[Sent] = field(default_factory=list)
    campaigns: list[Touch] = field(default_factory=list)
    hinted: bool = False

    @property
    def start(self) -> int:
        return self.deeds[0].event.ts

    @property
    def last(self) -> int:
        return self.deeds[-1].event.ts

    @property
    def pageviews(self) -> int:
        return sum(sent.event.type in ("page", "screen") for sent in self.deeds)

    @property
    def touch(self) -> Touch:
        return self.deeds[0].facts.touch or Touch()


def visits_of(sent: Sequence[Sent], rules: SessionRules = DEFAULT) -> list[Visit]:
    """All visits, by start."""
    visits: list[Visit] = []
    turns = {one.event.id: turn for turn, one in enumerate(sent)}
    for owner in dict.fromkeys(one.owner for one in sent):
        mine = [one for one in sent if one.owner == owner]
        found = [*_plain([one for one in mine if one.is_deed and not one.facts.session_hint], rules)]
        found += _hinted([one for one in mine if one.is_deed and one.facts.session_hint])
        for one in mine:
            if one.joins and (visit := _going_on(found, one, turns, rules)):
                visit.joiners.append(one)
        visits += found
    return sorted(visits, key=lambda visit: (visit.start, visit.id))


def sessions_of(visits: Iterable[Visit]) -> dict[str, str]:
    """Event id → its visit, of all events that belong to one."""
    return {one.event.id: visit.id for visit in visits for one in (*visit.deeds, *visit.joiners)}


def first_touch(visits: Sequence[Visit]) -> Touch:
    """A profile's first touch, of its own visits: direct included, then with the time of the visit."""
    touches = [visit.touch if visit.touch.ts else Touch(visit.start) for visit in visits]
    return min(touches, key=_in_order, default=Touch())


def last_touch(visits: Sequence[Visit]) -> Touch:
    """A profile's last touch: of the latest visit that was not direct, or of a campaign inside a visit that was of
    another; ``Touch()`` if there is none."""
    touches = [
        touch for visit in visits for touch in (visit.touch, *_others(visit)) if touch.channel != "direct"
    ]
    return max(touches, key=_in_order, default=Touch())


def _plain(deeds: list[Sent], rules: SessionRules) -> list[Visit]:
    visits: list[Visit] = []
    campaign, moment = "", -1
    deeds = sorted(deeds, key=lambda one: _place(one, rules.by_campaign))
    for one in deeds:
        ts, key = one.event.ts, one.facts.campaign_key
        again = ts == moment  # a second deed of one millisecond opens nothing
        moment = ts
        visit = visits[-1] if visits else None
        other = bool(key) and rules.by_campaign and key != campaign and not again
        if visit is None or other or _over(visit, ts, rules):
            visits.append(Visit(session_id(one.owner, ts), one.owner, [one]))
            campaign = key
        else:
            visit.deeds.append(one)
            if key and not rules.by_campaign and not again and one.facts.touch:
                visit.campaigns.append(one.facts.touch)
    return visits


def _hinted(deeds: list[Sent]) -> list[Visit]:
    visits: list[Visit] = []
    for hint in dict.fromkeys(one.facts.session_hint for one in deeds):
        mine = sorted(
            (one for one in deeds if one.facts.session_hint == hint), key=lambda one: _place(one, False)
        )
        owner = mine[0].owner
        campaigns = [one.facts.touch for one in mine[1:] if one.facts.campaign_key and one.facts.touch]
        visits.append(Visit(hinted_id(owner, hint), owner, mine, campaigns=campaigns, hinted=True))
    return visits


def _place(one: Sent, by_name: bool) -> tuple[int, bool, str]:
    key = one.facts.campaign_key
    return one.event.ts, not key, key if by_name else ""


def _over(visit: Visit, ts: int, rules: SessionRules) -> bool:
    if ts - visit.last > rules.timeout:
        return True
    if visit.hinted:
        return False
    zone = rules.midnight
    return ts - visit.start >= rules.longest or (
        zone is not None
        and datetime.fromtimestamp(ts / 1000, UTC).astimezone(zone).date()
        != datetime.fromtimestamp(visit.start / 1000, UTC).astimezone(zone).date()
    )


def _going_on(visits: list[Visit], one: Sent, turns: Mapping[str, int], rules: SessionRules) -> Visit | None:
    def turn(sent: Sent) -> tuple[int, int]:
        return sent.event.ts, turns[sent.event.id]

    found = []
    for visit in visits:
        if one.facts.session_hint and visit.id != hinted_id(visit.owner, one.facts.session_hint):
            continue
        before = [deed for deed in visit.deeds if turn(deed) < turn(one)]
        so_far = replace(visit, deeds=before)
        if before and not _over(so_far, one.event.ts, rules):
            found.append(visit)
    return max(found, key=lambda visit: (visit.start, visit.id), default=None)


def _others(visit: Visit) -> list[Touch]:
    own = _in_order(visit.touch)[1:]
    return [touch for touch in visit.campaigns if _in_order(touch)[1:] != own]


def _in_order(touch: Touch) -> tuple[int, str, str, str, str, str, str]:
    return (
        *(touch.ts, touch.channel, touch.origin, touch.medium),
        *(touch.campaign, touch.keyword, touch.landing),
    )
