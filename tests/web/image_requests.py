"""What the tests of images over HTTP send, in pieces or many at once, and what lies in the lab after."""

from __future__ import annotations

import asyncio
import io
import threading
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from starlette.requests import Request
from starlette.testclient import TestClient

from lrlab.home import Home
from lrlab.web import uploads
from lrlab.web.framing import HEADER

ORIGIN = "http://127.0.0.1:8501"
LONGEST = 60.0  # seconds, for a machine that does much else


def png(seed: int, size: tuple[int, int] = (12, 10)) -> bytes:
    pixels = np.random.default_rng(seed).integers(0, 256, (size[1], size[0], 3), dtype=np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "PNG")
    return buffer.getvalue()


def tree(root: Path) -> Path:
    """Two classes of two pictures each."""
    for seed, path in enumerate(("A/1.png", "A/2.png", "B/1.png", "B/2.png")):
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_bytes(png(seed, (12 + seed, 10)))
    return root


def piece(number: int, data: bytes, start: int = 0, length: int | None = None) -> bytes:
    return HEADER.pack(number, start, len(data) if length is None else length) + data


def left(home: Home) -> list[str]:
    """What lies in the folder of uploads, at any depth."""
    return sorted(str(path.relative_to(home.uploads)) for path in home.uploads.rglob("*"))


def begin(client: TestClient, files: list[tuple[str, bytes]], name: str = "made") -> str:
    answer = client.post("/api/uploads", json={"name": name, "files": [(path, len(data)) for path, data in files]})
    assert answer.status_code == 200, answer.text
    return str(answer.json()["id"])


def at_once(
    images: uploads.Images, endpoint: str, requests: list[Request], held: str, patch: pytest.MonkeyPatch
) -> int:
    """How many of `requests` come into the function `held` of uploads.py together. Who is there waits for another."""
    inside, most, another = 0, 0, threading.Event()
    real = getattr(uploads, held)

    def counted(*given: object) -> object:
        nonlocal inside, most
        inside += 1
        most = max(most, inside)
        if inside > 2:
            another.set()
        another.wait(0.2)
        try:
            return real(*given)
        finally:
            inside -= 1

    async def ask() -> None:
        await asyncio.gather(*(getattr(images, endpoint)(request) for request in requests))

    patch.setattr(uploads, held, counted)
    asyncio.run(ask())
    return most
