"""Thumbnails that were drawn once wait for nothing that is drawn."""

from __future__ import annotations

import asyncio
import threading
from pathlib import Path
from typing import Any

import pytest
from starlette.requests import Request

from lrlab.datasets import Dataset, add_dataset
from lrlab.home import Home
from lrlab.web import uploads

from .image_requests import LONGEST, tree


def asked(dataset: Dataset, row: int) -> Request:
    path = {"id": dataset.id, "row": row}
    return Request({"type": "http", "headers": [], "query_string": b"", "path_params": path})


def test_a_kept_thumbnail_passes_those_that_are_being_drawn(
    home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    dataset = add_dataset(home, tree(tmp_path / "pictures"), "pictures")
    images, drawing, go = uploads.Images(home), threading.Barrier(3), threading.Event()
    real = uploads.kept_thumbnail

    def slow(*given: Any) -> bytes:
        drawing.wait(LONGEST)
        go.wait(LONGEST)
        return real(*given)

    async def ask() -> tuple[bytes, bytes]:
        drawn = await images.thumbnail(asked(dataset, 0))
        monkeypatch.setattr(uploads, "kept_thumbnail", slow)
        large = [asyncio.create_task(images.thumbnail(asked(dataset, row))) for row in (1, 2)]
        try:
            await asyncio.to_thread(drawing.wait, LONGEST)  # both are at it
            again = await asyncio.wait_for(images.thumbnail(asked(dataset, 0)), LONGEST)
        finally:
            go.set()
        await asyncio.gather(*large)
        return bytes(drawn.body), bytes(again.body)

    drawn, again = asyncio.run(ask())
    assert drawn == again


def test_a_data_set_is_read_once_for_all_of_its_thumbnails(
    home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    dataset = add_dataset(home, tree(tmp_path / "pictures"), "pictures")
    read, another = [], threading.Event()
    real = uploads.load_dataset

    def load(*given: Any) -> Dataset:
        read.append(given)
        if len(read) > 1:
            another.set()
        another.wait(0.2)  # who is here waits for another
        return real(*given)

    async def ask() -> None:
        images = uploads.Images(home)
        await asyncio.gather(*(images.thumbnail(asked(dataset, row)) for row in range(4)))

    monkeypatch.setattr(uploads, "load_dataset", load)
    asyncio.run(ask())
    assert read == [(home, dataset.id)]
