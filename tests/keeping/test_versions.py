"""Stores of other versions: what the first lrlab wrote is read right, what a later one writes is refused."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing

import pytest

from lrlab.datasets import Dataset, list_datasets, load_dataset
from lrlab.errors import LabError
from lrlab.files import write_json
from lrlab.home import Home
from lrlab.jobs import Queue
from lrlab.runs import list_runs, load_run, revise

from .conftest import Lab

FIRST_RUN = {
    "format": 1,
    "id": "hk3m9qz7ab",
    "name": "small_cnn, StepLR",
    "created": 1795000000.25,
    "experiment": {
        "dataset": "coffee",
        "epochs": 4,
        "schedule": {"interval": "epoch", "scheduler": {"name": "StepLR", "step_size": 2, "gamma": 0.5}},
    },
    "dataset": {"id": "abcdefghij", "name": "coffee", "classes": ["Dark", "Light"], "train": 160, "val": 40},
    "steps_per_epoch": 5,
    "state": "succeeded",
    "attempts": [
        {
            "number": 1,
            "started": 1795000001.0,
            "identity": {"boot_id": "b", "pid": 4, "started": 2.5},
            "host": "lab",
            "device": "CPU",
        }
    ],
    "result": {"best_epoch": 3, "best_val_accuracy": 0.875, "best_val_loss": 0.25},
    "ended": 1795000009.0,
}
"""run.json as the first lrlab wrote it: without owner, sharing, kind, LR changes, more epochs, placement."""

FIRST_DATASET = {
    "format": 1, "id": "abcdefghij", "name": "coffee", "classes": ["Dark", "Light"], "created": 1795000000.0,
    "source": "zip", "notes": [], "counts": {"train": 160, "val": 40, "test": 0}, "content": "0" * 32,
}  # fmt: skip
"""dataset.json as the first lrlab wrote it: without owner, sharing, and the place of the originals."""

FIRST_QUEUE = """
CREATE TABLE jobs (turn INTEGER PRIMARY KEY AUTOINCREMENT, run_id TEXT NOT NULL UNIQUE, worker TEXT,
                   claims INTEGER NOT NULL DEFAULT 0);
CREATE INDEX waiting ON jobs (turn) WHERE worker IS NULL;
CREATE TABLE spare (worker TEXT NOT NULL);
INSERT INTO jobs (run_id, worker, claims) VALUES ('a', 'ticket', 1), ('c', NULL, 0), ('b', NULL, 0);
PRAGMA user_version = 1;
"""


def test_the_first_lrlabs_run_is_read_right(home: Home) -> None:
    folder = home.runs / "hk3m9qz7ab"
    folder.mkdir()
    write_json(folder / "run.json", FIRST_RUN)
    (folder / "steps-1.csv").write_text("step,epoch,time,lr,loss\n0,0,1795000002.0,0.001,0.5\n")
    (run,) = list_runs(home)
    record = run.record
    assert (record.name, record.state, record.epochs, record.steps) == ("small_cnn, StepLR", "succeeded", 4, 20)
    assert (record.kind, record.owner, record.shared, record.lr_changes) == ("train", "", False, ())
    assert record.result.best_val_accuracy == 0.875
    assert run.steps["loss"].tolist() == [0.5]
    revise(run, lambda record: {"notes": "read again"})
    kept = json.loads((folder / "run.json").read_bytes())
    assert {name: kept[name] for name in ("format", "id", "created", "ended", "state")} == {
        name: FIRST_RUN[name] for name in ("format", "id", "created", "ended", "state")
    }


def test_the_first_lrlabs_data_set_is_read_right(home: Home) -> None:
    (home.datasets / "abcdefghij").mkdir()
    write_json(home.datasets / "abcdefghij" / "dataset.json", FIRST_DATASET)
    (dataset,) = list_datasets(home)
    assert (dataset.name, dataset.classes, len(dataset)) == ("coffee", ("Dark", "Light"), 200)
    assert dataset.root == home.datasets / "abcdefghij" / "images"


def test_the_first_lrlabs_queue_is_brought_up(home: Home) -> None:
    with closing(sqlite3.connect(home.queue)) as connection:
        connection.executescript(FIRST_QUEUE)
    with Queue(home) as queue:
        assert queue.order() == ["c", "b"]
        assert [(job.run_id, job.worker, job.claims) for job in queue.claimed()] == [("a", "ticket", 1)]
        assert queue.claim("next", ["auto"]) is not None


def test_a_home_without_a_mark_is_given_one(home: Home) -> None:
    home.mark_file.unlink()
    assert home.ensure().format == 1


def test_a_later_run_is_refused_and_the_others_are_listed(lab: Lab, caplog: pytest.LogCaptureFixture) -> None:
    write_json(lab.done.folder / "run.json", {**FIRST_RUN, "format": 2, "id": lab.done.id})
    sentence = f"run {lab.done.id} was written by a later lrlab (format 2; this one knows 1); update lrlab"
    with pytest.raises(LabError) as raised:
        _ = load_run(lab.done.id, lab.home).record
    assert str(raised.value) == sentence
    assert lab.done.id not in [run.id for run in list_runs(lab.home, None)]
    assert sentence in caplog.text
    with pytest.raises(LabError):
        revise(lab.done, lambda record: {"notes": "never"})
    assert json.loads((lab.done.folder / "run.json").read_bytes())["format"] == 2


def test_a_later_data_set_is_refused(lab: Lab) -> None:
    write_json(lab.dataset.folder / "dataset.json", {**FIRST_DATASET, "format": 3})
    sentence = r"was written by a later lrlab \(format 3; this one knows 1\); update lrlab"
    for read in (lambda: Dataset.read(lab.dataset.folder), lambda: load_dataset(lab.home, lab.dataset.id)):
        with pytest.raises(LabError, match=sentence):
            read()
    assert list_datasets(lab.home) == []


def test_a_later_queue_is_refused(home: Home) -> None:
    with closing(sqlite3.connect(home.queue)) as connection:
        connection.execute("PRAGMA user_version = 99")
    with pytest.raises(LabError, match="the queue was written by a later lrlab"):
        Queue(home)


@pytest.mark.parametrize("content", [b"", b"null", b"[]", b"{", b'{"format": "1"}', b'{"format": 0}', b"\xff"])
def test_a_damaged_mark_opens_nothing(home: Home, content: bytes) -> None:
    home.mark_file.write_bytes(content)
    with pytest.raises(LabError, match=r"has a damaged home\.json; repair it: python -m lrlab doctor"):
        home.ensure()
    assert home.mark_file.read_bytes() == content
