"""Which column of a file is which of our fields: by its common names, or as somebody says."""

import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from ingest.files.rows import FileInvalid

Names = Mapping[str, Sequence[str]]
"""Field → what its column is called, the best name first, written as ``plain`` makes it."""


class Needed(NamedTuple):
    """``said`` for people, and the fields of which one has to be there."""

    said: str
    fields: tuple[str, ...]


def plain(name: str) -> str:
    """A column's name without what varies: case, accents' composition, blanks, punctuation."""
    return "".join(each for each in unicodedata.normalize("NFKC", name).lower() if each.isalnum())


def columns_of(
    names: Sequence[str], fields: Names, mapping: Mapping[str, str], needed: Iterable[Needed] = ()
) -> dict[str, int]:
    """Field → place of its column. ``mapping``, column → field, goes before the common names; an empty field leaves
    the column out. Raises FileInvalid for a column or field that there is not, a column that is there twice, and a
    needed one that is missing."""
    known = {name: at for at, name in reversed(list(enumerate(names)))}
    found: dict[str, int] = {}
    for column, field in mapping.items():
        at = known.get(
            column, next((at for at, name in enumerate(names) if plain(name) == plain(column)), None)
        )
        if at is None:
            raise FileInvalid(f"there is no column {column!r}; {_listed(names)}")
        if field and field not in fields:
            raise FileInvalid(f"there is no field {field!r}; the fields are: {', '.join(fields)}")
        if field:
            found[field] = at
    taken = {plain(column) for column in mapping}
    places = {plain(name): at for at, name in reversed(list(enumerate(names))) if plain(name) not in taken}
    for field, aliases in fields.items():
        if field not in found:
            at = next((places[alias] for alias in aliases if alias in places), None)
            if at is not None:
                found[field] = at
    for at in found.values():
        if (times := list(names).count(names[at])) > 1:
            raise FileInvalid(f"the column {names[at]!r} is there {times} times; name the columns apart")
    for said, ways in needed:
        if not any(field in found for field in ways):
            raise FileInvalid(
                f"needs {said}; {_listed(names)}; say which it is: --map COLUMN={ways[0]}"
                f" (fields: {', '.join(fields)})"
            )
    return found


def _listed(names: Sequence[str]) -> str:
    shown = ", ".join(name or "(no name)" for name in names[:60])
    return f"the file has the columns {shown}" + (" …" if len(names) > 60 else "")
