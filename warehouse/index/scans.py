"""Walks of one warehouse: which trails a scope needs, made where they are not there yet, and what is worth keeping."""

from collections.abc import Callable, Collection, Sequence
from typing import TYPE_CHECKING, NamedTuple

from warehouse.events import Scope
from warehouse.index.aliases import Aliased
from warehouse.index.encoded import Shelf, Trail
from warehouse.index.scan import Ask, Walk, walk
from warehouse.index.stitched import Sessions, joined
from warehouse.tables.files import LiveFile

if TYPE_CHECKING:
    import duckdb

Make = Callable[["duckdb.DuckDBPyConnection", str, list[LiveFile]], Trail]
"""The trail of a site's events in some files."""

SHELVED = 5_000
"""Rows from which a file has a trail of its own; those of smaller files, which soon are compacted, share some."""

WALKS = 2
"""Walks kept for who asks another report of the same span, before anything new has arrived."""


class _Key(NamedTuple):
    scope: Scope
    aliases: int  # their version
    paths: frozenset[str]  # of the files


class Walks:
    """What is kept here is replaced as a whole, never changed: threads that come together make the same twice."""

    def __init__(self, shelf: Shelf, make: Make, ask: Ask) -> None:
        self._shelf, self._make, self._ask = shelf, make, ask
        self._small: dict[str, list[tuple[list[LiveFile], Trail]]] = {}
        self._large: dict[_Key, list[Trail]] = {}
        self._kept: list[tuple[_Key, Walk]] = []

    def along(
        self, cursor: "duckdb.DuckDBPyConnection", scope: Scope, files: Sequence[LiveFile], aliased: Aliased
    ) -> Walk:
        """The walk of ``scope`` over the live ``files``."""
        live = {file.path for file in files}
        self._release(files, live)
        asked = [file for file in files if scope.touches(file.day, file.first, file.last)]
        key = _key(scope, aliased, asked)
        made = next((made for known, made in self._kept if known == key), None)
        if made is None:
            sessions, profiles = aliased.sessions(cursor, scope.site), aliased.profiles(cursor, scope.site)
            trails = self._of_large(cursor, scope, aliased, asked, sessions)
            # What arrives every second is mostly small: only visits that go on are put together anew.
            arrived = _within(self._of_small(cursor, scope.site, asked, live), scope)
            made = walk(joined([*trails, *arrived], sessions) if arrived else trails, profiles, self._ask)
        self._kept = [(key, made), *(each for each in self._kept if each[0] != key)][:WALKS]
        return made

    def forget(self) -> None:
        """Keep nothing."""
        self._small, self._large, self._kept = {}, {}, []

    def _release(self, files: Collection[LiveFile], live: set[str]) -> None:
        """Let go of files that are gone: a deleted file takes its room until then."""
        self._shelf.release(files)
        self._kept = [each for each in self._kept if each[0].paths <= live]
        self._large = {key: trails for key, trails in self._large.items() if key.paths <= live}

    def _of_large(
        self,
        cursor: "duckdb.DuckDBPyConnection",
        scope: Scope,
        aliased: Aliased,
        asked: list[LiveFile],
        sessions: Sessions,
    ) -> list[Trail]:
        """Trails of files that have one of their own, each visit whole."""
        files = [file for file in asked if file.rows >= SHELVED]
        key = _key(scope, aliased, files)
        trails = self._large.get(key)
        if trails is None:
            trails = joined(_within([self._of(cursor, scope.site, file) for file in files], scope), sessions)
            self._large = {key: trails}
        return trails

    def _of(self, cursor: "duckdb.DuckDBPyConnection", site: str, file: LiveFile) -> Trail:
        return self._shelf.of(site, file, lambda: self._make(cursor, site, [file]))

    def _of_small(
        self, cursor: "duckdb.DuckDBPyConnection", site: str, asked: list[LiveFile], live: set[str]
    ) -> list[Trail]:
        """Trails of small files together: those known already, of which all files are ``live``, and one of the rest.
        Each has more than twice the rows of the one after it, so that a row is read again but a few times."""
        groups = [group for group in self._small.get(site, ()) if {file.path for file in group[0]} <= live]
        known = {file.path for group, _ in groups for file in group}
        rest = [file for file in asked if file.rows < SHELVED and file.path not in known]
        if rest:
            while groups and _rows(groups[-1][0]) <= 2 * _rows(rest):
                rest = [*groups.pop()[0], *rest]
            groups = [*groups, (rest, self._make(cursor, site, rest))]
        self._small[site] = groups
        return [trail for _, trail in groups]


def _key(scope: Scope, aliased: Aliased, files: Collection[LiveFile]) -> _Key:
    return _Key(scope, aliased.version, frozenset(file.path for file in files))


def _within(trails: Sequence[Trail], scope: Scope) -> list[Trail]:
    """What lies in the scope's time, where anything does."""
    return [trail for trail in (each.between(scope.start, scope.end) for each in trails) if len(trail.at)]


def _rows(files: Sequence[LiveFile]) -> int:
    return sum(file.rows for file in files)
