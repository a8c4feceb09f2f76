"""Gorse's REST API, the part that applications call: point a Gorse client at Dangol and it works unchanged.

Items are the catalogue's, feedback goes through the event log like any event, users are profiles. The key of
``X-API-Key`` is the site's secret key. Not there: listing all feedback or users, taking feedback back.
"""

import heapq
from collections.abc import Sequence

from flask import Blueprint, Response, request

from profiles.model import Profile
from profiles.session_rules import rules_of
from recommender.catalogue.catalogue import Item
from recommender.serving.request import LIMIT, RecommendedItem, Rule, SlotRequest, Strategy
from tracker.event import Event, encode
from tracker.log.port import Record
from tracker.refusal import Refusal
from tracker.sites import Site
from web.access.audit import concerning
from web.gorse.documents import (
    Feedback,
    GorseItem,
    GorseUser,
    ItemPatch,
    Scored,
    event_of,
    gorse_item,
    gorse_user,
    identify,
    item_of,
    moment,
    patched,
    remembered,
    stranger,
)
from web.http.json_body import answer, body
from web.http.problem import Problem
from web.http.query import whole
from web.http.site_keys import Keys
from web.stores import Shop, Stores

BODY_LIMIT = 8 * 1024 * 1024
USUAL = 10  # items of one answer
PAGE_MOST = 10_000
TOGETHER = 500  # events of one append
ID_LIMIT = 200


class Desk:
    """What the routes share: the stores, and answers as Gorse words them."""

    def __init__(self, stores: Stores, keys: Keys) -> None:
        self._stores, self._keys = stores, keys

    def site(self) -> Site:
        return self._keys.secret_key()

    def shop(self) -> Shop:
        return self._stores.models.shops(self.site().id)

    def now(self) -> int:
        return int(self._stores.clock() * 1000)

    def user(self, user_id: str) -> Profile | None:
        profile = self._stores.visitors.profiles.find(self.site().id, user=user_id) if user_id else None
        if profile is not None:
            concerning(profile.id)
        return profile

    def append(self, events: Sequence[Event]) -> Response:
        """Return when every event is durable. Raises LogUnavailable."""
        for start in range(0, len(events), TOGETHER):
            self._stores.log.append(
                [Record(event.key, encode(event)) for event in events[start : start + TOGETHER]]
            )
        return affected(len(events))

    def erase(self, user_id: str) -> int:
        return 1 if self._stores.visitors.erase(self.site().id, f"u:{user_id}") else 0

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


def gorse_blueprint(stores: Stores, keys: Keys) -> Blueprint:
    blueprint = Blueprint("gorse", __name__, url_prefix="/api")
    desk = Desk(stores, keys)
    _recommendations(blueprint, desk)
    _feedback(blueprint, desk)
    _items(blueprint, desk)
    _users(blueprint, desk)
    return blueprint


def _recommendations(blueprint: Blueprint, desk: Desk) -> None:
    @blueprint.get("/recommend/<user>", strict_slashes=False)
    @blueprint.get("/recommend/<user>/<path:category>")
    def recommend(user: str, category: str = "") -> Response:
        profile = desk.user(user)
        picks = desk.picks(profile, "blend", category or request.args.get("category", ""))
        if back := request.args.get("write-back-type"):
            _write_back(desk, user, back, picks)
        if request.headers.get("X-API-Version") == "2":
            return scored(picks)
        return answer([pick.id for pick in picks])

    @blueprint.get("/item/<item_id>/neighbors", strict_slashes=False)
    def neighbors(item_id: str) -> Response:
        picks = desk.picks(None, "similar", request.args.get("category", ""), item_id)
        return scored([pick for pick in picks if pick.reason.kind == "similar"])

    @blueprint.post("/session/recommend")
    def session() -> Response:
        desk.site()  # who may not ask learns nothing about the body
        given = body(list[Feedback], BODY_LIMIT)
        return scored(desk.picks(stranger(given, desk.now()), "session", request.args.get("category", "")))

    @blueprint.get("/popular")
    def popular() -> Response:
        return scored(desk.picks(None, "popular", request.args.get("category", "")))

    @blueprint.get("/latest")
    def latest() -> Response:
        category = request.args.get("category", "")
        count, offset = whole("n", USUAL, 0, LIMIT), whole("offset", 0, 0, PAGE_MOST)
        times = [
            Scored(item.id, moment(str(item.extra.get("timestamp", "")), 0) / 1000)
            for item in desk.shop().catalogue.all()
            if item.available and (not category or category in (gorse_item(item).categories or ()))
        ]
        newest = heapq.nlargest(count + offset, enumerate(times), key=lambda each: (each[1].score, each[0]))
        return answer([each for _, each in newest[offset:]])


