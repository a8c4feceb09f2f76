"""One Delta table: created on demand, its log kept in memory and followed."""

import time
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import unquote

import pyarrow as pa
import pyarrow.compute as pc
from deltalake import (
    CommitProperties,
    DeltaTable,
    PostCommitHookProperties,
    Transaction,
    WriterProperties,
    write_deltalake,
)
from deltalake.exceptions import CommitFailedError, DeltaError, TableNotFoundError
from deltalake.transaction import AddAction, RemoveAction

from tracker.unavailable import Unavailable
from warehouse.tables.durable import Durable, WentBack, forget, on_disk
from warehouse.tables.files import Folder, LiveFile, NewFile, partition

CONFIGURATION = {
    # Statistics for the columns that queries prune by, and no others: each commit copies all files'
    # statistics (32 columns: 100 ms at 400 files; 2 columns: 15 ms), and no personal value enters the log.
    "delta.dataSkippingStatsColumns": "site,ts",
    "delta.checkpointInterval": "20",
    # The log is a queue here, not a time machine: at a commit a second the default of 30 days
    # would keep 2.6 million files to list.
    "delta.logRetentionDuration": "interval 1 hours",
    "delta.deletedFileRetentionDuration": "interval 1 hours",
}

SWAP_ATTEMPTS = 50
"""Tries to be the next commit: at one commit a second and 20 ms for a try, the second succeeds."""

COMPRESSION = WriterProperties(compression="ZSTD", compression_level=1)

HOOKS = PostCommitHookProperties(create_checkpoint=True, cleanup_expired_logs=False)
"""Old commits go with a vacuum, which first has the checkpoint that replaces them on disk."""


class WarehouseUnavailable(Unavailable):
    """The tables cannot be read or written now."""

    def __init__(self, message: str, retry_after: float = 2.0) -> None:
        super().__init__(message, retry_after)


