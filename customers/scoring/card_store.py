"""The newest card of each site, on Redis: every process shows the same."""

import msgspec

from customers.scoring.card import ScoreCard
from tracker.redis_connection import REDIS_ERRORS, connect
from tracker.unavailable import Unavailable


class CardsUnavailable(Unavailable):
    """The store of the cards cannot be read or written now."""


class CardStore:
    """On the hash ``dg:score-cards``: site → card as JSON. Raises CardsUnavailable."""

    KEY = "dg:score-cards"

    def __init__(self, url: str, timeout: float = 1.0) -> None:
        self._redis = connect(url, timeout)

    def save(self, site: str, card: ScoreCard) -> None:
        try:
            self._redis.hset(self.KEY, site, msgspec.json.encode(card))
        except REDIS_ERRORS as error:
            raise CardsUnavailable(str(error)) from error

    def load(self, site: str) -> ScoreCard | None:
        """None before the first run of the scores, and for a card of another release."""
        try:
            found = self._redis.hget(self.KEY, site)
        except REDIS_ERRORS as error:
            raise CardsUnavailable(str(error)) from error
        try:
            return msgspec.json.decode(found, type=ScoreCard) if found else None
        except msgspec.ValidationError:
            return None
