"""Look-alike audiences: what responders have in common, never the response itself."""

import random

import pytest

from offers.audience.audience import Audience
from offers.audience.visitor import View
from offers.segments.lookalike import look_alike
from profiles.model import Affinity, Counts, Profile, Touch
from tests.support.segment_people import NOW, person
from tests.support.sites import UTC_SITE


def seen(people: list[Profile]) -> list[View]:
    """As they are now; who clicked belongs to a segment."""
    return [
        View(one, NOW, UTC_SITE, lambda view: ["answered"] if view.profile.counts.offer_clicks else [])
        for one in people
    ]


def test_a_look_alike_finds_what_the_responders_have_in_common():
    generator = random.Random(5)

    def somebody(number: int, responder: bool) -> Profile:
        likes = "shoes" if responder or generator.random() < 0.2 else "books"
        channel = (
            "mail"
            if responder and generator.random() < 0.9
            else generator.choice(["search", "mail", "direct"])
        )
        return person(
            number,
            affinities={likes: Affinity(3.0, NOW)},
            last_touch=Touch(channel=channel),
            device=generator.choice(["phone", "desktop"]),
        )

    responders = [somebody(number, True) for number in range(200)]
    everybody = [somebody(number, False) for number in range(2_000)]
    found = look_alike(seen(responders), seen(everybody))
    assert found is not None
    assert "affinity('shoes')" in found.audience and "channel = 'mail'" in found.audience
    assert "device" not in found.audience
    assert found.covered > 0.85 and found.reach < 0.12 and found.density > 7
    Audience.parse(found.audience)


@pytest.mark.parametrize("reward", ["click", "conversion", "revenue"])
def test_a_look_alike_does_not_ask_for_the_answer_itself(reward):
    """To have clicked, or bought, finds those who did, and nobody like them."""
    draw = random.Random(3)

    def somebody(number: int, responder: bool) -> Profile:
        likes = "shoes" if draw.random() < (0.7 if responder else 0.2) else "books"
        bought = responder and reward != "click"
        answered = Counts(visits=2, offer_clicks=responder, orders=bought, revenue=10.0 * bought)
        return person(
            number,
            counts=answered,
            affinities={likes: Affinity(3.0, NOW)},
        )

    responders = [somebody(number, True) for number in range(200)]
    everybody = [*responders, *(somebody(number, False) for number in range(200, 1_000))]
    found = look_alike(seen(responders), seen(everybody), reward, segments=())
    assert found is not None and found.audience.startswith("affinity('shoes')")
    assert not Audience.parse(found.audience).asks({"offer_clicks", "segment"})
    if reward != "click":
        assert not Audience.parse(found.audience).asks({"orders", "stage"})
    assert found.reach < 0.3  # of the others: the responders among everybody do not count


def test_no_look_alike_of_few_or_of_everybody():
    people = [person(number, device="phone") for number in range(300)]
    assert look_alike(seen(people[:10]), seen(people)) is None
    assert look_alike(seen(people[:100]), seen(people)) is None
