"""The curve of every scheduler equals what torch's own object does when a loop steps it."""

from __future__ import annotations

import math
import warnings
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose

from lrlab.errors import LabError
from lrlab.schedules import CATALOGUE, LR_CAP, ScheduleSpec, curve


def torch_lrs(spec: ScheduleSpec, lr: float, epochs: int, steps_per_epoch: int) -> np.ndarray:
    """The oracle: torch's optimiser and scheduler in a training loop without a model; the LR of every update."""
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=lr)
    scheduler: Any = None
    if spec.scheduler.name != "Fixed":
        build = getattr(torch.optim.lr_scheduler, spec.scheduler.name)
        scheduler = build(optimizer, **spec.scheduler.model_dump(exclude={"name"}))
    (group,) = optimizer.param_groups
    start, warm = group["lr"], 0
    if spec.warmup:
        warm = spec.warmup.length * (steps_per_epoch if spec.warmup.unit == "epoch" else 1)
    used = []
    for update in range(epochs * steps_per_epoch):
        if update < warm:
            factor = spec.warmup.start_factor
            group["lr"] = lr * (factor + (1 - factor) * update / warm)
        elif update == warm:
            group["lr"] = start
        used.append(group["lr"])
        optimizer.step()
        ends_epoch = (update + 1) % steps_per_epoch == 0
        if scheduler and update >= warm and (ends_epoch or spec.interval == "step"):
            scheduler.step()
    return np.array(used)


def assert_follows_torch(spec: ScheduleSpec, lr: float, epochs: int, steps_per_epoch: int) -> None:
    expected = torch_lrs(spec, lr, epochs, steps_per_epoch)
    highest = expected.max()
    if math.isclose(highest, LR_CAP, rel_tol=1e-9):  # whether rounding lands on the limit or beside it says nothing
        return
    if not highest <= LR_CAP:
        with pytest.raises(LabError, match="at most 1000"):
            curve(spec, lr, epochs, steps_per_epoch)
        return
    drawn = curve(spec, lr, epochs, steps_per_epoch).lr
    assert drawn.dtype == np.float64
    assert_allclose(drawn, expected, rtol=1e-9, atol=1e-12 * highest)


lengths = st.one_of(st.integers(1, 12), st.integers(1, 3000), st.integers(1, 10_000_000))
lengths_or_none = st.one_of(st.just(0), lengths)
factors = st.one_of(st.floats(0.8, 1.01), st.floats(0, 2), st.floats(0, 100))
shares = st.floats(0, 1)
above_zero = st.floats(1e-6, 1)
PARAMETERS: dict[str, dict[str, st.SearchStrategy[Any]]] = {
    "Fixed": {},
    "StepLR": {"step_size": lengths, "gamma": factors},
    "MultiStepLR": {
        "milestones": st.lists(st.one_of(st.integers(0, 12), lengths_or_none), min_size=1, max_size=8).map(sorted),
        "gamma": factors,
    },
    "ExponentialLR": {"gamma": factors},
    # eta_min in units of the LR. Far above it torch's recursion cancels, and only its rounding would be compared.
    "CosineAnnealingLR": {"T_max": lengths, "eta_min": st.one_of(st.just(0.0), st.floats(1e-9, 1), st.floats(0, 50))},
    "PolynomialLR": {"total_iters": lengths_or_none, "power": st.one_of(st.floats(0, 5), st.floats(0, 100))},
    "LinearLR": {"start_factor": above_zero, "end_factor": shares, "total_iters": lengths_or_none},
    "ConstantLR": {"factor": above_zero, "total_iters": lengths_or_none},
}
warmups = st.fixed_dictionaries(
    {"length": st.integers(1, 60), "unit": st.sampled_from(["epoch", "step"]), "start_factor": shares}
)


