"""Enrichment: what one event says beyond its own fields. It is pure except for caches."""

from collections.abc import Callable

from ingest.enrich.bots import is_bot
from ingest.enrich.channels import arrival
from ingest.enrich.countries import country
from ingest.enrich.devices import device, hints_of
from ingest.enrich.fields import FieldReader
from ingest.enrich.orders import NOTHING, purchase
from ingest.enrich.urls import parse
from profiles.consent.statement import statement_of
from profiles.facts import Facts
from profiles.model import Touch
from tracker.agents.agents import agent_name
from tracker.event import SITE, Event
from tracker.fields.losses import loss
from tracker.sites import Site

Enrich = Callable[[Event, Site], Facts]
"""Everything that the fold and the warehouse need to know about an event of a site."""


def facts(event: Event, site: Site) -> Facts:
    """Everything that the fold and the warehouse need to know about ``event``."""
    client = device(event.ua, hints_of(event.context))
    bought = purchase(event, site) if event.props or event.type == "track" else NOTHING
    losses, hint = (*event.losses, *bought.losses, *statement_of(event).losses), ""
    if (clock := event.context.get("clock")) and not any(each.field == "timestamp" for each in losses):
        losses = (*losses, loss("timestamp", str(clock)))
    if "session" in event.context:
        read = FieldReader(site, event.ts)
        hint = read.id("session", event.context["session"])
        losses = (*losses, *read.losses)
    path = parse(event.url).path
    came = arrival(event.url, event.referrer, site) if event.url or event.referrer else None
    touch = None
    if came:
        touch = Touch(event.ts, came.channel, came.origin, came.medium, came.campaign, came.keyword, path)
    bot = is_bot(event, client, came, site)
    agent = client.agent or (agent_name(event.ua) if event.fetch else "") or client.browser
    return Facts(
        path=path,
        touch=touch,
        campaign_key=came.key if came else "",
        device=client.kind,
        browser=agent if bot else client.browser,
        os=client.os,
        country=country(event.ip) or _country_told(event),
        bot=bot,
        demo=event.context.get("demo") is True,
        products=bought.products,
        order=bought.order,
        revenue=bought.revenue,
        currency=bought.currency,
        refund=bought.refund,
        doubtful=bought.doubtful,
        session_hint=hint,
        losses=losses,
    )


def _country_told(event: Event) -> str:
    """The country (ISO 3166) that the site itself says, of an order that came from no address."""
    told = event.context.get("country") if event.sender == SITE else None
    return told if isinstance(told, str) and len(told) == 2 and told.isalpha() and told.isupper() else ""


def path_of(url: str) -> str:
    """The decoded path of a URL, "/" for a bare host, "" for no URL. Queries and fragments are not pages."""
    return parse(url).path
