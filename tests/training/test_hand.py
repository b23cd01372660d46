"""A person's hand on the LR of a run: made at the update that was meant, once, and again after an interruption."""

from __future__ import annotations

from typing import Any

import pytest

from lrlab.home import Home
from lrlab.runs import LRChange, Run, planned_curve, request_lr, request_stop, update
from lrlab.training.observers import Heartbeat, Recorder
from lrlab.training.worker import attempt

from .conftest import MakeRun
from .interrupting import SGD, assert_same, go_on, interrupted, train

pytestmark = pytest.mark.usefixtures("quick")

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


def test_an_lr_that_is_set_while_a_run_waits_to_be_validated_is_the_one_that_it_trains_with(
    home: Home, make_run: MakeRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The schedule is stepped after that validation: the factor is reckoned from what it says then."""
    stairs = {"scheduler": {"name": "StepLR", "step_size": 1, "gamma": 0.1}}
    run = make_run(optimizer={"name": "SGD", "lr": 0.1}, schedule=stairs)
    with monkeypatch.context() as patched:
        patched.setattr(Heartbeat, "after_eval_batch", lambda *_: request_stop(run))
        assert attempt(home, run) == 0 and run.record.state == "cancelled"
    request_lr(run, value=0.02)
    assert go_on(home, run) == 0
    assert run.record.attempts[1].validates_first
    expected = [0.1] * 3 + [0.02] * 3 + [0.002] * 3
    assert run.steps["lr"].tolist() == pytest.approx(expected, rel=1e-12)
    assert [(one.step, round(one.factor, 9), round(one.lr, 9)) for one in run.record.lr_changes] == [(3, 2.0, 0.02)]
    planned = planned_curve(run.record)
    assert planned is not None and planned.lr.tolist() == pytest.approx(expected, rel=1e-12)


def test_no_request_brings_the_lr_beyond_what_is_allowed(
    home: Home, make_run: MakeRun, caplog: pytest.LogCaptureFixture
) -> None:
    run = make_run(epochs=1, optimizer={"name": "SGD", "lr": 0.001})
    request_lr(run, factor=1e9)
    request_lr(run, factor=0.5e-6)
    train(home, run)
    # 0.001 x 1e9 is held at 1000 first.
    assert run.steps["lr"].tolist() == pytest.approx([5e-4] * 3)
    assert "an LR of 1e6 was asked for; allowed: at most 1000" in caplog.text


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
