"""A resumed run ends with the very log and weights of one left alone, also with more epochs; what differs is said."""

from __future__ import annotations

import random
from typing import Any

import pytest
import torch
from pandas.testing import assert_frame_equal

from lrlab.home import Home
from lrlab.runs import Tail, planned_curve, status, update
from lrlab.training import devices, resuming
from lrlab.training.observers import Keeper, Recorder
from lrlab.training.worker import attempt

from .conftest import MakeRun
from .interrupting import SGD, Killed, assert_same, go_on, interrupted, train

pytestmark = pytest.mark.usefixtures("quick")

CASES: dict[str, dict[str, Any]] = {
    "momentum, dropout and a schedule per epoch": {
        "optimizer": SGD,
        "model": {"name": "small_cnn", "dropout": 0.4},
        "schedule": {"scheduler": {"name": "StepLR", "step_size": 1, "gamma": 0.5}},
    },
    "OneCycle per step, which moves the momentum": {
        "optimizer": {"name": "Adam", "lr": 0.01, "amsgrad": True},
        "schedule": {"interval": "step", "scheduler": {"name": "OneCycleLR", "max_lr": 0.02, "total_steps": 15}},
    },
    "a plateau after a warm-up, accumulation, an elastic net": {
        "batch_size": 4,
        "accumulate": 2,
        "optimizer": {"name": "RMSprop", "lr": 0.01, "momentum": 0.5, "centered": True},
        "plateau_metric": "train_loss",
        "regularization": {"l1": 1e-4, "l2": 1e-3, "label_smoothing": 0.1},
        "schedule": {
            "scheduler": {"name": "ReduceLROnPlateau", "patience": 0, "factor": 0.5, "threshold": 0.5},
            "warmup": {"length": 2, "unit": "step", "start_factor": 0.1},
        },
    },
    "bfloat16, groups, clipping, every augmentation": {
        "optimizer": {"name": "AdamW", "lr": 0.01},
        "precision": "bfloat16",
        "param_groups": {"by": "head", "multiplier": 0.3},
        "clip": {"by": "norm", "limit": 0.5},
        "augment": {
            "crop": "resized", "vertical_flip": 0.5, "rotation": 10, "brightness": 0.2, "hue": 0.1, "erasing": 0.5,
            "mixup": 0.3, "cutmix": 0.5, "normalization": "dataset",
        },
        "schedule": {"interval": "step", "scheduler": {"name": "CosineAnnealingWarmRestarts", "T_0": 4}},
    },
    "a nest, early stopping that ends it": {
        "optimizer": SGD,
        "early_stopping": {"monitor": "val_loss", "patience": 2, "min_delta": 0.5},
        "schedule": {
            "interval": "step",
            "scheduler": {"name": "SequentialLR", "milestones": [3], "schedulers": [
                {"name": "LinearLR", "start_factor": 0.1, "total_iters": 3},
                {"name": "LambdaLR", "formula": "1 - 0.5 * t"}]},
        },
    },
}  # fmt: skip


