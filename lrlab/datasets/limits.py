"""How much lrlab takes in, in one place: what is fixed, and what the lab's keeper sets (`lrlab.settings`)."""

from __future__ import annotations

from lrlab.disk import GB, amount, check_room
from lrlab.errors import LabError
from lrlab.home import Home
from lrlab.settings import settings

MAX_FILES = 200_000
"""Files in an archive, an upload or a folder, unless the keeper allows more images than that."""

MAX_TOTAL_BYTES = 16 * 1024**3
"""Bytes of all images of a data set together, unpacked."""

MAX_UPLOAD_BYTES = 4 * 1024**3
"""Bytes that one upload may bring where the keeper has set nothing."""

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
    return amount(count)


def most_upload_bytes(home: Home) -> int:
    """Bytes that one upload may bring: limits.upload_gb."""
    return round(settings(home).limits.upload_gb * GB)


def most_images(home: Home) -> int:
    """Images of one data set: limits.images."""
    return settings(home).limits.images


def most_files(home: Home) -> int:
    """Files in an archive, an upload or a folder, images or not."""
    return max(MAX_FILES, most_images(home))


def check_upload(home: Home, files: int, total: int) -> None:
    """LabError (field "source") where an upload of so many files, `total` bytes together, is beyond a limit.

    To be asked before the first byte comes. The room it takes is its own, and that of the data set made of it.
    """
    if not 0 < files <= most_files(home):
        raise _refused(f"upload: got {files:,} files, allowed: 1 to {most_files(home):,}")
    largest = most_upload_bytes(home)
    if total > largest:
        raise _refused(
            f"upload: got {amount(total)}, allowed: at most {amount(largest)} (upload_gb in lab.toml); "
            "put larger data on the server and name its folder"
        )
    check_room(home, 2 * total, "upload", "source")


def check_import(home: Home, title: str, images: int, total: int) -> None:
    """LabError (field "source") where a data set of so many images, of which `total` bytes are copied, has no place.

    To be asked before the first image is decoded. `title` names where the images are.
    """
    most = most_images(home)
    if images > most:
        raise _refused(f"{title} holds {images:,} images; allowed: at most {most:,} (images in lab.toml)")
    check_room(home, total, title, "source")


def _refused(text: str) -> LabError:
    return LabError(text, field="source")
