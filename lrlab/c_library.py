"""What only glibc is told: how it keeps memory that was freed."""

from __future__ import annotations

import ctypes
import platform

_ARENA_MAX = -8  # from malloc.h


def glibc() -> ctypes.CDLL | None:
    """This process's C library where it is glibc, else None."""
    return ctypes.CDLL(None) if platform.libc_ver()[0] == "glibc" else None


def one_heap() -> None:
    """Lets the threads that begin from now on share a heap: what one has freed serves the others."""
    library = glibc()
    if library is not None:
        library.mallopt(_ARENA_MAX, 1)


def give_back() -> None:
    """Gives what is free back to the system now."""
    library = glibc()
    if library is not None:
        library.malloc_trim(0)
