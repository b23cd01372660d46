"""Whole runs with what an experiment can ask of loss, gradient, precision and early stopping: the log tells it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose

from lrlab.home import Home
from lrlab.runs import Run
from lrlab.training.checkpoints import load_model
from lrlab.training.worker import attempt

from .conftest import MakeRun

PLAIN = ["step", "epoch", "time", "lr", "loss", "accuracy"]


def trained(home: Home, run: Run) -> Run:
    assert attempt(home, run) == 0, run.record.cause
    return run


COLUMNS: dict[str, tuple[dict[str, Any], list[str]]] = {
    "the default": ({}, []),
    "the norm alone": ({"grad_norm": True}, ["grad_norm"]),
    "clipping by norm": ({"clip": {"by": "norm", "limit": 1.5}}, ["grad_norm", "clipped"]),
    "clipping by value": ({"clip": {"by": "value", "limit": 0.1}}, ["grad_norm", "clipped"]),
    "head and backbone": (
        {"param_groups": {"by": "head"}, "clip": {"by": "norm"}},
        ["grad_norm", "clipped", "lr_backbone", "lr_head"],
    ),
    "a schedule that moves the momentum": (
        {
            "schedule": {"interval": "step", "scheduler": {"name": "OneCycleLR", "max_lr": 0.1, "total_steps": 6}},
            "optimizer": {"name": "SGD"},
            "grad_norm": True,
        },
        ["momentum", "grad_norm"],
    ),
}


@pytest.mark.parametrize("case", COLUMNS)
def test_the_log_has_a_column_for_what_is_on(case: str, home: Home, make_run: MakeRun) -> None:
    settings, further = COLUMNS[case]
    run = trained(home, make_run(epochs=2, **settings))
    steps = run.steps
    assert list(steps.columns) == PLAIN + further
    assert np.isfinite(steps.to_numpy(dtype=float)).all()
    if "clipped" in further and settings["clip"]["by"] == "norm":
        limit = settings["clip"].get("limit", 1.0)
        assert (steps["clipped"] == (steps["grad_norm"] > limit)).all()
    if "lr_head" in further:
        assert (steps["lr"] == steps["lr_head"]).all()
        assert_allclose(steps["lr_backbone"], 0.1 * steps["lr"], rtol=1e-12)


def test_clipping_holds_the_update_back(home: Home, make_run: MakeRun) -> None:
    """With plain SGD a weight moves by LR x gradient: no update is longer than LR x limit."""
    settings = {"optimizer": {"name": "SGD", "lr": 0.5, "momentum": 0.0}, "epochs": 1, "batch_size": 30}
    free, short, again = (
        trained(home, make_run(**settings, clip=clip))
        for clip in ({"by": "none"}, {"by": "norm", "limit": 1e-3}, {"by": "norm", "limit": 1e-6})
    )
    moved = []
    ends = [dict(load_model(run.last_model)[0].named_parameters()) for run in (free, short, again)]
    for end in ends[:2]:
        difference = [(end[name] - start).detach().flatten() for name, start in ends[2].items()]
        moved.append(float(torch.cat(difference).norm()))
    assert moved[1] == pytest.approx(0.5 * 1e-3, rel=0.01)
    assert moved[0] > 100 * moved[1]


def test_each_setting_of_the_loss_changes_what_is_trained(home: Home, make_run: MakeRun) -> None:
    kinds: list[dict[str, Any]] = [
        {},
        {"label_smoothing": 0.2},
        {"l1": 0.01},
        {"l2": 0.01},
        {"l1": 0.01, "l2": 0.01},
    ]
    runs = [trained(home, make_run(epochs=1, regularization=kind)) for kind in kinds]
    last = [run.steps["loss"].iloc[-1] for run in runs]
    assert len(set(last)) == len(last)
    # The first loss comes before any update: a penalty is no part of the logged loss, smoothing is.
    first = [run.steps["loss"].iloc[0] for run in runs]
    assert first[2:] == [first[0]] * 3
    assert first[1] != first[0]
    # The validation is judged by plain cross entropy, whatever is trained.
    balanced = trained(home, make_run(epochs=1, regularization={"class_weights": "balanced"}))
    assert balanced.steps["loss"].tolist() == runs[0].steps["loss"].tolist()  # as many images of each class


def test_accumulated_batches_make_fewer_updates(home: Home, make_run: MakeRun) -> None:
    run = trained(home, make_run(batch_size=5, accumulate=3, epochs=2))
    assert run.record.steps_per_epoch == 2
    assert run.steps["epoch"].tolist() == [0, 0, 1, 1]
    assert (run.epochs["images_per_second"] > 0).all()
    # Of 15 images each.
    assert_allclose(run.steps["accuracy"] * 15, (run.steps["accuracy"] * 15).round(), atol=1e-9)


def test_bfloat16_trains_on_the_cpu_and_is_told(home: Home, make_run: MakeRun) -> None:
    run = trained(home, make_run(epochs=1, precision="bfloat16"))
    plain = trained(home, make_run(epochs=1))
    assert run.record.attempts[0].device == f"{plain.record.attempts[0].device}, bfloat16"
    assert_allclose(run.steps["loss"], plain.steps["loss"], rtol=0.05)
    assert (run.steps["loss"] != plain.steps["loss"]).any()
    assert {value.dtype for value in load_model(run.last_model)[0].parameters()} == {torch.float32}


def test_a_precision_that_the_device_has_not_is_refused(home: Home, make_run: MakeRun) -> None:
    run = make_run(precision="float16")
    assert attempt(home, run) == 1
    assert run.record.cause == (
        "precision: got float16, but the CPU does not compute in it; allowed there: auto, float32, bfloat16"
    )


def test_early_stopping_ends_the_run_with_its_best_model(home: Home, make_run: MakeRun) -> None:
    # Batch norm's running means move on without an LR, so the monitored loss may still change; a gain of 5 is none.
    stopping = {"monitor": "val_loss", "patience": 2, "min_delta": 5.0}
    schedule = {"scheduler": {"name": "MultiStepLR", "milestones": [8], "gamma": 0.1}}
    run = trained(home, make_run(epochs=12, early_stopping=stopping, schedule=schedule))
    record, epochs = run.record, run.epochs
    assert (record.state, record.result.stopped_at) == ("succeeded", 2)
    assert epochs["epoch"].tolist() == [0, 1, 2]
    assert record.result.closing == (
        "Stopped early after epoch 3: val_loss had not improved by more than 5 for 2 epochs since epoch 1. "
        "The LR would have fallen from 0.001 to 1e-4 at epoch 9. A patience of 8 would have waited for that."
    )
    assert record.result.best_epoch == int(epochs["val_loss"].argmin())
    assert load_model(run.best_model)[1].epoch == record.result.best_epoch
    assert load_model(run.last_model)[1].epoch == 2
    assert record.result.test_accuracy is not None


def test_a_run_that_improves_goes_to_its_end(home: Home, make_run: MakeRun) -> None:
    run = trained(home, make_run(epochs=3, early_stopping={"monitor": "val_loss", "patience": 3}))
    assert (run.record.result.stopped_at, run.record.result.closing) == (None, "")
    assert len(run.epochs) == 3


def test_the_plateau_is_fed_by_the_column_that_was_chosen(home: Home, make_run: MakeRun) -> None:
    """With patience 0 the LR falls after each epoch whose metric is no better than the best before it."""
    plateau = {"name": "ReduceLROnPlateau", "patience": 0, "factor": 0.5, "threshold": 0.0, "eps": 0.0}
    for metric, mode in (("train_accuracy", "max"), ("val_loss", "min"), ("train_loss", "min")):
        schedule = {"scheduler": {**plateau, "mode": mode}}
        settings = {"optimizer": {"name": "SGD", "lr": 2.0}, "batch_size": 6}
        run = trained(home, make_run(epochs=6, schedule=schedule, plateau_metric=metric, **settings))
        values = run.epochs[metric].to_numpy() * (-1 if mode == "max" else 1)
        worse = [value >= min(values[:epoch], default=np.inf) for epoch, value in enumerate(values)]
        falls = np.concatenate([[0], np.cumsum(worse)[:-1]])
        assert_allclose(run.epochs["lr"], 2.0 * 0.5**falls, rtol=1e-12)
        assert falls[-1] > 0