@pytest.mark.usefixtures("often")
@pytest.mark.parametrize("kill", [False, True], ids=["stopped", "killed"])
@pytest.mark.parametrize("case", CASES)
def test_interruptions_leave_no_trace(
    case: str, kill: bool, home: Home, make_run: MakeRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = {"epochs": 5, "seed": 3, **CASES[case]}
    alone = train(home, make_run(**settings))
    drawn, updates = random.Random(f"{case} {kill}"), len(alone.steps)
    first, second = sorted(drawn.sample(range(updates // 3), 2))
    last = len(alone.epochs) - 1
    points = [("update", first), ("update", second), ("save", 1), ("validation", last - 1), ("update", updates - 1)]
    run = interrupted(home, make_run(**settings), monkeypatch, points, kill)
    assert_same(run, alone)
    begun = [one.first_step for one in run.record.attempts]
    assert begun == sorted(begun) and begun[-1] >= updates - 1 > begun[1]


def test_a_run_without_a_checkpoint_begins_anew_and_says_so(
    home: Home, make_run: MakeRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    alone, run = train(home, make_run()), make_run()
    with pytest.raises(Killed), monkeypatch.context() as patched:
        patched.setattr(Recorder, "after_training", raise_killed)
        attempt(home, run)
    assert len(run.steps) == 3
    run.best_model.write_bytes(b"whatever was left")
    assert go_on(home, run) == 0
    assert_same(run, alone)
    assert [one.first_step for one in run.record.attempts] == [0, 0]
    assert run.record.attempts[0].remark == ""
    assert run.record.attempts[1].remark == "No earlier attempt left a checkpoint, so the run began anew."


def raise_killed(*_: object) -> None:
    raise Killed


MORE = {
    "falls on": {"scheduler": {"name": "StepLR", "step_size": 1, "gamma": 0.5}},
    "holds its last LR": {"interval": "step", "scheduler": {"name": "OneCycleLR", "max_lr": 0.1, "total_steps": 9}},
    "rises again": {"interval": "step", "scheduler": {"name": "CosineAnnealingLR", "T_max": 9}},
    "watches on": {"scheduler": {"name": "ReduceLROnPlateau", "patience": 0, "threshold": 0.3}},
}


@pytest.mark.parametrize("case", MORE)
def test_more_epochs_are_those_of_a_run_that_had_them_from_the_start(case: str, home: Home, make_run: MakeRun) -> None:
    settings = {"optimizer": SGD, "schedule": MORE[case], "model": {"name": "small_cnn", "dropout": 0.4}}
    alone, run = make_run(**settings), make_run(**settings)
    update(alone, more_epochs=2)
    train(home, alone)
    train(home, run)
    assert len(run.steps) == 9
    assert go_on(home, run, more_epochs=2, more_from=3) == 0
    assert len(run.steps) == 15 and len(run.epochs) == 5
    assert_same(run, alone)
    assert [one.first_step for one in run.record.attempts] == [0, 9]
    planned = planned_curve(run.record)
    if planned is not None:
        assert run.steps["lr"].to_numpy() == pytest.approx(planned.lr, rel=1e-9, abs=1e-15)


def test_a_run_that_was_stopped_early_is_given_new_patience(home: Home, make_run: MakeRun) -> None:
    early = {"monitor": "val_loss", "patience": 1, "min_delta": 50.0}
    run = train(home, make_run(epochs=9, early_stopping=early))
    assert (run.record.result.stopped_at, len(run.epochs)) == (1, 2)
    result = run.record.result.model_copy(update={"stopped_at": None, "closing": ""})
    # Three more than the two that it has: fewer than it was to have.
    assert go_on(home, run, more_epochs=2 + 3 - 9, more_from=2, result=result) == 0
    assert run.record.epochs == 5
    assert (run.record.result.stopped_at, len(run.epochs)) == (2, 3)  # the best loss still counts, its patience is 1
    assert go_on(home, run) == 0  # nobody asked for more since: it stays at its end
    assert len(run.epochs) == 3 and run.record.state == "succeeded"


def test_a_new_best_model_is_not_told_with_the_old_ones_test_score(
    home: Home, make_run: MakeRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = train(home, make_run())
    tested = run.record.result.model_copy(update={"test_accuracy": 0.5, "test_loss": 1.0})
    with pytest.raises(Killed), monkeypatch.context() as patched:
        patched.setattr(Keeper, "load_state_dict", lambda *_: None)  # so that the next epoch is the best one
        patched.setattr(resuming.Checkpointer, "after_epoch", raise_killed)
        go_on(home, run, more_epochs=1, more_from=3, result=tested)
    assert len(run.epochs) == 4
    assert run.record.result == tested.model_copy(update={"test_accuracy": None, "test_loss": None})


@pytest.mark.usefixtures("often")
def test_whoever_follows_the_log_sees_a_resumed_run_rightly(
    home: Home, make_run: MakeRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = make_run()
    tail, seen = Tail(run), []
    with pytest.raises(Killed), monkeypatch.context() as patched:
        patched.setattr(resuming.Checkpointer, "after_epoch", raise_killed)  # three updates and a row of the epoch
        attempt(home, run)
    assert tail.poll() and (len(tail.steps), len(tail.epochs)) == (3, 1)
    assert (status(run).step, status(run).epoch) == (3, 1)
    real = Recorder.after_update

    def follow(recorder: Recorder, loop: Any) -> None:
        before = status(run).step
        real(recorder, loop)
        tail.poll()
        assert_frame_equal(tail.steps, run.steps)
        assert_frame_equal(tail.epochs, run.epochs)
        seen.append((before, tail.steps["step"].tolist(), len(tail.epochs), status(run).step))

    monkeypatch.setattr(Recorder, "after_update", follow)
    assert go_on(home, run) == 0
    # The newest checkpoint was taken after update 1; the row of update 2 and that of the epoch came anew.
    assert seen[:3] == [
        (2, [0, 1, 2], 0, 3),
        (3, [0, 1, 2, 3], 1, 4),
        (4, [0, 1, 2, 3, 4], 1, 5),
    ]
    assert tail.revision == 1


def test_threads_and_precision_of_the_first_attempt_are_taken_again(
    home: Home, make_run: MakeRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = make_run(epochs=1, device="auto", precision="bfloat16")
    train(home, run)
    first = run.record.attempts[0]
    assert (first.processor, first.precision, first.threads) == ("cpu", "bfloat16", 1)
    monkeypatch.setattr(devices, "MOST_THREADS", 8)
    monkeypatch.setattr(devices, "_cores", lambda: 8)
    assert go_on(home, run, more_epochs=1, more_from=1) == 0
    assert [(one.threads, one.precision, one.remark) for one in run.record.attempts] == [(1, "bfloat16", "")] * 2


def test_another_torch_or_device_is_remarked(home: Home, make_run: MakeRun) -> None:
    run = train(home, make_run(epochs=1, device="auto"))
    begun = run.record.attempts[0].model_copy(
        update={
            "processor": "cuda" if not torch.cuda.is_available() else "mps",
            "device": "NVIDIA H100",
            "torch": "2.1",
        }
    )
    update(run, attempts=(begun,))
    assert go_on(home, run, more_epochs=1, more_from=1) == 0
    now = run.record.attempts[1]
    assert now.remark == (
        f"It was begun on NVIDIA H100 with torch 2.1 and goes on on {now.device} with torch {torch.__version__}: "
        "its weights are not those it would have had."
    )
