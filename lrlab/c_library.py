"""What only glibc is told: how it keeps memory that was freed."""

from __future__ import annotations

import ctypes
import platform

# From malloc.h.
_MMAP_THRESHOLD, _ARENA_MAX = -3, -8

_LARGE = 64 * 1024


def glibc() -> ctypes.CDLL | None:
    """This process's C library where it is glibc, else None."""
    return ctypes.CDLL(None) if platform.libc_ver()[0] == "glibc" else None


def spare_memory() -> None:
    """Lets this process keep little of what it frees.

    Threads that begin from now on share the heaps that there are, so that what one has freed serves the others. Blocks
    from 64 kB on go back to the system as soon as they are free, each for some microseconds more: in a heap they would
    leave gaps, which small blocks that stay keep from being given back.
    """
    library = glibc()
    if library is not None:
        library.mallopt(_ARENA_MAX, 1)
        library.mallopt(_MMAP_THRESHOLD, _LARGE)


def give_back() -> None:
    """Gives what is free back to the system now."""
    library = glibc()
    if library is not None:
        library.malloc_trim(0)
