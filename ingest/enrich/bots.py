"""What a bot is: a crawler or tool by its user agent, a headless browser unless the site counts them, referrer spam."""

from ingest.enrich.channels import Arrival
from ingest.enrich.devices import Device
from tracker.agents.agents import names_browser, names_library
from tracker.event import Event
from tracker.sites import Site

BROWSER_SOURCES = frozenset({"snippet", "pixel", "log"})
OFFER_RESPONSES = frozenset({"Offer Viewed", "Offer Clicked", "Offer Dismissed"})
"""Their token says whose they are, so the site's server may send them for its visitor."""


def is_bot(event: Event, client: Device, came: Arrival | None, site: Site) -> bool:
    """Whether no person is behind an event. A server SDK's own user agent says nothing about the visitor."""
    if event.fetch:
        return is_program(event.ua, client)
    if is_spam(came):
        return True
    if event.name in OFFER_RESPONSES and names_library(event.ua):
        return False
    browser = event.source in BROWSER_SOURCES or event.type in ("page", "screen")
    return browser and is_bot_client(client, site)


def is_bot_client(client: Device, site: Site) -> bool:
    """Whether a user agent is a crawler's or a tool's."""
    return client.bot or (client.headless and not site.count_headless)


def is_program(ua: str, client: Device) -> bool:
    """Whether a page that a server tells of was asked for by a program: what names itself no browser is one."""
    return client.bot or client.headless or bool(ua and not names_browser(ua))


def is_spam(came: Arrival | None) -> bool:
    """Whether the referrer is made up to be seen in reports."""
    return came is not None and came.channel == "spam"
