"""App transactions of commits: of two writers who saw the same version, one commits."""

from datetime import date
from pathlib import Path

import pytest
from deltalake import Transaction
from deltalake.exceptions import DeltaError

from tests.support.score_rows import snapshot
from warehouse.tables.schema import SCORES
from warehouse.tables.table import Table

DAY = date(2026, 3, 2)


def table(folder: Path) -> Table:
    return Table(str(folder / "scores"), SCORES, ["day"], None)


@pytest.mark.parametrize("used", [False, True], ids=["its first commit", "a later one"])
def test_a_writer_who_did_not_see_the_others_commit_is_refused(tmp_path: Path, used: bool) -> None:
    """The first commit of a writer looks how far the log is on disk, and opens a table that is behind anew: what the
    caller decided by the older version must not be stored then."""
    first, second = table(tmp_path), table(tmp_path)
    first.append(snapshot(DAY, "u:a"), [Transaction("app", 1)])
    if used:
        second.append(snapshot(DAY, "u:b"), [])
    seen = second.refresh()
    assert seen and seen.transaction_version("app") == 1
    first.append(snapshot(DAY, "u:c"), [Transaction("app", 2)])
    with pytest.raises(DeltaError):
        second.append(snapshot(DAY, "u:d"), [Transaction("app", 2)])
    newest = table(tmp_path).refresh()
    assert newest and newest.transaction_version("app") == 2
    assert len(table(tmp_path).files()[1]) == 2 + used
    second.append(snapshot(DAY, "u:e"), [Transaction("other", 1)])
