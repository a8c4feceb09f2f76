"""The licences of the packages that Dangol needs, as installed: `python tests/licences.py` writes docs/licences.md.

`make check` fails for a package whose licence is unknown, or is none that a shop may use without asking.
"""

import re
import sys
from collections.abc import Iterator
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from pathlib import Path

from packaging.requirements import Requirement

ALLOWED = (
    *("MIT", "MIT-0", "BSD", "BSD-2-Clause", "BSD-3-Clause", "0BSD", "Apache-2.0", "ISC", "PSF-2.0", "Zlib"),
    *("Unlicense", "CC0-1.0", "Python-2.0", "BSL-1.0", "Unicode-3.0"),
    *("MPL-2.0", "LGPL-2.1-or-later"),  # used as they are, each in a package of its own
)
CLASSIFIED = {
    "MIT License": "MIT",
    "Apache Software License": "Apache-2.0",
    "BSD License": "BSD",
    "ISC License (ISCL)": "ISC",
    "Python Software Foundation License": "PSF-2.0",
    "Mozilla Public License 2.0 (MPL 2.0)": "MPL-2.0",
}
READ = {"dkimpy": "Zlib", "mrml": "MIT"}
"""Packages whose metadata tells none, or not by its name: as read in the licence file of their source."""
DOCUMENT = Path(__file__).resolve().parent.parent / "docs" / "licences.md"
HEAD = """# Licences

The packages that `make setup` installs, with the licence that each declares. `make check` fails when a licence is
unknown, or not on the list of permitted licences in `tests/licences.py`. NOTICE lists the data sets.

| package | licence |
| --- | --- |
"""


def needed(name: str = "dangol", extras: frozenset[str] = frozenset({"geoip"})) -> dict[str, Distribution]:
    """Every package that ``name`` needs on this machine, and what those need in turn."""
    found: dict[str, Distribution] = {}
    waiting = [(name, extras)]
    done: set[tuple[str, frozenset[str]]] = set()
    while waiting:
        each = waiting.pop()
        if each in done:
            continue
        done.add(each)
        try:
            package = distribution(each[0])
        except PackageNotFoundError:
            continue  # of another system
        key = re.sub(r"[-_.]+", "-", each[0]).lower()
        found[key] = package
        for line in package.requires or ():
            wanted = Requirement(line)
            if wanted.marker is None or any(wanted.marker.evaluate({"extra": e}) for e in each[1] or {""}):
                waiting.append((wanted.name, frozenset(wanted.extras)))
    found.pop("dangol", None)
    return found


def licence(name: str, package: Distribution) -> str:
    """An SPDX expression, "" when it is not told."""
    if name in READ:
        return READ[name]
    said = package.metadata
    if expression := said.get("License-Expression"):
        return expression
    classes = [
        each.split(" :: ")[-1] for each in said.get_all("Classifier") or () if each.startswith("License ::")
    ]
    known = [CLASSIFIED[each] for each in classes if each in CLASSIFIED]
    if known:
        return " AND ".join(dict.fromkeys(known))
    text = (said.get("License") or "").strip() or _first_line(package)
    return next(
        (spdx for spdx in ALLOWED if _plain(text) in (_plain(spdx), _plain(f"{spdx} License"))), text[:60]
    )


def _first_line(package: Distribution) -> str:
    """Of the licence's own text, such as "The MIT License (MIT)"."""
    for file in package.files or ():
        if file.name.upper().startswith(("LICENSE", "LICENCE")) and "dist-info" in str(file):
            return re.sub(r"\(.*\)", "", file.read_text().strip().partition("\n")[0]).strip()
    return ""


def _plain(text: str) -> str:
    text = text.lower().replace("the ", "").replace("version ", "").replace("license", "").replace(",", " ")
    return " ".join(text.replace("-", " ").split())


def allowed(expression: str) -> bool:
    """Every part of an AND must be, one of an OR."""
    parts = re.split(r"\s+AND\s+", expression.replace("(", "").replace(")", ""))
    return bool(expression) and all(
        any(choice.strip().split(" WITH ")[0] in ALLOWED for choice in re.split(r"\s+OR\s+", part))
        for part in parts
    )


def refused(packages: dict[str, Distribution]) -> Iterator[str]:
    for name, package in sorted(packages.items()):
        if not allowed(found := licence(name, package)):
            yield f"{name} {package.version}: {found or 'no licence is told'!r}"


def table(packages: dict[str, Distribution]) -> str:
    rows = [f"| {name} | {licence(name, package)} |" for name, package in sorted(packages.items())]
    return HEAD + "\n".join(rows) + "\n"


if __name__ == "__main__":
    everything = needed()
    if wrong := list(refused(everything)):
        sys.exit("licences that are unknown or not allowed:\n" + "\n".join(wrong))
    if sys.argv[1:] == ["write"]:
        DOCUMENT.write_text(table(everything))
    print(f"{len(everything)} packages, all with a licence that allows it")
