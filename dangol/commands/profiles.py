"""``dangol export``, ``erase``, ``rebuild-profiles``, ``reclassify``, ``score`` and ``suppressions``."""

import time
from pathlib import Path

import click

from dangol.commands.options import FILE, SITE
from dangol.settings import Settings


@click.command()
@click.option("--visitor", help="An anonymous visitor's id.")
@click.option("--user", help="A customer's id.")
@SITE
@click.pass_obj
def export(config: Settings, visitor: str | None, user: str | None, site_id: str) -> None:
    """Everything known of one person, as JSON: profile, visits, events, offers, segments, consent."""
    import msgspec

    from dangol import compose
    from dangol.machine.embedded import embedded_redis
    from dangol.transfer.event_import import site_of
    from dangol.transfer.person_export import export as whole

    if bool(visitor) == bool(user):
        raise click.UsageError("give --visitor or --user")
    with embedded_redis(config):
        site = site_of(config, site_id)
        found = whole(
            compose.profiles(config),
            compose.warehouse(config),
            compose.deadletters(config),
            site,
            compose.views(config).of(site),
            visitor,
            user,
        )
    if found is None:
        raise click.ClickException(f"nobody is known by {visitor or user!r}")
    click.echo(msgspec.json.format(msgspec.json.encode(found)).decode())


@click.command()
@click.argument("person")
@SITE
@click.pass_obj
def erase(config: Settings, person: str, site_id: str) -> None:
    """Forget a person, by customer id or visitor id (`u:` or `v:` in front says which): everywhere, for good.

    Takes half a minute at least: it waits until no worker still holds an event of the person.
    """
    from dangol import compose
    from dangol.machine.embedded import embedded_redis

    with embedded_redis(config):
        erasure = compose.erasure(config)
        request = erasure.ask(site_id, person)
        if request is None:
            raise click.ClickException(f"nobody is known by {person!r}")
        click.echo(f"erasing {', '.join(request.ids)} …")
        erasure.finish(request)
    click.echo("erased")


@click.command("rebuild-profiles")
@click.option("--site", "site_id", default="", help="Only this site (default: every one).")
@click.pass_obj
def rebuild_profiles(config: Settings, site_id: str) -> None:
    """Rebuild the profiles from the warehouse and replace the live ones. Workers may keep running."""
    from dangol import compose
    from dangol.machine.embedded import embedded_redis
    from dangol.transfer.event_import import site_of

    with embedded_redis(config):
        sites = [site_of(config, site_id)] if site_id else list(compose.sites(config).all().values())
        failed = []
        for site in sites:
            try:
                done = compose.rebuild(config, site).run()
            except Exception as error:  # the other sites' profiles can still be made
                failed.append(f"{site.id}: {error}")
                continue
            click.echo(
                f"{site.id}: {done.written} rebuilt, {done.older} left that know more than the warehouse, "
                f"{done.waiting} left since workers have events of theirs in hand: run it again for these"
            )
    if failed:
        raise click.ClickException("not rebuilt: " + "; ".join(failed))


@click.command()
@SITE
@click.option("--dry-run", is_flag=True, help="Only say which visits would change their channel.")
@click.pass_obj
def reclassify(config: Settings, site_id: str, dry_run: bool) -> None:
    """Classify the stored visits anew: by the lists of this release, and by the site's own hosts and channel rules.

    Rewrites events and rebuilds profiles. Workers may keep running."""
    from dangol import compose
    from dangol.jobs.channels import Channels
    from dangol.machine.embedded import embedded_redis
    from dangol.transfer.event_import import site_of
    from ingest.rebuild.reclassification import Reclassification

    with embedded_redis(config):
        site = site_of(config, site_id)
        for change in Reclassification(compose.warehouse(config), site).changes():
            was, now = (f"{channel} ({origin})" if origin else channel for channel, origin in change.ways)
            click.echo(f"{change.visits:,} visits: {was} → {now}")
        if not dry_run:
            done = Channels(config).run(site)
            click.echo(f"{done.rows:,} events rewritten, {done.profiles:,} profiles rebuilt")


