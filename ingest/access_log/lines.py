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
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from ingest.access_log.format import Format

BLOCK = 2 << 20
"""Bytes of a block: some 8,000 lines, so that a distinct text of a block is looked at once, and the arrays of a block
stay in the processor's cache."""
LINE_LIMIT = 1 << 20
"""A line longer than this is cut: no server writes one, and a file without newlines must not fill the memory."""

FAR = 1 << 60
WINDOW = 32
"""Bytes in which an address, a time, a status and the like end."""
FEW = 0.01
"""Lines, of all, that are worth one look each before all of the block is searched again."""

_MAGIC = ((b"\x1f\x8b", "gzip"), (b"\x28\xb5\x2f\xfd", "zstd"))

Offsets = NDArray[np.int64]


class LogUnreadable(Exception):
    """The file cannot be read or decompressed; the message names it."""


class Lines(NamedTuple):
    """``starts[i, k]``, ``ends[i, k]``: where field k of line i lies in ``data``. ``good``: the lines with fields.

    ``data`` ends with WINDOW zeros, so that nobody who looks at the next bytes looks behind the end."""

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
    rest, cut_off = b"", False
    while True:
        read = _full(stream, BLOCK - len(rest) % BLOCK, name)
        if not read:
            break
        rest += read
        if cut_off:
            _, newline, rest = rest.partition(b"\n")
            cut_off = not newline
        end = rest.rfind(b"\n") + 1
        if end:
            yield rest[:end]
            rest = rest[end:]
        elif len(rest) > LINE_LIMIT:
            yield rest[:LINE_LIMIT] + b"\n"
            rest, cut_off = b"", True
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
    data = np.frombuffer(block + bytes(WINDOW), np.uint8)
    stops = np.flatnonzero(data == 10)
    begins = np.concatenate(([0], stops[:-1] + 1))
    stops = stops - ((stops > begins) & (data[stops - 1] == 13))  # \r\n
    width = len(form.fields)
    starts, ends = np.zeros((len(stops), width), np.int64), np.zeros((len(stops), width), np.int64)
    good = stops > begins
    at = begins.copy()
    signs: dict[bytes, Offsets] = {}
    first = form.literals[0]
    if first:
        good &= _find(data, first, at, signs) == at
        at = at + len(first)
    for index, literal in enumerate(form.literals[1:]):
        starts[:, index] = at
        if index == width - 1 and not literal:
            found = stops if form.spaced else np.minimum(_next(_signs(data, b" ", signs), at), stops)
        else:
            quoted = form.literals[index].endswith(b'"') and literal.startswith(b'"')
            found = _find(data, literal, at, signs, quoted)
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


def _find(
    data: NDArray[np.uint8], literal: bytes, at: Offsets, signs: dict[bytes, Offsets], quoted: bool = False
) -> Offsets:
    """Where ``literal`` next stands at or behind each of ``at``; FAR where it does not, nor where it is not the next
    quote that ends a ``quoted`` text.

    Looks where its rarest sign comes next: the next quote, each of which is found once for all, or among the next
    few bytes. Where that is another place than the literal's, all are searched for; of a few lines only, which are
    left to the regular expression, this says FAR.
    """
    anchor = next((place for place, byte in enumerate(literal) if byte != 32), 0)
    sign = literal[anchor : anchor + 1]
    next_sign = _next(_signs(data, sign, signs), at) if sign == b'"' else _near(data, sign, at)
    found = next_sign - anchor
    right = (found >= at) & (found + len(literal) <= len(data))
    for offset, byte in enumerate(literal):
        if offset != anchor:
            right &= data[np.where(right, found + offset, 0)] == byte
    missed = np.flatnonzero(~right & (at < len(data)))
    if len(missed) > len(at) * FEW and not quoted:
        found[missed] = _next(_places(data, literal, anchor, _signs(data, sign, signs)), at[missed])
        right[missed] = True
    return np.where(right, found, FAR)


def _near(data: NDArray[np.uint8], sign: bytes, at: Offsets) -> Offsets:
    """Where ``sign`` stands among the next bytes; FAR where it does not."""
    hits = windows_of(data, WINDOW, at) == sign[0]
    column = hits.argmax(axis=1)
    return np.where(hits[np.arange(len(at)), column], at + column, FAR)


def windows_of(data: NDArray[np.uint8], width: int, at: Offsets) -> NDArray[np.uint8]:
    """``width`` bytes, WINDOW at most, from each of ``at``; zeros from places behind the end."""
    found: NDArray[np.uint8] = sliding_window_view(data, width)[np.minimum(at, len(data) - width)]
    return found


def _signs(data: NDArray[np.uint8], sign: bytes, known: dict[bytes, Offsets]) -> Offsets:
    """Where a sign stands: searched for once."""
    if sign not in known:
        known[sign] = np.flatnonzero(data == sign[0])
    return known[sign]


def _places(data: NDArray[np.uint8], literal: bytes, anchor: int, signs: Offsets) -> Offsets:
    """Where ``literal`` stands, all over ``data``. ``signs``: where its byte ``anchor`` does."""
    found = signs - anchor
    for offset, byte in enumerate(literal):
        if offset != anchor:
            beside = found + offset
            inside = (beside >= 0) & (beside < len(data))
            found = found[inside & (data[np.where(inside, beside, 0)] == byte)]
    return found


def _next(places: Offsets, at: Offsets) -> Offsets:
    """The first of ``places`` at or behind each of ``at``; FAR where there is none."""
    padded = np.append(places, FAR)
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


def texts(data: NDArray[np.uint8], starts: Offsets, ends: Offsets) -> pa.Array:
    """The parts of ASCII ``data`` as an Arrow array. They stand in ``data`` one behind the other."""
    # Parts and the gaps between them, in turn, are an array over the very bytes; a missing part is 0 long.
    bounds = np.maximum.accumulate(np.column_stack((starts, ends)).ravel())
    buffers = [None, pa.py_buffer(bounds.astype(np.int32)), pa.py_buffer(data)]
    both = pa.StringArray.from_buffers(max(len(bounds) - 1, 0), buffers[1], buffers[2])
    return both.take(pa.array(np.arange(0, len(bounds), 2)))
