"""Pools of coupon codes over HTTP. Secret keys only."""

from dataclasses import dataclass
from typing import Any

from flask import Response

from offers.campaign.checks import ID
from offers.coupons.codes import CouponsInvalid, checked
from offers.coupons.pool import CouponStore, Pool
from web.http.json_body import answer, body
from web.http.problem import Problem
from web.http.routes import Routes, delete, get, put
from web.http.site_keys import Keys

BODY_LIMIT = 16 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class CouponPools:
    store: CouponStore
    keys: Keys

    def routes(self) -> Routes:
        return (
            get("/v1/coupons", self.listed),
            get("/v1/coupons/<pool>", self.one),
            put("/v1/coupons/<pool>", self.add),
            delete("/v1/coupons/<pool>", self.remove),
        )

    def listed(self) -> Response:
        return answer({"pools": [_document(each) for each in self.store.pools(self.keys.secret_key().id)]})

    def one(self, pool: str) -> Response:
        found = self.store.pool(self.keys.secret_key().id, pool)
        if found is None:
            raise _missing(pool)
        return answer(_document(found))

    def add(self, pool: str) -> Response:
        """Add codes to the pool; ``added`` is how many it did not have yet."""
        site = self.keys.secret_key().id
        if not ID.fullmatch(pool):
            raise Problem(400, "A pool's name is 1 to 64 letters, digits, '.', '_' or '-'", "pool")
        codes = body(dict[str, Any], BODY_LIMIT).get("codes")
        if not isinstance(codes, list):
            raise Problem(400, "codes is a list of texts", "codes")
        try:
            added = self.store.add(site, pool, checked(codes))
        except CouponsInvalid as error:
            raise Problem(400, error.message, error.field) from error
        found = self.store.pool(site, pool)
        return answer({**(_document(found) if found else {"pool": pool}), "added": added})

    def remove(self, pool: str) -> Response:
        if not self.store.remove(self.keys.secret_key().id, pool):
            raise _missing(pool)
        return Response(status=204)


def _document(pool: Pool) -> dict[str, Any]:
    return {"pool": pool.name, "free": pool.free, "issued": pool.issued}


def _missing(pool: str) -> Problem:
    return Problem(404, f"There is no pool {pool[:100]!r}", "pool")
