"""Whether a PNG holds all rows that its header promises: those that never came a decoder leaves black, without a word.

To count them is to unpack the whole picture once more. That is done only where some may be missing: where the picture
ends in a row of zeros, or is interlaced, so that its last row did not come last.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator

from PIL import Image

_CHANNELS = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}
"""Numbers a pixel, by the kind of colour: grey, RGB, palette, grey with alpha, RGBA."""

_AT_ONCE = ((0, 0, 1, 1),)
_INTERLACED = ((0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2))
"""The passes: the first column and row of each, and the steps from one to the next."""

_PIECE = 1024 * 1024
"""Bytes that are unpacked at a time."""


def is_whole(data: bytes, image: Image.Image) -> bool:
    """Whether every row of the PNG `data` came; `image` is what Pillow made of it, loaded and not converted."""
    width, height = image.size
    last_row = image.crop((0, height - 1, width, height)).tobytes()
    if any(last_row) and not image.info.get("interlace"):
        return True
    missing = _promised(data)
    unpacking = zlib.decompressobj()
    for piece in _packed(data):
        while piece and missing > 0:
            missing -= len(unpacking.decompress(piece, _PIECE))
            piece = unpacking.unconsumed_tail
    return missing <= 0 or missing <= len(unpacking.flush())  # where more came than was promised, it is a bomb


def _promised(data: bytes) -> int:
    """How many bytes the header asks for: each row's pixels, and a byte that says how they are to be read."""
    width, height, depth, colour, _, _, interlaced = struct.unpack_from(">2L5B", data, 16)
    bits = depth * _CHANNELS[colour]
    total = 0
    for left, top, across, down in _INTERLACED if interlaced else _AT_ONCE:
        columns, rows = -(-(width - left) // across), -(-(height - top) // down)
        if columns > 0 and rows > 0:
            total += rows * (1 + -(-columns * bits // 8))
    return total


def _packed(data: bytes) -> Iterator[bytes]:
    """The packed pixels of the picture itself, chunk by chunk."""
    at = 8
    while at + 8 <= len(data):
        size, kind = struct.unpack_from(">L4s", data, at)
        if kind == b"IDAT":
            yield data[at + 8 : at + 8 + size]
        at += size + 12
