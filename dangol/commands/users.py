"""``dangol users``: who may sign in to the desk."""

import click

from dangol.settings import Settings

ROLES = ("viewer", "marketer", "admin")
ask = click.option("--ask", is_flag=True, help="Ask for the password instead of making one.")


@click.group()
def users() -> None:
    """Who may sign in to the desk: list, add, remove, password."""


@users.command("list")
@click.pass_obj
def list_users(config: Settings) -> None:
    """Every user with role and sites."""
    from dangol import compose

    for user in sorted(compose.users(config).all().values(), key=lambda user: user.name):
        click.echo(f"{user.name}\t{user.role}\t{' '.join(user.sites) or 'all sites'}")


@users.command()
@click.argument("name")
@click.option("--role", type=click.Choice(ROLES), default="viewer", show_default=True)
@click.option("--site", "sites", multiple=True, help="A site that they may see (default: all).")
@ask
@click.pass_obj
def add(config: Settings, name: str, role: str, sites: tuple[str, ...], ask: bool) -> None:
    """Add a user and print the password. A viewer reads; a marketer also changes; an admin sees keys and users."""
    from typing import cast

    from dangol import compose
    from web.access.users import Role

    known, accounts = compose.sites(config), compose.users(config)
    if accounts.get(name):
        raise click.ClickException(f"there is a user {name!r} already")
    for site in sites:
        if known.get(site) is None:
            raise click.ClickException(f"there is no site {site!r}; see `dangol sites list`")
    password = _password(ask)
    accounts.put(name, password, cast(Role, role), sites)
    _shown(password, ask)


@users.command()
@click.argument("name")
@click.pass_obj
def remove(config: Settings, name: str) -> None:
    """Remove a user; they are signed out at once."""
    from dangol import compose
    from web.access.users import UsersInvalid

    try:
        removed = compose.users(config).remove(name)
    except UsersInvalid as refused:
        raise click.ClickException(str(refused)) from refused
    if not removed:
        raise click.ClickException(f"there is no user {name!r}")


@users.command()
@click.argument("name")
@ask
@click.pass_obj
def password(config: Settings, name: str, ask: bool) -> None:
    """Give a user a new password; their sessions end."""
    from dangol import compose
    from dangol.secrets import ADMIN

    if name == ADMIN and config.admin_password:
        raise click.ClickException("the password is set by DANGOL_ADMIN_PASSWORD; change it there")
    new = _password(ask)
    if not compose.users(config).set_password(name, new):
        raise click.ClickException(f"there is no user {name!r}")
    _shown(new, ask)


def _password(ask: bool) -> str:
    from dangol.secrets import new_password

    return str(click.prompt("Password", hide_input=True, confirmation_prompt=True)) if ask else new_password()


def _shown(password: str, ask: bool) -> None:
    if not ask:
        click.echo(f"password  {password}")
