"""Rows of integers as bytes, each as wide as the widest one needs: all first bytes, then all second bytes, …

Byte slicing does the work, so that the cost hardly depends on the length of a row.
"""

import struct
from itertools import accumulate

WIDEST = 8  # bytes of a number
SHORT = 8  # rows with fewer numbers stay lists

Column = bytes | list[int]
"""Bytes: the width, then that many planes. A list where that is as small, and where a number is out of bounds."""


def pack(numbers: list[int]) -> Column:
    if len(numbers) < SHORT:
        return numbers
    most = max(numbers)
    if most < 128 or most >> 63 or min(numbers) < 0:  # msgpack needs one byte for a number below 128
        return numbers
    if most < 256:
        return b"\1" + bytes(numbers)
    width = (most.bit_length() + 7) >> 3
    whole = struct.pack(f"<{len(numbers)}Q", *numbers)
    return bytes((width,)) + b"".join([whole[plane::WIDEST] for plane in range(width)])


def unpack(column: Column) -> list[int]:
    """The numbers. Raises ValueError for bytes that ``pack`` did not make."""
    return column if isinstance(column, list) else _unpacked(column)


def unpack_sums(column: Column, before: int = 0) -> list[int]:
    """The running sums of ``before`` and the numbers. Raises as ``unpack`` does."""
    sums = accumulate(unpack(column), initial=before)
    next(sums)
    return list(sums)


def _unpacked(column: bytes) -> list[int]:
    if len(column) < 2:
        return []
    width = column[0]
    if width == 1:
        return list(column[1:])
    count, left = divmod(len(column) - 1, width)
    if left or width > WIDEST:
        raise ValueError(f"a column of {len(column)} bytes cannot be {width} bytes wide")
    whole = bytearray(WIDEST * count)
    for plane in range(width):
        whole[plane::WIDEST] = column[1 + plane * count : 1 + (plane + 1) * count]
    return list(struct.unpack(f"<{count}Q", whole))
