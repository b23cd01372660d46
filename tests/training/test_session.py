"""Whole runs on small pictures: the log, the models, the LR that was used, and what the worker says meanwhile."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from numpy.testing import assert_allclose

from lrlab.datasets import Dataset, decoded, split
from lrlab.experiments import Validation
from lrlab.home import Home
from lrlab.jobs.slots import slots
from lrlab.runs import Beat, Run, update
from lrlab.schedules import curve
from lrlab.training import batches, devices
from lrlab.training.checkpoints import load_model
from lrlab.training.worker import attempt

from .conftest import CLASSES, TEST, TRAIN, VAL, MakeRun

TIMES = {"time", "seconds", "images_per_second"}


def trained(home: Home, run: Run) -> Run:
    assert attempt(home, run) == 0, run.record.cause
    return run


def without_times(frame: pd.DataFrame) -> pd.DataFrame:
    return frame.drop(columns=[name for name in frame if name in TIMES])


def test_the_supervisor_says_how_many_cores_are_its_own_and_a_fault_in_lab_toml_spoils_nothing(
    home: Home, make_run: MakeRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    home.settings.write_text("[jobs")
    monkeypatch.setattr(devices, "_cores", lambda: 4)
    for name, value in slots(1, ("GPU-a",))[0].environment.items():
        monkeypatch.setenv(name, value)
    (only,) = trained(home, make_run(epochs=1)).record.attempts
    assert (only.threads, only.gpu) == (2, "GPU-a")


def test_a_run_ends_with_its_log_its_models_and_its_result(home: Home, make_run: MakeRun) -> None:
    run = trained(home, make_run())
    record, steps, epochs = run.record, run.steps, run.epochs
    assert record.state == "succeeded"
    assert (record.cause, record.advice) == ("", "")
    assert record.ended is not None
    assert steps["step"].tolist() == list(range(9))
    assert steps["epoch"].tolist() == [0, 0, 0, 1, 1, 1, 2, 2, 2]
    assert steps["time"].is_monotonic_increasing
    assert epochs["epoch"].tolist() == [0, 1, 2]
    assert epochs["step"].tolist() == [2, 5, 8]
    assert (epochs["images_per_second"] > 0).all()
    for epoch, rows in steps.groupby("epoch"):
        row = epochs.iloc[epoch]
        assert_allclose(row["train_loss"], rows["loss"].mean(), rtol=1e-12)
        assert_allclose(row["train_accuracy"], rows["accuracy"].mean(), rtol=1e-12)
    best = epochs.iloc[record.result.best_epoch]
    assert record.result.best_val_accuracy == best["val_accuracy"] == epochs["val_accuracy"].max()
    assert record.result.best_val_loss == best["val_loss"]
    (only,) = record.attempts
    assert (only.number, only.first_step, only.threads, only.torch) == (
        1,
        0,
        torch.get_num_threads(),
        torch.__version__,
    )
    assert only.placement == "memory"
    assert only.device == f"CPU, {only.threads} thread{'s' if only.threads != 1 else ''}"
    assert sorted(file.name for file in run.folder.iterdir() if not file.name.endswith("lock")) == [
        "best.safetensors",
        "checkpoints",
        "epochs-1.csv",
        "heartbeat.json",
        "last.safetensors",
        "predictions.parquet",
        "run.json",
        "steps-1.csv",
    ]


def accuracy_of(home: Home, dataset: Dataset, run: Run, part: str, model: str) -> float:
    """The accuracy of a saved model on a part of the images, with nothing of the training room but the model's file."""
    net, facts = load_model(getattr(run, f"{model}_model"))
    rows = getattr(split(dataset, Validation()), part)
    images = decoded(home, dataset, facts.image_size)[rows].astype(np.float32) / 255
    margin = (images.shape[1] - facts.image_size) // 2
    images = images[:, margin : margin + facts.image_size, margin : margin + facts.image_size]
    with torch.inference_mode():
        scores = net(torch.from_numpy((images - np.float32(facts.mean)) / np.float32(facts.std)).permute(0, 3, 1, 2))
    names = [facts.classes[index] for index in scores.argmax(1)]
    truth = [dataset.classes[label] for label in dataset.images["label"].to_numpy()[rows]]
    return float(np.mean([name == true for name, true in zip(names, truth, strict=True)]))


def test_saved_models_do_as_well_as_the_log_says(home: Home, dataset: Dataset, make_run: MakeRun) -> None:
    # The LR of the last two epochs spoils what the first four have learnt: best and last are different models.
    ruin = {"scheduler": {"name": "MultiStepLR", "milestones": [4], "gamma": 100.0}}
    run = trained(home, make_run(epochs=6, optimizer={"name": "Adam", "lr": 0.01}, schedule=ruin))
    record, epochs = run.record, run.epochs
    assert record.result.best_epoch < 4
    assert epochs["val_accuracy"].iloc[-1] < epochs["val_accuracy"].max()
    assert accuracy_of(home, dataset, run, "val", "best") == epochs["val_accuracy"].max()
    assert accuracy_of(home, dataset, run, "val", "last") == epochs["val_accuracy"].iloc[-1]
    assert accuracy_of(home, dataset, run, "test", "best") == record.result.test_accuracy
    assert record.result.test_loss is not None
    assert load_model(run.best_model)[1].epoch == record.result.best_epoch
    assert load_model(run.last_model)[1].val_accuracy == epochs["val_accuracy"].iloc[-1]
    assert record.dataset.test == TEST * len(CLASSES)


