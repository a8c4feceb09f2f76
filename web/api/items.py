"""The item catalogue over HTTP: bulk and single PUT, list, read, delete. Secret keys only."""

from flask import Blueprint, Response

from recommender.catalogue.catalogue import Catalogue, parse_item, parse_items
from web.http.json_body import answer, body
from web.http.problem import Problem
from web.http.query import whole
from web.http.site_keys import Keys
from web.stores import Stores

BULK_LIMIT = 32 * 1024 * 1024
ITEM_LIMIT = 64 * 1024
PAGE = 1_000
PAGE_LIMIT = 10_000


def items_blueprint(stores: Stores, keys: Keys) -> Blueprint:
    blueprint = Blueprint("items", __name__)

    def catalogue() -> Catalogue:
        return stores.models.shops(keys.secret_key().id).catalogue

    @blueprint.get("/v1/items")
    def listed() -> Response:
        items = catalogue().all()
        offset, limit = whole("offset", 0, 0, 1 << 31), whole("limit", PAGE, 1, PAGE_LIMIT)
        shown = [item.public() for item in items[offset : offset + limit]]
        return answer({"items": shown, "total": len(items)})

    @blueprint.put("/v1/items")
    def put_many() -> Response:
        target = catalogue()
        items = parse_items(body(object, BULK_LIMIT))
        target.put(items)
        return answer({"items": len(items)})

    @blueprint.get("/v1/items/<item_id>")
    def one(item_id: str) -> Response:
        item = catalogue().get(item_id)
        if item is None:
            raise Problem(404, f"There is no item {item_id[:100]!r}", "id")
        return answer(item.public())

    @blueprint.put("/v1/items/<item_id>")
    def put_one(item_id: str) -> Response:
        target = catalogue()
        document = body(dict[str, object], ITEM_LIMIT)
        if document.setdefault("id", item_id) != item_id:
            raise Problem(400, "The id in the document is not the one in the path", "id")
        item = parse_item(document)
        target.put([item])
        return answer(item.public())

    @blueprint.delete("/v1/items/<item_id>")
    def delete(item_id: str) -> Response:
        if not catalogue().delete(item_id):
            raise Problem(404, f"There is no item {item_id[:100]!r}", "id")
        return Response(status=204)

    return blueprint
