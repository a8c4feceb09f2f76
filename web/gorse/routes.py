"""Gorse's REST API, the part that applications call: point a Gorse client at Dangol and it works unchanged.

Items are the catalogue's, feedback goes through the event log like any event, users are profiles. The key of
``X-API-Key`` is the site's secret key. Not there: listing all feedback or users, taking feedback back.
"""

import heapq
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import msgspec
from flask import Blueprint, Response, request

from recommender.catalogue.catalogue import Catalogue
from recommender.catalogue.item import Item, ItemChange, ItemInvalid, Refused
from recommender.serving.request import LIMIT, RecommendedItem
from tracker.admission.placeholder_ids import placeholder
from web.gorse.documents import (
    Feedback,
    GorseItemGiven,
    GorseUser,
    ItemPatch,
    Scored,
    change_of,
    event_of,
    gorse_item,
    gorse_user,
    identify,
    moment,
    remembered,
    stranger,
)
from web.gorse.site import USUAL, GorseSite, affected, scored
from web.http.json_body import answer, body
from web.http.problem import Problem
from web.http.query import whole
from web.http.routes import Routes, blueprint_of, delete, get, patch, post, put

BODY_LIMIT = 8 * 1024 * 1024
PAGE_MOST = 10_000
ID_LIMIT = 200


def gorse_blueprint(gorse: GorseSite) -> Blueprint:
    parts = (GorseRecommendations, GorseFeedback, GorseItems, GorseUsers)
    return blueprint_of("gorse", [route for part in parts for route in part(gorse).routes()], "/api")


@dataclass(frozen=True, slots=True)
class GorseRecommendations:
    """Recommended items for a user, an item, a session, or anybody."""

    gorse: GorseSite

    def routes(self) -> Routes:
        return (
            get("/recommend/<user>", self.recommend, strict=False),
            get("/recommend/<user>/<path:category>", self.recommend),
            get("/item/<id:item_id>/neighbors", self.neighbors, strict=False),
            post("/session/recommend", self.session),
            get("/popular", self.popular),
            get("/latest", self.latest),
        )

    def recommend(self, user: str, category: str = "") -> Response:
        profile = self.gorse.user(user)
        picks = self.gorse.picks(profile, "blend", category or request.args.get("category", ""))
        if back := request.args.get("write-back-type"):
            self._write_back(user, back, picks)
        if request.headers.get("X-API-Version") == "2":
            return scored(picks)
        return answer([pick.id for pick in picks])

    def neighbors(self, item_id: str) -> Response:
        picks = self.gorse.picks(None, "similar", request.args.get("category", ""), item_id)
        return scored([pick for pick in picks if pick.reason.kind == "similar"])

    def session(self) -> Response:
        self.gorse.site()  # who may not ask learns nothing about the body
        given = body(list[Feedback], BODY_LIMIT)
        return scored(
            self.gorse.picks(stranger(given, self.gorse.now()), "session", request.args.get("category", ""))
        )

    def popular(self) -> Response:
        return scored(self.gorse.picks(None, "popular", request.args.get("category", "")))

    def latest(self) -> Response:
        category = request.args.get("category", "")
        count, offset = whole("n", USUAL, 0, LIMIT), whole("offset", 0, 0, PAGE_MOST)
        catalogue = self.gorse.shop().catalogue
        put = catalogue.put_ids() if catalogue.whole else None
        newest: dict[str, Scored] = {}  # of each group of variants one
        for item in catalogue.all():
            if not item.shown or (put is not None and item.id not in put):
                continue
            if category and category not in (gorse_item(item).categories or ()):
                continue
            since = moment(str(item.extra.get("timestamp", "")), catalogue.first_seen(item.id)) / 1000
            name = item.group or item.id
            if name not in newest or newest[name].score <= since:
                newest[name] = Scored(item.id, since)
        order = heapq.nlargest(
            count + offset, enumerate(newest.values()), key=lambda each: (each[1].score, each[0])
        )
        return answer([each for _, each in order[offset:]])

    def _write_back(self, user: str, kind: str, picks: Sequence[RecommendedItem]) -> None:
        if request.args.get("write-back-delay", "0").strip("0smh"):
            raise Problem(400, "A write-back is written at once: leave the delay out", "write-back-delay")
        now, site = self.gorse.now(), self.gorse.site().id
        _check_name(kind, "write-back-type")
        _check_user(user, "UserId")
        given = [Feedback(feedback_type=kind, user_id=user, item_id=pick.id) for pick in picks]
        self.gorse.append([event_of(one, site, now, None) for one in given])


@dataclass(frozen=True, slots=True)
class GorseFeedback:
    """Feedback that applications write, and what a profile remembers of it."""

    gorse: GorseSite

    def routes(self) -> Routes:
        return (
            post("/feedback", self.feedback),
            put("/feedback", self.feedback),
            get("/user/<user>/feedback", self.of_user, strict=False),
            get("/user/<user>/feedback/<kind>", self.of_user),
        )

    def feedback(self) -> Response:
        """PUT is as POST: the log only grows, and the newest word on an item counts most."""
        site, catalogue, now = self.gorse.site().id, self.gorse.shop().catalogue, self.gorse.now()
        given = body(list[Feedback], BODY_LIMIT)
        for number, one in enumerate(given):
            _checked(one, number)
        return self.gorse.append([event_of(one, site, now, catalogue.named(one.item_id)) for one in given])

    def of_user(self, user: str, kind: str | None = None) -> Response:
        profile = self.gorse.user(user)
        return answer(remembered(user, profile, kind) if profile else [])