SCHEDULES: dict[str, dict[str, Any]] = {
    "per epoch": {"scheduler": {"name": "StepLR", "step_size": 1, "gamma": 0.5}},
    "per step, after a warm-up": {
        "interval": "step",
        "scheduler": {"name": "CosineAnnealingLR", "T_max": 5},
        "warmup": {"length": 4, "unit": "step", "start_factor": 0.0},
    },
    "per epoch, the warm-up ends inside one": {
        "scheduler": {"name": "ExponentialLR", "gamma": 0.5},
        "warmup": {"length": 4, "unit": "step", "start_factor": 0.1},
    },
}


@pytest.mark.parametrize("case", SCHEDULES)
def test_the_log_of_the_lr_is_the_preview_row_by_row(case: str, home: Home, make_run: MakeRun) -> None:
    run = trained(home, make_run(schedule=SCHEDULES[case], optimizer={"name": "SGD", "lr": 0.05}))
    previewed = curve(run.experiment.schedule, 0.05, 3, 3)
    assert len(np.unique(previewed.lr)) > 2
    assert_allclose(run.steps["lr"], previewed.lr, rtol=1e-9, atol=1e-14)
    assert (run.steps["epoch"] == previewed.epoch).all()
    assert_allclose(run.epochs["lr"], previewed.lr[[2, 5, 8]], rtol=1e-9, atol=1e-14)


def test_the_lr_of_the_log_is_the_one_that_moved_the_weights(home: Home, make_run: MakeRun) -> None:
    """With plain SGD a weight moves by LR x gradient; an LR of 0 moves nothing, so the loss of a full batch stays."""
    schedule = {"interval": "step", "scheduler": {"name": "MultiStepLR", "milestones": [2], "gamma": 0.0}}
    optimizer = {"name": "SGD", "lr": 0.1, "momentum": 0.0}
    run = trained(home, make_run(schedule=schedule, optimizer=optimizer, batch_size=30, epochs=5))
    assert run.steps["lr"].tolist() == [0.1, 0.1, 0.0, 0.0, 0.0]
    weights = load_model(run.last_model)[0].state_dict()
    stopped = trained(home, make_run(schedule=schedule, optimizer=optimizer, batch_size=30, epochs=2))
    for name, value in load_model(stopped.last_model)[0].named_parameters():
        assert torch.equal(weights[name], value), name


def test_the_same_experiment_gives_the_same_log_twice(home: Home, make_run: MakeRun) -> None:
    first, again, other = (trained(home, make_run(seed=seed)) for seed in (7, 7, 8))
    for frame in ("steps", "epochs"):
        pd.testing.assert_frame_equal(
            without_times(getattr(first, frame)), without_times(getattr(again, frame)), check_exact=True
        )
    weights = [load_model(run.last_model)[0].state_dict() for run in (first, again)]
    assert all(torch.equal(weights[0][name], weights[1][name]) for name in weights[0])
    assert (first.steps["loss"] != other.steps["loss"]).all()


def test_what_the_worker_is_doing_is_said(home: Home, make_run: MakeRun, monkeypatch: pytest.MonkeyPatch) -> None:
    phases: list[str] = []
    counted: dict[str, tuple[int, int]] = {}
    say, batch = Beat.say, Beat.batch

    def note(phase: str, done: int, total: int) -> None:
        counted[phase] = (done, total)
        if phases[-1:] != [phase]:
            phases.append(phase)

    def saying(beat: Beat, phase: str, done: int = 0, total: int = 0) -> None:
        note(phase, done, total)
        say(beat, phase, done, total)

    def beating(beat: Beat, seconds: float, **values: Any) -> None:
        assert seconds > 0
        note(values["phase"], values["done"], values["total"])
        batch(beat, seconds, **values)

    monkeypatch.setattr(Beat, "say", saying)
    monkeypatch.setattr(Beat, "batch", beating)
    monkeypatch.setitem(batches.EVAL_PIXELS, "cpu", 1)  # batches of 10: two to validate, two to test
    trained(home, make_run(epochs=1))
    assert phases == [
        "starting worker",
        "decoding images",
        "reading the images",
        "checking the schedule",
        "building the model",
        "first batch",
        "training",
        "validating",
        "saving the best model",
        "saving",
        "evaluating validation images",
        "evaluating test images",
    ]
    assert counted["decoding images"] == ((TRAIN + VAL + TEST) * 3, (TRAIN + VAL + TEST) * 3)
    assert counted["training"] == (3, 3)
    assert (counted["validating"], counted["evaluating test images"]) == ((2, 2), (TEST * 3, TEST * 3))


def test_a_second_attempt_starts_anew_beside_the_first(home: Home, make_run: MakeRun) -> None:
    run = make_run(epochs=1)
    trained(home, run)
    first = (run.folder / "steps-1.csv").read_bytes()
    update(run, state="queued")
    trained(home, run)
    assert [each.number for each in run.record.attempts] == [1, 2]
    assert (run.folder / "steps-1.csv").read_bytes() == first
    assert len(run.steps) == 3


def test_resnet18_trains(home: Home, make_run: MakeRun) -> None:
    run = trained(home, make_run(model={"name": "resnet18"}, epochs=1, image_size=16))
    assert len(run.steps) == 3
    assert load_model(run.best_model)[1].model == "resnet18"
