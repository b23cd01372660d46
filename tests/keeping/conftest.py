"""A small lab with something of everything: a data set of copies, runs in several states, a queue, settings."""

from __future__ import annotations

import hashlib
import os
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save_file

from lrlab.datasets import Dataset, add_dataset
from lrlab.home import Home
from lrlab.jobs import Queue
from lrlab.runs import DatasetFacts, Run, checkpoint_file, create_run, update
from tests.conftest import HandWorker
from tests.datasets.conftest import contents, make_tree, make_zip, picture

__all__ = ["contents", "make_tree", "make_zip", "picture"]


@dataclass(frozen=True)
class Lab:
    """`done` has succeeded, `working` is a run whose worker is at work, `waiting` are queued, the next one first."""

    home: Home
    dataset: Dataset
    done: Run
    working: HandWorker
    waiting: tuple[Run, Run]


def weights(path: Path, epoch: int) -> None:
    """A safetensors file as a model of that epoch."""
    path.parent.mkdir(exist_ok=True)
    save_file({"weight": np.full((3, 3), epoch, dtype=np.float32)}, path, {"epoch": str(epoch)})


def checkpoint(run: Run, attempt: int, step: int, epoch: int = 1) -> Path:
    """A checkpoint's two files; the one that torch writes is a zip."""
    path = checkpoint_file(run, attempt, step)
    weights(path.with_suffix(".safetensors"), epoch)
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("data.pkl", bytes(range(256)) * 10)
    return path


def tree(folder: Path) -> dict[str, str]:
    """Every file below `folder` that is not hidden, with its SHA-256."""
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and not any(part.startswith(".") for part in path.relative_to(folder).parts)
    }


@pytest.fixture(autouse=True)
def _no_sync(monkeypatch: pytest.MonkeyPatch) -> None:
    """Bringing all of a machine's files to its disks takes seconds where others write too."""
    monkeypatch.setattr(os, "sync", lambda: None, raising=False)


@pytest.fixture(autouse=True)
def woken(woken: list[Home], monkeypatch: pytest.MonkeyPatch) -> list[Home]:
    """The doctor's calls too."""
    monkeypatch.setattr("lrlab.keeping.doctor.ensure_attended", woken.append)
    return woken


@pytest.fixture
def lab(home: Home, make_zip: Callable[..., Path], contents: Callable[[str], dict[str, bytes]]) -> Lab:
    archive = make_zip(contents("dark/1.png dark/2.png dark/3.png light/4.png light/5.png light/6.png"))
    dataset = add_dataset(home, archive, "lights")
    facts = DatasetFacts(id=dataset.id, name=dataset.name, classes=dataset.classes, train=4, val=2)

    def run(name: str) -> Run:
        from lrlab.experiments import Experiment

        experiment = Experiment(name=name, dataset=dataset.name, epochs=3, device="cpu")
        return create_run(home, experiment, dataset=facts, steps_per_epoch=4)

    done = HandWorker(run("done")).train()
    ended = done.end(result={"best_epoch": 1, "best_val_accuracy": 0.75, "best_val_loss": 0.5})
    checkpoint(ended, 1, 12)
    weights(ended.best_model, 1)
    weights(ended.last_model, 2)
    working = HandWorker(run("working")).train(6)
    checkpoint(working.run, 1, 4, epoch=0)
    weights(working.run.best_model, 0)
    waiting = (run("second"), run("first"))
    with Queue(home) as queue:
        for one in reversed(waiting):
            queue.add(one.id, "cpu")
    home.settings.write_text('[people]\nteachers = ["a@school.example"]\n')
    return Lab(home, dataset, ended, working, (waiting[1], waiting[0]))


@pytest.fixture
def gone(lab: Lab) -> Lab:
    """The lab once the worker at work has been killed: its process is none that lives."""
    attempt = lab.working.run.record.attempts[0]
    dead = attempt.identity.model_copy(update={"started": attempt.identity.started - 60})
    update(lab.working.run, attempts=(attempt.model_copy(update={"identity": dead}),))
    return lab
