"""The scans of one warehouse: which encoded events a scope needs, and which scans are kept in memory."""

from collections.abc import Callable, Collection, Sequence
from typing import TYPE_CHECKING, NamedTuple, TypeVar

from warehouse.definitions.visits import LONGEST_MS
from warehouse.index.aliases import SiteAliases
from warehouse.index.encoded import EncodedEvents
from warehouse.index.encoded_files import EncodedFiles
from warehouse.index.scan import Query, Scan, scan_blocks
from warehouse.index.stitched_visits import Sessions, stitch
from warehouse.index.whole_visits import WholeVisits, whole_visits
from warehouse.question.scope import Scope
from warehouse.tables.files import LiveFile

if TYPE_CHECKING:
    import duckdb

T = TypeVar("T", Scan, WholeVisits)
Make = Callable[["duckdb.DuckDBPyConnection", str, list[LiveFile]], EncodedEvents]
"""The block of a site's events in some files."""

OWN_FILE_ROWS = 5_000
"""Rows from which a file has a block of its own; those of smaller files, which soon are compacted, share some."""

LARGE_CACHED = 2
"""Scopes of which the blocks of large files are kept: that of a report's events, and that of its visits."""

SCANS_CACHED = 4
"""Scans, and visits, kept for who asks another report of the same span, before anything new has arrived."""


class _Key(NamedTuple):
    scope: Scope
    aliases: int  # their version
    paths: frozenset[str]  # of the files


Question = tuple[Scope, Sequence[LiveFile], SiteAliases]
"""What a scan is asked for: the scope, the live files, the current ids."""


class ScanCache:
    """What is kept here is replaced as a whole, never changed: threads that come together make the same twice."""

    def __init__(self, encoded_files: EncodedFiles, make: Make, query: Query) -> None:
        self._encoded_files, self._make, self._query = encoded_files, make, query
        self._small: dict[str, list[tuple[list[LiveFile], EncodedEvents]]] = {}
        self._large: dict[_Key, list[EncodedEvents]] = {}
        self._kept: list[tuple[_Key, Scan | WholeVisits]] = []

    def scan(
        self,
        cursor: "duckdb.DuckDBPyConnection",
        scope: Scope,
        files: Sequence[LiveFile],
        aliased: SiteAliases,
    ) -> Scan:
        """The scan of ``scope`` over the live ``files``."""
        return self._kept_or_made(
            Scan,
            (scope, files, aliased),
            lambda: scan_blocks(
                self._blocks(cursor, scope, files, aliased), aliased.profiles(cursor, scope.site), self._query
            ),
        )

    def visits(
        self,
        cursor: "duckdb.DuckDBPyConnection",
        scope: Scope,
        files: Sequence[LiveFile],
        aliased: SiteAliases,
    ) -> WholeVisits:
        """The visits that begin in ``scope``, over the live ``files``."""
        wide = scope.wide(LONGEST_MS)
        return self._kept_or_made(
            WholeVisits,
            (wide, files, aliased),
            lambda: whole_visits(
                self._blocks(cursor, wide, files, aliased),
                aliased.profiles(cursor, scope.site),
                self._query,
                scope.start,
                scope.end,
            ),
        )

    def _kept_or_made(self, kind: type[T], of: Question, make: Callable[[], T]) -> T:
        """What is kept already, else made and kept."""
        scope, files, aliased = of
        self._release(files, {file.path for file in files})
        key = _key(scope, aliased, _asked(files, scope))
        found = (made for known, made in self._kept if known == key and isinstance(made, kind))
        made = next(found, None) or make()
        kept: list[tuple[_Key, Scan | WholeVisits]] = [(key, made)]
        kept += [each for each in self._kept if each[0] != key or not isinstance(each[1], kind)]
        self._kept = kept[:SCANS_CACHED]
        return made

    def _blocks(
        self,
        cursor: "duckdb.DuckDBPyConnection",
        scope: Scope,
        files: Sequence[LiveFile],
        aliased: SiteAliases,
    ) -> list[EncodedEvents]:
        """What lies in the scope, each visit in one block."""
        asked, sessions = _asked(files, scope), aliased.sessions(cursor, scope.site)
        blocks = self._of_large(cursor, scope, aliased, asked, sessions)
        # What arrives every second is mostly small: only visits that go on are put together anew.
        small = self._of_small(cursor, scope.site, asked, {file.path for file in files})
        arrived = _within(small, scope)
        return stitch([*blocks, *arrived], sessions) if arrived else blocks

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
            kept = list(self._large.items())[-LARGE_CACHED + 1 :]
            self._large = {**dict(kept), key: blocks}
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


def _asked(files: Sequence[LiveFile], scope: Scope) -> list[LiveFile]:
    return [file for file in files if scope.overlaps(file.day, file.first, file.last)]


def _key(scope: Scope, aliased: SiteAliases, files: Collection[LiveFile]) -> _Key:
    return _Key(scope, aliased.version, frozenset(file.path for file in files))


def _within(blocks: Sequence[EncodedEvents], scope: Scope) -> list[EncodedEvents]:
    """What lies in the scope's time, where anything does."""
    return [block for block in (each.between(scope.start, scope.end) for each in blocks) if len(block.at)]


def _rows(files: Sequence[LiveFile]) -> int:
    return sum(file.rows for file in files)
