"""Stopping, taking home, asking what the lab does: the routes as a page of the server asks them."""

from __future__ import annotations

import asyncio
import io
import re
import zipfile
from urllib.parse import unquote

import numpy as np
import pandas as pd
import pytest
from starlette.applications import Starlette
from starlette.testclient import TestClient

from lrlab import jobs
from lrlab.experiments import Experiment
from lrlab.runs import DatasetFacts, create_run, delete_run, rename, stop_requested
from lrlab.web import runs
from lrlab.web.access import LOCAL_HOSTS, Access

ORIGIN = {"origin": "http://127.0.0.1:8501"}
BEYOND = {"range": f"bytes={10**9}-"}
HOSTILE = ["abcdefghij", "..", "%2e%2e%2f%2e%2e", "..%5c..", "ABCDEFGHIJ", "x" * 5000, "%00", "a b", "queue.sqlite"]


@pytest.fixture
def client(home):
    return TestClient(Starlette(routes=runs.routes(home, Access(LOCAL_HOSTS, home))), base_url="http://127.0.0.1:8501")


# ---- stop -----------------------------------------------------------------------------------------------------------


def test_a_running_run_is_asked_to_stop(client, start_run, woken):
    worker = start_run().train(3)
    assert client.post(f"/api/runs/{worker.run.id}/stop", headers=ORIGIN).status_code == 200
    assert stop_requested(worker.run)


@pytest.mark.parametrize(
    ("method", "headers", "status"),
    [("GET", ORIGIN, 405), ("POST", {}, 403), ("POST", {"origin": "http://evil.example"}, 403)],
)
def test_only_a_page_of_this_server_stops_a_run(client, start_run, method, headers, status):
    worker = start_run().train(3)
    assert client.request(method, f"/api/runs/{worker.run.id}/stop", headers=headers).status_code == status
    assert not stop_requested(worker.run)


@pytest.mark.parametrize("run_id", HOSTILE)
@pytest.mark.parametrize(
    ("method", "path"), [("POST", "stop"), ("GET", "model?which=best"), ("GET", "export?format=csv")]
)
def test_an_unknown_run_is_not_found(client, method, path, run_id):
    assert client.request(method, f"/api/runs/{run_id}/{path}", headers=ORIGIN).status_code == 404


# ---- downloads ------------------------------------------------------------------------------------------------------


def called(answer) -> str:
    """The file name that a browser saves the answer under."""
    disposition = answer.headers["content-disposition"]
    extended = re.search(r"filename\*=utf-8''(\S+)", disposition)
    return unquote(extended[1]) if extended else re.search(r'filename="([^"]+)"', disposition)[1]


@pytest.mark.parametrize(
    ("name", "file"),
    [
        ("StepLR", "StepLR-{id}"),
        ("StepLR(step_size=5, gamma=0.5)", "StepLR-step_size=5-gamma=0.5-{id}"),
        ("浅烘焙", "浅烘焙-{id}"),
        ("../../etc/passwd", "etc-passwd-{id}"),
        ('a"; filename="b.exe', "a-filename=-b.exe-{id}"),
        ("...", "{id}"),
        ("x" * 120, "x" * 60 + "-{id}"),
    ],
)
@pytest.mark.parametrize("which", ["best", "last"])
def test_a_model_is_saved_under_the_runs_name(client, start_run, name, file, which):
    run = start_run().train().end()
    rename(run, name)
    answer = client.get(f"/api/runs/{run.id}/model", params={"which": which})
    assert answer.content == (run.best_model if which == "best" else run.last_model).read_bytes()
    assert called(answer) == f"{file.format(id=run.id)}-{which}.safetensors"


def test_a_model_that_is_not_there_yet_is_not_found(client, start_run):
    answer = client.get(f"/api/runs/{start_run().train(3).run.id}/model?which=best")
    assert answer.status_code == 404
    assert "no best model yet" in answer.json()["error"]


@pytest.mark.parametrize(
    ("path", "field"), [("model?which=../best", "which"), ("model?which=", "which"), ("export?format=exe", "format")]
)
def test_another_choice_is_refused_by_field(client, start_run, path, field):
    answer = client.get(f"/api/runs/{start_run().train(3).run.id}/{path}")
    assert (answer.status_code, answer.json()["field"]) == (400, field)


