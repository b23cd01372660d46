"""How much lrlab takes in, in one place: what is fixed, and what the lab's keeper sets (`lrlab.settings`)."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import PurePosixPath

from lrlab.disk import GB, amount, check_room
from lrlab.errors import LabError
from lrlab.home import Home
from lrlab.settings import settings

MAX_FILES = 200_000
"""Files in an archive, an upload or a folder."""

MAX_TOTAL_BYTES = 16 * 1024**3
"""Bytes of all images of a data set together, unpacked."""

MAX_RATIO = 120
"""How much larger than the archive its content may be; pictures of one colour reach 1,000, photographs 1 to 10."""

RATIO_FREE_BYTES = 64 * 1024**2
"""Content up to this size is never refused for its ratio."""

SUFFIXES = frozenset({".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".webp", ".bmp", ".dib", ".gif", ".tif", ".tiff"})
"""Extensions that promise an image; a file with another one is looked into before it is believed to be none."""

MAX_IMAGE_BYTES = 64 * 1024**2
"""Bytes of one image file."""

MAX_IMAGE_PIXELS = 64_000_000
"""Width times height of one image."""


def megabytes(count: int) -> str:
    """`count` bytes as a person reads them: "3.9 MB", "16 GB"."""
    return amount(count)


def check_upload(home: Home, files: Sequence[tuple[str, int]]) -> None:
    """LabError (field "source") where an upload of `files`, pairs of a path and its bytes, is beyond a limit.

    To be asked before the first byte comes. The room it takes is its own, and that of the data set made of it.
    """
    if not 0 < len(files) <= MAX_FILES:
        raise _refused(f"upload: got {len(files):,} files, allowed: 1 to {MAX_FILES:,}")
    _check_images(home, "upload", sum(is_named_image(path) for path, _ in files))
    total, largest = sum(size for _, size in files), round(settings(home).limits.upload_gb * GB)
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
    _check_images(home, title, images)
    check_room(home, total, title, "source")


def is_named_image(path: str) -> bool:
    """Whether a file has an image's extension."""
    return PurePosixPath(path).suffix.lower() in SUFFIXES


def _check_images(home: Home, title: str, images: int) -> None:
    most = settings(home).limits.images
    if images > most:
        raise _refused(f"{title}: got {images:,} images, allowed: at most {most:,} (images in lab.toml)")


def _refused(text: str) -> LabError:
    return LabError(text, field="source")
