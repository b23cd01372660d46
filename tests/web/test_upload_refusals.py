"""Wishes for images that are refused before anything is done: announcements, imports, strange ids, other sites."""

from __future__ import annotations

from pathlib import Path

import pytest
from starlette.applications import Starlette
from starlette.testclient import TestClient

from lrlab.datasets import add_dataset
from lrlab.home import Home
from lrlab.web.uploads import LARGEST_WISH

from .image_requests import ORIGIN, begin, left, tree


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"name": "taken", "files": [["A/1.png", 1]]}, "name"),
        ({"name": " ", "files": [["A/1.png", 1]]}, "name"),
        ({"name": "a/b", "files": [["A/1.png", 1]]}, "name"),
        ({"name": "new", "files": []}, "source"),
        ({"name": "new", "files": [["../1.png", 1]]}, "source"),
        ({"name": "new", "files": [["/etc/1.png", 1]]}, "source"),
        ({"name": "new", "files": [["A/1.png", -1]]}, "source"),
        ({"name": "new", "files": [["A/1.png", 1], ["a/1.PNG", 1]]}, "source"),
        ({"name": "new", "files": [["A/1.png", 2**50]]}, "source"),
        ({"name": "new", "files": [["A/" + "x" * 5000, 1]]}, "files.0.0"),
        ({"name": "new", "files": "A/1.png"}, "files"),
        ({"files": [["A/1.png", 1]]}, "name"),
        ([], None),
    ],
)
def test_an_announcement_that_cannot_be_kept_is_refused_at_once(
    client: TestClient, home: Home, tmp_path: Path, body: object, field: str | None
) -> None:
    add_dataset(home, tree(tmp_path / "pictures"), "taken")
    answer = client.post("/api/uploads", json=body)
    assert answer.status_code == 400
    assert answer.json()["field"] == field
    assert left(home) == []


@pytest.mark.parametrize(
    ("method", "path", "content"),
    [
        ("POST", "/api/uploads", b"{"),
        ("POST", "/api/uploads", b"\xff\xfe"),
        ("POST", "/api/imports", b" " * (LARGEST_WISH + 1)),
        ("POST", "/api/imports", b'{"path": "/no/such/place", "name": "new"}'),
        ("POST", "/api/imports", b'{"path": "", "name": "new"}'),
        ("POST", "/api/imports", b'{"path": "/", "name": "taken"}'),
    ],
)
def test_a_wish_that_makes_no_sense_starts_nothing(
    client: TestClient, home: Home, tmp_path: Path, method: str, path: str, content: bytes
) -> None:
    add_dataset(home, tree(tmp_path / "pictures"), "taken")
    answer = client.request(method, path, content=content)
    assert answer.status_code == 400
    assert answer.json()["error"]
    assert list(home.imports.iterdir()) == []


STRANGE_IDS = ["abcdefghij", "..", "%2e%2e", "..%2f..%2fetc", "a" * 200, "%00", "ABCDEFGHIJ", "深"]


@pytest.mark.parametrize("strange", STRANGE_IDS)
@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("PUT", "/api/uploads/{}/files"),
        ("POST", "/api/uploads/{}/import"),
        ("GET", "/api/imports/{}"),
        ("DELETE", "/api/imports/{}"),
        ("GET", "/api/datasets/{}/thumbnail/0"),
    ],
)
def test_an_id_is_looked_up_and_never_becomes_a_path(client: TestClient, method: str, path: str, strange: str) -> None:
    answer = client.request(method, path.format(strange), content=b'{"name": "new"}' if method != "GET" else None)
    assert answer.status_code in (404, 405)
    assert "Traceback" not in answer.text


@pytest.mark.parametrize("strange", STRANGE_IDS)
def test_cancelling_an_upload_that_is_not_there_deletes_nothing(client: TestClient, home: Home, strange: str) -> None:
    begin(client, [("A/1.png", b"abc")])
    before = sorted(home.root.rglob("*"))
    client.delete(f"/api/uploads/{strange}")
    assert sorted(home.root.rglob("*")) == before


CHANGES = [
    ("POST", "/api/uploads"),
    ("PUT", "/api/uploads/{upload}/files"),
    ("POST", "/api/uploads/{upload}/import"),
    ("DELETE", "/api/uploads/{upload}"),
    ("POST", "/api/imports"),
    ("DELETE", "/api/imports/abcdefghij"),
]


@pytest.mark.parametrize("origin", [None, "null", "http://evil.example", ORIGIN + ".evil.example"])
@pytest.mark.parametrize(("method", "path"), CHANGES)
def test_another_site_can_change_nothing(
    client: TestClient, app: Starlette, home: Home, method: str, path: str, origin: str | None
) -> None:
    upload = begin(client, [("A/1.png", b"abc")])
    before = left(home)
    stranger = TestClient(app, base_url=ORIGIN, headers={} if origin is None else {"origin": origin})
    assert stranger.request(method, path.format(upload=upload), content=b"{}").status_code == 403
    assert left(home) == before
    assert list(home.imports.iterdir()) == []
