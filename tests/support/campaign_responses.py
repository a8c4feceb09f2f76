"""Verified responses and a campaign with a holdout, for tests of reports and comparisons."""

from offers.campaign.campaign import Campaign
from offers.campaign.document import parse
from offers.feedback.responses import Response
from offers.feedback.token import Token
from tests.support.offers import written
from warehouse.feeds.offer_events import OfferEvent

NOW = 1_795_000_000_000


def campaign(**changes: object) -> Campaign:
    creatives = [{"id": name, "kind": "json", "content": {"t": name}} for name in "ab"]
    return parse(
        written(**{"id": "c", "holdout": 0.1, "goal": {"window": "1d"}, "creatives": creatives, **changes})
    )


def answer(
    kind, nonce, profile="v:a", variant="a", ts=NOW, propensity=0.5, context="customer|phone|mail", share=0.1
) -> Response:
    held = kind == "withheld"
    token = Token(
        "default", "c", "" if held else variant, "hero", propensity, ts, context, nonce, held, "", share, 0.0
    )
    return Response(token, OfferEvent("c", variant, "", kind, profile, ts))
