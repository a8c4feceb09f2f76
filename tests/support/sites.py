"""Sites for tests that need the settings of one, and nothing else of it."""

from typing import Any

from offers.audience.visitor import View
from profiles.model import Profile
from tracker.sites import Site


def site_with(**settings: Any) -> Site:
    return Site(id="default", write_key="wk_test", secret_key="sk_test", **settings)


UTC_SITE = site_with()
SEOUL_SITE = site_with(timezone="Asia/Seoul")


def view_of(profile: Profile) -> View:
    """The profile at its last event, on a site without segments."""
    return View(profile, profile.last_seen, UTC_SITE)
