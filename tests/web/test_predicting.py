"""One's own image over HTTP: the file reaches the helper whole, nothing of it stays, and refusals say why."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from pathlib import Path
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.testclient import TestClient

from lrlab import jobs
from lrlab.errors import LabError, NotFound
from lrlab.home import Home
from lrlab.web import predicting, routes

ORIGIN = "http://127.0.0.1:8501"
ANSWER = {"classes": ["Light", "Dark"], "probabilities": [0.9997, 0.0003], "epoch": 4, "seen": "data:image/png;base64,"}


@pytest.fixture
def client(home: Home) -> Iterator[TestClient]:
    with TestClient(Starlette(routes=routes(home)), base_url=ORIGIN, headers={"origin": ORIGIN}) as client:
        yield client


@pytest.fixture(autouse=True)
def left(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[], list[str]]:
    """The temporary files that are there; images are looked at in this folder."""
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    return lambda: [path.name for path in folder.iterdir()]


@pytest.fixture
def helper(monkeypatch: pytest.MonkeyPatch) -> list[tuple[Home, str, bytes, dict[str, Any]]]:
    """What was asked, with what lay in the file then. Raises `helper.answer` where it is an error."""
    asked = []

    def ask_later(home: Home, question: str, /, *, file: str, **arguments: Any) -> Future[Any]:
        asked.append((home, question, Path(file).read_bytes(), arguments))
        future: Future[Any] = Future()
        future.set_result(ANSWER)
        return future

    monkeypatch.setattr(jobs, "ask_later", ask_later)
    return asked


def test_a_picture_is_answered_and_not_kept(client, home, start_run, helper, left):
    run = start_run().run
    body = bytes(range(256)) * 9000
    answer = client.post(f"/api/runs/{run.id}/predict", params={"name": "früh <b>.jpg", "model": "last"}, content=body)
    assert answer.status_code == 200
    assert answer.json() == {
        "predictions": [
            {"name": "Light", "share": 0.9997, "text": "> 99.9 %"},
            {"name": "Dark", "share": 0.0003, "text": "< 0.1 %"},
        ],
        "epoch": 4,
        "seen": "data:image/png;base64,",
    }
    assert helper == [(home, "predict", body, {"run": run.id, "name": "früh <b>.jpg", "model": "last"})]
    assert left() == []


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (LabError("'a.jpg' is cut off before its end", "image"), 400),
        (NotFound("run x has no best model yet", "model"), 404),
    ],
)
def test_a_refusal_of_the_helper_is_passed_on(client, start_run, monkeypatch, left, error, status):
    future: Future[Any] = Future()
    future.set_exception(error)
    monkeypatch.setattr(jobs, "ask_later", lambda *_, **__: future)
    answer = client.post(f"/api/runs/{start_run().run.id}/predict", content=b"x")
    assert (answer.status_code, answer.json()) == (status, {"error": str(error), "field": error.field})
    assert left() == []


def test_too_large_a_file_is_refused_while_it_comes(client, start_run, helper, left, monkeypatch):
    monkeypatch.setattr(predicting, "MAX_IMAGE_BYTES", 5000)
    run = start_run().run
    answer = client.post(f"/api/runs/{run.id}/predict", params={"name": "big.png"}, content=iter([b"x" * 3000] * 2))
    assert answer.status_code == 400
    assert answer.json()["error"] == "'big.png' has more than 4.88 kB, the most that is allowed"
    assert helper == [] and left() == []
    assert client.post(f"/api/runs/{run.id}/predict", content=b"x" * 5000).status_code == 200


def test_a_foreign_page_cannot_make_the_server_work(client, start_run, helper):
    run = start_run().run
    foreign = {"origin": "http://evil.example"}
    assert client.post(f"/api/runs/{run.id}/predict", content=b"x", headers=foreign).status_code == 403
    assert client.get(f"/api/runs/{run.id}/predict").status_code == 405
    assert helper == []


@pytest.mark.parametrize("run_id", ["nosuchrun", "..%2F..%2Fetc", "%00", "x" * 300])
def test_an_unknown_run_is_not_found(client, helper, left, run_id):
    assert client.post(f"/api/runs/{run_id}/predict", content=b"x").status_code == 404
    assert helper == [] and left() == []
