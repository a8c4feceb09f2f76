"""The scans of one warehouse: which encoded events a scope needs, and which scans are kept in memory."""

from collections.abc import Callable, Collection, Sequence
from typing import TYPE_CHECKING, NamedTuple

from warehouse.index.aliases import SiteAliases
from warehouse.index.encoded import EncodedEvents
from warehouse.index.encoded_files import EncodedFiles
from warehouse.index.scan import Query, Scan, scan_blocks
from warehouse.index.stitched_visits import Sessions, stitch
from warehouse.question.scope import Scope
from warehouse.tables.files import LiveFile

if TYPE_CHECKING:
    import duckdb

Make = Callable[["duckdb.DuckDBPyConnection", str, list[LiveFile]], EncodedEvents]
"""The block of a site's events in some files."""

OWN_FILE_ROWS = 5_000
"""Rows from which a file has a block of its own; those of smaller files, which soon are compacted, share some."""

SCANS_CACHED = 2
"""Scans kept for who asks another report of the same span, before anything new has arrived."""


class _Key(NamedTuple):
    scope: Scope
    aliases: int  # their version
    paths: frozenset[str]  # of the files


class ScanCache:
    """What is kept here is replaced as a whole, never changed: threads that come together make the same twice."""

    def __init__(self, encoded_files: EncodedFiles, make: Make, query: Query) -> None:
        self._encoded_files, self._make, self._query = encoded_files, make, query
        self._small: dict[str, list[tuple[list[LiveFile], EncodedEvents]]] = {}
        self._large: dict[_Key, list[EncodedEvents]] = {}
        self._kept: list[tuple[_Key, Scan]] = []

    def scan(
        self,
        cursor: "duckdb.DuckDBPyConnection",
        scope: Scope,
        files: Sequence[LiveFile],
        aliased: SiteAliases,
    ) -> Scan:
        """The scan of ``scope`` over the live ``files``."""
        live = {file.path for file in files}
        self._release(files, live)
        asked = [file for file in files if scope.overlaps(file.day, file.first, file.last)]
        key = _key(scope, aliased, asked)
        made = next((made for known, made in self._kept if known == key), None)
        if made is None:
            sessions, profiles = aliased.sessions(cursor, scope.site), aliased.profiles(cursor, scope.site)
            blocks = self._of_large(cursor, scope, aliased, asked, sessions)
            # What arrives every second is mostly small: only visits that go on are put together anew.
            arrived = _within(self._of_small(cursor, scope.site, asked, live), scope)
            made = scan_blocks(
                stitch([*blocks, *arrived], sessions) if arrived else blocks, profiles, self._query
            )
        self._kept = [(key, made), *(each for each in self._kept if each[0] != key)][:SCANS_CACHED]
        return made

    def forget(self) -> None:
        """Keep nothing."""
        self._small, self._large, self._kept = {}, {}, []

    def _release(self, files: Collection[LiveFile], live: set[str]) -> None:
        """Let go of files that are gone: a deleted file takes its room until then."""
        self._encoded_files.release(files)
        self._kept = [each for each in self._kept if each[0].paths <= live]
        self._large = {key: blocks for key, blocks in self._large.items() if key.paths <= live}

    def _of_large(
        self,
        cursor: "duckdb.DuckDBPyConnection",
        scope: Scope,
        aliased: SiteAliases,
        asked: list[LiveFile],
        sessions: Sessions,
    ) -> list[EncodedEvents]:
        """Trails of files that have one of their own, each visit whole."""
        files = [file for file in asked if file.rows >= OWN_FILE_ROWS]
        key = _key(scope, aliased, files)
        blocks = self._large.get(key)
        if blocks is None:
            blocks = stitch(_within([self._of(cursor, scope.site, file) for file in files], scope), sessions)
            self._large = {key: blocks}
        return blocks

    def _of(self, cursor: "duckdb.DuckDBPyConnection", site: str, file: LiveFile) -> EncodedEvents:
        return self._encoded_files.of(site, file, lambda: self._make(cursor, site, [file]))

    def _of_small(
        self, cursor: "duckdb.DuckDBPyConnection", site: str, asked: list[LiveFile], live: set[str]
    ) -> list[EncodedEvents]:
        """Trails of small files together: those known already, of which all files are ``live``, and one of the rest.
        Each has more than twice the rows of the one after it, so that a row is read again but a few times."""
        groups = [group for group in self._small.get(site, ()) if {file.path for file in group[0]} <= live]
        known = {file.path for group, _ in groups for file in group}
        rest = [file for file in asked if file.rows < OWN_FILE_ROWS and file.path not in known]
        if rest:
            while groups and _rows(groups[-1][0]) <= 2 * _rows(rest):
                rest = [*groups.pop()[0], *rest]
            groups = [*groups, (rest, self._make(cursor, site, rest))]
        self._small[site] = groups
        return [block for _, block in groups]


def _key(scope: Scope, aliased: SiteAliases, files: Collection[LiveFile]) -> _Key:
    return _Key(scope, aliased.version, frozenset(file.path for file in files))


def _within(blocks: Sequence[EncodedEvents], scope: Scope) -> list[EncodedEvents]:
    """What lies in the scope's time, where anything does."""
    return [block for block in (each.between(scope.start, scope.end) for each in blocks) if len(block.at)]


def _rows(files: Sequence[LiveFile]) -> int:
    return sum(file.rows for file in files)
