"""``dangol coupons``: pools of coupon codes, of which a campaign gives each person one."""

from pathlib import Path

import click

from dangol.commands.options import FILE, SITE
from dangol.settings import Settings


@click.group()
def coupons() -> None:
    """Pools of coupon codes: list, add, make, remove."""


@coupons.command("list")
@SITE
@click.pass_obj
def list_pools(config: Settings, site_id: str) -> None:
    """One line for each pool: its name, codes still free, codes issued."""
    from dangol.machine.embedded import embedded_redis
    from offers.coupons.pool import CouponStore

    with embedded_redis(config):
        for each in CouponStore(config.profiles_uri).pools(site_id):
            click.echo(f"{each.name}\t{each.free} free\t{each.issued} issued")


@coupons.command("add")
@click.argument("pool")
@click.argument("file", type=FILE)
@SITE
@click.pass_obj
def add_codes(config: Settings, pool: str, file: Path, site_id: str) -> None:
    """Add the codes of a text file, one a line, to a pool. Codes that the pool has are left as they are."""
    try:
        lines = file.read_text(encoding="utf-8-sig").splitlines()
    except UnicodeDecodeError as error:
        raise click.ClickException(f"{file} is not UTF-8: {error}") from error
    _add(config, site_id, pool, [line for line in lines if line.strip()])


@coupons.command("make")
@click.argument("pool")
@click.option("--count", type=int, required=True, help="How many codes.")
@click.option("--prefix", default="", help="What each code begins with.")
@click.option(
    "--output", type=click.Path(dir_okay=False, path_type=Path), help="Write them here for the shop."
)
@SITE
@click.pass_obj
def make_codes(
    config: Settings, pool: str, count: int, prefix: str, output: Path | None, site_id: str
) -> None:
    """Make random codes, add them to a pool and print them, so that the shop can be told."""
    from offers.coupons.codes import CouponsInvalid, new_codes

    try:
        codes = new_codes(count, prefix)
    except CouponsInvalid as error:
        raise click.ClickException(str(error)) from error
    _add(config, site_id, pool, codes)
    text = "".join(f"{code}\n" for code in codes)
    if output is None:
        click.echo(text, nl=False)
    else:
        output.write_text(text, encoding="utf-8")


@coupons.command("remove")
@click.argument("pool")
@SITE
@click.pass_obj
def remove_pool(config: Settings, pool: str, site_id: str) -> None:
    """Remove a pool. Campaigns that name it are shown to nobody any more."""
    from dangol.machine.embedded import embedded_redis
    from offers.coupons.pool import CouponStore

    with embedded_redis(config):
        if not CouponStore(config.profiles_uri).remove(site_id, pool):
            raise click.ClickException(f"there is no pool {pool!r}")


def _add(config: Settings, site_id: str, pool: str, codes: list[str]) -> None:
    from dangol import compose
    from dangol.machine.embedded import embedded_redis
    from offers.campaign.checks import ID
    from offers.coupons.codes import CouponsInvalid, checked
    from offers.coupons.pool import CouponStore

    if compose.sites(config).get(site_id) is None:
        raise click.ClickException(f"there is no site {site_id!r}: see `dangol sites list`")
    if not ID.fullmatch(pool):
        raise click.ClickException("a pool's name is 1 to 64 letters, digits, '.', '_' or '-'")
    with embedded_redis(config):
        try:
            added = CouponStore(config.profiles_uri).add(site_id, pool, checked(codes))
        except CouponsInvalid as error:
            raise click.ClickException(str(error)) from error
    click.echo(f"{added} of {len(codes)} codes are new in the pool {pool}", err=True)


COMMANDS = (coupons,)
