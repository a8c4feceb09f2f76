"""The three HTTP applications: the tracker, web (API and desk), and the demo shop."""

from typing import TYPE_CHECKING

from dangol.compose.storage import deadletters, log, sites
from dangol.compose.web_stores import stores
from dangol.secrets import ensure_default_site, signing_key
from dangol.settings import Settings

if TYPE_CHECKING:
    from flask import Flask

    from tracker.app import Tracker
    from web.app import WebApplication

BURST_SECONDS = 10
"""A caller that was quiet may send at once what its rate allows in this time."""


def tracker(settings: Settings) -> "Tracker":
    from tracker.admission.buckets import RedisBuckets
    from tracker.admission.limits import Rate
    from tracker.app import Tracker

    limited, letters = settings.key_rate, deadletters(settings)
    return Tracker(
        sites(settings),
        log(settings),
        trust_proxy=settings.trust_proxy,
        spool=settings.folder / "spool",
        spool_bytes=settings.spool_mb << 20,
        refused=lambda record, reason: letters.add([letters.refused(record, reason)]),
        key_rate=Rate(settings.key_rate, settings.key_rate * BURST_SECONDS),
        address_rate=Rate(settings.address_rate, settings.address_rate * BURST_SECONDS),
        shared=RedisBuckets(settings.profiles_uri) if limited else None,
        server_cookie=settings.server_cookie,
    )


def web(settings: Settings, tracker: "Tracker | None" = None) -> "WebApplication":
    from web.app import create_app

    return create_app(stores(settings, tracker))


def shop(settings: Settings) -> "Flask":
    """The demo shop. It gets keys of the default site, and no store."""
    from dangol.shop.app import create_shop

    site = ensure_default_site(settings)
    return create_shop(None, site.write_key, signing_key(settings), site.secret_key)
