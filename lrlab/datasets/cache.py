"""Decoded images on disk: one array of small 8-bit squares per data set and size, built once, shared by all runs.

The file's name is made of what decides its content (the images' hashes, the side, the conversion's version), so it
never goes stale and may be deleted at any time when nothing runs.
"""

from __future__ import annotations

import errno
import hashlib
import os
from contextlib import closing
from pathlib import Path

import numpy as np
from filelock import FileLock, Timeout
from numpy.typing import NDArray
from PIL.Image import Image

from lrlab.datasets.dataset import Dataset
from lrlab.datasets.images import CONVERSION, Unreadable, quiet_decoders, read_rgb, square
from lrlab.datasets.limits import MAX_IMAGE_BYTES, megabytes
from lrlab.datasets.parallel import in_order
from lrlab.datasets.source import Progress, silent
from lrlab.errors import LabError, shown
from lrlab.files import new_id
from lrlab.home import Home

LOOK_EVERY = 0.5
"""Seconds after which whoever waits for another's decoding says so again."""


def cache_side(image_size: int) -> int:
    """The side of the cached squares in pixels: an eighth larger than what the model sees, room for a random crop."""
    return image_size + (image_size + 7) // 8


def decoded(home: Home, dataset: Dataset, image_size: int, progress: Progress | None = None) -> NDArray[np.uint8]:
    """All images of `dataset` as RGB, shape (N, P, P, 3), rows as in `dataset.images`, memory-mapped, read-only.

    P = `cache_side(image_size)`: the shorter side is resized to P, antialiased, and the middle cropped to a square.
    The first call decodes in threads, other processes that ask meanwhile wait for it; what is damaged is made again.
    Raises LabError naming the file where an original is gone or is not the one that was imported, where the disk is
    full, or where what was written to it does not come back.
    """
    path, side = _place(home, dataset, image_size), cache_side(image_size)
    images = kept_squares(path, len(dataset.images), side)
    return _built_once(path, dataset, side, progress or silent) if images is None else images


def cache_bytes(home: Home, dataset: Dataset, image_size: int) -> int:
    """The bytes that `decoded` would write; 0 where that was done already."""
    if _place(home, dataset, image_size).exists():
        return 0
    return len(dataset) * 3 * cache_side(image_size) ** 2


def _place(home: Home, dataset: Dataset, image_size: int) -> Path:
    return home.cache / f"{dataset.content}-{cache_side(image_size)}-v{CONVERSION}.npy"


def kept_squares(path: Path, count: int, side: int) -> NDArray[np.uint8] | None:
    """The array in `path`, uint8 of shape (count, side, side, 3), memory-mapped, read-only; None where there is none,
    or what lies there is damaged."""
    try:
        images: NDArray[np.uint8] = np.load(path, mmap_mode="r")
    except (FileNotFoundError, EOFError, ValueError):
        return None
    return images if images.dtype == np.uint8 and images.shape == (count, side, side, 3) else None


def _built_once(path: Path, dataset: Dataset, side: int, progress: Progress) -> NDArray[np.uint8]:
    """The array in `path`, built under its lock, unless another process is faster."""
    path.parent.mkdir(parents=True, exist_ok=True)
    lock = FileLock(path.with_suffix(".lock"))
    while not lock.is_locked:
        try:
            lock.acquire(timeout=LOOK_EVERY)
        except Timeout:
            progress("Waiting for another job that decodes these images", 0, 0)
    try:
        # Loaded under the lock as well: whoever clears the caches takes no file whose lock is held.
        if (images := kept_squares(path, len(dataset.images), side)) is None:
            _build(path, dataset, side, progress)
            images = kept_squares(path, len(dataset.images), side)
    finally:
        lock.release()
    if images is None:
        raise LabError(
            f"the decoded images of {shown(dataset.name)} do not come back from {path} as they were written; its disk "
            "may be damaged",
            field="dataset",
        )
    return images


def as_cached(path: Path, image_size: int, name: str = "", *, taken: bool = False) -> NDArray[np.uint8]:
    """One image file from anywhere as it would be a row of `decoded`: shape (P, P, 3), the same to the last bit.

    `name`: what the file is called in an error (default: its own name). `taken`: it belongs to a data set, see
    `read_rgb`. LabError (field "image") where there is no such file, it is too large, or it is no image that lrlab
    reads.
    """
    name = name or path.name
    try:
        size = path.stat().st_size
        if size > MAX_IMAGE_BYTES:
            raise LabError(
                f"{shown(name)} has {megabytes(size)}; allowed: at most {megabytes(MAX_IMAGE_BYTES)}", field="image"
            )
        data = path.read_bytes()
    except OSError as error:
        raise LabError(f"{shown(name)} cannot be read ({error.strerror})", field="image") from error
    try:
        with quiet_decoders():
            return np.array(_squared(data, cache_side(image_size), taken))
    except Unreadable as error:
        raise LabError(f"{shown(name)} {error}", field="image") from error


def _squared(data: bytes, side: int, taken: bool) -> Image:
    """What is in the cache, whatever it was made for: the same draft, resize and crop."""
    # A JPEG is decoded at the smallest of its own reduced sizes that is no smaller than the square: what a reduced
    # size leaves out is left out as a mean of its pixels, and the rest is resized with antialiasing.
    return square(read_rgb(data, side, taken=taken).rgb, side)


def _build(path: Path, dataset: Dataset, side: int, progress: Progress) -> None:
    images = dataset.images
    root = dataset.root

    def decode(row: tuple[str, str, str]) -> bytes:
        file, name, sha256 = row
        try:
            data = (root / file).read_bytes()
        except OSError as error:
            raise _changed(dataset, name, f"cannot be read any more ({error.strerror})") from error
        if hashlib.sha256(data).hexdigest() != sha256:
            raise _changed(dataset, name, "is not the image any more that was imported")
        try:
            return _squared(data, side, taken=True).tobytes()
        except Unreadable as error:
            raise _changed(dataset, name, str(error)) from error

    rows = zip(images["file"], images["name"], images["sha256"], strict=True)
    total = len(images)
    header = {"descr": "|u1", "fortran_order": False, "shape": (total, side, side, 3)}
    partial = path.with_name(f".{path.name}.{os.getpid()}.{new_id(6)}")
    try:
        # Written, not mapped: a full disk is then an error to report instead of a signal that kills the process.
        with partial.open("wb") as file, closing(in_order(decode, rows)) as results:
            np.lib.format.write_array_header_1_0(file, header)
            progress("Decoding images", 0, total)
            for done, pixels in enumerate(results, start=1):
                file.write(pixels)
                progress("Decoding images", done, total)
            file.flush()
            os.fsync(file.fileno())
        partial.replace(path)
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise LabError(f"the disk is full: the decoded images of {shown(dataset.name)} need more room") from error
        raise
    finally:
        partial.unlink(missing_ok=True)


def _changed(dataset: Dataset, name: str, text: str) -> LabError:
    return LabError(
        f"{shown(name)} of the data set {shown(dataset.name)} {text}; delete the data set and add it again",
        field="dataset",
    )
