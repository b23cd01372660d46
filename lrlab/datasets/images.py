"""One image file to 8-bit RGB: the only decoder of lrlab, used at import, for the cache and for thumbnails alike.

What `read_rgb` does to a picture, and its version number, is CONVERSION: a cache made by another version is not used.
  formats    JPEG (also multi-picture), PNG, WebP, BMP, GIF, TIFF; told by the first bytes, never by the extension
  frames     the first of an animation, the first page of a TIFF
  rotation   EXIF orientation is applied; an unreadable EXIF block counts as none
  depth      16 bits per channel are scaled to 8 (65535 becomes 255); 32-bit and floating-point pixels are refused
  colour     palette, grey, CMYK and YCbCr become RGB by Pillow's plain formulas; colour profiles are not applied
  alpha      is laid over white
"""

from __future__ import annotations

import io
import struct
import threading
import zlib
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from typing import Final

import numpy as np
from PIL import ExifTags, Image, UnidentifiedImageError

from lrlab.datasets import png
from lrlab.datasets.limits import MAX_IMAGE_PIXELS

CONVERSION: Final = 2

FORMATS = ("JPEG", "PNG", "WEBP", "BMP", "GIF", "TIFF")
ALLOWED = "JPEG, PNG, WebP, BMP, GIF and TIFF"

SIGNATURE_BYTES = 12
_SIGNATURES = {
    b"\xff\xd8\xff": "jpg",
    b"\x89PNG\r\n\x1a\n": "png",
    b"BM": "bmp",
    b"GIF87a": "gif",
    b"GIF89a": "gif",
    b"II*\0": "tif",
    b"MM\0*": "tif",
}

# Pillow's decoders raise whatever the broken bytes lead to. A closed list: a fault of lrlab's own must not hide in it.
_DECODER_ERRORS = (
    OSError,
    SyntaxError,
    ValueError,
    TypeError,
    ArithmeticError,
    LookupError,
    AttributeError,
    RuntimeError,
    AssertionError,
    MemoryError,
    EOFError,
    struct.error,
    zlib.error,
    Image.DecompressionBombError,
)

_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}

# A large picture that has no cheap reduced decode takes up to 1 GB on its way to RGB; one at a time, then.
_LARGE_PIXELS = 8_000_000
_one_large = threading.Lock()

# Every scan of a progressive JPEG is a walk over all of its pixels; programs write 10. A few bytes make one more.
_MOST_SCANS = 100
_SCAN = b"\xff\xda"


class Unreadable(ValueError):
    """An image that lrlab does not take; `str(error)` continues the sentence "this file ..."."""


@dataclass(frozen=True)
class Picture:
    """`rgb`: a loaded Pillow image of mode RGB. `width`, `height`: of the original, in pixels, after rotation."""

    rgb: Image.Image
    width: int
    height: int


def signature(head: bytes) -> str | None:
    """The extension that belongs to the first bytes of a file ("jpg", "png", ...), or None: no image we read."""
    for start, suffix in _SIGNATURES.items():
        if head.startswith(start):
            return suffix
    return "webp" if head[:4] == b"RIFF" and head[8:12] == b"WEBP" else None


def read_rgb(data: bytes, at_least: int | None = None, *, taken: bool = False) -> Picture:
    """The picture in `data`, decoded to its end and converted as the head of this module says.

    `at_least`: a JPEG may be decoded at a half, quarter or eighth as long as both sides keep this many pixels.
    `taken`: it belongs to a data set already, perhaps from a time when nobody asked whether all rows of a PNG came;
    those that did not are black then, as they were.
    Raises Unreadable with the reason.
    """
    kind = signature(data[:SIGNATURE_BYTES])
    if kind is None:
        raise Unreadable(f"is no image that lrlab reads; allowed: {ALLOWED}")
    if kind == "jpg" and (scans := data.count(_SCAN)) > _MOST_SCANS:
        raise Unreadable(f"has {scans:,} scans; allowed: at most {_MOST_SCANS}")
    try:
        with Image.open(io.BytesIO(data), formats=FORMATS) as image:
            picture = _converted(image, at_least)
            if image.format == "PNG" and not taken and not png.is_whole(data, image):
                raise Unreadable("is cut off before its end")
            return picture
    except Unreadable:
        raise
    except UnidentifiedImageError:
        raise Unreadable("is damaged: its header cannot be read") from None
    except Image.DecompressionBombError:
        raise Unreadable(f"has too many pixels; {_too_large()}") from None
    except _DECODER_ERRORS as error:
        raise Unreadable(_reason(error)) from error


