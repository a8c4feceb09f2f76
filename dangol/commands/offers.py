"""``dangol campaigns`` and ``segments``: lists, and campaigns as YAML files."""

import time
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import click

from dangol.commands.options import FILE, SITE
from dangol.settings import Settings

if TYPE_CHECKING:
    from tracker.sites import Site


@click.group()
def campaigns() -> None:
    """Campaigns as a YAML file: list, import, export."""


@campaigns.command("list")
@SITE
@click.pass_obj
def list_campaigns(config: Settings, site_id: str) -> None:
    """One line each: id, status, slots and name."""
    from dangol.machine.embedded import embedded_redis
    from offers.campaign.store import CampaignStore

    with embedded_redis(config):
        for each in CampaignStore(config.profiles_uri).all(site_id):
            click.echo(f"{each.id}\t{each.status}\t{' '.join(each.slots)}\t{each.name}")


@campaigns.command("send-test")
@click.argument("campaign_id")
@click.argument("address")
@click.option("--variant", help="Its id; without it, the first one.")
@click.option(
    "--person", help="Whose values to fill in: a profile's id, such as u:kim. Without it, nobody's."
)
@SITE
@click.pass_obj
def send_test(
    config: Settings, campaign_id: str, address: str, variant: str | None, person: str | None, site_id: str
) -> None:
    """Send one mail of a campaign to ADDRESS, as a person would get it. It counts nowhere."""
    import asyncio

    from dangol import compose
    from dangol.machine.embedded import embedded_redis
    from messages.email.samples import sample_message, send_sample
    from offers.campaign.store import CampaignStore
    from profiles.model import Profile
    from web.people.lookup import find

    site = _known(config, site_id)
    with embedded_redis(config):
        campaign = CampaignStore(config.profiles_uri).get(site_id, campaign_id)
        profile = find(compose.profiles(config), site_id, person) if person else Profile("")
        if campaign is None or profile is None:
            raise click.ClickException(f"there is no {'person' if campaign else 'campaign'} of this id")
        message = sample_message(site, campaign, variant, profile, address, int(time.time() * 1000))
        outcome, warnings = asyncio.run(send_sample(lambda: compose.email_transport(config), message))
    for warning in warnings:
        click.echo(warning, err=True)
    click.echo("sent" if outcome.handed_over else f"refused: {outcome.reason}")


@campaigns.command("import")
@click.argument("file", type=FILE)
@SITE
@click.pass_obj
def import_campaigns(config: Settings, file: Path, site_id: str) -> None:
    """Add or replace the campaigns of a YAML file; all of them are checked before the first is written."""
    from dangol.machine.embedded import embedded_redis
    from offers.campaign.campaign import CampaignInvalid
    from offers.campaign.document import load_yaml
    from offers.campaign.store import CampaignStore
    from web.api.campaigns import check_items

    found = load_yaml(file, _known(config, site_id).zone)
    for index, each in enumerate(found):
        try:
            check_items(each)
        except CampaignInvalid as error:
            raise CampaignInvalid(f"campaigns[{index}].{error.field}", error.message) from error
    with embedded_redis(config):
        store = CampaignStore(config.profiles_uri)
        changed = [each for each in found if store.put(site_id, each, int(time.time() * 1000))]
    click.echo(f"{len(found)} campaigns, {len(changed)} of them new or changed")


@campaigns.command("ready-made")
@click.option("--lang", type=click.Choice(["en", "ko"]), default="en", show_default=True)
def ready_made_campaigns(lang: Literal["en", "ko"]) -> None:
    """Write drafts of the usual messages (abandoned cart, welcome, win-back …) as YAML that import reads."""
    from offers.campaign.document import dump_yaml, parse
    from offers.ready_made.messages import ready_made

    drafts = ready_made(lang)
    for each in drafts.segments:
        click.echo(f"# needs the segment {each['id']}: {each['audience']}")
    click.echo(dump_yaml([parse(each) for each in drafts.campaigns]), nl=False)


@campaigns.command("export")
@click.argument("file", required=False, type=click.Path(dir_okay=False, path_type=Path))
@SITE
@click.pass_obj
def export_campaigns(config: Settings, file: Path | None, site_id: str) -> None:
    """Write every campaign to a YAML file that import reads back; to standard output without one."""
    from dangol.machine.embedded import embedded_redis
    from offers.campaign.document import dump_yaml
    from offers.campaign.store import CampaignStore

    _known(config, site_id)
    with embedded_redis(config):
        found = CampaignStore(config.profiles_uri).all(site_id)
    text = dump_yaml(found)
    if file is None:
        click.echo(text, nl=False)
    else:
        file.write_text(text, encoding="utf-8")
        click.echo(f"{len(found)} campaigns")


@click.group()
def segments() -> None:
    """Segments: list, set, remove and evaluate."""


@segments.command("list")
@SITE
@click.pass_obj
def list_segments(config: Settings, site_id: str) -> None:
    """One line each: id, members at the last evaluation, name and audience."""
    from dangol.machine.embedded import embedded_redis
    from offers.segments.membership import ProgressStore
    from offers.segments.store import SegmentStore

    with embedded_redis(config):
        progress = ProgressStore(config.profiles_uri).read(site_id)
        for each in SegmentStore(config.profiles_uri).all(site_id):
            members = progress.members.get(each.id) if progress else None
            click.echo(f"{each.id}\t{'?' if members is None else members}\t{each.name}\t{each.audience}")


@segments.command("set")
@click.argument("segment_id")
@click.argument("audience")
@click.option("--name", default="", help="What people call it; default: its id.")
@SITE
@click.pass_obj
def set_segment(config: Settings, segment_id: str, audience: str, name: str, site_id: str) -> None:
    """Add or replace a segment, such as: dangol segments set vip "revenue > 1000"."""
    from dangol.machine.embedded import embedded_redis
    from offers.segments.segment import parse_segment
    from offers.segments.store import SegmentStore

    _known(config, site_id)
    segment = parse_segment({"name": name or segment_id, "audience": audience}, segment_id)
    with embedded_redis(config):
        SegmentStore(config.profiles_uri).put(site_id, segment)
    click.echo(f"{segment.id}: the schedule asks everybody again")


@segments.command("remove")
@click.argument("segment_id")
@SITE
@click.pass_obj
def remove_segment(config: Settings, segment_id: str, site_id: str) -> None:
    """Remove a segment."""
    from dangol.machine.embedded import embedded_redis
    from offers.segments.store import SegmentStore

    with embedded_redis(config):
        if not SegmentStore(config.profiles_uri).delete(site_id, segment_id):
            raise click.ClickException(f"there is no segment {segment_id!r}")


@segments.command("evaluate")
@SITE
@click.pass_obj
def evaluate_segments(config: Settings, site_id: str) -> None:
    """Evaluate every visitor now instead of waiting for the schedule."""
    from dangol import compose
    from dangol.machine.embedded import embedded_redis

    site = _known(config, site_id)
    with embedded_redis(config):
        done = compose.membership(config).run(site)
    click.echo(f"{done.done} visitors")
    for name, members in sorted(done.members.items()):
        click.echo(f"{name}\t{members}")


def _known(config: Settings, site_id: str) -> "Site":
    """The site, or a clear refusal."""
    from dangol import compose

    site = compose.sites(config).get(site_id)
    if site is None:
        raise click.ClickException(f"there is no site {site_id!r}: see `dangol sites list`")
    return site


COMMANDS = (campaigns, segments)
