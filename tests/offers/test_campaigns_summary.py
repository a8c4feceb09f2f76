"""All campaigns at a glance."""

from offers.feedback.token import Token, TokenSigner
from offers.reports.campaigns_summary import summarise_campaigns
from tests.support.campaign_responses import NOW
from warehouse.feeds.offer_events import OfferEvent

SIGNER = TokenSigner("secret")


def test_all_campaigns_at_a_glance():
    first, second = (
        SIGNER.sign(Token("default", "c", variant, "hero", 0.5, NOW, nonce=variant)) for variant in "ab"
    )
    held = SIGNER.sign(Token("default", "c", "", "hero", 1.0, NOW, nonce="h", held=True))
    rows = [
        (first, "view", "v:a"),
        (first, "click", "v:a"),
        (second, "view", "v:b"),
        (second, "dismissed", "v:b"),
        (second, "dismissed", "v:b"),
        (held, "withheld", "v:c"),
        ("x", "view", ""),
    ]
    found = summarise_campaigns(
        [OfferEvent("lies", "lies", token, kind, who, NOW + 5) for token, kind, who in rows],
        SIGNER,
        "default",
    )
    assert [tuple(each) for each in found.variants] == [("c", "a", 1, 1, 0, 1, 1), ("c", "b", 1, 0, 1, 1, 0)]
    assert found.people == {"c": (2, 1)}
    assert (found.variants[0].ctr, found.withheld, found.refused) == (
        1.0,
        {"c": 1},
        {"forged": 1, "replayed": 1},
    )
