"""Images of every kind, sound, broken, odd and hostile-looking: what becomes of each is written down and met.

Those of odd_images.zip stand in odd_images.tsv, one line a file: its size and mean colour after conversion, seen by eye
once, or how its refusal begins. The others are made here.
"""

from __future__ import annotations

import io
import struct
import warnings
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageOps

from lrlab.datasets import add_dataset, decoded
from lrlab.datasets.images import Unreadable, quiet_decoders, read_rgb
from lrlab.home import Home
from tests.faults.zips import Entry, archive

TABLE = Path(__file__).with_name("odd_images.tsv")
MEAN_TOLERANCE = 3  # decoders of lossy formats differ by little from version to version


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


def _png_of(
    width: int, height: int, depth: int = 8, rows: bytes = b"", *chunks: tuple[bytes, bytes], interlaced: int = 0
) -> bytes:
    """An RGB PNG of these sides, whatever its `rows` are, with more chunks before them."""
    header = _chunk(b"IHDR", struct.pack(">2L5B", width, height, depth, 2, 0, 0, interlaced))
    more = b"".join(_chunk(*chunk) for chunk in chunks)
    return b"\x89PNG\r\n\x1a\n" + header + more + _chunk(b"IDAT", zlib.compress(rows)) + _chunk(b"IEND", b"")


def _animation(format: str) -> bytes:
    frames = [_flat("RGB", colour) for colour in ("red", "lime", "blue")]
    return _bytes(frames[0], format, save_all=True, append_images=frames[1:], duration=50)


def _half_transparent() -> bytes:
    """A palette whose colour 1 is half transparent: over white it becomes lighter."""
    image = Image.new("P", (6, 4), 1)
    image.putpalette([0, 0, 0, 200, 100, 50, *[0] * 762])
    return _bytes(image, "PNG", transparency=bytes([255, 128]))


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
    "jpeg, progressive": (
        _bytes(_flat("RGB", (200, 100, 50)), "JPEG", quality=95, progressive=True), (200, 100, 50), 4
    ),
    "jpeg, 4:4:4": (_bytes(_flat("RGB", (10, 200, 90)), "JPEG", quality=95, subsampling=0), (10, 200, 90), 4),
    "png, 2-bit palette": (_bytes(_flat("P", 0).quantize(4), "PNG", bits=2), (0, 0, 0), 0),
    "png, palette with half transparent colours": (_half_transparent(), (227, 177, 152), 1),
    "png, interlaced header": (_bytes(_flat("RGB", (7, 8, 9)), "PNG", interlace=1), (7, 8, 9), 0),
    "png, with a wrong gamma": (
        _png_of(6, 4, 8, (b"\0" + b"\x10\x20\x30" * 6) * 4, (b"gAMA", b"\0\0\0\1")), (16, 32, 48), 0
    ),
    "png, black": (_bytes(_flat("RGB", (0, 0, 0)), "PNG"), (0, 0, 0), 0),
    "png, black in 16-bit grey": (_grey16(0, "PNG"), (0, 0, 0), 0),
    # Its seven passes have rows of 1, 1, 0, 1, 3, 3 + 3 and 6 + 6 pixels, and a byte before each: 80 bytes.
    "png, black, interlaced": (_png_of(6, 4, 8, bytes(80), interlaced=1), (0, 0, 0), 0),
    "png, black in one bit": (_bytes(_flat("1", 0), "PNG"), (0, 0, 0), 0),
    "gif, transparent": (_bytes(_flat("P", 0), "GIF", transparency=0), (255, 255, 255), 0),
    "tiff, two pages": (
        _bytes(_flat("RGB", "red"), "TIFF", save_all=True, append_images=[_flat("RGB", "blue")]), (255, 0, 0), 0
    ),
    "tiff, 1 bit, packed as by a fax": (_bytes(_flat("1", 1), "TIFF", compression="group4"), (255, 255, 255), 0),
    "tiff, transparent": (_bytes(_flat("RGBA", (9, 9, 9, 0)), "TIFF"), (255, 255, 255), 0),
    "tiff, palette": (_bytes(_flat("RGB", (200, 100, 50)).quantize(2), "TIFF"), (200, 100, 50), 0),
    "tiff, lab colours: L of 50 is a grey of 119": (_bytes(_flat("LAB", (128, 128, 128)), "TIFF"), (119, 119, 119), 1),
    "tiff, deflated": (_bytes(_flat("RGB", (1, 2, 3)), "TIFF", compression="tiff_adobe_deflate"), (1, 2, 3), 0),
    "bmp, 32 bits": (_bytes(_flat("RGBA", (200, 100, 50, 255)), "BMP"), (200, 100, 50), 0),
    "bmp, 1 bit": (_bytes(_flat("1", 0), "BMP"), (0, 0, 0), 0),
    "webp, lossy": (_bytes(_flat("RGB", (120, 120, 120)), "WEBP"), (120, 120, 120), 4),
    "several pictures of one camera (MPO)": (
        _bytes(_flat("RGB", "red"), "MPO", save_all=True, append_images=[_flat("RGB", "blue")]), (254, 0, 0), 2
    ),
}  # fmt: skip


