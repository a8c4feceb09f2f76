"""``dangol sites``: list, add and change sites, and their keys."""

import time
from collections.abc import Iterable
from datetime import UTC, datetime
from importlib.resources import files
from typing import Any

import click
import msgspec

from dangol.settings import Settings
from tracker.fields.channel_rules import ChannelRule, parse_rule, written
from tracker.fields.exchange_rates import with_rate
from tracker.sites import (
    SESSION_MAX_HOURS,
    SESSION_TIMEOUT_MINUTES,
    STAGE_COUNT,
    STAGE_DAYS,
    ShopConnection,
    Site,
    Sites,
    new_site,
    rotated,
)

DEFAULT = "default"


@click.group()
def sites() -> None:
    """List, add and change sites, and their keys."""


@sites.command("list")
@click.pass_obj
def list_sites(config: Settings) -> None:
    """Every site with its public write key."""
    from dangol.secrets import ensure_default_site

    ensure_default_site(config)
    for site in Sites(config.sites_file).all().values():
        click.echo(f"{site.id}\t{site.write_key}\t{site.timezone}\t{' '.join(site.origins) or 'any origin'}")


@sites.command("add")
@click.argument("site_id")
@click.option("--timezone", default="UTC", help="Where the site's days begin.")
@click.option(
    "--origin", "origins", multiple=True, help="An origin that may use the write key (default: any)."
)
@click.pass_obj
def add_site(config: Settings, site_id: str, timezone: str, origins: tuple[str, ...]) -> None:
    """Add a site and print its keys."""
    known = Sites(config.sites_file)
    if known.get(site_id):
        raise click.ClickException(f"there is a site {site_id!r} already")
    site = msgspec.structs.replace(new_site(site_id, timezone=timezone), origins=origins)
    known.save(site)
    click.echo(f"write key   {site.write_key}\nsecret key  {site.secret_key}")


@sites.command("set")
@click.argument("site_id")
@click.option(
    "--identity",
    type=click.Choice(["proof", "trusting"]),
    help="Whether who names a customer must prove it, or is believed: anybody who reads the page can name one.",
)
@click.option(
    "--order-limit",
    type=click.FloatRange(min=0),
    help="The largest order that is believed of the public key, in the site's currency; 0: fifty times the usual.",
)
@click.option("--timezone", help="Where the site's days begin, such as Asia/Seoul.")
@click.option(
    "--feed",
    help="Address (http, https) or file of the product feed, which is read again and again; '' for none.",
)
@click.option(
    "--feed-hours", type=click.FloatRange(min=0, min_open=True), help="How often it is read.  [default: 24]"
)
@click.option(
    "--merge-email/--no-merge-email",
    default=None,
    help="Whether accounts for which your server or your files name the same e-mail are one person.  [default: no]",
)
@click.option("--currency", help="What the site's amounts are in, such as KRW.")
@click.option("--locale", help="Whose decimal mark amounts in texts have, such as ko-KR or de; '' for none.")
@click.option(
    "--contact",
    help="Telephone number or e-mail address that stands in the messages that the site sends; '' for none.",
)
@click.option(
    "--postal-address", help="Postal address that stands in the messages that the site sends; '' for none."
)
@click.option(
    "--topic",
    "topics",
    multiple=True,
    metavar="TOPIC",
    help="What the site writes about, such as sale: people choose among them. Replaces the former; '' for none.",
)
@click.option(
    "--rate",
    "rates",
    type=(str, str, float),
    multiple=True,
    metavar="CURRENCY DAY RATE",
    help="What one unit of a currency is worth in the site's from a day on, as USD 2026-11-30 0.95; 0 takes it away.",
)
@click.option(
    "--own-host",
    "own_hosts",
    multiple=True,
    metavar="HOST",
    help="Another host of the site, and all below: visitors do not come from there. Replaces the former; '' for none.",
)
@click.option(
    "--pass-through-host",
    "pass_through_hosts",
    multiple=True,
    metavar="HOST",
    help="A host that visitors only pass through, such as a bank's, and all below. Replaces the former; '' for none.",
)
@click.option(
    "--channel-rule",
    "channel_rules",
    multiple=True,
    metavar="RULE",
    help="Such as 'source=partner*, medium=cpc => affiliate', by host, source, medium or campaign. The first that fits "
    "decides. Replaces the former; '' for none.",
)
@click.option(
    "--session-timeout-minutes",
    type=click.IntRange(1, SESSION_TIMEOUT_MINUTES),
    help="A visit ends after so many minutes without an event.  [default: 30]",
)
@click.option(
    "--session-max-hours",
    type=click.IntRange(1, SESSION_MAX_HOURS),
    help="A visit ends so many hours after its first event.  [default: 24]",
)
@click.option(
    "--session-split-campaign/--no-session-split-campaign",
    default=None,
    help="Whether another campaign or click id opens a new visit.  [default: yes]",
)
@click.option(
    "--session-split-midnight/--no-session-split-midnight",
    default=None,
    help="Whether a visit ends at midnight of the site's timezone.  [default: no]",
)
@click.option(
    "--regular-orders",
    type=click.IntRange(1, STAGE_COUNT),
    help="A customer with so many orders is a regular.  [default: 3]",
)
@click.option(
    "--advocate-community",
    type=click.IntRange(1, STAGE_COUNT),
    help="A regular with so many reviews, shares and comments is an advocate.  [default: 3]",
)
@click.option(
    "--at-risk-days",
    type=click.IntRange(1, STAGE_DAYS),
    help="A customer without an event for so many days is at risk.  [default: 90]",
)
@click.option(
    "--lost-days",
    type=click.IntRange(1, STAGE_DAYS),
    help="A customer without an event for so many days is lost.  [default: 365]",
)
@click.pass_obj
def set_site(config: Settings, /, site_id: str, **given: Any) -> None:
    """Change a site's settings. Running processes take them up within seconds."""
    rates = given.pop("rates")
    changed = {name: value for name, value in given.items() if value not in (None, ())}
    if not changed and not rates:
        raise click.UsageError("nothing to set: see `dangol sites set --help`")
    if site_id == DEFAULT and "currency" in changed:
        raise click.ClickException(
            "this currency comes from the settings: change DANGOL_CURRENCY, and start anew"
        )
    known, site = _site(config, site_id)
    for rate in rates:
        changed["rates"] = with_rate(changed.get("rates", site.rates), *rate)
    for name in ("own_hosts", "pass_through_hosts", "topics"):
        if name in changed:
            changed[name] = tuple(host for host in changed[name] if host)
    if "channel_rules" in changed:
        changed["channel_rules"] = _rules(changed["channel_rules"])
    known.save(msgspec.structs.replace(site, **changed))
    for name, value in changed.items():
        click.echo(f"{site_id}: {name} = {_shown(name, value)}")
    if changed.get("identity") == "trusting":
        click.echo(
            "Whoever knows the public key and a customer's id can now read, change and erase what is known of them."
        )


