"""The item catalogue over HTTP: PUT, PATCH and DELETE of one item and of many, list, read. Secret keys only."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from flask import Response, request

from recommender.catalogue.catalogue import Catalogue
from recommender.catalogue.item import ItemInvalid, Refused, parse_change, parse_changes
from web.http.json_body import answer, body
from web.http.problem import CODES, Problem
from web.http.query import whole
from web.http.routes import Routes, delete, get, patch, put
from web.http.site_keys import Keys
from web.stores import Shop

BULK_LIMIT = 32 * 1024 * 1024
ITEM_LIMIT = 64 * 1024
PAGE = 1_000
PAGE_LIMIT = 10_000


@dataclass(frozen=True, slots=True)
class Items:
    shops: Callable[[str], Shop]
    keys: Keys

    def routes(self) -> Routes:
        return (
            get("/v1/items", self.listed),
            put("/v1/items", self.put_many),
            patch("/v1/items", self.patch_many),
            delete("/v1/items", self.delete_many),
            get("/v1/items/<id:item_id>", self.one),
            put("/v1/items/<id:item_id>", self.put_one),
            patch("/v1/items/<id:item_id>", self.patch_one),
            delete("/v1/items/<id:item_id>", self.delete),
        )

    def listed(self) -> Response:
        """A page of the catalogue, or the items that ``id`` names, any number of times."""
        catalogue = self._catalogue()
        if ids := request.args.getlist("id"):
            found = [item for each in dict.fromkeys(ids) if (item := catalogue.get(each))]
            return answer({"items": [item.public() for item in found], "total": len(found)})
        items = catalogue.all()
        offset, limit = whole("offset", 0, 0, 1 << 31), whole("limit", PAGE, 1, PAGE_LIMIT)
        shown = [item.public() for item in items[offset : offset + limit]]
        return answer({"items": shown, "total": len(items)})

    def put_many(self) -> Response:
        return self._changed(create=True)

    def patch_many(self) -> Response:
        return self._changed(create=False)

    def _changed(self, create: bool) -> Response:
        """Each item stands alone: what was refused is named in the answer, with its reason."""
        catalogue = self._catalogue()
        changes, unread = parse_changes(body(object, BULK_LIMIT))
        given = len(changes) + len(unread)
        return _bulk(given, sorted([*unread, *catalogue.change(changes, create=create)]))

    def one(self, item_id: str) -> Response:
        item = self._catalogue().get(item_id)
        if item is None:
            raise _unknown(item_id)
        return answer(item.public())

    def put_one(self, item_id: str) -> Response:
        return self._change(item_id, create=True)

    def patch_one(self, item_id: str) -> Response:
        return self._change(item_id, create=False)

    def _change(self, item_id: str, create: bool) -> Response:
        catalogue = self._catalogue()
        document = body(dict[str, object], ITEM_LIMIT)
        if document.setdefault("id", item_id) != item_id:
            raise Problem(400, "The id in the document is not the one in the path", "id")
        if not create and catalogue.get(item_id) is None:
            raise _unknown(item_id)
        if refused := catalogue.change([parse_change(document)], create=create):
            raise ItemInvalid(refused[0].field, refused[0].message)
        return self.one(item_id)

    def delete(self, item_id: str) -> Response:
        if not self._catalogue().delete(item_id):
            raise _unknown(item_id)
        return Response(status=204)

    def delete_many(self) -> Response:
        """The items that ``id`` names, any number of times."""
        ids = list(dict.fromkeys(request.args.getlist("id")))
        if not ids:
            raise Problem(400, "Name the items to take out: ?id=A&id=B", "id")
        gone = set(self._catalogue().delete(*ids))
        refused = [
            Refused(index, each[:100], "id", f"There is no item {each[:100]!r}")
            for index, each in enumerate(ids)
            if each not in gone
        ]
        return _bulk(len(ids), refused)

    def _catalogue(self) -> Catalogue:
        """Of the site whose secret key the request carries. Raises Problem 401 or 403."""
        catalogue = self.shops(self.keys.secret_key().id).catalogue
        catalogue.refresh(force=True)  # another process may just have changed it
        return catalogue


def _bulk(given: int, refused: Sequence[Refused]) -> Response:
    """How many items of a bulk were taken, and which were not and why; 400 where none was."""
    told: dict[str, object] = {"items": given - len(refused)}
    if not refused:
        return answer(told)
    told["refused"] = refused
    if len(refused) < given:
        return answer(told)
    error = {"code": CODES[400], "message": refused[0].message, "field": refused[0].field}
    return answer({"error": error, **told}, 400)


def _unknown(item_id: str) -> Problem:
    return Problem(404, f"There is no item {item_id[:100]!r}", "id")