JPEG = _bytes(Image.effect_noise((64, 64), 50).convert("RGB"), "JPEG")
PNG = _bytes(Image.effect_noise((64, 64), 50), "PNG")
WEBP = _bytes(Image.effect_noise((64, 64), 50).convert("RGB"), "WEBP")
_GIF_FRAME = b"," + struct.pack("<4HB", 0, 0, 5, 5, 0) + b"\2\1\x44\0\x3b"


def _jpeg_of(width: int, height: int) -> bytes:
    """A JPEG whose header says it has these sides."""
    at = JPEG.index(b"\xff\xc0") + 5
    return JPEG[:at] + struct.pack(">2H", height, width) + JPEG[at + 4 :]


def _gif_of(width: int, height: int) -> bytes:
    """A GIF whose canvas has these sides."""
    return b"GIF89a" + struct.pack("<2H3B", width, height, 0x80, 0, 0) + bytes(6) + _GIF_FRAME


def _bmp_of(width: int, height: int, bits: int = 24) -> bytes:
    """The head of a BMP of these sides, and a few bytes of data."""
    info = struct.pack("<L2l2H6L", 40, width, height, 1, bits, *[0] * 6)
    return b"BM" + struct.pack("<L2HL", 100, 0, 0, 54) + info + bytes(20)


def _tiff_of(width: int, height: int, strip: int) -> bytes:
    """A grey TIFF of these sides whose only strip lies at `strip`."""
    fields = {256: width, 257: height, 258: 8, 259: 1, 262: 1, 273: strip, 277: 1, 278: height, 279: width * height}
    table = b"".join(struct.pack("<2H2L", tag, 4, 1, value) for tag, value in fields.items())
    return b"II*\0\x08\0\0\0" + struct.pack("<H", len(fields)) + table + bytes(4)


