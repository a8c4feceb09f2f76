"""What a marketer named to find it again and send it to colleagues: funnels, and goals."""

from typing import Literal

import msgspec

from tracker.redis_connection import REDIS_ERRORS, connect
from web.http.problem import Problem, unavailable
from web.language import gettext as _
from web.slug import slug

MOST = 200
QUERY_LIMIT = 8_000


class Saved(msgspec.Struct, frozen=True, kw_only=True):
    """``query`` is a funnel's address without its period (it is always of the days one looks at), or a goal's step."""

    id: str
    name: str
    query: str


class SavedStore:
    """On the hash ``dg:{kind}:{site}``: id → what is saved. Raises Problem 400, 404, 409 and 503."""

    def __init__(self, url: str, kind: Literal["funnels", "goals"], timeout: float = 1.0) -> None:
        self._redis, self._kind = connect(url, timeout), kind

    def all(self, site: str) -> list[Saved]:
        """By name."""
        try:
            found = self._redis.hvals(self._key(site))
        except REDIS_ERRORS as error:
            raise unavailable("The store of funnels and goals") from error
        return sorted((msgspec.json.decode(raw, type=Saved) for raw in found), key=lambda each: each.name)

    def get(self, site: str, saved_id: str) -> Saved:
        for each in self.all(site):
            if each.id == saved_id:
                return each
        raise Problem(404, _("This no longer exists"))

    def put(self, site: str, name: str, query: str) -> Saved:
        """Under its name; one of the same name is replaced."""
        name = " ".join(name.split())[:100]
        if not name or not query or len(query) > QUERY_LIMIT:
            raise Problem(400, _("Enter a name"), "name")
        saved = Saved(id=slug(name), name=name, query=query)
        try:
            if self._redis.hlen(self._key(site)) >= MOST and not self._redis.hexists(
                self._key(site), saved.id
            ):
                raise Problem(409, _("There are too many; delete one first"))
            self._redis.hset(self._key(site), saved.id, msgspec.json.encode(saved))
        except REDIS_ERRORS as error:
            raise unavailable("The store of funnels and goals") from error
        return saved

    def delete(self, site: str, saved_id: str) -> None:
        try:
            self._redis.hdel(self._key(site), saved_id)
        except REDIS_ERRORS as error:
            raise unavailable("The store of funnels and goals") from error

    def _key(self, site: str) -> str:
        return f"dg:{self._kind}:{site}"
