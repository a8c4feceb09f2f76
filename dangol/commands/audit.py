"""``dangol audit``: who changed what, and who read of which person."""

from datetime import UTC, datetime

import click

from dangol.settings import Settings

SHOWN = 100
LOOKED_THROUGH = 100_000


@click.command()
@click.option(
    "--person", help="Only what was about this person: a customer's or a visitor's id (u: or v: says which)."
)
@click.option("--site", "site_id", default="", help="Only of this site.")
@click.option("--most", default=SHOWN, show_default=True, type=click.IntRange(1), help="So many lines.")
@click.pass_obj
def audit(config: Settings, person: str | None, site_id: str, most: int) -> None:
    """Who changed what, and who read of which person; the newest first.

    Persons stand there as digests, so that whoever was erased is not named: only who knows an id finds its lines.
    """
    from profiles.erasures import digest
    from web.access.audit import Audit

    log = Audit(config.folder / "audit.jsonl")
    entries = [*log.latest(LOOKED_THROUGH), *log.readings(LOOKED_THROUGH)]
    shown = 0
    for entry in sorted(entries, key=lambda entry: -entry.ts):
        if person:
            ids = [person] if person.startswith(("u:", "v:")) else [f"u:{person}", f"v:{person}"]
            if not {digest(entry.site, each).hex() for each in ids} & set(entry.people):
                continue
        if site_id and entry.site != site_id:
            continue
        at = datetime.fromtimestamp(entry.ts / 1000, UTC)
        people = f"person {' '.join(each[:12] for each in entry.people)}" if entry.people else ""
        click.echo(
            "\t".join([f"{at:%Y-%m-%d %H:%M:%S}", entry.who, entry.site, entry.what, entry.detail, people])
        )
        shown += 1
        if shown == most:
            break
