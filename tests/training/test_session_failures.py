"""Whole runs that fail end with their cause; a worker whose run is over or another's leaves it as it is."""

from __future__ import annotations

import errno
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from lrlab.datasets import Dataset, delete_dataset
from lrlab.home import Home
from lrlab.runs import LogWriter, update
from lrlab.training import session, worker
from lrlab.training.models import SmallCNN
from lrlab.training.worker import attempt

from .conftest import MakeRun


def test_a_loss_that_is_no_number_ends_the_run(home: Home, make_run: MakeRun) -> None:
    # Batch norm bears almost any LR; a weight decay that makes every weight 10,000 times larger does what is needed.
    run = make_run(optimizer={"name": "SGD", "lr": 1000.0, "weight_decay": 10.0}, epochs=20)
    assert attempt(home, run) == 1
    record, last = run.record, run.steps.iloc[-1]
    assert record.state == "failed"
    assert not np.isfinite(last["loss"])
    assert np.isfinite(run.steps["loss"].iloc[:-1]).all()
    assert record.cause == f"the loss became {last['loss']} at step {int(last['step'])} (LR 1000)"
    assert record.advice == (
        "Try a lower LR (such as 100), a warm-up or gradient clipping (by norm, limit 1). "
        "The LR finder shows which LRs this model bears."
    )


def fails_with(error: Exception) -> Callable[..., Any]:
    def fail(*arguments: Any, **values: Any) -> Any:
        raise error

    return fail


FULL = OSError(errno.ENOSPC, "No space left on device")
FAULTS = {
    "the disk fills while a row is written": (LogWriter, "step", FULL, "the disk is full", 0),
    "the disk fills while the best model is saved": (session, "save_model", FULL, "the disk is full", 9),
    "the GPU's memory is full": (
        SmallCNN,
        "forward",
        torch.OutOfMemoryError("CUDA out of memory."),
        "the GPU ran out of memory (small_cnn, batch size 10, image size 16)",
        0,
    ),
    "an error that nobody thought of": (
        nn.Linear,
        "forward",
        IndexError("out of range"),
        "an error that lrlab does not know: IndexError: out of range",
        0,
    ),
}


@pytest.mark.parametrize("case", FAULTS)
def test_a_fault_ends_the_run_with_its_cause(
    case: str, home: Home, make_run: MakeRun, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    where, name, error, cause, rows = FAULTS[case]
    monkeypatch.setattr(where, name, fails_with(error))
    run = make_run()
    assert attempt(home, run) == 1
    record = run.record
    assert (record.state, record.cause) == ("failed", cause)
    assert record.advice
    assert record.ended is not None
    assert len(run.steps) == rows
    assert "Traceback" in caplog.text
    assert "Traceback" not in (run.folder / "run.json").read_text()
    assert not (run.folder / ".reserve").exists()


def test_a_data_set_that_was_deleted_is_named(home: Home, dataset: Dataset, make_run: MakeRun) -> None:
    run = make_run()
    delete_dataset(home, dataset.id)
    assert attempt(home, run) == 1
    assert run.record.cause == "dataset: 'colours' was deleted after the run was asked for"


def test_another_number_of_steps_than_was_asked_for_is_refused(home: Home, make_run: MakeRun) -> None:
    run = make_run()
    update(run, steps_per_epoch=4)
    assert attempt(home, run) == 1
    assert run.record.cause == ("dataset: 30 images to train on give 3 steps per epoch, the run was asked for with 4")


@pytest.mark.parametrize("state", ["succeeded", "failed", "cancelled"])
def test_a_run_that_has_ended_is_left_alone(state: str, home: Home, make_run: MakeRun) -> None:
    run = make_run()
    update(run, state=state)
    before = (run.folder / "run.json").read_bytes()
    assert attempt(home, run) == 1
    assert (run.folder / "run.json").read_bytes() == before


def test_a_worker_that_was_overtaken_does_not_say_how_the_run_ended(
    home: Home, make_run: MakeRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = make_run(epochs=1)
    real = worker.Session.train

    def overtaken(mine: Any) -> None:
        real(mine)
        newer = run.record.attempts[-1].model_copy(update={"number": 2})
        update(run, attempts=(*run.record.attempts, newer))

    monkeypatch.setattr(worker.Session, "train", overtaken)
    attempt(home, run)
    assert (run.record.state, run.record.ended, len(run.record.attempts)) == ("running", None, 2)
