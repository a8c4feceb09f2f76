"""Licences of what Dangol needs: known, allowed, and listed."""

import re
from typing import Any

import pytest

from tests.licences import DOCUMENT, allowed, licence, needed, refused, table
from tests.support.machine import ROOT


class Package:
    def __init__(self, **said: str) -> None:
        self.version, self.files = "1", None
        self.metadata: Any = type("Said", (dict,), {"get_all": lambda self, name: self.get(name)})(said)


def test_every_package_has_a_licence_that_allows_it() -> None:
    packages = needed()
    assert list(refused(packages)) == [] and {"flask", "duckdb", "werkzeug"} <= packages.keys()


def test_they_are_listed() -> None:
    """`python tests/licences.py write` writes the list. Another system may need other packages."""
    listed = DOCUMENT.read_text()
    missing = [line for line in table(needed()).splitlines() if line not in listed.splitlines()]
    assert missing == []


@pytest.mark.parametrize(
    ("expression", "may"),
    [
        ("MIT", True),
        ("MIT OR GPL-3.0-only", True),
        ("MIT AND GPL-3.0-only", False),
        ("Apache-2.0 WITH LLVM-exception", True),
        ("AGPL-3.0-or-later", False),
        ("SSPL-1.0", False),
        ("Proprietary", False),
        ("", False),
    ],
)
def test_what_is_unknown_or_asks_for_more_is_refused(expression: str, may: bool) -> None:
    package: Any = Package(**({"License-Expression": expression} if expression else {}))
    assert allowed(licence("p", package)) is may
    assert bool(list(refused({"p": package}))) is not may


def test_what_is_installed_is_locked_by_its_hash() -> None:
    """`requirements.lock` holds the versions of constraints.txt, each with the hashes of its files."""
    text = (ROOT / "requirements.lock").read_text()
    entry = r"^([\w.-]+)==(\S+)(?: ;[^\n]*)? \\\n((?:    --hash=sha256:[0-9a-f]{64}(?: \\)?\n)+)"
    entries = re.findall(entry, text, re.MULTILINE)
    assert (
        len(entries) == len(re.findall(r"^\S+==", text, re.MULTILINE))
        and "".join(re.split(entry, text, flags=re.M)[::4]) == ""
    )
    locked = {_name(name): version for name, version, _ in entries}
    pinned = dict(line.split("==") for line in (ROOT / "constraints.txt").read_text().split())
    known = {_name(name): version for name, version in pinned.items()}
    assert {name: known.get(name, version) for name, version in locked.items()} == locked
    assert needed().keys() <= locked.keys()


def _name(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()
