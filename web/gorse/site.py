"""What the routes of Gorse's API share: the site of the key, its stores, and answers as Gorse words them."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from flask import Response

from profiles.model import Profile
from profiles.session_rules import rules_of
from profiles.store.port import ProfileStore
from recommender.serving.request import LIMIT, RecommendedItem, Rule, SlotRequest, Strategy
from tracker.event import Event, encode
from tracker.log.port import EventLog, Record
from tracker.refusal import Refusal
from tracker.sites import Site
from web.access.audit import concerning
from web.gorse.documents import (
    Scored,
)
from web.http.json_body import answer
from web.http.problem import Problem
from web.http.query import whole
from web.http.site_keys import Keys
from web.stores import Shop

USUAL = 10  # items of one answer
TOGETHER = 500  # events of one append


@dataclass(frozen=True, slots=True, kw_only=True)
class GorseSite:
    """The site of the request's key, and the stores that its routes share."""

    keys: Keys
    shops: Callable[[str], Shop]
    profiles: ProfileStore
    erase_person: Callable[[str, str], Sequence[str] | None]
    log: EventLog
    clock: Callable[[], float]

    def site(self) -> Site:
        """Raises Problem 401."""
        return self.keys.secret_key()

    def shop(self) -> Shop:
        return self.shops(self.site().id)

    def now(self) -> int:
        """In ms."""
        return int(self.clock() * 1000)

    def user(self, user_id: str) -> Profile | None:
        profile = self.profiles.find(self.site().id, user=user_id) if user_id else None
        if profile is not None:
            concerning(profile.id)
        return profile

    def append(self, events: Sequence[Event]) -> Response:
        """Return when every event is durable. Raises LogUnavailable."""
        for start in range(0, len(events), TOGETHER):
            self.log.append([Record(event.key, encode(event)) for event in events[start : start + TOGETHER]])
        return affected(len(events))

    def erase(self, user_id: str) -> int:
        return 1 if self.erase_person(self.site().id, f"u:{user_id}") else 0

    def picks(
        self, profile: Profile | None, strategy: Strategy, category: str = "", item: str = ""
    ) -> list[RecommendedItem]:
        """The page that ``n`` and ``offset`` ask for. A category may be any of an item's."""
        count, offset = whole("n", USUAL, 0, LIMIT), whole("offset", 0, 0, LIMIT)
        rules = (Rule(field="categories", values=(category,), bias=-1),) if category else ()
        recommender = self.shop().recommender
        ask = SlotRequest(
            strategy=strategy, limit=min(LIMIT, max(1, count + offset)), item=item or None, rules=rules
        )
        shown = recommender.recommend(recommender.visitor(profile, rules=rules_of(self.site())), ask)
        if isinstance(shown, Refusal):
            raise Problem(400, shown.message, shown.field)
        return list(shown.items[offset : offset + count])


def affected(rows: int) -> Response:
    return answer({"RowAffected": rows})


def scored(picks: Sequence[RecommendedItem]) -> Response:
    return answer([Scored(pick.id, pick.score) for pick in picks])
