"""The decoder's own arithmetic. What becomes of every kind of image file is in tests/faults."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

from lrlab.datasets.images import read_rgb, signature, square


def _bytes(image: Image.Image, format: str, **options: object) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, format, **options)
    return buffer.getvalue()


def _flat(mode: str, colour: object, size: tuple[int, int] = (6, 4)) -> Image.Image:
    return Image.new(mode, size, colour)  # type: ignore[arg-type]


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
