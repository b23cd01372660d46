"""Whole runs on small pictures: the log, the models, and every way in which a run can end."""

from __future__ import annotations

import errno
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from numpy.testing import assert_allclose
from torch import nn

from lrlab.datasets import Dataset, decoded, delete_dataset, split
from lrlab.experiments import Validation
from lrlab.home import Home
from lrlab.jobs.slots import slots
from lrlab.runs import Beat, LogWriter, Run, request_stop, update
from lrlab.schedules import curve
from lrlab.training import batches, devices, evaluation, session, worker
from lrlab.training.checkpoints import load_model
from lrlab.training.models import SmallCNN
from lrlab.training.observers import Recorder
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
    assert (counted["validating"], counted["evaluating test images"]) == ((2, 2), (2, 2))


@pytest.fixture
def stop_at(monkeypatch: pytest.MonkeyPatch) -> Callable[[type, str, int, Run], None]:
    """`stop_at(class, method, n, run)`: a person asks for a stop while the method is called the n-th time (from 0)."""

    def arrange(where: type, method: str, call: int, run: Run) -> None:
        real, calls = getattr(where, method), iter(range(10_000))

        def called(*arguments: Any, **values: Any) -> Any:
            if next(calls) == call:
                request_stop(run)
            return real(*arguments, **values)

        monkeypatch.setattr(where, method, called)

    return arrange


STOPS = {
    "in the first update": (Recorder, "after_update", 0, 1, 0, None),
    "in the fifth update": (Recorder, "after_update", 4, 5, 1, 0),
    "in the first validation": (Recorder, "after_training", 0, 3, 0, None),
    "in the second validation": (Recorder, "after_training", 1, 6, 1, 0),
    "while the second epoch's row is written": (Recorder, "after_epoch", 1, 7, 2, 1),
}


@pytest.mark.parametrize("case", STOPS)
def test_a_stop_ends_the_run_at_its_next_step(
    case: str, home: Home, make_run: MakeRun, stop_at: Callable[..., None]
) -> None:
    where, method, call, rows, epoch, finished = STOPS[case]
    run = make_run(optimizer={"name": "Adam", "lr": 0.01})
    stop_at(where, method, call, run)
    assert attempt(home, run) == 0
    record = run.record
    assert record.state == "cancelled"
    assert (record.cause, record.ended is not None) == ("", True)
    assert run.steps["step"].tolist() == list(range(rows))
    assert len(run.epochs) == (0 if finished is None else finished + 1)
    _, facts = load_model(run.last_model)
    assert (facts.epoch, facts.val_accuracy) == (epoch, None)
    assert run.best_model.exists() == (finished is not None)
    assert (record.result.best_epoch is None) == (finished is None)


@pytest.mark.parametrize(("where", "method"), [(Beat, "__init__"), (session, "decoded"), (session, "check")])
def test_a_stop_before_the_first_update_leaves_no_model(
    where: Any, method: str, home: Home, make_run: MakeRun, stop_at: Callable[..., None]
) -> None:
    run = make_run()
    stop_at(where, method, 0, run)
    assert attempt(home, run) == 0
    assert run.record.state == "cancelled"
    assert not run.last_model.exists()
    assert len(run.steps) == 0
    assert not any(file.name.startswith(".reserve") for file in run.folder.iterdir())


def test_a_stop_while_test_images_are_evaluated_keeps_everything(
    home: Home, make_run: MakeRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = make_run(epochs=1)
    real = evaluation.load_model

    def asked_meanwhile(*arguments: Any) -> Any:
        request_stop(run)
        return real(*arguments)

    monkeypatch.setattr(evaluation, "load_model", asked_meanwhile)
    assert attempt(home, run) == 0
    assert run.record.state == "cancelled"
    assert run.record.result.best_epoch == 0
    assert run.record.result.test_accuracy is not None  # so little is left that it is done to the end
    assert load_model(run.last_model)[1].epoch == 0


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


def test_a_second_attempt_starts_anew_beside_the_first(home: Home, make_run: MakeRun) -> None:
    run = make_run(epochs=1)
    trained(home, run)
    first = (run.folder / "steps-1.csv").read_bytes()
    update(run, state="queued")
    trained(home, run)
    assert [each.number for each in run.record.attempts] == [1, 2]
    assert (run.folder / "steps-1.csv").read_bytes() == first
    assert len(run.steps) == 3


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


def test_resnet18_trains(home: Home, make_run: MakeRun) -> None:
    run = trained(home, make_run(model={"name": "resnet18"}, epochs=1, image_size=16))
    assert len(run.steps) == 3
    assert load_model(run.best_model)[1].model == "resnet18"
