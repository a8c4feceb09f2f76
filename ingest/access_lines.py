"""The lines of access logs: files opened whatever compressed them, and lines cut into fields by the thousand.

A block of lines is one buffer of bytes; a field of all its lines is two arrays, where it starts and ends. They
are found with NumPy by the literal text between fields. The few lines where that fails go through one regular
expression, so that the result is the expression's for every line.
"""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO, NamedTuple

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from ingest.access_format import Format

BLOCK = 48 << 20
"""Bytes of a block: some 200,000 lines, so that each distinct text is looked at seldom."""
LINE_LIMIT = 1 << 20
"""A line longer than this is cut: no server writes one, and a file without newlines must not fill the memory."""

_MAGIC = ((b"\x1f\x8b", "gzip"), (b"\x28\xb5\x2f\xfd", "zstd"))

Offsets = NDArray[np.int64]


class LogUnreadable(Exception):
    """The file cannot be read or decompressed; the message names it."""


class Lines(NamedTuple):
    """``starts[i, k]``, ``ends[i, k]``: where field k of line i lies in ``data``. ``good``: the lines with fields."""

    data: NDArray[np.uint8]
    begins: Offsets
    stops: Offsets
    starts: Offsets
    ends: Offsets
    good: NDArray[np.bool_]


@contextmanager
def opened(name: str) -> Iterator[tuple[IO[bytes], IO[bytes]]]:
    """(the stream of lines, the file beneath it, whose position tells the progress). ``-`` is standard input."""
    try:
        raw: IO[bytes] = sys.stdin.buffer if name == "-" else open(name, "rb")  # noqa: SIM115, PTH123
    except OSError as error:
        raise LogUnreadable(f"{name}: {error.strerror}") from error
    try:
        head = raw.peek(4)  # type: ignore[attr-defined]  # buffered readers have it
        codec = next((codec for magic, codec in _MAGIC if head.startswith(magic)), None)
        yield (pa.CompressedInputStream(pa.PythonFile(raw, "r"), codec) if codec else raw), raw
    finally:
        if name != "-":
            raw.close()


def blocks(stream: IO[bytes], name: str) -> Iterator[bytes]:
    """The stream in blocks that end with a line's end, of the same bounds however often it is read.

    Raises LogUnreadable for a file that is cut off or broken, after the blocks before that place.
    """
    rest = b""
    while True:
        read = _full(stream, BLOCK - len(rest) % BLOCK, name)
        if not read:
            break
        rest += read
        end = rest.rfind(b"\n") + 1
        if end:
            yield rest[:end]
            rest = rest[end:]
        elif len(rest) > LINE_LIMIT:
            yield rest[:LINE_LIMIT] + b"\n"
            rest = b""
    if rest:
        yield rest


def _full(stream: IO[bytes], size: int, name: str) -> bytes:
    parts, missing = [], size
    while missing:
        try:
            part = stream.read(missing)
        except (OSError, pa.ArrowException) as error:
            raise LogUnreadable(f"{name}: {error}") from error
        if not part:
            break
        parts.append(bytes(part))
        missing -= len(part)
    return b"".join(parts)


def escaped(block: bytes) -> bytes:
    """The block in ASCII: other bytes as ``\\xHH``, the way Apache and nginx write them themselves."""
    if block.isascii():
        return block
    return block.decode("latin-1").encode("ascii", "backslashreplace")


