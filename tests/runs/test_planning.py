"""The LR that a run is going to use, what a person's hand makes of it, and where a run goes on."""

from __future__ import annotations

from collections import OrderedDict
from typing import Any

import pytest
from pydantic import ValidationError

from lrlab.runs import (
    Beat,
    LRChange,
    beyond,
    checkpoint_file,
    factor_at,
    factor_of,
    forget_lr_requests,
    lr_requests,
    next_update,
    planned_curve,
    planning,
    request_lr,
    resume_step,
    update,
    usable_checkpoints,
    what_comes,
)
from lrlab.runs.planning import what_comes_now
from lrlab.schedules import curve

from .conftest import MakeRun, attempt

HALVED = {"scheduler": {"name": "StepLR", "step_size": 1, "gamma": 0.5}}
SGD = {"name": "SGD", "lr": 0.8}


def change(step: int, factor: float) -> LRChange:
    return LRChange(step=step, factor=factor, time=float(step), lr=0.0)


PLANS: dict[str, tuple[dict[str, Any], list[float]]] = {
    "as asked": ({}, [0.8, 0.8, 0.4, 0.4, 0.2, 0.2]),
    "more epochs": ({"more_epochs": 2}, [0.8, 0.8, 0.4, 0.4, 0.2, 0.2, 0.1, 0.1, 0.05, 0.05]),
    "fewer, after an early end": ({"more_epochs": -1}, [0.8, 0.8, 0.4, 0.4]),
    "a factor": ({"lr_changes": [change(1, 0.5)]}, [0.8, 0.4, 0.2, 0.2, 0.1, 0.1]),
    "one takes the place of the other": (
        {"lr_changes": [change(1, 0.5), change(3, 2.0), change(3, 4.0)]}, [0.8, 0.4, 0.2, 1.6, 0.8, 0.8],
    ),
    "both": ({"more_epochs": 1, "lr_changes": [change(6, 10.0)]}, [0.8, 0.8, 0.4, 0.4, 0.2, 0.2, 1.0, 1.0]),
}  # fmt: skip


@pytest.mark.parametrize("case", PLANS)
def test_the_planned_curve_has_changes_and_more_epochs(case: str, make_run: MakeRun) -> None:
    fields, expected = PLANS[case]
    run = make_run(steps_per_epoch=2, epochs=3, optimizer=SGD, schedule=HALVED)
    update(run, **fields)
    drawn = planned_curve(run.record)
    assert drawn is not None and drawn.lr.tolist() == pytest.approx(expected)
    assert len(drawn.lr) == run.record.steps
    tenth = planned_curve(run.record, 0.08)
    assert tenth is not None and tenth.lr.tolist() == pytest.approx([lr / 10 for lr in expected])


