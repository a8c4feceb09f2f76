"""What else holds of tokens, placeholders and off-policy estimates: one short test for each guard."""

import pytest

from offers.audience.visitor import View
from offers.campaign.placeholders import VALUE_LIMIT, filled, placeholder_problem
from offers.experiments.off_policy import estimate
from offers.feedback.token import LENGTH_LIMIT, Token
from profiles.model import Profile
from tests.offers.test_token import NOW, SIGNER, refusal
from tests.support.sites import UTC_SITE


def test_a_long_token_is_not_even_read_though_we_signed_it():
    assert refusal(SIGNER.sign(Token("default", "c", "a", "x" * LENGTH_LIMIT, 0.5, NOW))) == "forged"


def test_a_token_that_is_no_text_is_forged():
    assert refusal("\ud800.x") == "forged"


def told(text: str, **traits: object) -> str:
    view = View(Profile(id="u:7", traits=traits), NOW, UTC_SITE)
    return filled("json", {"text": text}, view, traits=True)["text"]


def test_a_value_is_told_in_so_many_characters_and_only_what_can_be_printed():
    assert told("{{ trait.name }}", name="A" * 300) == "A" * VALUE_LIMIT
    assert told("{{ trait.name }}", name="A\x00\u202en\u200bn\n") == "Ann"


@pytest.mark.parametrize("value", ["", True, False, None, ["Ann"]])
def test_what_is_no_value_leaves_what_stands_there_otherwise(value: object):
    assert told("{{ trait.name | friend }}", name=value) == "friend"


def test_a_wrong_placeholder_is_found_however_deep_it_stands():
    nested = {"a": 1, "b": {"c": [{"d": "{{ password }}"}]}}
    assert "no placeholder 'password'" in (placeholder_problem(nested) or "")


def test_the_off_policy_intervals_are_these():
    """Weights 2, 2, 4 and 0. IPS: deviation of the terms 2, 0, 4, 0; SNIPS: of weight times (reward - 0.75)."""
    found = estimate([1, 0, 1, 0], [0.5, 0.5, 0.25, 0.25], [1, 1, 1, 0])
    assert found.ips[:3] == pytest.approx((1.5, -0.125117, 3.125117), abs=1e-6)
    assert found.snips[:3] == pytest.approx((0.75, 0.291655, 1.208345), abs=1e-6)
    assert found.snips.effective == pytest.approx(64 / 24)


def test_only_weights_over_the_clip_count_as_clipped():
    found = estimate([1, 1, 1, 1], [0.001, 0.005, 0.01, 0.5], [1, 1, 1, 1])
    assert found.ips.clipped == found.snips.clipped == 2
    assert found.ips.value == (100 + 100 + 100 + 2) / 4
