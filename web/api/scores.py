"""How right the scores of the customers were. Secret keys only: it tells what the shop earns."""

from dataclasses import dataclass

from flask import Response

from customers.scoring.card_store import CardStore
from web.http.json_body import answer
from web.http.problem import Problem
from web.http.routes import Routes, get
from web.http.site_keys import Keys


@dataclass(frozen=True, slots=True)
class Scores:
    cards: CardStore
    keys: Keys

    def routes(self) -> Routes:
        return (get("/v1/scores/card", self.card),)

    def card(self) -> Response:
        site = self.keys.secret_key()
        card = self.cards.load(site.id)
        if card is None:
            raise Problem(404, "No scores were computed yet: run `dangol score`, or wait for the daily run")
        return answer(card)