@pytest.fixture
def computed(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """The schedules that are computed from now on; none is kept from before."""
    asked = []

    def counted(*given: Any, **named: Any) -> Any:
        asked.append(given)
        return curve(*given, **named)

    monkeypatch.setattr(planning, "curve", counted)
    monkeypatch.setattr(planning, "_kept", OrderedDict())
    return asked


def test_a_run_that_is_watched_has_its_schedule_computed_once(make_run: MakeRun, computed: list[Any]) -> None:
    run = make_run(steps_per_epoch=7, epochs=3, optimizer={"name": "SGD", "lr": 0.7654321}, schedule=HALVED)
    told = [(what_comes_now(run.record, step), planned_curve(run.record)) for step in range(21)]
    assert len(computed) == 1
    assert ["0.765" in words for words, _ in told] == [True] * 7 + [False] * 14
    update(run, lr_changes=[change(3, 10.0)])
    assert "7.65" in what_comes_now(run.record, 5)
    assert len(computed) == 1
    update(run, more_epochs=1)
    assert "last epoch, 4." in what_comes_now(run.record, 5)
    assert len(computed) == 2


def test_of_many_runs_in_turn_each_schedule_is_computed_once(make_run: MakeRun, computed: list[Any]) -> None:
    runs = [make_run(optimizer={"name": "SGD", "lr": 0.01 * (number + 1)}) for number in range(12)]
    for run in runs * 2:
        planned_curve(run.record)
    assert len(computed) == len(runs)


def test_what_is_kept_of_the_schedules_is_bounded(
    make_run: MakeRun, computed: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(planning, "KEPT", 3 * (1024 + 2 * 8 * 300))  # three that move LR and momentum
    one_cycle = {"interval": "step", "scheduler": {"name": "OneCycleLR", "max_lr": 1.0, "total_steps": 300}}
    moving, short = make_run(steps_per_epoch=100, schedule=one_cycle), make_run(steps_per_epoch=100)
    rates = [0.1 * number for number in range(1, 6)]
    for rate in rates:
        planned_curve(moving.record, rate)
    assert sum(drawn.lr.nbytes + drawn.momentum.nbytes for drawn in planning._kept.values()) == 3 * 4800
    planned_curve(moving.record, rates[2])  # of the three that were asked for last, and now the newest
    planned_curve(short.record)  # in place of the oldest
    assert len(computed) == 6
    for rate in (rates[2], rates[4]):
        planned_curve(moving.record, rate)
    assert len(computed) == 6
    planned_curve(moving.record, rates[3])
    assert len(computed) == 7


def test_a_schedule_that_was_cut_short_keeps_no_more_than_is_used(make_run: MakeRun, computed: list[Any]) -> None:
    one_cycle = {"interval": "step", "scheduler": {"name": "OneCycleLR", "max_lr": 1.0, "total_steps": 12}}
    run = make_run(schedule=one_cycle)
    update(run, more_epochs=-2)
    assert planned_curve(run.record) is not None
    (kept,) = planning._kept.values()
    assert [values.base for values in (kept.lr, kept.momentum)] == [None, None]
    assert [len(values) for values in (kept.lr, kept.momentum)] == [4, 4]


@pytest.mark.parametrize("schedule", [
    {"scheduler": {"name": "ReduceLROnPlateau"}},
    {"interval": "step", "scheduler": {"name": "ExponentialLR", "gamma": 99.0}},
])  # fmt: skip
def test_what_no_curve_knows_is_not_drawn(schedule: dict[str, Any], make_run: MakeRun) -> None:
    assert planned_curve(make_run(schedule=schedule).record) is None


def test_what_a_number_makes_of_the_schedule(make_run: MakeRun) -> None:
    run = make_run(steps_per_epoch=2, epochs=3, optimizer=SGD, schedule=HALVED)
    update(run, lr_changes=[change(1, 0.5)])
    record = run.record
    assert [factor_at(record, step) for step in (0, 1, 5)] == [1.0, 0.5, 0.5]
    assert factor_of(record, 0, factor=3.0) == 3.0
    assert factor_of(record, 2, factor=3.0) == 1.5
    assert factor_of(record, 2, value=0.1) == pytest.approx(0.25)  # of the schedule's own 0.4
    assert what_comes(record, 2) == "The LR falls from 0.2 to 0.1 in the last epoch, 3.".replace(
        "falls from 0.2", "stays at 0.2 until epoch 3, then falls"
    )
    assert what_comes(record, 4, 0.25) == "The LR stays at 0.05 to the end of epoch 3, the last."
    assert what_comes(record, 6) == ""


def test_an_lr_of_0_is_passed_over(make_run: MakeRun) -> None:
    warmup = {"length": 4, "unit": "step", "start_factor": 0.0}
    run = make_run(steps_per_epoch=2, optimizer=SGD, schedule={"scheduler": {"name": "Fixed"}, "warmup": warmup})
    assert factor_of(run.record, 0, value=0.4) == pytest.approx(2.0)  # from update 1 on, whose LR is 0.2


def test_a_plateaus_words_know_its_rule_only(make_run: MakeRun) -> None:
    run = make_run(schedule={"scheduler": {"name": "ReduceLROnPlateau", "patience": 3}})
    assert factor_of(run.record, 0, value=0.4) is None
    assert what_comes(run.record, 0) == (
        "The LR is multiplied by 0.1 after 4 epochs in a row without a better val_loss."
    )


BEYOND: dict[str, tuple[dict[str, Any], int, str]] = {
    "none": (HALVED, 0, ""),
    "StepLR": (
        HALVED, 2,
        "Epochs 4 to 5 lie beyond the schedule's planned end. The LR falls from 0.2 to 0.05 in the last epoch, 5.",
    ),
    "a cosine": (
        {"scheduler": {"name": "CosineAnnealingLR", "T_max": 2}}, 1,
        "Epoch 4 lies beyond the schedule's planned end. The LR rises from 0 to 0.4 in the last epoch, 4.",
    ),
    "OneCycleLR": (
        {"interval": "step", "scheduler": {"name": "OneCycleLR", "max_lr": 1.0, "total_steps": 6, "pct_start": 0.5}}, 3,
        "Epochs 4 to 6 lie beyond the schedule's planned end. The LR stays at 4e-6 to the end of epoch 6, the last.",
    ),
    "Fixed": (
        {}, 2,
        "Epochs 4 to 5 lie beyond the schedule's planned end. The LR stays at 0.8 to the end of epoch 5, the last.",
    ),
    "a plateau": (
        {"scheduler": {"name": "ReduceLROnPlateau", "patience": 1, "mode": "max"}}, 1,
        "Epoch 4 lies beyond the schedule's planned end. The LR is multiplied by 0.1 after 2 epochs in a row without a "
        "better val_accuracy.",
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", BEYOND)
def test_what_lies_beyond_the_end_is_stated(case: str, make_run: MakeRun) -> None:
    schedule, more, expected = BEYOND[case]
    run = make_run(steps_per_epoch=2, epochs=3, optimizer=SGD, schedule=schedule)
    update(run, more_epochs=more)
    assert beyond(run.record) == expected


def test_requests_wait_in_the_order_in_which_they_came(make_run: MakeRun) -> None:
    run = make_run()
    assert lr_requests(run) == []
    asked = [request_lr(run, value=0.1), request_lr(run, factor=0.5), request_lr(run, factor=0.5)]
    (run.folder / "lr" / "torn.json").write_text("{")
    assert [request for _, request in lr_requests(run)] == asked
    lr_requests(run)[0][0].unlink()
    assert [request for _, request in lr_requests(run)] == asked[1:]
    forget_lr_requests(run)
    assert lr_requests(run) == []


@pytest.mark.parametrize(
    "bad", [{}, {"value": 0.1, "factor": 2.0}, {"value": 0.0}, {"value": 1001.0}, {"factor": -1.0},
            {"factor": float("inf")}, {"value": float("nan")}],
)  # fmt: skip
def test_what_is_no_lr_is_not_asked_for(bad: dict[str, float], make_run: MakeRun) -> None:
    run = make_run()
    with pytest.raises(ValidationError):
        request_lr(run, **bad)
    assert lr_requests(run) == []


USABLE = {
    "the newest of one attempt": ([0], ["1-4", "1-12", "1-8"], ["1-12", "1-8", "1-4"]),
    "an older attempt's count up to where the next began": (
        [0, 8], ["1-4", "1-8", "1-12", "2-10"], ["2-10", "1-8", "1-4"],
    ),
    "one that began anew leaves nothing of those before": ([0, 0], ["1-4", "2-2", "1-0"], ["2-2", "1-0"]),
    "the later of two at the same update": ([0, 4], ["1-4", "2-4"], ["2-4", "1-4"]),
    "what is no checkpoint": ([0], ["1-4", "3-9", "0-9", "a-1", "1-x", "1-9.tmp"], ["1-4"]),
}  # fmt: skip


@pytest.mark.parametrize("case", USABLE)
def test_a_run_goes_on_from_what_its_attempts_vouch_for(case: str, make_run: MakeRun) -> None:
    firsts, names, expected = USABLE[case]
    run = make_run()
    (run.folder / "checkpoints").mkdir()
    for name in names:
        (run.folder / "checkpoints" / f"{name}.pt").touch()
    update(run, attempts=[attempt(number, first) for number, first in enumerate(firsts, start=1)])
    found = usable_checkpoints(run, run.record.attempts)
    assert [one.path.stem for one in found] == expected
    assert resume_step(run) == found[0].step
    assert checkpoint_file(run, found[0].attempt, found[0].step) == found[0].path


def test_the_next_update_is_known_from_the_heartbeat_of_this_attempt(make_run: MakeRun) -> None:
    run = make_run()
    assert (next_update(run), resume_step(run)) == (0, 0)
    beat = Beat(run)
    beat.batch(0.1, phase="training", step=7)
    begun = attempt(1, first_step=4)
    update(run, state="running", attempts=[begun])
    assert next_update(run) == 4  # the heartbeat is older than the attempt
    beat.batch(0.1, phase="training", step=8)
    beat.flush()
    assert next_update(run) == 9
    (run.folder / "checkpoints").mkdir()
    checkpoint_file(run, 1, 6).touch()
    update(run, state="queued")
    assert next_update(run) == 6
