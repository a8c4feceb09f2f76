"""The audit log of commands: what each one changed, or read about a person. Exceptions are named here."""

import functools
import getpass
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import click

from dangol.settings import Settings

UNAUDITED = frozenset(
    {
        # run the installation
        *("up", "tracker", "web", "serve", "ingest", "scheduler", "messages", "alive", "demo-traffic"),
        # look at it, and at nobody in particular
        *(
            "audit",
            "doctor",
            "evaluate",
            "sites list",
            "sites pixel",
            "sites middleware",
            "users list",
            "campaigns list",
            "coupons list",
            "campaigns export",
        ),
        *("segments list", "deadletters list"),
    }
)
READING = frozenset({"export", "deadletters show"})
"""Change nothing, and tell of a person."""
PERSONS = {"person": ("u:", "v:"), "user": ("u:",), "visitor": ("v:",)}
"""Parameters that name a person, and as what."""
DETAIL = 500


def leaves(group: click.Group, above: str = "") -> Iterator[tuple[str, click.Command]]:
    """Every command with its whole name."""
    for name, command in group.commands.items():
        whole = f"{above} {name}".strip()
        if isinstance(command, click.Group):
            yield from leaves(command, whole)
        else:
            yield whole, command


def audit_commands(main: click.Group) -> None:
    """Make each command of ``main`` record that it was run. A command that refused to run did nothing."""
    for name, command in leaves(main):
        if command.callback is not None:
            command.callback = _audited(name, command, command.callback)


def _audited(name: str, command: click.Command, run: Callable[..., object]) -> Callable[..., object]:
    @functools.wraps(run)
    def audited(*args: object, **given: Any) -> object:
        config: Settings = click.get_current_context().find_root().obj
        try:
            done = run(*args, **given)
        except (click.ClickException, SystemExit):
            raise
        except BaseException:
            if name != "restore":  # into a folder that must be empty
                note(config, name, command, given, "failed")
            raise
        note(config, name, command, given)
        return done

    return audited


def note(
    config: Settings, name: str, command: click.Command, given: Mapping[str, Any], ended: str = ""
) -> None:
    """One line in the audit log, unless the command changed nothing and told of nobody."""
    from web.access.audit import Audit

    if name in UNAUDITED and not given.get("repair"):
        return
    words, options, about = [name], [ended] if ended else [], list[str]()
    for parameter in command.params:
        value = given.get(parameter.name or "")
        if parameter.name in PERSONS:
            about += _ids(value, PERSONS[parameter.name]) if value else []
        elif isinstance(parameter, click.Argument):
            words += map(str, value if isinstance(value, tuple) else [value] if value else [])
        elif getattr(parameter, "hide_input", False):
            options.append(f"{parameter.name}=…")  # a secret
        elif value not in (None, (), "", False):
            options.append(f"{parameter.name}={value}")
    Audit(config.folder / "audit.jsonl").note(
        f"{_user()} (command line)",
        given.get("site_id") or "",
        " ".join(words)[:DETAIL],
        " ".join(options),
        about=about,
        reading=name in READING,
    )


def _ids(who: str, kinds: Sequence[str]) -> list[str]:
    return [who] if who.startswith(("u:", "v:")) else [kind + who for kind in kinds]


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a container's user may have no name
        return str(os.getuid())
