"""Damage: something in a table that is not as it was written."""

from typing import Literal

import msgspec
import pyarrow as pa

Kind = Literal["commit", "checkpoint", "file", "stray"]

UNREADABLE = (OSError, pa.ArrowException, ValueError, KeyError)
"""What reading a damaged file raises."""


class Damage(msgspec.Struct, frozen=True):
    """Something that is not as it was written. ``rows`` are those that reports miss because of it, None where that is
    not known; ``path`` is within the table's folder."""

    table: str
    kind: Kind
    path: str
    says: str
    site: str = ""
    day: str = ""
    rows: int | None = None

    def __str__(self) -> str:
        where = ", ".join(text for text in (self.site and f"site {self.site}", self.day) if text)
        lost = "" if self.rows is None else f"about {self.rows:,} rows"
        more = "; ".join(text for text in (where, lost) if text)
        return f"{self.table}/{self.path} {self.says}" + (f" ({more})" if more else "")


def short(error: Exception) -> str:
    """The first line of the error's message."""
    return (str(error).splitlines() or [type(error).__name__])[0][:160]
