"""Checks the first lines of a log against its format, before any line is imported.

Read in another format a log may seem to be fine: with the virtual host for the client's address everybody is one
visitor, and without user agents bots are people.
"""

from collections.abc import Iterator

import numpy as np

from ingest.access_log.fields import distinct
from ingest.access_log.format import Format, named
from ingest.access_log.lines import LogUnreadable, cut, escaped
from tracker.http.address import truncate

SAMPLE = 1 << 16
"""Bytes of the first lines."""
MOST = 0.9
"""Of these lines, those that have to be in a format that tells more, to be sure that it is theirs."""

_NEEDED = {"common": ("ip",), "combined": ("ip", "ua"), "vhost": ("ip", "host")}
"""What a line has in each format and can have in none that tells less."""


class FormatMismatch(LogUnreadable):
    """The lines are in another format; the message names it where it is known."""


def fitting(blocks: Iterator[bytes], form: Format, name: str) -> Iterator[bytes]:
    """The blocks of the log ``name``. Raises FormatMismatch before the first where they are not in ``form``."""
    for number, block in enumerate(blocks):
        if not number:
            _check(block[: block.rfind(b"\n", 0, SAMPLE) + 1], form, name)
        yield block


def _check(sample: bytes, form: Format, name: str) -> None:
    if not sample.strip():
        return
    formats = {each: named(each) for each in _NEEDED}
    ours = next((each for each, known in formats.items() if known == form), "")
    fits = {each: _share(sample, formats[each], needed) for each, needed in _NEEDED.items()}
    likely = [each for each in fits if fits[each] >= MOST]
    none = not cut(escaped(sample), form).good.any()
    more = ours and any(len(formats[each].fields) > len(form.fields) for each in likely)
    if none or more:
        told = (
            f"its lines are in the format {likely[-1]}" if likely else "give its format (--format, --pattern)"
        )
        first = sample.partition(b"\n")[0][:120].decode("ascii", "backslashreplace")
        which = "none of the first lines is" if none else "the lines are not"
        raise FormatMismatch(
            f"{name}: {which} in the format {ours or 'asked for'}; {told}. It begins with: {first}"
        )


def _share(sample: bytes, form: Format, needed: tuple[str, ...]) -> float:
    """Of the lines, how many have an address, and everything else that is needed."""
    lines = cut(escaped(sample), form)
    rows = np.flatnonzero(lines.good)
    addresses = distinct(lines, form, "ip", rows)
    known = np.array([bool(truncate(text)) for text in addresses.values], bool)[addresses.codes]
    columns = [form.fields.index(field) for field in needed]
    full = (lines.ends[rows][:, columns] > lines.starts[rows][:, columns]).all(axis=1)
    return float((known & full).sum()) / max(len(lines.good), 1)
