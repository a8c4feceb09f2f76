"""The item catalogue over HTTP: bulk and single PUT, list, read, delete. Secret keys only."""

from collections.abc import Callable
from dataclasses import dataclass

from flask import Response

from recommender.catalogue.catalogue import Catalogue, parse_item, parse_items
from web.http.json_body import answer, body
from web.http.problem import Problem
from web.http.query import whole
from web.http.routes import Routes, delete, get, put
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
            get("/v1/items/<item_id>", self.one),
            put("/v1/items/<item_id>", self.put_one),
            delete("/v1/items/<item_id>", self.delete),
        )

    def listed(self) -> Response:
        items = self._catalogue().all()
        offset, limit = whole("offset", 0, 0, 1 << 31), whole("limit", PAGE, 1, PAGE_LIMIT)
        shown = [item.public() for item in items[offset : offset + limit]]
        return answer({"items": shown, "total": len(items)})

    def put_many(self) -> Response:
        catalogue = self._catalogue()
        items = parse_items(body(object, BULK_LIMIT))
        catalogue.put(items)
        return answer({"items": len(items)})

    def one(self, item_id: str) -> Response:
        item = self._catalogue().get(item_id)
        if item is None:
            raise Problem(404, f"There is no item {item_id[:100]!r}", "id")
        return answer(item.public())

    def put_one(self, item_id: str) -> Response:
        catalogue = self._catalogue()
        document = body(dict[str, object], ITEM_LIMIT)
        if document.setdefault("id", item_id) != item_id:
            raise Problem(400, "The id in the document is not the one in the path", "id")
        item = parse_item(document)
        catalogue.put([item])
        return answer(item.public())

    def delete(self, item_id: str) -> Response:
        if not self._catalogue().delete(item_id):
            raise Problem(404, f"There is no item {item_id[:100]!r}", "id")
        return Response(status=204)

    def _catalogue(self) -> Catalogue:
        """Of the site whose secret key the request carries. Raises Problem 401 or 403."""
        return self.shops(self.keys.secret_key().id).catalogue