def _checked(one: Feedback, number: int) -> None:
    """Raises Problem 400: what ingest would have to put aside is refused now."""
    _check_name(one.feedback_type, f"[{number}].FeedbackType")
    _check_user(one.user_id, f"[{number}].UserId")
    _check_name(one.item_id, f"[{number}].ItemId")


def _check_name(value: str, field: str) -> None:
    if not value.strip() or len(value) > ID_LIMIT or not value.isprintable():
        raise Problem(400, f"must hold 1 to {ID_LIMIT} printable characters", field)


def _check_user(user_id: str, field: str) -> None:
    """Raises Problem 400 for an id that no customer has: else all who have none would be one customer."""
    _check_name(user_id, field)
    if placeholder(user_id):
        raise Problem(400, f"{user_id!r} stands for nobody", field)


@dataclass(frozen=True, slots=True)
class GorseItems:
    """The catalogue's items."""

    gorse: GorseSite

    def routes(self) -> Routes:
        return (
            post("/item", self.put_one),
            post("/items", self.put_many),
            get("/items", self.listed),
            get("/item/<id:item_id>", self.one),
            patch("/item/<id:item_id>", self.change),
            delete("/item/<id:item_id>", self.remove),
        )

    def _catalogue(self) -> Catalogue:
        catalogue = self.gorse.shop().catalogue
        catalogue.refresh(force=True)  # another process may just have changed it
        return catalogue

    def put_one(self) -> Response:
        given = body(GorseItemGiven, BODY_LIMIT)
        return self._changed([change_of(given.item_id, given)], create=True)

    def put_many(self) -> Response:
        """Each item stands alone: what was refused is named in the answer, with its reason."""
        changes: list[ItemChange] = []
        refused: list[Refused] = []
        for index, raw in enumerate(body(list[Any], BODY_LIMIT)):
            try:
                given = msgspec.convert(raw, GorseItemGiven)
                changes.append(change_of(given.item_id, given, index))
            except (msgspec.ValidationError, ItemInvalid, Problem) as error:
                named = raw.get("ItemId") if isinstance(raw, dict) else None
                item_id = str(named)[:ID_LIMIT] if isinstance(named, str | int) else None
                field = getattr(error, "field", None) or f"[{index}]"
                refused.append(Refused(index, item_id, field, getattr(error, "message", str(error))))
        return self._changed(changes, create=True, refused=refused)

    def _changed(
        self, changes: Sequence[ItemChange], *, create: bool, refused: Sequence[Refused] = ()
    ) -> Response:
        """Raises Problem 400 where nothing was taken."""
        given = len(changes) + len(refused)
        refused = sorted([*refused, *self._catalogue().change(changes, create=create)])
        if refused and len(refused) == given:
            raise Problem(400, refused[0].message, refused[0].field)
        if not refused:
            return affected(given)
        told = [{"Index": each.index, "ItemId": each.id, "Message": each.message} for each in refused]
        return answer({"RowAffected": given - len(refused), "Refused": told})

    def listed(self) -> Response:
        """``cursor`` is a place in the catalogue; with ``q`` those whose id or name holds it."""
        count, start = whole("n", USUAL, 1, PAGE_MOST), whole("cursor", 0, 0, 1 << 31)
        sought = request.args.get("q", "").lower()
        every = self._catalogue().all()
        found = [item for item in every if sought in item.id.lower() or sought in item.name.lower()]
        shown = found[start : start + count]
        cursor = str(start + count) if start + count < len(found) else ""
        return answer({"Cursor": cursor, "Items": [gorse_item(item) for item in shown]})

    def _known(self, item_id: str) -> Item:
        item = self._catalogue().get(item_id)
        if item is None:
            raise Problem(404, f"There is no item {item_id[:100]!r}", "ItemId")
        return item

    def one(self, item_id: str) -> Response:
        return answer(gorse_item(self._known(item_id)))

    def change(self, item_id: str) -> Response:
        self._known(item_id)
        return self._changed([change_of(item_id, body(ItemPatch, BODY_LIMIT))], create=False)

    def remove(self, item_id: str) -> Response:
        return affected(len(self._catalogue().delete(item_id)))


@dataclass(frozen=True, slots=True)
class GorseUsers:
    """Users are profiles."""

    gorse: GorseSite

    def routes(self) -> Routes:
        return (
            post("/user", self.put_user),
            post("/users", self.put_users),
            get("/user/<user>", self.user_of),
            delete("/user/<user>", self.forget),
        )

    def put_user(self) -> Response:
        site, given = self.gorse.site().id, body(GorseUser, BODY_LIMIT)
        _check_user(given.user_id, "UserId")
        return self.gorse.append([identify(given, site, self.gorse.now())])

    def put_users(self) -> Response:
        site, now = self.gorse.site().id, self.gorse.now()
        given = body(list[GorseUser], BODY_LIMIT)
        for number, one in enumerate(given):
            _check_user(one.user_id, f"[{number}].UserId")
        return self.gorse.append([identify(one, site, now) for one in given])

    def user_of(self, user: str) -> Response:
        profile = self.gorse.user(user)
        if profile is None:
            raise Problem(404, f"Nobody is known by {user[:100]!r}", "UserId")
        return answer(gorse_user(user, profile))

    def forget(self, user: str) -> Response:
        return affected(self.gorse.erase(user))
