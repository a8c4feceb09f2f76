"""Rows that cannot be used: written to a file with line and reason, so that they can be mended and imported."""

import csv
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import IO, Any, NamedTuple

from ingest.files.rows import Row, cell_text

EXAMPLES = 5


class RejectedRow(NamedTuple):
    """A row for people."""

    line: int
    reason: str


class Rejects:
    """Counts by reason, the first examples, and the rows in a CSV, unless ``path`` is None. The file is made with the
    first row; one of an earlier import goes. ``reason`` up to its first colon is what is counted."""

    def __init__(self, path: Path | None, names: Sequence[str]) -> None:
        self.path, self._names = path, names
        self.reasons: Counter[str] = Counter()
        self.examples: list[RejectedRow] = []
        self._file: IO[str] | None = None

    def __enter__(self) -> "Rejects":
        if self.path is not None:
            self.path.unlink(missing_ok=True)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._file is not None:
            self._file.close()

    @property
    def count(self) -> int:
        return self.reasons.total()

    def add(self, row: Row, reason: str) -> None:
        """Refuse a row. Raises OSError when the file cannot be written."""
        self.reasons[reason.partition(":")[0]] += 1
        if len(self.examples) < EXAMPLES:
            self.examples.append(RejectedRow(row.line, reason))
        if self.path is None:
            return
        if self._file is None:
            self._file = self.path.open("w", encoding="utf-8-sig", errors="backslashreplace", newline="")
            csv.writer(self._file).writerow(("line", "reason", *self._names))
        csv.writer(self._file).writerow((row.line, reason, *map(_shown, row.values)))


def _shown(value: Any) -> str:
    return value if isinstance(value, str) else cell_text(value)
