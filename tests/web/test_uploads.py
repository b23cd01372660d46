"""Images over HTTP, from start to end: pieces to disk, imports to data sets, and refused pieces that leave nothing."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path

import pytest
from filelock import FileLock
from starlette.applications import Starlette
from starlette.testclient import TestClient

from lrlab.datasets import SAMPLE_NAME, begin_upload, list_datasets, open_upload
from lrlab.home import Home
from lrlab.web import routes
from lrlab.web.framing import HEADER, Unpacker

from .image_requests import LONGEST, ORIGIN, begin, left, piece, png, tree


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
