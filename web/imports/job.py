"""One import of a file: what was uploaded, how it is to be read, and how far it is."""

from typing import Literal

import msgspec

State = Literal["uploading", "reading", "checking", "checked", "importing", "done", "failed"]
RUNNING: frozenset[State] = frozenset({"reading", "checking", "importing"})
Kind = Literal["orders", "items", "contacts", "calls", "events", "costs"]


class ReadingOptions(msgspec.Struct, frozen=True):
    """What somebody said about the file; "" is found out. ``mapping``: column → field, "" to leave it out."""

    encoding: str = ""
    delimiter: str = ""
    zone: str = ""
    dates: str = ""
    mapping: dict[str, str] = {}


class FileView(msgspec.Struct, frozen=True):
    """What the file shows. ``columns``: field → name of its column; ``samples``: the first rows; ``fields``: what a
    column may be."""

    format: str = ""
    export: str = ""
    names: list[str] = []
    samples: list[list[str]] = []
    columns: dict[str, str] = {}
    fields: list[str] = []


class ImportJob(msgspec.Struct, frozen=True, kw_only=True):
    """``size`` in bytes as announced, ``received`` what has come of them; ``share`` is how much of the file the command
    has read, None where that is not known. ``lines`` is what the command said, ``code`` its exit code. Times in ms."""

    id: str
    site: str
    kind: Kind
    name: str
    by: str
    at: int
    size: int
    received: int = 0
    state: State = "uploading"
    options: ReadingOptions = ReadingOptions()
    seen: FileView = FileView()
    share: float | None = None
    lines: list[str] = []
    code: int | None = None
    problem: str = ""
    rejects: bool = False
