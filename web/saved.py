"""Funnels with a name: where a marketer finds them again, and what they send to colleagues."""

import msgspec

from offers.redis import RedisError, connect
from web.language import gettext as _
from web.naming import slug
from web.problem import Problem, unavailable

MOST = 200
QUERY_LIMIT = 8_000


class SavedFunnel(msgspec.Struct, frozen=True, kw_only=True):
    """``query`` is the funnel's address without its period: a saved funnel is always of the days one looks at."""

    id: str
    name: str
    query: str


class SavedFunnels:
    """On the hash ``dg:funnels:{site}``: id → funnel. Raises Problem 400, 404, 409 and 503."""

    def __init__(self, url: str, timeout: float = 1.0) -> None:
        self._redis = connect(url, timeout)

    def all(self, site: str) -> list[SavedFunnel]:
        """By name."""
        try:
            found = self._redis.hvals(_key(site))
        except RedisError as error:
            raise unavailable("The store of funnels") from error
        return sorted(
            (msgspec.json.decode(raw, type=SavedFunnel) for raw in found), key=lambda each: each.name
        )

    def get(self, site: str, funnel_id: str) -> SavedFunnel:
        for each in self.all(site):
            if each.id == funnel_id:
                return each
        raise Problem(404, _("There is no such funnel any more"))

    def put(self, site: str, name: str, query: str) -> SavedFunnel:
        """Under its name; one of the same name is replaced."""
        name = " ".join(name.split())[:100]
        if not name or len(query) > QUERY_LIMIT:
            raise Problem(400, _("A funnel needs a name"), "name")
        saved = SavedFunnel(id=slug(name), name=name, query=query)
        try:
            if self._redis.hlen(_key(site)) >= MOST and not self._redis.hexists(_key(site), saved.id):
                raise Problem(409, _("There are too many saved funnels; delete one first"))
            self._redis.hset(_key(site), saved.id, msgspec.json.encode(saved))
        except RedisError as error:
            raise unavailable("The store of funnels") from error
        return saved

    def delete(self, site: str, funnel_id: str) -> None:
        try:
            self._redis.hdel(_key(site), funnel_id)
        except RedisError as error:
            raise unavailable("The store of funnels") from error


def _key(site: str) -> str:
    return f"dg:funnels:{site}"
