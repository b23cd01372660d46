"""How much lrlab takes in, in one place."""

from __future__ import annotations

MAX_FILES = 200_000
"""Files in an archive, an upload or a folder."""

MAX_TOTAL_BYTES = 16 * 1024**3
"""Bytes of all images of a data set together, unpacked."""

MAX_UPLOAD_BYTES = 4 * 1024**3
"""Bytes that one upload may bring."""

MAX_RATIO = 120
"""How much larger than the archive its content may be; pictures of one colour reach 1,000, photographs 1 to 10."""

RATIO_FREE_BYTES = 64 * 1024**2
"""Content up to this size is never refused for its ratio."""

MAX_IMAGE_BYTES = 64 * 1024**2
"""Bytes of one image file."""

MAX_IMAGE_PIXELS = 64_000_000
"""Width times height of one image."""


def megabytes(count: int) -> str:
    """`count` bytes as a person reads them: "3.9 MB", "16 GB"."""
    for unit, size in (("GB", 1024**3), ("MB", 1024**2), ("kB", 1024)):
        if count >= size:
            return f"{count / size:.3g} {unit}"
    return f"{count} bytes"
