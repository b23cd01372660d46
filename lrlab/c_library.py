"""What only glibc is told: how it keeps memory that was freed."""

from __future__ import annotations

import ctypes
import platform


def glibc() -> ctypes.CDLL | None:
    """This process's C library where it is glibc, else None."""
    return ctypes.CDLL(None) if platform.libc_ver()[0] == "glibc" else None


def give_back() -> None:
    """Gives what is free back to the system now."""
    library = glibc()
    if library is not None:
        library.malloc_trim(0)
