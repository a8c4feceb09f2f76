"""Offers that a visitor met, in the fold."""

from profiles import commerce
from profiles.facts import Facts
from profiles.model import CAMPAIGNS_KEPT, Profile
from tests.ingest_streams import event


def test_the_campaigns_met_last_are_remembered() -> None:
    profile = Profile("v:a")
    for number in range(CAMPAIGNS_KEPT + 6):
        seen = event(f"e{number}", number, name="Offer Viewed", props={"campaign": f"c{number}"})
        commerce.track(profile, seen, Facts())
    assert list(profile.exposure) == [f"c{number}" for number in range(6, CAMPAIGNS_KEPT + 6)]
    late = event("late", 0, name="Offer Clicked", props={"campaign": "c0"})
    commerce.track(profile, late, Facts())
    assert "c0" not in profile.exposure and profile.counts.offer_clicks == 1