def _webp_of(width: int, height: int) -> bytes:
    """A lossy WebP whose frame says it has these sides."""
    at = WEBP.index(b"\x9d\x01\x2a") + 3
    return WEBP[:at] + struct.pack("<2H", width, height) + WEBP[at + 4 :]


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
    "png, its last rows never written": (_png_of(6, 4, 8, b"\0" * 19 * 3), "is cut off before its end"),
    "png, interlaced, its last pass never written": (
        _png_of(6, 4, 8, bytes(80 - 38), interlaced=1), "is cut off before its end"
    ),
    "png, signature alone": (PNG[:8], "damaged"),
    "gif, zero wide": (b"GIF89a" + struct.pack("<2H3B", 0, 5, 0, 0, 0) + b"\x3b", "damaged|no pixels"),
    "bmp, gigapixel": (
        b"BM" + struct.pack("<L2HL", 100, 0, 0, 54) + struct.pack("<L2l2H6L", 40, 30000, 30000, 1, 24, *[0] * 6),
        "pixels; allowed",
    ),
    "png, just above the limit": (_png_of(8000, 8001), "has 8000 x 8001 pixels; allowed: at most 64 million"),
    "tiff, floating point": (_bytes(_flat("F", 0.5), "TIFF"), "32-bit"),
    "tiff, 32-bit integers": (_bytes(_flat("I", 70000), "TIFF"), "32-bit"),
    "heic": (bytes(4) + b"ftypheic" + bytes(20), "is no image"),
    "jpeg 2000": (b"\0\0\0\x0cjP  \r\n\x87\n" + bytes(20), "is no image"),
    "jpeg xl": (b"\xff\x0a" + bytes(20), "is no image"),
    "icon": (b"\0\0\1\0\1\0" + bytes(30), "is no image"),
    "pdf": (b"%PDF-1.7\n" + bytes(30), "is no image"),
    "film": (bytes(4) + b"ftypisom" + bytes(30), "is no image"),
    "html": (b"<!doctype html><script>alert(1)</script>", "is no image"),
    "a program": (b"MZ" + bytes(60), "is no image"),
    "sound in webp's container": (b"RIFF\x24\0\0\0WAVEfmt " + bytes(30), "is no image"),
    "jpeg, a page of HTML behind its head": (b"\xff\xd8\xff<script>alert(1)</script>", "damaged|cut off"),
    "jpeg, zero wide": (_jpeg_of(0, 10), "damaged|no pixels|cut off"),
    "jpeg, gigapixel": (_jpeg_of(65500, 65500), "pixels; allowed"),
    "jpeg, 10,000 scans": (JPEG[:-2] + b"\xff\xda\0\x08\1\1\0\0\x3f\0" * 10_000 + JPEG[-2:], "scans; allowed"),
    "png, zero wide": (_png_of(0, 8), "damaged|no pixels"),
    "png, zero high": (_png_of(8, 0), "damaged|no pixels"),
    "png, gigapixel": (_png_of(2**31 - 1, 2**31 - 1), "pixels; allowed"),
    "png, header with a wrong checksum": (PNG[:29] + b"\0\0\0\0" + PNG[33:], "damaged"),
    "png, no data": (PNG[:33] + _chunk(b"IEND", b""), "damaged|cut off"),
    "png, unknown depth": (_png_of(6, 4, 3), "damaged"),
    "png, a text of 100 MB": (
        _png_of(6, 4, 8, bytes(76), (b"zTXt", b"a\0\0" + zlib.compress(bytes(100_000_000), 9))), "damaged"
    ),
    "gif, gigapixel": (_gif_of(65535, 65535), "pixels; allowed"),
    "gif, no frame": (b"GIF89a" + struct.pack("<2H3B", 5, 5, 0, 0, 0) + b"\x3b", "damaged"),
    "bmp, zero wide": (_bmp_of(0, 5), "damaged|no pixels"),
    "bmp, data behind its end": (_bmp_of(50, 50), "cut off|damaged"),
    "bmp, 3 bits": (_bmp_of(5, 5, 3), "is of a kind that lrlab does not read"),
    "tiff, its head alone": (b"II*\0\x08\0\0\0", "damaged"),
    "tiff, its table points at itself": (b"II*\0\x08\0\0\0" + struct.pack("<HL", 0, 8), "damaged|does not read"),
    "tiff, strips beyond its end": (_tiff_of(6, 4, 10**8), "cut off|damaged"),
    "tiff, gigapixel": (_tiff_of(60000, 60000, 8), "pixels; allowed"),
    "webp, half": (WEBP[: len(WEBP) // 2], "damaged|cut off"),
    "webp, gigapixel": (_webp_of(16383, 16383), "pixels; allowed|damaged"),
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


@pytest.mark.parametrize(("data", "reason"), REFUSED.values(), ids=REFUSED)
@pytest.mark.parametrize("at_least", [None, 16])
def test_is_refused_with_its_reason(data: bytes, reason: str, at_least: int | None) -> None:
    with pytest.raises(Unreadable, match=reason):
        read_rgb(data, at_least)


def test_made_kinds_are_taken_or_named_in_the_report(
    home: Home, tmp_path: Path, figure: Callable[[str, str], None]
) -> None:
    """All of them in one data set, under extensions that lie: what is in a file decides, never its name."""
    path = tmp_path / "kinds.zip"
    sound = {f"A/{name}.txt": data for name, (data, _, _) in FLAT.items()}
    bad = {f"B/{name}.jpg": data for name, (data, _) in REFUSED.items()}
    another = {"B/another.eps": next(iter(sound.values()))}
    path.write_bytes(archive([Entry(name, data) for name, data in {**sound, **bad, **another}.items()]))
    dataset = add_dataset(home, path, "kinds")
    assert set(dataset.images["name"]) == {*sound, *another}
    assert {refusal.name for refusal in dataset.refused} == set(bad)
    assert decoded(home, dataset, 16).shape == (len(sound) + 1, 18, 18, 3)
    kinds = len(sound) + len(bad)
    assert kinds >= 40
    figure("made images", f"{kinds} kinds, each with its outcome: {len(sound)} taken, {len(bad)} refused by name")


def odd() -> dict[str, list[str]]:
    """File -> its outcome in words, and the mean colour of what was taken."""
    return {name: outcome for name, *outcome in (line.split("\t") for line in TABLE.read_text().splitlines())}


def test_every_odd_real_image_has_its_written_outcome(
    home: Home, shared_data: Path, figure: Callable[[str, str], None]
) -> None:
    expected = odd()
    with warnings.catch_warnings(), zipfile.ZipFile(shared_data / "odd_images.zip") as archive:
        warnings.simplefilter("error")
        with quiet_decoders():
            for name in archive.namelist():
                outcome, said = expected.pop(name.removeprefix("odd_images/"))
                try:
                    picture = read_rgb(archive.read(name))
                except Unreadable as error:
                    assert outcome == "refused", (name, str(error))
                    assert str(error).startswith(said), (name, str(error))
                    continue
                assert outcome == f"{picture.width} x {picture.height}", name
                assert picture.rgb.mode == "RGB"
                mean = np.asarray(picture.rgb).reshape(-1, 3).mean(axis=0)
                meant = np.array(said.split(","), dtype=float)
                assert np.abs(mean - meant).max() <= MEAN_TOLERANCE, (name, mean)
    assert expected == {}
    taken = {name for name, (outcome, _) in odd().items() if outcome != "refused"}
    dataset = add_dataset(home, shared_data / "odd_images.zip", "odd")
    assert {name.removeprefix("odd_images/") for name in dataset.images["name"]} == taken
    refused = {refusal.name.removeprefix("odd_images/") for refusal in dataset.refused}
    assert refused == odd().keys() - taken
    figure("odd images", f"{len(odd())} files as written down: {len(taken)} taken, {len(refused)} refused by name")


def test_real_photographs_in_all_orientations_are_one(shared_data: Path) -> None:
    """Eight files of one photograph, each with its own number painted into a corner."""
    with zipfile.ZipFile(shared_data / "odd_images.zip") as archive:
        names = [f"odd_images/exif/Landscape_{number}.jpg" for number in range(1, 9)]
        pictures = [read_rgb(archive.read(name), 128).rgb for name in names]
    first = np.asarray(pictures[0].resize((96, 64))).astype(float)
    for picture in pictures:
        assert picture.width > picture.height
        assert np.median(np.abs(np.asarray(picture.resize((96, 64))) - first)) < 4
