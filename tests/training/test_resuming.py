"""Runs that are stopped and killed again and again end with the very log and weights of those that were left alone."""

from __future__ import annotations

import itertools
import random
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import torch
from pandas.testing import assert_frame_equal
from safetensors.torch import load_file

from lrlab.home import Home
from lrlab.runs import LRChange, Run, Tail, planned_curve, request_lr, request_stop, status, update, withdraw_stop
from lrlab.training import devices, resuming
from lrlab.training.checkpoints import load_model
from lrlab.training.observers import Heartbeat, Recorder
from lrlab.training.worker import attempt

from .conftest import MakeRun

TIMES = {"time", "seconds", "images_per_second"}
SGD = {"name": "SGD", "lr": 0.02, "momentum": 0.9, "nesterov": True}


class Killed(BaseException):
    """Ends a worker as a signal does: nothing is caught, written or tidied up."""


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Models as small as these are quickest on one thread, and it leaves the other core to other tests."""
    monkeypatch.setattr(devices, "MOST_THREADS", 1)


@pytest.fixture
def often(monkeypatch: pytest.MonkeyPatch) -> None:
    """A checkpoint after every update, whatever it costs."""
    monkeypatch.setattr(resuming, "EVERY", 0.0)
    monkeypatch.setattr(resuming, "COST", float("inf"))


def train(home: Home, run: Run) -> Run:
    assert attempt(home, run) == 0, run.record.cause
    assert run.record.state == "succeeded"
    return run


def go_on(home: Home, run: Run, **fields: Any) -> int:
    """What the queue does for a run that is resumed; another worker then begins."""
    withdraw_stop(run)
    update(run, state="queued", ended=None, **fields)
    return attempt(home, run)


def interrupted(
    home: Home, run: Run, monkeypatch: pytest.MonkeyPatch, points: Iterable[tuple[str, int]], kill: bool
) -> Run:
    """Trains `run`, interrupted at `points` one after the other, each in another attempt: ("update", n) after update n
    was logged, ("validation", n) while epoch n is validated, ("save", n) in the n-th checkpoint of the attempt."""
    due: list[tuple[str, int]] = []

    def end_if(*point: Any) -> None:
        if point in due:
            due.clear()
            if kill:
                raise Killed
            request_stop(run)

    def after(owner: Any, name: str, point: Callable[[Any], tuple[str, int]]) -> None:
        real = getattr(owner, name)

        def told(observer: Any, loop: Any) -> None:
            real(observer, loop)
            end_if(*point(loop))

        monkeypatch.setattr(owner, name, told)

    after(Recorder, "after_update", lambda loop: ("update", loop.step))
    after(Heartbeat, "after_eval_batch", lambda loop: (loop.evaluating.replace("validating", "validation"), loop.epoch))
    writes = itertools.count()
    real_write = resuming._write

    def write(path: Path, state: dict[str, Any]) -> None:
        end_if("save", next(writes))
        real_write(path, state)

    monkeypatch.setattr(resuming, "_write", write)
    for number, point in enumerate(points):
        due.append(point)
        writes = itertools.count()
        try:
            code = go_on(home, run) if number else attempt(home, run)
            assert (code, run.record.state) == (0, "succeeded" if due else "cancelled")
        except Killed:
            pass
        assert not due, f"{point} never came"
    assert go_on(home, run) == 0, run.record.cause
    assert run.record.state == "succeeded"
    assert len(run.record.attempts) == 1 + len(list(points))
    return run


def assert_same(run: Run, other: Run) -> None:
    """That nothing but times and names tells the two apart: log, weights, best model, result, all state at the end."""
    for frame in ("steps", "epochs"):
        one, two = (getattr(each, frame) for each in (run, other))
        assert_frame_equal(without_times(one), without_times(two), check_exact=True)
    for model in ("last_model", "best_model"):
        one, two = (load_file(getattr(each, model)) for each in (run, other))
        assert one.keys() == two.keys()
        assert all(torch.equal(one[name], two[name]) for name in one), model
        assert load_model(getattr(run, model))[1].epoch == load_model(getattr(other, model))[1].epoch
    assert run.record.result == other.record.result
    assert_equal(*(without_spent(newest_state(each)) for each in (run, other)))


def newest_state(run: Run) -> dict[str, Any]:
    newest = max((run.folder / "checkpoints").glob("*.pt"), key=lambda path: [int(n) for n in path.stem.split("-")])
    state = resuming.read(newest)
    assert state is not None
    return state


def without_spent(state: dict[str, Any]) -> dict[str, Any]:
    return {**state, "loop": {**state["loop"], "spent": 0.0}}


def assert_equal(one: Any, two: Any, path: str = "") -> None:
    if isinstance(one, torch.Tensor):
        assert torch.equal(one, two), path
    elif isinstance(one, dict):
        assert one.keys() == two.keys(), path
        for key in one:
            assert_equal(one[key], two[key], f"{path}.{key}")
    elif isinstance(one, list | tuple):
        assert len(one) == len(two), path
        for number, (left, right) in enumerate(zip(one, two, strict=True)):
            assert_equal(left, right, f"{path}.{number}")
    else:
        assert one == two or (one != one and two != two), path


def without_times(frame: pd.DataFrame) -> pd.DataFrame:
    return frame.drop(columns=[name for name in frame if name in TIMES])


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


CHANGES = [
    LRChange(step=0, factor=0.5, time=1.0, lr=0.01),
    LRChange(step=4, factor=3.0, time=2.0, lr=0.06),
    LRChange(step=9, factor=0.1, time=3.0, lr=0.002),
]
COSINE = {"interval": "step", "scheduler": {"name": "CosineAnnealingLR", "T_max": 12, "eta_min": 0.001}}


@pytest.mark.usefixtures("often")
def test_changes_of_the_lr_are_made_again_at_their_updates(
    home: Home, make_run: MakeRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each point is right before, at or after a change, or at a kill that undoes one."""
    settings = {"epochs": 4, "optimizer": SGD, "schedule": COSINE}
    alone, run = make_run(**settings), make_run(**settings)
    for each in (alone, run):
        update(each, lr_changes=CHANGES)
    train(home, alone)
    planned = planned_curve(alone.record)
    assert planned is not None
    assert alone.steps["lr"].to_numpy() == pytest.approx(planned.lr, rel=1e-9, abs=1e-15)
    points = [("update", 3), ("update", 4), ("save", 1), ("update", 8), ("update", 9)]
    assert_same(interrupted(home, run, monkeypatch, points, kill=True), alone)