def cut(block: bytes, form: Format) -> Lines:
    """The fields of every line of an ASCII block.

    A last line without its newline may be half written: it has to hold every field of the format.
    """
    whole = block.endswith(b"\n")
    block = block if whole else block + b"\n"
    data = np.frombuffer(block, np.uint8)
    stops = np.flatnonzero(data == 10)
    begins = np.concatenate(([0], stops[:-1] + 1))
    stops = stops - ((stops > begins) & (data[stops - 1] == 13))  # \r\n
    width = len(form.fields)
    starts, ends = np.zeros((len(stops), width), np.int64), np.zeros((len(stops), width), np.int64)
    good = stops > begins
    at = begins.copy()
    known: dict[bytes, Offsets] = {}
    signs: dict[bytes, Offsets] = {}
    first = form.literals[0]
    if first:
        found = _next(_places(data, first, signs), at)
        good &= found == at
        at = at + len(first)
    for index, literal in enumerate(form.literals[1:]):
        starts[:, index] = at
        last = index == width - 1
        look = literal or b" "
        if look not in known:
            known[look] = _places(data, look, signs)
        found = _next(known[look], at)
        if last and not literal:
            found = stops if form.spaced else np.minimum(found, stops)
        good &= found + len(literal) <= stops
        ends[:, index] = found
        at = found + len(literal)
    # What follows the last field has to be set apart from it.
    inside = np.minimum(at, len(data) - 1)
    good &= (at >= stops) | (data[inside] == 32)
    good &= ~_tricky(data, begins, stops)
    lines = Lines(data, begins, stops, starts, ends, good)
    _with_regex(block, form, lines)
    if not whole and not ends[-1, -1]:
        good[-1] = False
    return lines


def _places(data: NDArray[np.uint8], literal: bytes, known: dict[bytes, Offsets]) -> Offsets:
    """Where ``literal`` stands in ``data``. Looks around its rarest sign only: each sign is searched for once."""
    anchor = next((at for at, byte in enumerate(literal) if byte != 32), 0)
    sign = literal[anchor : anchor + 1]
    if sign not in known:
        known[sign] = np.flatnonzero(data == sign[0])
    found = known[sign] - anchor
    for offset, byte in enumerate(literal):
        if offset != anchor:
            beside = found + offset
            inside = (beside >= 0) & (beside < len(data))
            found = found[inside & (data[np.where(inside, beside, 0)] == byte)]
    return found


def _next(places: Offsets, at: Offsets) -> Offsets:
    """The first of ``places`` at or behind each of ``at``; far away where there is none."""
    padded = np.append(places, 1 << 60)
    return padded[np.searchsorted(places, at)]


def _tricky(data: NDArray[np.uint8], begins: Offsets, stops: Offsets) -> NDArray[np.bool_]:
    """Lines with an escaped quote or backslash: the next quote may not be the field's end."""
    slashes = np.flatnonzero(data[:-1] == 92)
    after = data[slashes + 1]
    slashes = slashes[(after == 34) | (after == 92)]
    hit: NDArray[np.bool_] = np.searchsorted(slashes, begins) != np.searchsorted(slashes, stops)
    return hit


def _with_regex(block: bytes, form: Format, lines: Lines) -> None:
    """Cut the lines that are not good one by one, in place."""
    match = form.regex.match
    for index in np.flatnonzero(~lines.good & (lines.stops > lines.begins)).tolist():
        begin = int(lines.begins[index])
        found = match(block[begin : int(lines.stops[index])])
        if found is None:
            continue
        lines.good[index] = True
        for group in range(len(form.fields)):
            start, end = found.span(group + 1)
            # A field that is missing is empty and lies nowhere.
            lines.starts[index, group] = begin + start if start >= 0 else 0
            lines.ends[index, group] = begin + end if start >= 0 else 0


def texts(data: NDArray[np.uint8], starts: Offsets, ends: Offsets) -> pa.StringArray:
    """The parts of ASCII ``data`` as an Arrow array."""
    lengths = ends - starts
    offsets = np.zeros(len(lengths) + 1, np.int64)
    np.cumsum(lengths, out=offsets[1:])
    where = np.repeat(starts - offsets[:-1], lengths) + np.arange(offsets[-1])
    buffers = [None, pa.py_buffer(offsets.astype(np.int32)), pa.py_buffer(data[where])]
    return pa.StringArray.from_buffers(len(lengths), buffers[1], buffers[2])
