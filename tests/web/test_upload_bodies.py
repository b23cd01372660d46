"""Bodies with images and lists as they come: never held whole, broken off, silent, and more than the disk takes."""

from __future__ import annotations

import asyncio
import errno
import json
import tracemalloc
from collections.abc import Iterator

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.testclient import TestClient

from lrlab.datasets import Receiver
from lrlab.desk import Desk
from lrlab.home import Home
from lrlab.rights import LOCAL
from lrlab.web import uploads
from lrlab.web.framing import HEADER
from lrlab.web.uploads import BLOCK

from .image_requests import LONGEST, ORIGIN, at_once, begin, left, piece


class Wire:
    """One request at the ASGI's own level: the test decides when each message of the body arrives."""

    def __init__(self, app: Starlette, method: str, path: str) -> None:
        self.app = app
        self.scope = {
            "type": "http",
            "method": method,
            "path": path,
            "raw_path": path.encode(),
            "query_string": b"",
            "headers": [(b"host", b"127.0.0.1:8501"), (b"origin", ORIGIN.encode())],
            "http_version": "1.1",
            "scheme": "http",
            "path_params": {},
            "root_path": "",
        }

    def run(self, messages: Iterator[dict[str, object]]) -> list[int]:
        """The statuses that were answered."""
        statuses: list[int] = []

        async def receive() -> dict[str, object]:
            return next(messages)

        async def send(message: dict[str, object]) -> None:
            if message["type"] == "http.response.start":
                statuses.append(int(str(message["status"])))

        asyncio.run(self.app(self.scope, receive, send))  # type: ignore[arg-type]
        return statuses


def test_a_body_is_written_while_it_comes_and_never_held_whole(app: Starlette, client: TestClient, home: Home) -> None:
    size, chunk = 48 * BLOCK, bytes(64 * 1024)
    answer = client.post("/api/uploads", json={"name": "big", "files": [("big.zip", size)]})
    folder = home.uploads / answer.json()["id"]
    seen_on_disk = []

    def messages() -> Iterator[dict[str, object]]:
        yield {"type": "http.request", "body": HEADER.pack(0, 0, size), "more_body": True}
        for sent in range(0, size, len(chunk)):
            if sent == size // 2:
                seen_on_disk.append(max(path.stat().st_size for path in folder.iterdir()))
            yield {"type": "http.request", "body": chunk, "more_body": sent + len(chunk) < size}

    tracemalloc.start()
    try:
        statuses = Wire(app, "PUT", f"/api/uploads/{folder.name}/files").run(messages())
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert statuses == [200]
    assert size // 2 - 2 * BLOCK <= seen_on_disk[0] <= size // 2
    assert peak < 8 * BLOCK
    assert (folder / "000000").stat().st_size == size


def test_of_lists_that_come_nothing_is_held(app: Starlette, home: Home) -> None:
    """What a list takes until it is there; it is read when it is, one at a time."""
    chunk, chunks, held = b" " * (64 * 1024), 16 * BLOCK // (64 * 1024), []

    def messages() -> Iterator[dict[str, object]]:
        for _ in range(chunks):
            yield {"type": "http.request", "body": chunk, "more_body": True}
        held.append(tracemalloc.get_traced_memory()[0])
        yield {"type": "http.request", "body": b"no list", "more_body": False}

    tracemalloc.start()
    try:
        assert Wire(app, "POST", "/api/uploads").run(messages()) == [400]
    finally:
        tracemalloc.stop()
    assert held[0] < 4 * BLOCK
    assert left(home) == []


def test_lists_are_read_one_at_a_time(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    def announced(number: int) -> Request:
        body = json.dumps({"name": f"made {number}", "files": [["A/1.png", 1]]}).encode()

        async def receive() -> dict[str, object]:
            return {"type": "http.request", "body": body, "more_body": False}

        return Request({"type": "http", "headers": [], "state": {"desk": Desk(home, LOCAL)}}, receive)

    requests = [announced(number) for number in range(4)]
    assert at_once(uploads.Images(home), "begin", requests, "sweep_uploads", monkeypatch) == 1
    assert len(list(home.uploads.iterdir())) == 4


def test_a_full_disk_is_told_before_the_list_is_there_too(
    app: Starlette, home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*given: object, **named: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(uploads, "SpooledTemporaryFile", full)
    client = TestClient(app, base_url=ORIGIN, headers={"origin": ORIGIN})
    answer = client.post("/api/uploads", json={"name": "made", "files": [["A/1.png", 1]]})
    assert (answer.status_code, "disk" in answer.json()["error"]) == (400, True)


def test_a_connection_that_breaks_leaves_no_part_of_a_file(app: Starlette, client: TestClient, home: Home) -> None:
    upload = begin(client, [("A/1.png", b"abc"), ("B/1.png", bytes(3 * BLOCK))])
    body = piece(0, b"abc") + piece(1, bytes(2 * BLOCK), length=3 * BLOCK)
    Wire(app, "PUT", f"/api/uploads/{upload}/files").run(
        iter([{"type": "http.request", "body": body, "more_body": True}, {"type": "http.disconnect"}])
    )
    assert left(home) == [upload, f"{upload}/000000", f"{upload}/upload.json"]


def test_a_browser_that_goes_without_a_word_is_not_waited_for(
    app: Starlette, client: TestClient, home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(uploads, "SILENCE", 0.05)
    upload = begin(client, [("A/1.png", b"abc"), ("B/1.png", b"xyz")])
    wire = Wire(app, "PUT", f"/api/uploads/{upload}/files")
    first = {"type": "http.request", "body": piece(0, b"abc") + piece(1, b"x", length=3), "more_body": True}

    async def silent() -> list[int]:
        statuses: list[int] = []
        messages = iter([first])

        async def receive() -> dict[str, object]:
            return next(messages, None) or await asyncio.Event().wait()  # type: ignore[return-value]

        async def send(message: dict[str, object]) -> None:
            if message["type"] == "http.response.start":
                statuses.append(int(str(message["status"])))

        await asyncio.wait_for(app(wire.scope, receive, send), LONGEST)  # type: ignore[arg-type]
        return statuses

    assert asyncio.run(silent()) == [400]
    assert left(home) == [upload, f"{upload}/upload.json"]


def test_a_full_disk_is_told_in_words(client: TestClient, home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(self: Receiver, chunk: bytes) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    upload = begin(client, [("A/1.png", b"abc")])
    monkeypatch.setattr(Receiver, "write", full)
    answer = client.put(f"/api/uploads/{upload}/files", content=piece(0, b"abc"))
    assert answer.status_code == 400
    assert "disk" in answer.json()["error"]
    assert left(home) == [upload, f"{upload}/upload.json"]


def test_a_refused_body_is_read_to_its_end_so_that_the_browser_sees_the_answer(client: TestClient) -> None:
    upload = begin(client, [("A/1.png", b"abc")])
    read = []

    def body() -> Iterator[bytes]:
        yield piece(7, b"")
        for number in range(40):
            read.append(number)
            yield bytes(BLOCK // 4)

    assert client.put(f"/api/uploads/{upload}/files", content=body()).status_code == 400
    assert len(read) == 40
