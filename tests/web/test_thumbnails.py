"""Thumbnails over HTTP: a row's image in small, drawn once and kept, and how many are kept and drawn at once."""

from __future__ import annotations

import io
import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from starlette.requests import Request
from starlette.testclient import TestClient

from lrlab.datasets import add_dataset, thumbnails
from lrlab.home import Home
from lrlab.jobs.cleaning import clear_caches
from lrlab.web import uploads

from .image_requests import at_once, png, tree


@pytest.fixture
def pictures(home: Home, tmp_path: Path) -> str:
    return add_dataset(home, tree(tmp_path / "pictures"), "pictures").id


def test_a_thumbnail_is_the_row_s_image_and_may_be_kept(client: TestClient, home: Home, pictures: str) -> None:
    answer = client.get(f"/api/datasets/{pictures}/thumbnail/2?side=16")
    assert answer.headers["content-type"] == "image/jpeg"
    assert "immutable" in answer.headers["cache-control"]
    assert "private" in answer.headers["cache-control"]
    image = Image.open(io.BytesIO(answer.content))
    assert image.size == (10, 10)  # the picture's shorter side; small ones are not enlarged
    original = Image.open(io.BytesIO(png(2, (14, 10)))).crop((2, 0, 12, 10))
    assert np.abs(np.asarray(image, dtype=float).mean() - np.asarray(original, dtype=float).mean()) < 2


@pytest.mark.parametrize(
    ("address", "status"),
    [
        ("thumbnail/4", 404),
        ("thumbnail/999999999999999999999", 404),
        ("thumbnail/-1", 404),
        ("thumbnail/x", 404),
        ("thumbnail/0?side=15", 400),
        ("thumbnail/0?side=1025", 400),
        ("thumbnail/0?side=", 400),
        ("thumbnail/0?side=١٦", 400),
        ("thumbnail/0?side=" + "9" * 5000, 400),
    ],
)
def test_a_thumbnail_that_cannot_be(client: TestClient, pictures: str, address: str, status: int) -> None:
    assert client.get(f"/api/datasets/{pictures}/{address}").status_code == status


def test_the_image_of_a_file_that_is_gone_is_missing(client: TestClient, pictures: str, tmp_path: Path) -> None:
    (tmp_path / "pictures" / "A" / "1.png").unlink()
    assert client.get(f"/api/datasets/{pictures}/thumbnail/0").status_code == 404
    assert client.get(f"/api/datasets/{pictures}/thumbnail/1").status_code == 200


def kept(home: Home) -> list[Path]:
    return sorted(home.thumbnails.iterdir()) if home.thumbnails.exists() else []


def test_a_thumbnail_is_drawn_once(client: TestClient, home: Home, pictures: str, tmp_path: Path) -> None:
    address = f"/api/datasets/{pictures}/thumbnail/0"
    drawn = client.get(address).content
    (tmp_path / "pictures" / "A" / "1.png").unlink()
    assert client.get(address).content == drawn
    (file,) = kept(home)
    file.write_bytes(drawn[:-1])  # what a power cut may leave
    assert client.get(address).status_code == 404
    file.write_bytes(drawn)
    assert clear_caches(home).freed >= len(drawn)
    assert kept(home) == []
    assert client.get(address).status_code == 404


def test_only_so_many_thumbnails_are_kept_and_none_that_no_page_asks_for(
    client: TestClient, home: Home, pictures: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(thumbnails, "MOST", 4)
    for side in (1024, thumbnails.LARGEST_SIDE + 1):
        assert client.get(f"/api/datasets/{pictures}/thumbnail/0?side={side}").status_code == 200
    assert kept(home) == []
    for number, side in enumerate((16, 17, 18, 19, 20)):
        client.get(f"/api/datasets/{pictures}/thumbnail/0?side={side}")
        for file in home.thumbnails.glob(f"*-{side}.jpg"):
            os.utime(file, (number, number))
    assert [file.stem.rpartition("-")[2] for file in kept(home)] == ["17", "18", "19", "20"]


def test_thumbnails_leave_threads_to_other_requests(home: Home, pictures: str, monkeypatch: pytest.MonkeyPatch) -> None:
    scope = {"type": "http", "headers": [], "query_string": b"", "path_params": {"id": pictures, "row": 0}}
    requests = [Request(dict(scope)) for _ in range(6)]
    assert at_once(uploads.Images(home), "thumbnail", requests, "kept_thumbnail", monkeypatch) == 2