@click.command()
@SITE
@click.pass_obj
def score(config: Settings, site_id: str) -> None:
    """Score every customer of a site now: RFM, risk, value. Prints how right the scores were on the last closed window.

    The schedule does the same once a day.
    """
    from customers.scoring.card_text import lines
    from customers.scoring.runs import SCORES_LOCK
    from dangol import compose
    from dangol.jobs.jobs import scoring
    from dangol.machine.embedded import embedded_redis
    from dangol.transfer.event_import import site_of
    from recommender.jobs.lock import LOCK_SECONDS, Busy, RedisLock, locked

    with embedded_redis(config):
        site = site_of(config, site_id)
        job = scoring(config)
        runs = compose.score_runs(config)
        lock = RedisLock(compose.profiles(config).client, SCORES_LOCK)
        try:
            written = locked(lambda: runs.run(site.id, lambda: job.run(site)), lock, LOCK_SECONDS / 4)
        except Busy as busy:
            raise click.ClickException(str(busy)) from busy
    click.echo(f"{written} profiles written")
    for line in lines(job.card, site.currency) if job.card else ():
        click.echo(line)


REASON = click.Choice(["bounced", "complained", "unsubscribed", "manual"])
CHANNEL = click.option(
    "--channel", type=click.Choice(["email", "sms"]), default="email", help="What the addresses are."
)


@click.group()
def suppressions() -> None:
    """Addresses that are not written to: import, export, find, release. They outlive an erasure."""


@suppressions.command("import")
@click.argument("file", type=FILE)
@click.option("--reason", type=REASON, default="manual", help="Of addresses that stand there without one.")
@CHANNEL
@SITE
@click.pass_obj
def import_list(config: Settings, file: Path, reason: str, channel: str, site_id: str) -> None:
    """Add a text file: one address a line, or one line of an export (digest, reason, time), by commas or tabs."""
    from dangol import compose
    from dangol.machine.embedded import embedded_redis
    from messages.permission.suppression import read_lines

    try:
        lines = file.read_text(encoding="utf-8-sig").splitlines()
    except UnicodeDecodeError as error:
        raise click.ClickException(f"{file} is not UTF-8: {error}") from error
    with embedded_redis(config):
        digests, _ = compose.address_digests(config)
        now = int(time.time() * 1000)
        found, bad = read_lines(lines, reason, now, lambda each: digests.digest(site_id, channel, each))
        added = compose.suppressions(config).add_all(site_id, found)
    for number in bad[:10]:
        click.echo(f"line {number} is no address and no line of an export", err=True)
    click.echo(f"{added} of {len(found)} entries are new; {len(bad)} lines could not be read", err=True)


@suppressions.command("export")
@SITE
@click.pass_obj
def export_list(config: Settings, site_id: str) -> None:
    """Print digest, reason and time (ms) of every entry. Only this installation can tell whose they are."""
    from dangol import compose
    from dangol.machine.embedded import embedded_redis

    with embedded_redis(config):
        for each in compose.suppressions(config).all(site_id):
            click.echo(f"{each.digest}\t{each.reason}\t{each.at}")


@suppressions.command("find")
@click.argument("address")
@CHANNEL
@SITE
@click.pass_obj
def find_address(config: Settings, address: str, channel: str, site_id: str) -> None:
    """Why an address is suppressed, and since when."""
    from dangol import compose
    from dangol.machine.embedded import embedded_redis

    with embedded_redis(config):
        digest = compose.address_digests(config)[0].digest(site_id, channel, address)
        for reason, at in compose.suppressions(config).find(site_id, digest).items():
            click.echo(f"{reason}\t{time.strftime('%Y-%m-%d %H:%M:%S UTC', time.gmtime(at / 1000))}")


@suppressions.command("release")
@click.argument("address")
@CHANNEL
@SITE
@click.pass_obj
def release_address(config: Settings, address: str, channel: str, site_id: str) -> None:
    """Remove an address from the list, for every reason. What the person refused stays refused."""
    from dangol import compose
    from dangol.machine.embedded import embedded_redis

    with embedded_redis(config):
        digest = compose.address_digests(config)[0].digest(site_id, channel, address)
        if not compose.suppressions(config).remove(site_id, digest):
            raise click.ClickException("this address is not on the list")


COMMANDS = (export, erase, rebuild_profiles, reclassify, score, suppressions)
