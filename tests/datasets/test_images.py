"""Every kind of image file: what comes out as 8-bit RGB, and what is refused for which reason."""

from __future__ import annotations

import io
import struct
import warnings
import zipfile
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageOps

from lrlab.datasets.images import Unreadable, quiet_decoders, read_rgb, signature, square


def _bytes(image: Image.Image, format: str, **options: object) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, format, **options)
    return buffer.getvalue()


def _flat(mode: str, colour: object, size: tuple[int, int] = (6, 4)) -> Image.Image:
    return Image.new(mode, size, colour)  # type: ignore[arg-type]


def _palette(transparent: int | None = None) -> bytes:
    image = Image.new("P", (6, 4), 1)
    image.putpalette([0, 0, 0, 200, 100, 50, *[0] * 762])
    return _bytes(image, "PNG", **({} if transparent is None else {"transparency": transparent}))


def _grey16(value: int, format: str) -> bytes:
    return _bytes(Image.fromarray(np.full((4, 6), value, np.uint16)), format)


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">L", len(data)) + kind + data + struct.pack(">L", zlib.crc32(kind + data))


def _png_of(width: int, height: int, depth: int = 8, rows: bytes = b"") -> bytes:
    """An RGB PNG of these sides, whatever its `rows` are."""
    header = _chunk(b"IHDR", struct.pack(">2L5B", width, height, depth, 2, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + header + _chunk(b"IDAT", zlib.compress(rows)) + _chunk(b"IEND", b"")


def _animation(format: str) -> bytes:
    frames = [_flat("RGB", colour) for colour in ("red", "lime", "blue")]
    return _bytes(frames[0], format, save_all=True, append_images=frames[1:], duration=50)


# kind -> (bytes, the RGB colour of every pixel, how far a lossy format may be off)
FLAT = {
    "jpeg": (_bytes(_flat("RGB", (200, 100, 50)), "JPEG", quality=95), (200, 100, 50), 4),
    "jpeg, grey": (_bytes(_flat("L", 120), "JPEG"), (120, 120, 120), 2),
    "jpeg, cmyk": (_bytes(_flat("CMYK", (0, 128, 255, 0)), "JPEG", quality=95), (255, 127, 0), 4),
    "png": (_bytes(_flat("RGB", (200, 100, 50)), "PNG"), (200, 100, 50), 0),
    "png, 1 bit": (_bytes(_flat("1", 1), "PNG"), (255, 255, 255), 0),
    "png, palette": (_palette(), (200, 100, 50), 0),
    "png, palette with the colour transparent": (_palette(transparent=1), (255, 255, 255), 0),
    "png, half transparent": (_bytes(_flat("RGBA", (0, 0, 0, 128)), "PNG"), (127, 127, 127), 1),
    "png, transparent": (_bytes(_flat("RGBA", (9, 9, 9, 0)), "PNG"), (255, 255, 255), 0),
    "png, grey with alpha": (_bytes(_flat("LA", (100, 255)), "PNG"), (100, 100, 100), 0),
    "png, rgb with one transparent colour": (
        _bytes(_flat("RGB", (1, 2, 3)), "PNG", transparency=(1, 2, 3)), (255, 255, 255), 0
    ),
    "png, 16-bit grey, white": (_grey16(65535, "PNG"), (255, 255, 255), 0),
    "png, 16-bit grey, middle": (_grey16(100 * 257, "PNG"), (100, 100, 100), 0),
    "png, 16-bit grey, rounded": (_grey16(100 * 257 + 200, "PNG"), (101, 101, 101), 0),
    "png, 16-bit rgb": (_png_of(6, 4, 16, (b"\0" + struct.pack(">3H", 0xFFFF, 0x8000, 0) * 6) * 4), (255, 128, 0), 0),
    "tiff": (_bytes(_flat("RGB", (200, 100, 50)), "TIFF"), (200, 100, 50), 0),
    "tiff, 16-bit grey": (_grey16(100 * 257, "TIFF"), (100, 100, 100), 0),
    "tiff, cmyk, packed": (
        _bytes(_flat("CMYK", (0, 255, 255, 0)), "TIFF", compression="tiff_lzw"), (255, 0, 0), 0
    ),
    "bmp": (_bytes(_flat("RGB", (200, 100, 50)), "BMP"), (200, 100, 50), 0),
    "gif": (_bytes(_flat("RGB", (200, 100, 50)), "GIF"), (200, 100, 50), 0),
    "gif, animated": (_animation("GIF"), (255, 0, 0), 0),
    "png, animated": (_animation("PNG"), (255, 0, 0), 0),
    "webp": (_bytes(_flat("RGB", (200, 100, 50)), "WEBP", lossless=True), (200, 100, 50), 0),
    "webp, transparent": (_bytes(_flat("RGBA", (9, 9, 9, 0)), "WEBP", lossless=True), (255, 255, 255), 0),
    "webp, animated": (_bytes(_flat("RGB", "red"), "WEBP", save_all=True, lossless=True,
                              append_images=[_flat("RGB", "blue")]), (255, 0, 0), 0),
}  # fmt: skip


@pytest.mark.parametrize(("data", "colour", "tolerance"), FLAT.values(), ids=FLAT)
@pytest.mark.parametrize("at_least", [None, 2])
def test_becomes_8_bit_rgb(data: bytes, colour: tuple[int, int, int], tolerance: int, at_least: int | None) -> None:
    picture = read_rgb(data, at_least)
    assert (picture.width, picture.height) == (6, 4)
    assert picture.rgb.mode == "RGB"
    assert np.abs(np.asarray(picture.rgb).astype(int) - colour).max() <= tolerance


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("format", ["JPEG", "PNG", "WEBP", "TIFF"])
def test_orientation_is_applied(orientation: int, format: str) -> None:
    """Against Pillow's own exif_transpose; colours stay apart enough to survive JPEG."""
    stored = Image.fromarray(np.repeat(np.repeat(np.arange(6, dtype=np.uint8).reshape(2, 3) * 40, 16, 0), 16, 1))
    exif = Image.Exif()
    exif[0x0112] = orientation
    options = {"lossless": True} if format == "WEBP" else {"quality": 95} if format == "JPEG" else {}
    data = _bytes(stored.convert("RGB"), format, exif=exif, **options)
    with_exif = stored.copy()
    with_exif.getexif()[0x0112] = orientation
    meant = ImageOps.exif_transpose(with_exif)
    picture = read_rgb(data)
    assert (picture.width, picture.height) == picture.rgb.size == meant.size
    difference = np.asarray(picture.rgb.convert("L")).astype(int) - np.asarray(meant)
    assert np.abs(difference).max() <= 6
    drafted = read_rgb(data, at_least=8)
    assert (drafted.width, drafted.height) == meant.size


def test_real_photographs_in_all_orientations_are_one(shared_data: Path) -> None:
    """Eight files of one photograph: read with rotation, all are alike and wider than high."""
    with zipfile.ZipFile(shared_data / "odd_images.zip") as archive:
        pictures = [read_rgb(archive.read(f"odd_images/exif/Landscape_{number}.jpg"), 128) for number in range(1, 9)]
    first = np.asarray(square(pictures[0].rgb, 64)).astype(float)
    for picture in pictures:
        assert picture.width > picture.height
        # each file bears its own number, painted into a corner
        assert np.median(np.abs(np.asarray(square(picture.rgb, 64)) - first)) < 4


JPEG = _bytes(Image.effect_noise((64, 64), 50).convert("RGB"), "JPEG")
PNG = _bytes(Image.effect_noise((64, 64), 50), "PNG")
REFUSED = {
    "text": (b"label,file\n1,a.png\n", "is no image"),
    "nothing": (b"", "is no image"),
    "eps": (b"%!PS-Adobe-3.0 EPSF-3.0\n", "is no image"),
    "psd": (b"8BPS\0\1" + bytes(20), "is no image"),
    "svg": (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "is no image"),
    "avif": (bytes(4) + b"ftypavif" + bytes(20), "is no image"),
    "a zip": (b"PK\3\4" + bytes(30), "is no image"),
    "jpeg, its head alone": (JPEG[:20], "damaged|cut off"),
    "jpeg, half": (JPEG[: len(JPEG) // 2], "is cut off before its end"),
    "jpeg, without its last bytes": (JPEG[:-40], "is cut off before its end"),
    "png, half": (PNG[: len(PNG) // 2], "is cut off before its end"),
    "png, damaged inside": (PNG[:200] + bytes(40) + PNG[240:], "damaged|cut off"),
    "png, signature alone": (PNG[:8], "damaged"),
    "gif, zero wide": (b"GIF89a" + struct.pack("<2H3B", 0, 5, 0, 0, 0) + b"\x3b", "damaged|no pixels"),
    "bmp, gigapixel": (
        b"BM" + struct.pack("<L2HL", 100, 0, 0, 54) + struct.pack("<L2l2H6L", 40, 30000, 30000, 1, 24, *[0] * 6),
        "pixels; allowed",
    ),
    "png, just above the limit": (_png_of(8000, 8001), "has 8000 x 8001 pixels; allowed: at most 64 million"),
    "tiff, floating point": (_bytes(_flat("F", 0.5), "TIFF"), "32-bit"),
    "tiff, 32-bit integers": (_bytes(_flat("I", 70000), "TIFF"), "32-bit"),
}  # fmt: skip


@pytest.mark.parametrize(("data", "reason"), REFUSED.values(), ids=REFUSED)
@pytest.mark.parametrize("at_least", [None, 16])
def test_is_refused_with_its_reason(data: bytes, reason: str, at_least: int | None) -> None:
    with pytest.raises(Unreadable, match=reason):
        read_rgb(data, at_least)


def test_every_odd_real_image_is_read_or_refused(shared_data: Path) -> None:
    refused = {}
    with zipfile.ZipFile(shared_data / "odd_images.zip") as archive, warnings.catch_warnings():
        warnings.simplefilter("error")
        with quiet_decoders():
            for name in archive.namelist():
                try:
                    picture = read_rgb(archive.read(name), 64)
                    assert picture.rgb.mode == "RGB", name
                    assert square(picture.rgb, 16).size == (16, 16), name
                except Unreadable as error:
                    refused[Path(name).name] = str(error)
    assert len(archive.namelist()) == 207
    expected = {
        "bmp__b__reallybig.bmp": "pixels; allowed",
        "decompression_bomb.gif": "pixels; allowed",
        "zero_width.gif": "damaged",
        "broken.png": "damaged",
        "png_decompression_dos.png": "too large",
        "truncated_jpeg.jpg": "cut off",
        "truncated_image.png": "cut off",
        "bmp__b__shortfile.bmp": "cut off",
    }
    assert {name: reason in refused[name] for name, reason in expected.items()} == dict.fromkeys(expected, True)
    sound = ("hopper.jpg", "pil_sample_cmyk.jpg", "transparent.png", "chi.gif", "hopper.webp", "invalid-exif.jpg")
    assert not refused.keys() & set(sound)
    assert len(refused) < 40


SQUARES = [((40, 40), 20), ((80, 40), 20), ((40, 80), 20), ((41, 40), 20), ((7, 5), 20), ((1, 300), 8), ((300, 1), 8)]


@pytest.mark.parametrize(("size", "side"), SQUARES)
def test_square_is_the_middle_of_the_picture(size: tuple[int, int], side: int) -> None:
    """A ramp across the longer side: the square's mean is the middle's value, its step that of the resized ramp."""
    width, height = size
    ramp = np.linspace(0, 250, max(size))
    pixels = np.tile(ramp, (height, 1)) if width >= height else np.tile(ramp[:, None], (1, width))
    result = np.asarray(square(Image.fromarray(pixels.astype(np.uint8)).convert("RGB"), side))[..., 0].astype(float)
    assert result.shape == (side, side)
    assert abs(result.mean() - 125) < 2
    along = result.mean(axis=0 if width >= height else 1)
    spread = 250 * min(size) / max(size) * (1 - 1 / side)
    assert abs((along[-1] - along[0]) - spread) < 250 * 0.12


def test_a_reduced_jpeg_decode_gives_nearly_the_same_square() -> None:
    image = Image.effect_mandelbrot((800, 600), (-2, -1.2, 1, 1.2), 60).convert("RGB")
    data = _bytes(image, "JPEG", quality=95)
    full, reduced = (np.asarray(square(read_rgb(data, at_least).rgb, 72)).astype(float) for at_least in (None, 144))
    assert np.abs(full - reduced).mean() < 1.5


SIGNATURES = [
    ("JPEG", "jpg"), ("PNG", "png"), ("WEBP", "webp"), ("BMP", "bmp"), ("GIF", "gif"), ("TIFF", "tif"),
]  # fmt: skip


@pytest.mark.parametrize(("format", "suffix"), SIGNATURES)
def test_signature_tells_the_format_by_the_first_bytes(format: str, suffix: str) -> None:
    assert signature(_bytes(_flat("RGB", "red"), format)[:12]) == suffix


@pytest.mark.parametrize("head", [b"", b"\xff", b"RIFF\0\0\0\0WAVE", b"GIF88a", b"ftyp", b"II*"])
def test_signature_of_anything_else_is_none(head: bytes) -> None:
    assert signature(head) is None