def _write_back(desk: Desk, user: str, kind: str, picks: Sequence[RecommendedItem]) -> None:
    if request.args.get("write-back-delay", "0").strip("0smh"):
        raise Problem(400, "A write-back is written at once: leave the delay out", "write-back-delay")
    now, site = desk.now(), desk.site().id
    given = [Feedback(feedback_type=kind, user_id=user, item_id=pick.id) for pick in picks]
    desk.append([event_of(one, site, now, None) for one in given])


def _feedback(blueprint: Blueprint, desk: Desk) -> None:
    @blueprint.route("/feedback", methods=["POST", "PUT"])
    def feedback() -> Response:
        """PUT is as POST: the log only grows, and the newest word on an item counts most."""
        site, catalogue, now = desk.site().id, desk.shop().catalogue, desk.now()
        given = body(list[Feedback], BODY_LIMIT)
        for number, one in enumerate(given):
            _checked(one, number)
        return desk.append([event_of(one, site, now, catalogue.state(one.item_id)[1]) for one in given])

    @blueprint.get("/user/<user>/feedback", strict_slashes=False)
    @blueprint.get("/user/<user>/feedback/<kind>")
    def of_user(user: str, kind: str | None = None) -> Response:
        profile = desk.user(user)
        return answer(remembered(user, profile, kind) if profile else [])


def _checked(one: Feedback, number: int) -> None:
    """Raises Problem 400: what ingest would have to put aside is refused now."""
    for name, value in (
        ("FeedbackType", one.feedback_type),
        ("UserId", one.user_id),
        ("ItemId", one.item_id),
    ):
        if not value.strip() or len(value) > ID_LIMIT or not value.isprintable():
            raise Problem(400, f"must hold 1 to {ID_LIMIT} printable characters", f"[{number}].{name}")


def _items(blueprint: Blueprint, desk: Desk) -> None:
    @blueprint.post("/item")
    def put_one() -> Response:
        catalogue = desk.shop().catalogue
        catalogue.put([item_of(body(GorseItem, BODY_LIMIT))])
        return affected(1)

    @blueprint.post("/items")
    def put_many() -> Response:
        catalogue = desk.shop().catalogue
        items = [item_of(one) for one in body(list[GorseItem], BODY_LIMIT)]
        catalogue.put(items)
        return affected(len(items))

    @blueprint.get("/items")
    def listed() -> Response:
        """``cursor`` is a place in the catalogue; with ``q`` those whose id or name holds it."""
        count, start = whole("n", USUAL, 1, PAGE_MOST), whole("cursor", 0, 0, 1 << 31)
        sought = request.args.get("q", "").lower()
        every = desk.shop().catalogue.all()
        found = [item for item in every if sought in item.id.lower() or sought in item.name.lower()]
        shown = found[start : start + count]
        cursor = str(start + count) if start + count < len(found) else ""
        return answer({"Cursor": cursor, "Items": [gorse_item(item) for item in shown]})

    def known(item_id: str) -> Item:
        item = desk.shop().catalogue.get(item_id)
        if item is None:
            raise Problem(404, f"There is no item {item_id[:100]!r}", "ItemId")
        return item

    @blueprint.get("/item/<item_id>")
    def one(item_id: str) -> Response:
        return answer(gorse_item(known(item_id)))

    @blueprint.patch("/item/<item_id>")
    def change(item_id: str) -> Response:
        item = known(item_id)
        desk.shop().catalogue.put([patched(item, body(ItemPatch, BODY_LIMIT))])
        return affected(1)

    @blueprint.delete("/item/<item_id>")
    def delete(item_id: str) -> Response:
        return affected(int(desk.shop().catalogue.delete(item_id)))


def _users(blueprint: Blueprint, desk: Desk) -> None:
    @blueprint.post("/user")
    def put_user() -> Response:
        site = desk.site().id
        return desk.append([identify(body(GorseUser, BODY_LIMIT), site, desk.now())])

    @blueprint.post("/users")
    def put_users() -> Response:
        site, now = desk.site().id, desk.now()
        return desk.append([identify(one, site, now) for one in body(list[GorseUser], BODY_LIMIT)])

    @blueprint.get("/user/<user>")
    def user_of(user: str) -> Response:
        profile = desk.user(user)
        if profile is None:
            raise Problem(404, f"Nobody is known by {user[:100]!r}", "UserId")
        return answer(gorse_user(user, profile))

    @blueprint.delete("/user/<user>")
    def forget(user: str) -> Response:
        return affected(desk.erase(user))
