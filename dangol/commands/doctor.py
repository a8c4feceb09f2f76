"""``dangol doctor``."""

import sys

import click

from dangol.settings import Settings


@click.command()
@click.option("--quiet", is_flag=True, help="Say only what is wrong.")
@click.option("--deep", is_flag=True, help="Read every file of the warehouse, instead.")
@click.option("--repair", is_flag=True, help="Restore what can be; ingest must not run.")
@click.pass_obj
def doctor(config: Settings, quiet: bool, deep: bool, repair: bool) -> None:
    """Check settings, log, profiles, warehouse and models; exit 1 when something is wrong.

    What works and could be safer (a Kafka topic with one replica) is a warning, and no fault."""
    if deep or repair:
        from dangol.doctor import repair as mending

        found = mending.repaired(config, click.echo) if repair else mending.examined(config)
        for damage in found:
            click.echo(f"BAD  {damage}")
        if not found and not quiet:
            click.echo("ok   the warehouse is as it was written")
        sys.exit(1 if found else 0)
    from dangol.doctor.doctor import examine

    findings = examine(config)
    for finding in findings:
        if not (quiet and finding.ok and not finding.weak):
            mark = "BAD " if not finding.ok else "WARN" if finding.weak else "ok  "
            click.echo(f"{mark} {finding.what}: {finding.says}")
    sys.exit(0 if all(finding.ok for finding in findings) else 1)
