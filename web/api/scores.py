"""How right the scores of the customers were, and runs of them on demand. Secret keys only: it tells what the shop
earns."""

from dataclasses import dataclass

from flask import Response

from customers.scoring.card_store import CardStore
from customers.scoring.runs import ScoreRun, ScoreRuns, ScoresRequested
from web.http.json_body import answer
from web.http.problem import Problem
from web.http.routes import Routes, get, post
from web.http.site_keys import Keys

RUN = "/v1/scores/run"


@dataclass(frozen=True, slots=True)
class Scores:
    """``runs``: the schedule starts those that were requested."""

    cards: CardStore
    runs: ScoreRuns
    keys: Keys

    def routes(self) -> Routes:
        return (
            get("/v1/scores/card", self.card),
            post(RUN, self.run),
            get(RUN, self.newest),
        )

    def card(self) -> Response:
        site = self.keys.secret_key()
        card = self.cards.load(site.id)
        if card is None:
            raise Problem(404, "No scores were computed yet: run `dangol score`, or wait for the daily run")
        return answer(card)

    def run(self) -> Response:
        return answer(request_scores(self.runs, self.keys.secret_key().id), 202, {"Location": RUN})

    def newest(self) -> Response:
        run = self.runs.read(self.keys.secret_key().id)
        if run is None:
            raise Problem(404, "No scores were computed lately")
        return answer(run)


def request_scores(runs: ScoreRuns, site: str) -> ScoreRun:
    """Ask the schedule for a run of the scores. Raises Problem 409 while one waits or runs."""
    try:
        return runs.request(site)
    except ScoresRequested as requested:
        raise Problem(409, str(requested).capitalize()) from requested
