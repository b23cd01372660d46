"""Images over HTTP: pieces to disk, refusals that leave nothing, imports from start to end, thumbnails."""

from __future__ import annotations

import asyncio
import errno
import io
import json
import os
import threading
import time
import tracemalloc
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from pathlib import Path

import numpy as np
import pytest
from filelock import FileLock
from PIL import Image
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.testclient import TestClient

from lrlab.datasets import SAMPLE_NAME, Receiver, add_dataset, begin_upload, list_datasets, open_upload, thumbnails
from lrlab.desk import Desk
from lrlab.home import Home
from lrlab.jobs.cleaning import clear_caches
from lrlab.rights import LOCAL
from lrlab.web import routes, uploads
from lrlab.web.framing import HEADER, Unpacker
from lrlab.web.uploads import BLOCK, LARGEST_WISH

ORIGIN = "http://127.0.0.1:8501"
LONGEST = 60.0  # seconds, for a machine that does much else


@pytest.fixture
def app(home: Home) -> Starlette:
    return Starlette(routes=routes(home))


@pytest.fixture
def client(app: Starlette) -> Iterator[TestClient]:
    with TestClient(app, base_url=ORIGIN, headers={"origin": ORIGIN}) as client:
        yield client


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


def until(condition: Callable[[], object]) -> None:
    end = time.monotonic() + LONGEST
    while not condition():
        assert time.monotonic() < end, "the condition did not come true"
        time.sleep(0.05)


def ended(client: TestClient, import_id: str) -> dict[str, object]:
    status: dict[str, object] = {}

    def look() -> bool:
        status.update(client.get(f"/api/imports/{import_id}").json())
        return status["state"] != "running"

    until(look)
    return status


# ---- the whole way ----


def test_a_folder_in_two_bodies_becomes_a_data_set(client: TestClient, home: Home) -> None:
    files = [(f"set/{name}", png(seed)) for seed, name in enumerate(("A/1.png", "A/2.png", "B/1.png", "深/名.png"))]
    upload = begin(client, files)
    data = [content for _, content in files]
    for body in (piece(3, data[3]) + piece(0, data[0]), piece(1, data[1]) + piece(2, data[2])):
        assert client.put(f"/api/uploads/{upload}/files", content=body).status_code == 200
    started = client.post(f"/api/uploads/{upload}/import", json={"name": "named last"})
    status = ended(client, started.json()["import"])
    assert status["state"] == "succeeded"
    (dataset,) = list_datasets(home)
    assert (dataset.id, dataset.name) == (status["dataset_id"], "named last")
    assert dataset.classes == ("A", "B", "深")
    came = {row["name"]: (dataset.root / row["file"]).read_bytes() for _, row in dataset.images.iterrows()}
    assert came == dict(files)
    until(lambda: not left(home))  # the import's last deed


def test_images_on_the_server_and_a_refusal_by_the_import(client: TestClient, home: Home, tmp_path: Path) -> None:
    tree(tmp_path / "pictures")
    answer = client.post("/api/imports", json={"path": str(tmp_path / "pictures"), "name": "here"})
    assert ended(client, answer.json()["import"])["state"] == "succeeded"
    answer = client.post("/api/imports", json={"path": str(tmp_path / "pictures" / "A"), "name": "one"})
    status = ended(client, answer.json()["import"])
    assert (status["state"], status["field"]) == ("failed", "source")
    assert [dataset.name for dataset in list_datasets(home)] == ["here"]


def test_the_sample_set_can_be_cancelled_and_leaves_nothing(client: TestClient, home: Home) -> None:
    import_id = client.post("/api/imports", json={"sample": True, "name": "ignored"}).json()["import"]
    assert client.get(f"/api/imports/{import_id}").json()["dataset"] == SAMPLE_NAME
    assert client.delete(f"/api/imports/{import_id}").status_code == 200
    assert ended(client, import_id)["state"] == "cancelled"
    assert list_datasets(home) == []


# ---- pieces ----

CONTENTS = (b"", b"a", b"some bytes", bytes(range(256)))


@pytest.mark.parametrize("block", [1, 7, HEADER.size - 1, HEADER.size, HEADER.size + 1, 10_000])
def test_pieces_arrive_in_blocks_of_any_size(home: Home, block: int) -> None:
    upload = begin_upload(home, "made", [(f"A/{number}", len(data)) for number, data in enumerate(CONTENTS)])
    body = b"".join(piece(number, data) for number, data in enumerate(CONTENTS))
    unpacker = Unpacker(upload)
    for start in range(0, len(body), block):
        unpacker.feed(body[start : start + block])
    unpacker.close()
    assert [upload.path(number).read_bytes() for number in range(len(CONTENTS))] == list(CONTENTS)


