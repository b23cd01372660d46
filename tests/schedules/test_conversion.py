"""The other interval: every value worked by hand, back again what was there before, and what cannot be converted."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, reject, settings
from hypothesis import strategies as st

from lrlab.errors import LabError
from lrlab.schedules.conversion import with_interval
from tests.schedules.converting import CYCLIC, ONE_CYCLE, WARM, converted, spec_of
from tests.schedules.strategies import PARAMETERS

# What a scheduler counted in epochs of 30 steps is in steps, worked by hand.
IN_STEPS: list[tuple[dict[str, Any], dict[str, Any]]] = [
    ({"name": "StepLR", "step_size": 5, "gamma": 0.5}, {"step_size": 150, "gamma": 0.5}),
    ({"name": "MultiStepLR", "milestones": [0, 3, 3, 7]}, {"milestones": (0, 90, 90, 210), "gamma": 0.1}),
    ({"name": "ExponentialLR", "gamma": 0.9}, {"gamma": 0.9 ** (1 / 30)}),
    ({"name": "CosineAnnealingLR", "T_max": 20, "eta_min": 1e-5}, {"T_max": 600, "eta_min": 1e-5}),
    ({"name": "CosineAnnealingWarmRestarts", "T_0": 3, "T_mult": 2}, {"T_0": 90, "T_mult": 2}),
    ({"name": "PolynomialLR", "total_iters": 20, "power": 0.9}, {"total_iters": 600, "power": 0.9}),
    ({"name": "PolynomialLR", "total_iters": 0}, {"total_iters": 0}),
    (WARM, {"total_iters": 90, "start_factor": 0.1}),
    ({"name": "ConstantLR", "factor": 0.5, "total_iters": 0}, {"total_iters": 0}),
    (CYCLIC | {"step_size_up": 2}, {"step_size_up": 60, "gamma": 1.0, "max_lr": 0.1}),
    (CYCLIC | {"step_size_up": 2, "step_size_down": 0}, {"step_size_up": 60, "step_size_down": 0}),
    (CYCLIC | {"step_size_up": 2, "mode": "exp_range", "gamma": 0.9}, {"gamma": 0.9 ** (1 / 30)}),
    (ONE_CYCLE | {"total_steps": 20}, {"total_steps": 600, "max_lr": 0.1}),
    (ONE_CYCLE | {"epochs": 4, "steps_per_epoch": 5}, {"total_steps": 600}),
    (
        {"name": "LambdaLR", "table": {"points": [[0, 1], [2.5, 0.5], [20, 0]], "interpolation": "step"}},
        {"table": {"points": ((0.0, 1.0), (75.0, 0.5), (600.0, 0.0)), "interpolation": "step", "scale": "linear"}},
    ),
    (
        {"name": "SequentialLR", "milestones": [3], "schedulers": [WARM, {"name": "ExponentialLR", "gamma": 0.9}]},
        {
            "milestones": (90,),
            "schedulers": (WARM | {"total_iters": 90}, {"name": "ExponentialLR", "gamma": 0.9 ** (1 / 30)}),
        },
    ),
    ({"name": "ChainedScheduler", "schedulers": [WARM]}, {"schedulers": (WARM | {"total_iters": 90},)}),
    ({"name": "Fixed"}, {}),
]


@pytest.mark.parametrize(("scheduler", "expected"), IN_STEPS)
def test_epochs_as_steps_and_back(scheduler: dict[str, Any], expected: dict[str, Any]) -> None:
    in_steps = converted(scheduler, "step", 30)
    assert {name: in_steps[name] for name in expected} == expected
    before = spec_of("epoch", scheduler).scheduler
    if "epochs" not in scheduler:
        assert converted(in_steps, "epoch", 30) == before.model_dump(exclude_none=True)
    assert converted(scheduler, "step", 1) == before.model_dump(exclude_none=True)


# What a scheduler counted in steps is in epochs of 30: lengths are rounded, and never to nothing.
IN_EPOCHS: list[tuple[dict[str, Any], dict[str, Any]]] = [
    ({"name": "CosineAnnealingLR", "T_max": 44}, {"T_max": 1}),
    ({"name": "CosineAnnealingLR", "T_max": 45}, {"T_max": 2}),
    ({"name": "CosineAnnealingLR", "T_max": 1}, {"T_max": 1}),
    ({"name": "StepLR", "step_size": 100, "gamma": 0.5}, {"step_size": 3, "gamma": 0.5}),
    ({"name": "StepLR", "step_size": 10, "gamma": 0.5}, {"step_size": 1, "gamma": 0.125}),  # three drops an epoch
    ({"name": "MultiStepLR", "milestones": [0, 1, 10, 44, 46]}, {"milestones": (0, 1, 1, 1, 2)}),
    ({"name": "ExponentialLR", "gamma": 0.99}, {"gamma": pytest.approx(0.99**30, rel=1e-11)}),
    ({"name": "ExponentialLR", "gamma": 0.0}, {"gamma": 0.0}),
    (CYCLIC | {"step_size_up": 75}, {"step_size_up": 3, "step_size_down": 2}),  # a cycle takes 5 epochs
    (CYCLIC | {"step_size_up": 90}, {"step_size_up": 3}),
    (CYCLIC | {"step_size_up": 90, "step_size_down": 10}, {"step_size_up": 3, "step_size_down": 0}),
    (CYCLIC | {"step_size_up": 10, "step_size_down": 90}, {"step_size_up": 1, "step_size_down": 2}),
    (CYCLIC | {"step_size_up": 1}, {"step_size_up": 1}),
    (ONE_CYCLE | {"total_steps": 601}, {"total_steps": 21}),  # never shorter than the run
    (ONE_CYCLE | {"epochs": 20, "steps_per_epoch": 30}, {"total_steps": 20}),
    ({"name": "LambdaLR", "table": {"points": [[0, 1], [100, 0]]}}, {"table": ((0.0, 1.0), (3.33333333333, 0.0))}),
]


@pytest.mark.parametrize(("scheduler", "expected"), IN_EPOCHS)
def test_steps_as_epochs(scheduler: dict[str, Any], expected: dict[str, Any]) -> None:
    in_epochs = converted(scheduler, "epoch", 30)
    if "table" in in_epochs:
        in_epochs["table"] = in_epochs["table"]["points"]
    assert {name: in_epochs[name] for name in expected} == expected


@settings(deadline=None)
@given(data=st.data(), steps_per_epoch=st.integers(1, 1000))
@pytest.mark.parametrize("name", sorted(PARAMETERS))
def test_there_and_back_is_what_was_there(name: str, data: st.DataObject, steps_per_epoch: int) -> None:
    before = spec_of("epoch", {"name": name, **data.draw(PARAMETERS[name])})
    try:
        there = with_interval(before, "step", steps_per_epoch)
    except LabError:
        reject()
    back = with_interval(there, "epoch", steps_per_epoch)
    assert there.scheduler.name == back.scheduler.name == name
    expected, found = (spec.scheduler.model_dump() for spec in (before, back))
    if "gamma" in expected:
        expected["gamma"] = pytest.approx(expected["gamma"], rel=1e-9)
    if expected.get("table"):
        expected["table"]["points"] = pytest.approx(np.array(expected["table"]["points"]), rel=1e-9)
        found["table"]["points"] = np.array(found["table"]["points"])
    if name == "OneCycleLR":
        expected |= {"total_steps": before.scheduler.length}  # type: ignore[union-attr]
    assert found == expected


@pytest.mark.parametrize("interval", ["epoch", "step"])
def test_the_same_interval_changes_nothing(interval: Any) -> None:
    spec = spec_of(interval, {"name": "ExponentialLR", "gamma": 0.9})
    assert with_interval(spec, interval, 30) is spec


def test_the_warm_up_keeps_its_own_unit() -> None:
    spec = spec_of("epoch", {"name": "Fixed"}, warmup={"length": 3, "unit": "epoch"})
    assert with_interval(spec, "step", 30).warmup == spec.warmup


@pytest.mark.parametrize(
    ("scheduler", "interval", "steps", "reason"),
    [
        ({"name": "ReduceLROnPlateau"}, "step", 30, "interval: got 'step' with ReduceLROnPlateau, allowed: 'epoch'"),
        ({"name": "ReduceLROnPlateau"}, "step", 1, "interval: got 'step' with ReduceLROnPlateau, allowed: 'epoch'"),
        (
            {"name": "StepLR", "step_size": 20_000}, "step", 1000,
            "not legal: scheduler.step_size: got 20000000, allowed: at most 10,000,000",
        ),
        (
            {"name": "ExponentialLR", "gamma": 1.1}, "epoch", 1000,
            r"counted in epochs the schedule is not legal: scheduler.gamma: got 2.4.*e\+41, allowed: at most 100",
        ),
        ({"name": "ExponentialLR", "gamma": 2.0}, "epoch", 10_000, "gamma: got inf, allowed: a finite number"),
        (
            {"name": "LambdaLR", "formula": "+".join(["epoch"] * 80)}, "step", 30,
            "counted in steps the schedule is not legal: .*formula: .*allowed: at most 500",
        ),
        (
            {"name": "MultiplicativeLR", "formula": "+".join(["epoch"] * 80)}, "step", 30,
            "counted in steps the schedule is not legal: .*formula: .*allowed: at most",
        ),
        (
            {"name": "ChainedScheduler", "schedulers": [{"name": "CosineAnnealingLR", "T_max": 20_000}]}, "step", 1000,
            "scheduler.schedulers.0.T_max: got 20000000",
        ),
    ],
)  # fmt: skip
def test_what_cannot_be_counted_otherwise_is_refused(
    scheduler: dict[str, Any], interval: Any, steps: int, reason: str
) -> None:
    other = "step" if interval == "epoch" else "epoch"
    with pytest.raises(LabError, match=reason) as caught:
        with_interval(spec_of(other, scheduler), interval, steps)
    assert caught.value.field == "interval"
    assert str(caught.value).startswith("interval: ")