@pytest.mark.parametrize("name", CATALOGUE)
def test_every_scheduler_on_random_settings(name: str) -> None:
    @settings(max_examples=150, deadline=None)
    @given(
        scheduler=st.fixed_dictionaries(PARAMETERS[name]),
        interval=st.sampled_from(["epoch", "step"]),
        warmup=st.one_of(st.none(), warmups),
        lr=st.floats(-9, 2.5).map(lambda exponent: 10**exponent),
        steps_per_epoch=st.integers(1, 60),
        updates=st.integers(1, 2000),
    )
    def check(
        scheduler: dict[str, Any], interval: str, warmup: Any, lr: float, steps_per_epoch: int, updates: int
    ) -> None:
        if "eta_min" in scheduler:
            scheduler = {**scheduler, "eta_min": min(scheduler["eta_min"] * lr, LR_CAP)}
        document = {"interval": interval, "scheduler": {"name": name, **scheduler}, "warmup": warmup}
        epochs = max(1, updates // steps_per_epoch)
        assert_follows_torch(ScheduleSpec.model_validate(document), lr, epochs, steps_per_epoch)

    check()


TRAPS = {
    "ConstantLR that never ends": {"name": "ConstantLR", "factor": 0.5, "total_iters": 0},
    "LinearLR without a length": {"name": "LinearLR", "start_factor": 0.25, "total_iters": 0},
    "LinearLR to zero": {"name": "LinearLR", "start_factor": 1.0, "end_factor": 0.0, "total_iters": 7},
    "PolynomialLR without a length": {"name": "PolynomialLR", "total_iters": 0, "power": 2.0},
    "PolynomialLR past its end": {"name": "PolynomialLR", "total_iters": 3, "power": 0.5},
    "PolynomialLR of power 0": {"name": "PolynomialLR", "total_iters": 3, "power": 0.0},
    "CosineAnnealingLR past T_max": {"name": "CosineAnnealingLR", "T_max": 4, "eta_min": 0.001},
    "CosineAnnealingLR with T_max 1": {"name": "CosineAnnealingLR", "T_max": 1, "eta_min": 0.01},
    "CosineAnnealingLR that rises": {"name": "CosineAnnealingLR", "T_max": 10, "eta_min": 2.0},
    "MultiStepLR with a milestone twice": {"name": "MultiStepLR", "milestones": [3, 3, 5], "gamma": 0.5},
    "MultiStepLR with milestone 0": {"name": "MultiStepLR", "milestones": [0, 0, 2], "gamma": 0.5},
    "MultiStepLR past the run": {"name": "MultiStepLR", "milestones": [400], "gamma": 0.5},
    "StepLR longer than the run": {"name": "StepLR", "step_size": 400, "gamma": 0.5},
    "StepLR to zero": {"name": "StepLR", "step_size": 2, "gamma": 0.0},
    "ExponentialLR that rises": {"name": "ExponentialLR", "gamma": 1.2},
}
WARMUPS = {
    "none": None,
    "ends with an epoch": {"length": 2, "unit": "epoch", "start_factor": 0.0},
    "ends within an epoch": {"length": 5, "unit": "step", "start_factor": 0.5},
    "outlasts the run": {"length": 1000, "unit": "step", "start_factor": 0.1},
}


@pytest.mark.parametrize("warmup", WARMUPS)
@pytest.mark.parametrize("interval", ["epoch", "step"])
@pytest.mark.parametrize("trap", TRAPS)
def test_known_traps(trap: str, interval: str, warmup: str) -> None:
    document = {"interval": interval, "scheduler": TRAPS[trap], "warmup": WARMUPS[warmup]}
    assert_follows_torch(ScheduleSpec.model_validate(document), lr=0.1, epochs=12, steps_per_epoch=3)


@pytest.mark.parametrize("T_max", [777, 9867])  # 9867: the textbook cosine is 2.2e-9 off after the second low
def test_cosine_over_many_periods(T_max: int) -> None:
    spec = ScheduleSpec.model_validate({"interval": "step", "scheduler": {"name": "CosineAnnealingLR", "T_max": T_max}})
    assert_follows_torch(spec, lr=0.1, epochs=40, steps_per_epoch=1000)


HAND_WORKED = {
    "drops after every second epoch": (
        {"scheduler": {"name": "StepLR", "step_size": 2, "gamma": 0.5}}, 5, 2,
        [1, 1, 1, 1, 0.5, 0.5, 0.5, 0.5, 0.25, 0.25],
    ),
    "drops after every second step": (
        {"interval": "step", "scheduler": {"name": "StepLR", "step_size": 2, "gamma": 0.5}}, 2, 3,
        [1, 1, 0.5, 0.5, 0.25, 0.25],
    ),
    "the warm-up ends within an epoch, the first call comes at that epoch's end": (
        {"scheduler": {"name": "StepLR", "step_size": 1, "gamma": 0.5},
         "warmup": {"length": 2, "unit": "step", "start_factor": 0.0}}, 3, 3,
        [0, 0.5, 1, 0.5, 0.5, 0.5, 0.25, 0.25, 0.25],
    ),
    "the warm-up ends with an epoch, the next epoch is the scheduler's first": (
        {"scheduler": {"name": "StepLR", "step_size": 1, "gamma": 0.5},
         "warmup": {"length": 1, "unit": "epoch", "start_factor": 0.5}}, 3, 2,
        [0.5, 0.75, 1, 1, 0.5, 0.5],
    ),
    "a warm-up in steps before a scheduler in steps": (
        {"interval": "step",
         "scheduler": {"name": "LinearLR", "start_factor": 1.0, "end_factor": 0.0, "total_iters": 2},
         "warmup": {"length": 4, "unit": "step", "start_factor": 0.2}}, 2, 4,
        [0.2, 0.4, 0.6, 0.8, 1, 0.5, 0, 0],
    ),
    "half a cosine and back": (
        {"scheduler": {"name": "CosineAnnealingLR", "T_max": 2, "eta_min": 0.5}}, 5, 1,
        [1, 0.75, 0.5, 0.75, 1],
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", HAND_WORKED)
def test_values_worked_by_hand(case: str) -> None:
    document, epochs, steps_per_epoch, expected = HAND_WORKED[case]
    drawn = curve(ScheduleSpec.model_validate(document), 1.0, epochs, steps_per_epoch)
    assert_allclose(drawn.lr, expected, rtol=1e-12, atol=1e-15)
    assert drawn.epochs == epochs
    assert drawn.step.tolist() == list(range(epochs * steps_per_epoch))
    assert drawn.epoch.tolist() == [update // steps_per_epoch for update in range(epochs * steps_per_epoch)]


@pytest.mark.parametrize(
    ("field", "arguments"),
    [
        ("lr", {"lr": 0.0}),
        ("lr", {"lr": -0.1}),
        ("lr", {"lr": math.nan}),
        ("lr", {"lr": math.inf}),
        ("lr", {"lr": 1000.1}),
        ("epochs", {"epochs": 0}),
        ("steps_per_epoch", {"steps_per_epoch": 0}),
        ("epochs", {"epochs": 20_000, "steps_per_epoch": 1001}),
    ],
)
def test_arguments_out_of_range_are_named(field: str, arguments: dict[str, Any]) -> None:
    with pytest.raises(LabError) as caught:
        curve(ScheduleSpec(), **{"lr": 0.1, "epochs": 1, "steps_per_epoch": 1, **arguments})
    assert caught.value.field == field
    assert field in str(caught.value)
    assert "allowed" in str(caught.value)


def test_a_schedule_that_explodes_is_refused_without_a_warning() -> None:
    spec = ScheduleSpec.model_validate({"interval": "step", "scheduler": {"name": "ExponentialLR", "gamma": 100}})
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(LabError, match="at update 3,"):
            curve(spec, 0.01, 1, 2000)
