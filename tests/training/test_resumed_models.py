"""What an interruption leaves and a resumed run keeps of it: rows of epochs, models, predictions, checkpoints."""

from __future__ import annotations

import errno
import itertools
from pathlib import Path
from typing import Any

import pytest
from pandas.testing import assert_frame_equal

from lrlab.errors import LabError
from lrlab.home import Home
from lrlab.runs import Run, Tail, request_stop
from lrlab.training import resuming, session
from lrlab.training.checkpoints import load_model
from lrlab.training.observers import Heartbeat, Keeper, Recorder
from lrlab.training.worker import attempt

from .conftest import MakeRun
from .interrupting import Killed, assert_same, go_on, train


def raise_killed(*_: object) -> None:
    raise Killed


def stop_after(monkeypatch: pytest.MonkeyPatch, run: Run, step: int) -> None:
    real = Recorder.after_update

    def told(recorder: Recorder, loop: Any) -> None:
        real(recorder, loop)
        if loop.step == step:
            request_stop(run)

    monkeypatch.setattr(Recorder, "after_update", told)


def test_an_epoch_that_is_validated_twice_has_one_row(
    home: Home, make_run: MakeRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Stopped while it validates, then killed between the epoch's row and the checkpoint after it."""
    alone, run = train(home, make_run()), make_run()
    with monkeypatch.context() as patched:
        patched.setattr(Heartbeat, "after_eval_batch", lambda *_: request_stop(run))
        assert attempt(home, run) == 0 and run.record.state == "cancelled"
    tail = Tail(run)
    with pytest.raises(Killed), monkeypatch.context() as patched:
        patched.setattr(resuming.Checkpointer, "after_epoch", raise_killed)
        go_on(home, run)
    tail.poll()
    assert run.epochs["epoch"].tolist() == tail.epochs["epoch"].tolist() == [0]
    assert go_on(home, run) == 0
    assert [(one.first_step, one.validates_first) for one in run.record.attempts] == [(0, False), (3, True), (3, True)]
    assert_same(run, alone)
    tail.poll()
    assert_frame_equal(tail.epochs, run.epochs)


def each_epoch_is(better: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """Better than all before it, or than none."""
    order = itertools.count(0, -1 if better else 1)
    monkeypatch.setattr(Keeper, "_order", lambda keeper, score: (float(next(order)), 0.0))


@pytest.mark.parametrize("better", [True, False])
def test_predictions_go_with_the_model_that_they_are_of(
    better: bool, home: Home, make_run: MakeRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    each_epoch_is(better, monkeypatch)
    run = train(home, make_run())
    assert run.predictions.is_file()
    with pytest.raises(Killed), monkeypatch.context() as patched:
        patched.setattr(resuming.Checkpointer, "after_epoch", raise_killed)
        go_on(home, run, more_epochs=2, more_from=3)
    assert load_model(run.best_model)[1].epoch == (3 if better else 0)
    assert run.predictions.is_file() is not better


@pytest.mark.usefixtures("often")
def test_predictions_and_score_of_a_model_go_where_an_older_one_takes_its_place(
    home: Home, make_run: MakeRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    each_epoch_is(True, monkeypatch)
    run = train(home, make_run())
    scored = run.record.result
    assert scored.test_accuracy is not None
    (run.folder / "checkpoints" / "1-9.pt").write_bytes(b"torn")
    with pytest.raises(Killed), monkeypatch.context() as patched:
        patched.setattr(Recorder, "after_update", raise_killed)
        go_on(home, run)
    assert load_model(run.best_model)[1].epoch == 1
    assert not run.predictions.exists()
    assert run.record.result == scored.model_copy(update={"test_accuracy": None, "test_loss": None})


@pytest.mark.parametrize("apart", [False, True], ids=["one file", "two equal files"])
@pytest.mark.parametrize("how", ["stopped", "failed"])
def test_what_was_said_of_a_model_stays_while_it_does(
    how: str, apart: bool, home: Home, make_run: MakeRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The run is trained on and broken off before an epoch that is better; the test images are not looked at again."""
    each_epoch_is(False, monkeypatch)
    run = train(home, make_run())
    scored, predictions = run.record.result, run.predictions.read_bytes()
    assert scored.test_accuracy is not None
    if apart:  # as on a disk without second names, or out of a backup
        best = run.best_model.read_bytes()
        run.best_model.unlink()
        run.best_model.write_bytes(best)
    if how == "stopped":
        stop_after(monkeypatch, run, 12)
    else:
        monkeypatch.setattr(Recorder, "after_epoch", fail)
    assert go_on(home, run, more_epochs=2, more_from=3) == (0 if how == "stopped" else 1)
    assert run.record.state == ("cancelled" if how == "stopped" else "failed")
    assert run.record.result == scored
    assert run.predictions.read_bytes() == predictions


def fail(*_: object) -> None:
    raise LabError("the loss became nan")


def test_a_model_is_left_until_another_takes_its_place(
    home: Home, make_run: MakeRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = train(home, make_run())
    best, predictions = run.best_model.read_bytes(), run.predictions.read_bytes()
    for file in (run.folder / "checkpoints").iterdir():
        file.unlink()
    with pytest.raises(Killed), monkeypatch.context() as patched:
        patched.setattr(Recorder, "after_training", raise_killed)
        go_on(home, run)
    assert (run.best_model.read_bytes(), run.predictions.read_bytes()) == (best, predictions)


@pytest.mark.usefixtures("often")
@pytest.mark.parametrize("stop", [None, 4], ids=["to its end", "stopped"])
def test_each_place_is_kept_once(
    stop: int | None, home: Home, make_run: MakeRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept, real = [], resuming._write

    def write(path: Path, *rest: Any) -> None:
        kept.append(path.stem)
        real(path, *rest)

    monkeypatch.setattr(resuming, "_write", write)
    run = make_run()
    if stop is not None:
        stop_after(monkeypatch, run, stop)
    assert attempt(home, run) == 0
    assert kept == [f"1-{step}" for step in range(1, 10 if stop is None else stop + 2)]


def test_a_stopped_run_whose_last_model_found_no_room_goes_on_from_where_it_stood(
    home: Home, make_run: MakeRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    alone, run = train(home, make_run()), make_run()

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patched:
        stop_after(patched, run, 1)
        patched.setattr(session, "save_model", full)
        assert attempt(home, run) == 1 and run.record.cause == "the disk is full"
    assert go_on(home, run) == 0
    assert [one.first_step for one in run.record.attempts] == [0, 2]
    assert_same(run, alone)


def test_what_an_older_version_did_not_know_begins_as_it_is_built(
    home: Home, make_run: MakeRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = resuming.read

    def read(path: Path, told: Any) -> dict[str, Any] | None:
        state = real(path, told)
        assert state is not None
        return {**state, "observers": {name: one for name, one in state["observers"].items() if name != "EarlyStop"}}

    run = train(home, make_run())
    monkeypatch.setattr(resuming, "read", read)
    assert go_on(home, run, more_epochs=1, more_from=3) == 0
    assert len(run.epochs) == 4