class Table:
    """One Delta table, created on demand. Keeps its log in memory and reads only what is new.

    Not thread-safe: the owner locks.
    """

    def __init__(
        self,
        uri: str,
        schema: pa.Schema,
        partition_by: Sequence[str],
        storage_options: Mapping[str, str] | None,
    ) -> None:
        self.uri, self.schema, self.partition_by = uri, schema, list(partition_by)
        self.name = uri.rpartition("/")[2]
        self.storage_options = dict(storage_options) if storage_options else None
        self._delta: DeltaTable | None = None
        self._durable = Durable(uri)

    def open(self) -> DeltaTable | None:
        """The table as last seen, None before its first commit."""
        if self._delta is None:
            try:
                self._delta = DeltaTable(self.uri, storage_options=self.storage_options)
            except TableNotFoundError:
                return None
        return self._delta

    def refresh(self) -> DeltaTable | None:
        """The table as it is now. Raises WarehouseUnavailable."""
        try:
            delta = self.open()
            if delta is not None:
                delta.update_incremental()
        except (DeltaError, OSError):
            self.forget()  # the log was cleaned past the version we knew
            try:
                delta = self.open()
            except (DeltaError, OSError) as error:
                raise WarehouseUnavailable(f"{self.uri}: {error}") from error
        return delta

    def forget(self) -> None:
        """Read the log from its last checkpoint next time."""
        self._delta = None

    def restart(self) -> None:
        """Forget everything, also how far it was on disk: its log was written anew."""
        self.forget()
        self._durable = Durable(self.uri)

    def create(self) -> DeltaTable:
        """The table, created if absent; another process may create it at the same time."""
        delta = self.open()
        if delta is not None:
            return delta
        wanted = set(self.schema.names)
        configuration = {
            key: value
            for key, value in CONFIGURATION.items()
            if key != "delta.dataSkippingStatsColumns" or wanted.issuperset(value.split(","))
        }
        self._delta = DeltaTable.create(
            self.uri,
            self.schema,
            mode="ignore",
            partition_by=self.partition_by,
            configuration=configuration,
            storage_options=self.storage_options,
        )
        return self._delta

    def append(self, data: pa.Table, transactions: Sequence[Transaction]) -> None:
        """One commit onto the version last seen, which is on disk when this returns.

        A new nullable column joins the table with the first row that has it, and workers of the previous release keep
        appending without it. Raises DeltaError when others' commits conflict, OSError when the disk does not take it.
        """
        seen = _versions(self.create(), transactions)
        self.widen(data.schema)
        folder = Folder(self.uri, self.storage_options)
        days = pc.unique(data["day"]).to_pylist() if self.partition_by else [None]
        # One day needs no copy of the rows.
        parts = [(day, data.filter(pc.equal(data["day"], day)) if len(days) > 1 else data) for day in days]
        # Not write_deltalake, which takes three times as long and leaves pages without checksums.
        new = [folder.write(rows, day) for day, rows in parts if rows.num_rows]
        delta = self._standing()
        if _versions(delta, transactions) != seen:
            # It was opened anew meanwhile: Delta compares with what this one shows, not with what the caller saw.
            raise CommitFailedError("another commit moved the transactions")
        self._adopt(new, transactions, delta)

    def adopt(self, files: Sequence[NewFile]) -> None:
        """One commit that names these files. Raises what ``append`` does."""
        self._adopt(files, (), self._standing())

    def _adopt(
        self, files: Sequence[NewFile], transactions: Sequence[Transaction], delta: DeltaTable
    ) -> None:
        now = int(time.time() * 1000)
        delta.create_write_transaction(
            [AddAction(file.path, file.size, partition(file.day), now, True, file.stats) for file in files],
            "append",
            delta.schema(),
            self.partition_by,
            commit_properties=CommitProperties(app_transactions=list(transactions)),
            post_commithook_properties=HOOKS,
        )
        delta.update_incremental()
        self._durable.up_to(delta.version())

    def widen(self, schema: pa.Schema) -> None:
        """Add the columns of ``schema`` that the table lacks."""
        if {field.name for field in self._standing().schema().fields} >= set(schema.names):
            return
        write_deltalake(
            self.create(),
            schema.empty_table(),
            mode="append",
            schema_mode="merge",
            post_commithook_properties=HOOKS,
        )
        self.forget()
        self.create()

    def make_durable(self) -> None:
        """Return when whatever was committed is on disk, by whomever. Raises WarehouseUnavailable."""
        try:
            least, delta = self._durable.least, self.refresh()
            if delta is not None:
                self._stands(delta, least)
                self._durable.up_to(delta.version())
        except OSError as error:
            raise WarehouseUnavailable(f"{self.uri}: {error}") from error

    def forget_sums(self) -> None:
        """Leave out of the checksums what was deleted."""
        if (root := on_disk(self.uri)) is not None:
            forget(root)

    def _standing(self) -> DeltaTable:
        """The table to commit to, created if absent. Raises WentBack."""
        least, delta = self._durable.least, self.create()
        if delta.version() < least:
            self.forget()
            self._stands(self.create(), least)
        return self.create()

    def _stands(self, delta: DeltaTable, least: int) -> None:
        if delta.version() < least:
            raise WentBack(
                f"the commits after version {delta.version()} are gone, version {least} was there: "
                "run `dangol doctor --repair`"
            )

    def swap(self, removed: Sequence[LiveFile], added: Sequence[NewFile], at: int | None = None) -> bool:
        """Replace files in one commit. False when one of them is no longer live, or the table is not at version ``at``
        any more: choose again.

        Raises WarehouseUnavailable when others commit too often.
        """
        for _ in range(SWAP_ATTEMPTS):
            version, files = self.files()
            delta = self.open()
            if at is not None and version != at:
                return False
            if delta is None or not {file.path for file in removed} <= {file.path for file in files}:
                return False
            now = int(time.time() * 1000)
            actions: list[AddAction | RemoveAction] = [
                RemoveAction(file.path, True, now, file.size, partition(file.day)) for file in removed
            ]
            actions += [
                AddAction(file.path, file.size, partition(file.day), now, True, file.stats) for file in added
            ]
            try:
                # Without retries the commit is the version after the one just read, or none: Delta would not
                # notice that another commit has removed the same files.
                delta.create_write_transaction(
                    actions,
                    "append",
                    delta.schema(),
                    self.partition_by,
                    commit_properties=CommitProperties(max_commit_retries=0),
                    post_commithook_properties=HOOKS,
                )
            except DeltaError:
                continue
            self.make_durable()
            return True
        raise WarehouseUnavailable(f"{self.uri}: other commits always came first")

    def files(self) -> tuple[int, list[LiveFile]]:
        """The current version (-1 before the first commit) and its files."""
        delta = self.refresh()
        if delta is None:
            return -1, []
        # Flattened actions have min.ts only when some file has statistics.
        columns = pa.table(delta.get_add_actions(flatten=True)).to_pydict()
        count = len(columns["path"])
        empty: list[Any] = [None] * count
        files = zip(
            # Not delta.file_uris(), which encodes the table's own path too.
            (f"{self.uri}/{unquote(path)}" for path in columns["path"]),
            (unquote(path) for path in columns["path"]),
            columns["size_bytes"],
            columns.get("partition.day", empty),
            columns["num_records"],
            columns.get("min.ts", empty),
            columns.get("max.ts", empty),
            (
                least if least and least == most else ""
                for least, most in zip(
                    columns.get("min.site", empty), columns.get("max.site", empty), strict=True
                )
            ),
            strict=True,
        )
        return delta.version(), [LiveFile(*file) for file in files]


def _versions(delta: DeltaTable, transactions: Sequence[Transaction]) -> list[int | None]:
    """Where the app transactions stand."""
    return [delta.transaction_version(each.app_id) for each in transactions]