def asks_at(monkeypatch: pytest.MonkeyPatch, run: Run, requests: dict[int, dict[str, float]]) -> None:
    """A person asks for another LR while update n is made."""
    real = Recorder.after_update

    def asked(recorder: Recorder, loop: Any) -> None:
        real(recorder, loop)
        if loop.step in requests:
            request_lr(run, **requests.pop(loop.step))

    monkeypatch.setattr(Recorder, "after_update", asked)


def test_what_a_person_asks_for_multiplies_the_rest_of_the_schedule(
    home: Home, make_run: MakeRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    """At the end of an epoch the request waits until the schedule has been stepped: the LR asked for is the LR used."""
    schedule = {"scheduler": {"name": "ExponentialLR", "gamma": 0.5}}
    run = make_run(epochs=4, optimizer={"name": "SGD", "lr": 0.08}, schedule=schedule)
    asks_at(monkeypatch, run, {0: {"factor": 0.5}, 5: {"value": 0.1}, 6: {"factor": 0.1}, 11: {"factor": 9.0}})
    train(home, run)
    #           epoch 0                epoch 1             2: 0.02 x 5               3: 0.01 x 0.5
    expected = [0.08, 0.04, 0.04, 0.02, 0.02, 0.02, 0.1, 0.01, 0.01, 0.005, 0.005, 0.005]
    assert run.steps["lr"].tolist() == pytest.approx(expected, rel=1e-12)
    changes = run.record.lr_changes
    assert [(one.step, round(one.factor, 9), round(one.lr, 9)) for one in changes] == [
        (1, 0.5, 0.04), (6, 5.0, 0.1), (7, 0.5, 0.01),
    ]  # fmt: skip
    planned = planned_curve(run.record)
    assert planned is not None and planned.lr.tolist() == pytest.approx(expected, rel=1e-12)


def test_an_lr_of_0_is_waited_for_to_pass(home: Home, make_run: MakeRun, monkeypatch: pytest.MonkeyPatch) -> None:
    schedule = {"scheduler": {"name": "Fixed"}, "warmup": {"length": 4, "unit": "step", "start_factor": 0.0}}
    run = make_run(epochs=2, optimizer={"name": "SGD", "lr": 0.08}, schedule=schedule)
    request_lr(run, value=0.1)
    train(home, run)
    assert run.steps["lr"].tolist() == pytest.approx([0, 0.1, 0.2, 0.3, 0.4, 0.4])


@pytest.mark.usefixtures("often")
def test_who_asks_after_a_resume_undoes_the_changes_that_were_to_come(
    home: Home, make_run: MakeRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = make_run(epochs=3, optimizer={"name": "SGD", "lr": 0.08})
    asks_at(monkeypatch, run, {1: {"factor": 0.5}, 5: {"factor": 0.5}})
    train(home, run)
    for file in (run.folder / "checkpoints").glob("1-*"):
        file.unlink()  # it begins anew, before both changes
    asks_at(monkeypatch, run, {3: {"value": 0.02}})
    assert go_on(home, run) == 0
    assert run.steps["lr"].tolist() == pytest.approx([0.08, 0.08, 0.04, 0.04] + [0.02] * 5)
    assert [one.step for one in run.record.lr_changes] == [2, 4]


def test_a_request_taken_up_before_a_kill_is_not_taken_up_twice(
    home: Home, make_run: MakeRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = make_run(epochs=2, optimizer={"name": "SGD", "lr": 0.08})
    request = request_lr(run, factor=0.5)
    update(run, lr_changes=[LRChange(step=0, factor=0.5, time=request.time, lr=0.04)])
    train(home, run)
    assert set(run.steps["lr"]) == {0.04}
    assert not list((run.folder / "lr").iterdir())


SPOILT: dict[str, Callable[[Path], object]] = {
    "torn": lambda path: path.write_bytes(path.read_bytes()[: path.stat().st_size // 2]),
    "empty": lambda path: path.write_bytes(b""),
    "altered": lambda path: altered(path),
    "of another make": lambda path: torch.save({"format": 99}, path),
    "no mapping": lambda path: torch.save([1, 2], path),
    "gone": lambda path: path.unlink(),
}


def altered(path: Path) -> None:
    """Zeros amid the weights, as a power cut may leave them; the file's own structure is whole."""
    content = bytearray(path.read_bytes())
    middle = len(content) // 2
    content[middle : middle + 64] = bytes(64)
    path.write_bytes(content)


@pytest.mark.usefixtures("often")
@pytest.mark.parametrize("kind", SPOILT)
def test_a_spoilt_checkpoint_falls_back_to_the_one_before(
    kind: str, home: Home, make_run: MakeRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = {"optimizer": SGD, "model": {"name": "small_cnn", "dropout": 0.4}}
    alone, run = train(home, make_run(**settings)), make_run(**settings)
    request = asked_to_stop_after(monkeypatch, run, 6)
    assert attempt(home, run) == 0 and not request
    kept = sorted(path.name for path in (run.folder / "checkpoints").glob("*.pt"))
    assert kept == ["1-6.pt", "1-7.pt"]  # of all that were written, the newest and the one before
    SPOILT[kind](run.folder / "checkpoints" / "1-7.pt")
    assert go_on(home, run) == 0
    assert [one.first_step for one in run.record.attempts] == [0, 6]
    assert_same(run, alone)


def asked_to_stop_after(monkeypatch: pytest.MonkeyPatch, run: Run, step: int) -> list[int]:
    left, real = [step], Recorder.after_update

    def told(recorder: Recorder, loop: Any) -> None:
        real(recorder, loop)
        if loop.step in left:
            left.clear()
            request_stop(run)

    monkeypatch.setattr(Recorder, "after_update", told)
    return left


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
    assert run.record.attempts[1].remark == (
        "No earlier attempt left a checkpoint that can be used, so the run began anew."
    )


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


def test_checkpoints_cost_no_more_than_their_share(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """By a clock of the test's own: saving takes 2 s, an update 1 s, an epoch 50 of them."""
    clock = [0.0]
    monkeypatch.setattr(resuming, "time", _Clock(clock))
    saved: list[float] = []
    checkpointer = resuming.Checkpointer(None, 1, None, None)  # type: ignore[arg-type]

    def save(loop: Any) -> None:
        clock[0] += 2.0
        saved.append(clock[0])
        checkpointer._saved, checkpointer._seconds = clock[0], 2.0

    monkeypatch.setattr(checkpointer, "save", save)
    for _epoch in range(20):
        for done in range(1, 51):
            clock[0] += 1.0
            checkpointer.after_update(_At(done))
        checkpointer.after_epoch(_At(50))
    assert saved[0] == 22.0  # what it costs is not known before the first, which comes after 20 s
    assert min(after - before for before, after in itertools.pairwise(saved)) >= 2.0 / resuming.COST
    assert 2.0 * len(saved) / clock[0] <= resuming.COST


class _At:
    def __init__(self, done: int) -> None:
        self.done, self.updates_per_epoch = done, 50


class _Clock:
    def __init__(self, clock: list[float]) -> None:
        self._clock = clock

    def monotonic(self) -> float:
        return self._clock[0]

    time = staticmethod(time.time)


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


@pytest.mark.usefixtures("often")
def test_a_full_disk_ends_the_run_and_spoils_nothing(
    home: Home, make_run: MakeRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    alone, run = train(home, make_run()), make_run()
    saves, real = itertools.count(), torch.save

    def fill(state: object, file: Any) -> None:
        if next(saves) < 4:
            return real(state, file)
        file.write(b"as much as had room")
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(torch, "save", fill)
        assert attempt(home, run) == 1
    assert (run.record.state, run.record.cause) == ("failed", "the disk is full")
    folder = run.folder / "checkpoints"
    assert sorted(path.name for path in folder.glob("*.pt")) == ["1-3.pt", "1-4.pt"]
    (folder / ".1-5.pt.abcdef").touch()  # as a kill leaves it
    assert go_on(home, run) == 0
    assert run.record.attempts[1].first_step == 4
    assert_same(run, alone)
    # Two checkpoints, each with the best model as it knew it, and nothing that was not finished.
    assert sorted(path.name for path in folder.iterdir()) == ["2-8.pt", "2-8.safetensors", "2-9.pt", "2-9.safetensors"]
