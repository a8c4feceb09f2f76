"""Memory that is not used any more, given back to the system: the allocators keep it for later otherwise."""

import ctypes
import sys

import pyarrow as pa

_TRIM_THRESHOLD, _MMAP_THRESHOLD, _ARENAS = -1, -3, -8
_LARGE = 1 << 20


def keep_memory_small() -> None:
    """Make this process give large arrays back when they are gone, and few threads keep memory of their own. For a
    process that only imports; it has no effect without glibc."""
    pa.set_memory_pool(pa.system_memory_pool())
    libc = _glibc()
    if libc:
        libc.mallopt(_TRIM_THRESHOLD, _LARGE)
        libc.mallopt(_MMAP_THRESHOLD, _LARGE)
        libc.mallopt(_ARENAS, 2)


def free_memory() -> None:
    """Give back what is free."""
    pa.default_memory_pool().release_unused()
    libc = _glibc()
    if libc:
        libc.malloc_trim(0)


def _glibc() -> ctypes.CDLL | None:
    if sys.platform != "linux":
        return None
    libc = ctypes.CDLL(None)
    return libc if hasattr(libc, "malloc_trim") and hasattr(libc, "mallopt") else None
