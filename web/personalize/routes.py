"""POST /v1/personalize as a Flask route, for pages of any allowed origin."""

from flask import Blueprint, Response, g, request

from web.http.cors import allow, preflight
from web.http.json_body import answer, body
from web.http.site_keys import Keys
from web.personalize.deadline import Deadline
from web.personalize.personalizer import Personalizer
from web.personalize.request import BODY_LIMIT, PersonalizeBody, request_of


def personalize_blueprint(personalizer: Personalizer, keys: Keys, seconds: float) -> Blueprint:
    blueprint = Blueprint("personalize", __name__)

    @blueprint.route("/v1/personalize", methods=["OPTIONS"])
    def preflight_request() -> Response:
        return preflight(keys, "POST")

    @blueprint.post("/v1/personalize")
    def personalize() -> Response:
        budget = Deadline(seconds)
        raw = body(PersonalizeBody, BODY_LIMIT)
        g.site = site = keys.any_key()
        asked = request_of(raw, site, keys.trusted(site), request.environ)
        return answer(personalizer.answer(site, asked, budget))

    @blueprint.after_request
    def allow_origin(response: Response) -> Response:
        # Errors too: a page must be able to read why it was refused.
        return response if request.method == "OPTIONS" else allow(response, keys, g.get("site"))

    return blueprint