def _converted(image: Image.Image, at_least: int | None) -> Picture:
    width, height = image.size
    if width < 1 or height < 1:
        raise Unreadable(f"has no pixels ({width} x {height})")
    if width * height > MAX_IMAGE_PIXELS:
        raise Unreadable(f"has {width} x {height} pixels; {_too_large()}")
    drafted = False
    if at_least is not None and image.format in ("JPEG", "MPO"):
        drafted = image.draft(None, (at_least, at_least)) is not None
    # The scans of a progressive JPEG meet in memory at their full size, however small it is decoded.
    pixels = width * height if image.info.get("progressive") else image.size[0] * image.size[1]
    with _one_large if pixels > _LARGE_PIXELS else nullcontext():
        image.load()
        if not drafted:  # a TIFF is turned while it is loaded
            width, height = image.size
        turn = _TURNS.get(_orientation(image))
        rgb = _rgb(image)
        if turn is not None:
            rgb = rgb.transpose(turn)
        if turn in (_TURNS[5], _TURNS[6], _TURNS[7], _TURNS[8]):
            width, height = height, width
        return Picture(rgb, width, height)


def _orientation(image: Image.Image) -> int:
    try:
        value = image.getexif().get(ExifTags.Base.Orientation, 1)
    except _DECODER_ERRORS:  # camera software writes broken EXIF blocks around sound pictures
        return 1
    return value if isinstance(value, int) else 1


def _rgb(image: Image.Image) -> Image.Image:
    if image.mode in ("I", "F"):
        raise Unreadable("has 32-bit pixels; allowed: 8 or 16 bits per channel")
    if image.mode.startswith("I;16"):
        grey = np.asarray(image).astype(np.uint32)
        return Image.fromarray(((grey + 128) // 257).astype(np.uint8)).convert("RGB")
    if image.mode in ("RGBA", "LA", "PA", "RGBa", "La") or "transparency" in image.info:
        clear = image.convert("RGBA")
        white = Image.new("RGBA", clear.size, "white")
        return Image.alpha_composite(white, clear).convert("RGB")
    return image if image.mode == "RGB" else image.convert("RGB")


def square(rgb: Image.Image, side: int) -> Image.Image:
    """The middle of `rgb` as a square of `side` pixels: its shorter side resized, antialiased, the longer cropped."""
    width, height = rgb.size
    edge = min(width, height)
    left, top = (width - edge) / 2, (height - edge) / 2
    return rgb.resize((side, side), Image.Resampling.BILINEAR, (left, top, left + edge, top + edge), reducing_gap=2.0)


@contextmanager
def quiet_decoders() -> Iterator[None]:
    """Pillow warns about each odd EXIF block and palette; the report of refused files says what matters.

    For a whole batch, in the thread that runs it: filters of warnings belong to the process.
    """
    import warnings

    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", module=r"PIL(\.|$)")
        yield


def _too_large() -> str:
    return f"allowed: at most {MAX_IMAGE_PIXELS // 1_000_000} million pixels"


def _reason(error: BaseException) -> str:
    if isinstance(error, MemoryError):
        return "needs more memory than there is"
    text = " ".join(str(error).split())
    if "truncated" in text.lower():
        return "is cut off before its end"
    if "unsupported" in text.lower():
        return f"is of a kind that lrlab does not read ({text[:120]})"
    return f"is damaged: {text[:120]}" if text else f"is damaged ({type(error).__name__})"
