"""Makes ``ingest/enrich/sources/sources.tsv``: python tools/sources.py [--engines FILE …]

It joins the lists in ``tools/sources``, which hold facts from public documentation, with kept lists whose licence lets
us ship them (CC0): search engines, social networks and assistants as in matomo-org/searchengine-and-social-list, and
spammers one a line as in matomo-org/referrer-spam-list. Our own lists win. Nothing is fetched: a list is a path.
"""

import argparse
import datetime
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import yaml

ROOT = Path(__file__).resolve().parent.parent
LISTS = Path(__file__).resolve().parent / "sources"
MADE = ROOT / "ingest" / "enrich" / "sources" / "sources.tsv"
KINDS = {
    "search": "search",
    "social": "social",
    "assistants": "AI assistant",
    "video": "video",
    "shopping": "shopping",
    "mail": "e-mail",
    "display": "display",
    "affiliate": "affiliate",
    "passing": "passing",
    "portals": "referral",
}
"""By the file in ``tools/sources``. Of a pattern that two lists have, the later one counts."""
HEAD = """\
# Made on {day} by tools/sources.py; change the lists in tools/sources instead.
# Sources: {sources}.
# Licences: {licences}.
# kind, pattern, name, words: see ingest.enrich.sources.places.read.
"""
OWN = "facts from the public documentation of engines, networks and Google Analytics 4 (tools/sources)"


class Row(NamedTuple):
    kind: str
    pattern: str
    name: str
    words: str = ""

    def __str__(self) -> str:
        return "\t".join(self).rstrip()


def lines_of(name: str) -> Iterator[str]:
    for line in (LISTS / f"{name}.txt").read_text("utf-8").splitlines():
        if line.strip() and not line.startswith("#"):
            yield line.strip()


def own_rows(name: str, kind: str) -> Iterator[Row]:
    """``name [words]: pattern pattern …``; an underscore in ``=a_name`` is a space."""
    for line in lines_of(name):
        found = re.fullmatch(r"([^:\[]+?)(?: \[([^\]]*)\])?:(.*)", line)
        if not found or not found[3].strip():
            raise SystemExit(f"{name}.txt: cannot read {line[:80]!r}")
        for pattern in found[3].split():
            if pattern.startswith("="):
                pattern = pattern.replace("_", " ")
            yield Row(kind, pattern, found[1], found[2] or "")


def named_rows(rows: Iterable[Row]) -> Iterator[Row]:
    """The names of places as sources of tagged links, but for those that mean something else there."""
    ambiguous = {word for line in lines_of("ambiguous") for word in line.split()}
    for row in rows:
        if row.kind != "passing" and row.name and row.name not in ambiguous:
            yield row._replace(pattern=f"={row.name}")


def click_rows() -> Iterator[Row]:
    for line in lines_of("clicks"):
        parameter, source, medium = line.split()
        yield Row("click", parameter, source.replace("_", " "), medium.replace("_", " "))


def engine_rows(path: Path) -> Iterator[Row]:
    """Names of engines, each with groups of ``urls`` and ``params``."""
    for name, groups in read(path).items():
        for group in groups:
            params = group.get("params") or []
            words = [each for each in params if re.fullmatch(r"\w+", each)]
            for url in group.get("urls", []):
                yield Row("search", url.replace("{}", "*"), str(name).lower(), ",".join(words))


def host_rows(path: Path, kind: str) -> Iterator[Row]:
    """Names of networks, each with its hosts."""
    for name, hosts in read(path).items():
        for host in hosts:
            yield Row(kind, f".{host.replace('{}', '*')}", str(name).lower())


def spam_rows(lines: Iterator[str]) -> Iterator[Row]:
    for line in lines:
        for host in line.split():
            plain = host.lower()
            yield Row("spam", "." + (plain if plain.isascii() else plain.encode("idna").decode()), "")


def read(path: Path) -> dict[str, Any]:
    found = yaml.safe_load(path.read_text("utf-8"))
    if not isinstance(found, dict):
        raise SystemExit(f"{path}: names and their hosts are expected")
    return found


def usable(row: Row) -> bool:
    """A host, with ``*`` at most for its suffix; paths and regular expressions of other lists are left out."""
    return re.fullmatch(r"\.?[a-z0-9-]+(\.[a-z0-9-]+)*(\.\*)?", row.pattern) is not None


def made(given: argparse.Namespace) -> str:
    rows: dict[str, Row] = {}
    for name, kind in KINDS.items():
        rows |= {row.pattern: row for row in own_rows(name, kind)}
    rows |= {row.pattern: row for row in spam_rows(lines_of("spam"))}
    others = [
        *(engine_rows(given.engines) if given.engines else ()),
        *(host_rows(given.socials, "social") if given.socials else ()),
        *(host_rows(given.assistants, "AI assistant") if given.assistants else ()),
        *(spam_rows(iter(given.spam.read_text("utf-8").splitlines())) if given.spam else ()),
    ]
    known = {pattern.lstrip(".") for pattern in rows}
    for row in others:
        if usable(row) and row.pattern.lstrip(".") not in known:
            rows.setdefault(row.pattern, row)
    names = {row.pattern: row for row in named_rows(reversed(rows.values()))}
    rows = names | rows
    order = [*dict.fromkeys(KINDS.values()), "spam"]
    listed = sorted(rows.values(), key=lambda row: (order.index(row.kind), row.name, row.pattern))
    sources = [OWN]
    if given.engines or given.socials or given.assistants:
        sources.append("matomo-org/searchengine-and-social-list")
    if given.spam:
        sources.append("matomo-org/referrer-spam-list")
    licences = "Apache-2.0" + (", CC0-1.0 (matomo-org's lists)" if len(sources) > 1 else "")
    head = HEAD.format(day=given.day, sources=", ".join(sources), licences=licences)
    return head + "".join(f"{row}\n" for row in (*listed, *click_rows()))


def arguments(words: list[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    for name in ("engines", "socials", "assistants", "spam"):
        parser.add_argument(f"--{name}", type=Path, help="a kept list, as a path")
    parser.add_argument("--day", default=str(datetime.datetime.now(datetime.UTC).date()))
    return parser.parse_args(words)


if __name__ == "__main__":
    MADE.write_text(made(arguments()), "utf-8")