@pytest.mark.parametrize(("form", "read"), [("csv", pd.read_csv), ("parquet", pd.read_parquet)])
def test_a_log_is_taken_home_exactly(client, start_run, form, read):
    worker = start_run(name="one", epochs=3).train()
    worker.log.step(step=15, epoch=3, time=1.0, lr=0.1, loss=np.nan)
    run = worker.end()
    answer = client.get(f"/api/runs/{run.id}/export", params={"format": form})
    assert called(answer) == f"one-{run.id}-{form}.zip"
    with zipfile.ZipFile(io.BytesIO(answer.content)) as pack:
        assert sorted(pack.namelist()) == sorted([f"steps.{form}", f"epochs.{form}", "run.json"])
        steps, epochs = (read(io.BytesIO(pack.read(f"{name}.{form}"))) for name in ("steps", "epochs"))
        assert pack.read("run.json") == (run.folder / "run.json").read_bytes()
    pd.testing.assert_frame_equal(steps, run.steps, check_dtype=False)
    pd.testing.assert_frame_equal(epochs, run.epochs, check_dtype=False)


def test_an_export_leaves_nothing_behind(client, start_run, tmp_path, monkeypatch):
    monkeypatch.setattr(runs.tempfile, "tempdir", str(tmp_path / "temporary"))
    (tmp_path / "temporary").mkdir()
    run = start_run(epochs=1).train().end()
    for part, status in ({}, 200), ({"range": "bytes=0-3"}, 206), ({"range": "nonsense"}, 400), (BEYOND, 416):
        assert client.get(f"/api/runs/{run.id}/export", headers=part).status_code == status
    monkeypatch.setitem(runs.EXPORTS, "csv", lambda run, folder: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        client.get(f"/api/runs/{run.id}/export")
    assert list((tmp_path / "temporary").iterdir()) == []


def test_the_folder_of_an_export_is_removed_beside_the_event_loop(client, start_run, monkeypatch):
    run, real, beside = start_run(epochs=1).train().end(), runs.shutil.rmtree, []

    def rmtree(*given, **how):
        try:
            asyncio.get_running_loop()
        except RuntimeError:
            beside.append(given)
        real(*given, **how)

    monkeypatch.setattr(runs.shutil, "rmtree", rmtree)
    assert client.get(f"/api/runs/{run.id}/export").status_code == 200
    monkeypatch.setitem(runs.EXPORTS, "csv", lambda run, folder: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        client.get(f"/api/runs/{run.id}/export")
    assert len(beside) == 2


def test_a_run_deleted_once_it_is_packed_leaves_no_folder_behind(client, start_run, tmp_path, monkeypatch):
    monkeypatch.setattr(runs.tempfile, "tempdir", str(tmp_path / "temporary"))
    (tmp_path / "temporary").mkdir()
    run, real = start_run(name="gone", epochs=1).train().end(), runs._packed

    def packed(*given):
        archive = real(*given)
        delete_run(run)
        return archive

    monkeypatch.setattr(runs, "_packed", packed)
    answer = client.get(f"/api/runs/{run.id}/export")
    assert (answer.status_code, called(answer)) == (200, f"gone-{run.id}-csv.zip")
    assert list((tmp_path / "temporary").iterdir()) == []


# ---- the lab --------------------------------------------------------------------------------------------------------


def test_the_lab_says_what_it_does(client, home):
    assert client.get("/api/status").json() == {"running": 0, "queued": 0, "text": "idle"}
    facts = DatasetFacts(id="abcdefghij", name="coffee", classes=("Dark", "Light"), train=160, val=40)
    with jobs.queue.Queue(home) as queue:
        queue.add(create_run(home, Experiment(dataset="coffee"), dataset=facts, steps_per_epoch=5).id)
    assert client.get("/api/status").json() == {"running": 0, "queued": 1, "text": "1 waiting"}


@pytest.mark.parametrize(
    ("running", "queued", "text"),
    [(0, 0, "idle"), (1, 0, "1 running"), (0, 3, "3 waiting"), (1, 2, "1 running · 2 waiting")],
)
def test_the_chip_in_words(running, queued, text):
    assert runs.lab_text(running, queued) == text