def test_a_large_file_comes_in_slices_and_a_slice_that_broke_off_comes_again(client: TestClient, home: Home) -> None:
    data = bytes(range(256)) * 10
    upload = begin(client, [("big.zip", data)])

    def put(body: bytes) -> int:
        return client.put(f"/api/uploads/{upload}/files", content=body).status_code

    assert put(piece(0, data[:1000])) == 200
    assert put(piece(0, data[1000:1200], 1000, length=1000)) == 400  # cut off on its way
    assert put(piece(0, data[1000:2000], 1000)) == 200
    assert put(piece(0, data[1000:2000], 1000)) == 200  # its answer was lost
    assert put(piece(0, data[2100:], 2100)) == 400  # would leave a hole
    assert client.post(f"/api/uploads/{upload}/import", json={"name": "big"}).status_code == 400
    assert put(piece(0, data[2000:], 2000)) == 200
    assert open_upload(home, upload).path(0).read_bytes() == data
    assert left(home) == [upload, f"{upload}/000000", f"{upload}/upload.json"]


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (piece(2, b"abc"), "file"),
        (piece(2**32 - 1, b"abc"), "file"),
        (piece(0, b"abcd"), "larger"),
        (piece(0, b"ab", start=2**63), "start"),
        (piece(0, b"ab", length=3), "cut off"),
        (piece(0, b"ab", length=2**64 - 1), "cut off"),
        (piece(0, b"abc")[:-1], "cut off"),
        (piece(1, b"xyz")[: HEADER.size], "cut off"),
        (b"\0" * (HEADER.size - 1), "cut off"),
    ],
)
def test_a_body_that_does_not_fit_is_refused_and_its_file_is_not_kept(
    client: TestClient, home: Home, body: bytes, words: str
) -> None:
    upload = begin(client, [("A/1.png", b"abc"), ("B/1.png", b"xyz")])
    answer = client.put(f"/api/uploads/{upload}/files", content=body)
    assert answer.status_code == 400
    assert words in answer.json()["error"]
    assert open_upload(home, upload).missing() == [0, 1]
    assert client.delete(f"/api/uploads/{upload}").status_code == 200
    assert left(home) == []


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


def test_an_import_whose_start_was_not_heard_of_is_told_again(client: TestClient, home: Home) -> None:
    files = [(f"set/{name}", png(seed)) for seed, name in enumerate(("A/1.png", "A/2.png", "B/1.png", "B/2.png"))]
    upload = begin(client, files)
    body = b"".join(piece(number, data) for number, (_, data) in enumerate(files))
    assert client.put(f"/api/uploads/{upload}/files", content=body).status_code == 200
    answers = [client.post(f"/api/uploads/{upload}/import", json={"name": "once"}) for _ in range(2)]
    assert answers[0].json() == answers[1].json()
    assert ended(client, answers[0].json()["import"])["state"] == "succeeded"
    assert client.post(f"/api/uploads/{upload}/import", json={"name": "once"}).json() == answers[0].json()
    assert [dataset.name for dataset in list_datasets(home)] == ["once"]


@pytest.mark.parametrize("moment", ["at work", "ended"])
def test_a_server_that_was_restarted_tells_of_the_same_import(
    client: TestClient, home: Home, monkeypatch: pytest.MonkeyPatch, moment: str
) -> None:
    files = [(f"set/{name}", png(seed)) for seed, name in enumerate(("A/1.png", "A/2.png", "B/1.png", "B/2.png"))]
    upload = begin(client, files)
    body = b"".join(piece(number, data) for number, (_, data) in enumerate(files))
    assert client.put(f"/api/uploads/{upload}/files", content=body).status_code == 200
    with FileLock(home.datasets / ".lock") if moment == "at work" else nullcontext():  # nothing is published yet
        started = client.post(f"/api/uploads/{upload}/import", json={"name": "once"}).json()
        if moment == "ended":
            assert ended(client, started["import"])["state"] == "succeeded"
            until(lambda: not left(home))
        restarted = TestClient(Starlette(routes=routes(home)), base_url=ORIGIN, headers={"origin": ORIGIN})
        again = restarted.post(f"/api/uploads/{upload}/import", json={"name": "once"})
        assert (again.status_code, again.json()) == (200, started)
    assert ended(client, started["import"])["state"] == "succeeded"
    assert [dataset.name for dataset in list_datasets(home)] == ["once"]


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


# ---- refusals ----


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


# ---- thumbnails ----


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