def _rules(texts: Iterable[str]) -> tuple[ChannelRule, ...]:
    try:
        return tuple(parse_rule(text) for text in texts if text)
    except ValueError as error:
        raise click.UsageError(f"--channel-rule: {error}") from error


def _shown(name: str, value: Any) -> str:
    if name == "rates":
        return msgspec.json.encode(value).decode()
    if name == "channel_rules":
        return "; ".join(map(written, value))
    return " ".join(value) if isinstance(value, tuple) else str(value)


@sites.command("connect")
@click.argument("site_id")
@click.argument("shop", type=click.Choice(["shopify", "woocommerce", "cafe24"]))
@click.option("--secret", prompt=True, hide_input=True, help="What the shop signs its webhooks with.")
@click.option(
    "--url", default="", help="The shop's address, https only, to ask it for orders that no webhook told."
)
@click.option(
    "--key",
    default="",
    hide_input=True,
    help="WooCommerce's consumer key, or Cafe24's CLIENT_ID:CLIENT_SECRET.",
)
@click.option(
    "--token",
    prompt="Token of the REST API (empty: it is not asked)",
    default="",
    show_default=False,
    hide_input=True,
    help="Shopify's access token, WooCommerce's consumer secret, Cafe24's refresh token.",
)
@click.pass_obj
def connect_shop(
    config: Settings, site_id: str, shop: str, secret: str, url: str, key: str, token: str
) -> None:
    """Connect a hosted shop: its webhooks go to /integrations/SHOP/SITE_ID. An empty secret ends the connection."""
    known, site = _site(config, site_id)
    if url and not url.startswith("https://"):
        raise click.ClickException("the shop's address must begin with https://")
    connections = {**site.shops, shop: ShopConnection(secret, url.rstrip("/"), key, token)}
    if not secret:
        del connections[shop]
    known.save(msgspec.structs.replace(site, shops=connections))
    click.echo(
        f"webhooks: {config.public_url or config.url}/integrations/{shop}/{site_id}"
        if secret
        else "not connected any more"
    )


@sites.command("middleware")
@click.argument("language", type=click.Choice(["python", "express"]))
def print_middleware(language: str) -> None:
    """Print the middleware that tells which pages AI agents and crawlers read: a file for your application."""
    name = {"python": "dangol_agents.py", "express": "dangol-agents.cjs"}[language]
    click.echo(files("tracker.middleware").joinpath(name).read_text("utf-8"), nl=False)


@sites.command("pixel")
@click.argument("site_id")
@click.pass_obj
def print_pixel(config: Settings, site_id: str) -> None:
    """Print the custom pixel for Shopify: browsing, for Settings → Customer events."""
    from tracker.integrations.custom_pixel import custom_pixel

    click.echo(custom_pixel(config.public_url or config.url, _site(config, site_id)[1].write_key), nl=False)


@sites.command("rotate-key")
@click.argument("site_id")
@click.option(
    "--write", is_flag=True, help="The public key instead: pages that hold the former one are refused."
)
@click.option(
    "--now", "at_once", is_flag=True, help="It leaked: proofs by the former secret key count no more."
)
@click.pass_obj
def rotate_key(config: Settings, site_id: str, write: bool, at_once: bool) -> None:
    """Give a site a new secret key. The former one is refused from now on; proofs made with it are accepted for
    another week."""
    known, site = _site(config, site_id)
    given = config.write_key if write else config.secret_key
    if site_id == DEFAULT and given:
        name = "DANGOL_WRITE_KEY" if write else "DANGOL_SECRET_KEY"
        raise click.ClickException(f"this key comes from the settings: change {name} there, and start anew")
    fresh = new_site(site_id)
    if write:
        known.save(msgspec.structs.replace(site, write_key=fresh.write_key))
        click.echo(f"write key   {fresh.write_key}")
        return
    new = rotated(site, fresh.secret_key, 0 if at_once else int(time.time() * 1000))
    known.save(new)
    click.echo(f"secret key  {new.secret_key}")
    if new.former_until:
        until = datetime.fromtimestamp(new.former_until / 1000, UTC)
        click.echo(f"proofs by the former key count until {until:%Y-%m-%d %H:%M} UTC")


def _site(config: Settings, site_id: str) -> tuple[Sites, Site]:
    from dangol.secrets import ensure_default_site

    ensure_default_site(config)
    sites = Sites(config.sites_file)
    site = sites.get(site_id)
    if site is None:
        raise click.ClickException(f"there is no site {site_id!r}; see `dangol sites list`")
    return sites, site
