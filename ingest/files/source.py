"""What a file is, by its first bytes, and its bytes: plain or gzip."""

import gzip
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Literal

from ingest.files.rows import FileInvalid

Kind = Literal["text", "json", "parquet", "spreadsheet"]

_GZIP, _ZIP, _OLD_EXCEL, _PARQUET = b"\x1f\x8b", b"PK\x03\x04", b"\xd0\xcf\x11\xe0", b"PAR1"
_HEAD = 4096


@contextmanager
def opened(path: Path) -> Iterator[IO[bytes]]:
    """The file's bytes, unpacked. Raises FileInvalid, also for what breaks while it is read."""
    try:
        with path.open("rb") as raw:
            packed = raw.read(2) == _GZIP
            raw.seek(0)
            if not packed:
                yield raw
                return
            with gzip.open(raw, "rb") as unpacked:
                yield unpacked  # type: ignore[misc]
    except (OSError, EOFError, zlib.error) as error:
        raise FileInvalid(f"{path}: {error}") from error


def kind_of(path: Path) -> Kind:
    """What the file is. Raises FileInvalid for what is no table."""
    with opened(path) as file:
        head = file.read(_HEAD)
    if not head.strip():
        raise FileInvalid(f"{path}: Empty file")
    if head.startswith(_PARQUET):
        return "parquet"
    if head.startswith((_ZIP, _OLD_EXCEL)):
        return "spreadsheet"
    begin = head.replace(b"\0", b"").lstrip(b"\xef\xbb\xbf\xff\xfe \t\r\n").lower()
    if begin.startswith((b"<!doctype html", b"<html", b"<table", b"<meta")):
        raise FileInvalid(f"{path}: a page of HTML, whatever its name says; save it as CSV or XLSX")
    if begin.startswith(b"%pdf"):
        raise FileInvalid(f"{path}: a PDF; export a CSV or XLSX")
    return "json" if begin.startswith((b"{", b"[")) else "text"
