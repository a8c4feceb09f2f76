"""Sites for tests that need the settings of one, and nothing else of it."""

from typing import Any

from tracker.sites import Site


def site_with(**settings: Any) -> Site:
    return Site(id="default", write_key="wk_test", secret_key="sk_test", **settings)


UTC_SITE = site_with()
SEOUL_SITE = site_with(timezone="Asia/Seoul")
