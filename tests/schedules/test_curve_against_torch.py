"""The curve of every schedule equals what torch's own objects do when a loop steps them."""

from __future__ import annotations

import math
import os
import warnings
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose

from lrlab.errors import LabError
from lrlab.schedules import ScheduleSpec, curve
from lrlab.schedules.machine import torch_version
from tests.schedules import strategies
from tests.schedules.oracle import assert_follows_torch

EXAMPLES = 2000 if os.environ.get("LRLAB_LONG") == "1" else 150
"""Random schedules of each kind; LRLAB_LONG=1 sets the long setting."""

KINDS = {
    **{
        name: kind.map(lambda found, name=name: {"name": name, **found}) for name, kind in strategies.PARAMETERS.items()
    },
    "SequentialLR": strategies.sequential,
    "ChainedScheduler": strategies.chained,
}
"""Random schedulers by class; ReduceLROnPlateau, which needs metrics, has a test of its own."""


def spec_of(scheduler: dict[str, Any], interval: str = "epoch", warmup: Any = None) -> ScheduleSpec:
    return ScheduleSpec.model_validate({"interval": interval, "scheduler": scheduler, "warmup": warmup})


@pytest.mark.parametrize("name", KINDS)
def test_every_scheduler_on_random_settings(name: str) -> None:
    @settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=[HealthCheck.too_slow])
    @given(
        scheduler=KINDS[name],
        interval=st.sampled_from(["epoch", "step"]),
        warmup=st.one_of(st.none(), strategies.warmups),
        lr=strategies.rates_above_zero,
        steps_per_epoch=st.integers(1, 60),
        updates=st.one_of(st.integers(1, 500), st.integers(1, 5000)),
    )
    def check(
        scheduler: dict[str, Any], interval: str, warmup: Any, lr: float, steps_per_epoch: int, updates: int
    ) -> None:
        epochs = max(1, updates // steps_per_epoch)
        assert_follows_torch(spec_of(scheduler, interval, warmup), lr, epochs, steps_per_epoch)

    check()


@settings(max_examples=EXAMPLES, deadline=None)
@given(
    parameters=strategies.plateau,
    warmup=st.one_of(st.none(), strategies.warmups),
    lr=strategies.rates_above_zero,
    steps_per_epoch=st.integers(1, 10),
    epochs=st.integers(1, 300),
    metrics=strategies.metrics,
)
def test_reduce_on_plateau_on_random_metrics(
    parameters: dict[str, Any], warmup: Any, lr: float, steps_per_epoch: int, epochs: int, metrics: list[float]
) -> None:
    spec = spec_of({"name": "ReduceLROnPlateau", **parameters}, "epoch", warmup)
    assert_follows_torch(spec, lr, epochs, steps_per_epoch, metrics)


STEP = {"name": "StepLR", "step_size": 4, "gamma": 0.5}
EXPONENTIAL = {"name": "ExponentialLR", "gamma": 0.9}
CONSTANT = {"name": "ConstantLR", "factor": 0.5, "total_iters": 2}
LINEAR = {"name": "LinearLR", "start_factor": 0.1, "total_iters": 4}
COSINE = {"name": "CosineAnnealingLR", "T_max": 10}
ONE_CYCLE = {"name": "OneCycleLR", "max_lr": 0.1, "total_steps": 40}
CYCLIC = {"name": "CyclicLR", "base_lr": 0.01, "max_lr": 0.2, "step_size_up": 3}


def sequential(milestones: list[int], *schedulers: dict[str, Any]) -> dict[str, Any]:
    return {"name": "SequentialLR", "milestones": milestones, "schedulers": list(schedulers)}


def chained(*schedulers: dict[str, Any]) -> dict[str, Any]:
    return {"name": "ChainedScheduler", "schedulers": list(schedulers)}


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
    "CosineAnnealingLR that rises ten thousandfold": {"name": "CosineAnnealingLR", "T_max": 7, "eta_min": 1000.0},
    "MultiStepLR with a milestone twice": {"name": "MultiStepLR", "milestones": [3, 3, 5], "gamma": 0.5},
    "MultiStepLR with milestone 0": {"name": "MultiStepLR", "milestones": [0, 0, 2], "gamma": 0.5},
    "MultiStepLR past the run": {"name": "MultiStepLR", "milestones": [400], "gamma": 0.5},
    "StepLR longer than the run": {"name": "StepLR", "step_size": 400, "gamma": 0.5},
    "StepLR to zero": {"name": "StepLR", "step_size": 2, "gamma": 0.0},
    "ExponentialLR that rises": {"name": "ExponentialLR", "gamma": 1.2},
    "OneCycleLR over epochs": {"name": "OneCycleLR", "max_lr": 0.1, "total_steps": 360},
    "OneCycleLR in three phases that never reaches its minimum": {**ONE_CYCLE, "pct_start": 0.6, "three_phase": True},
    "OneCycleLR too short": {**ONE_CYCLE, "total_steps": 11},
    "OneCycleLR in the linear way": {**ONE_CYCLE, "anneal_strategy": "linear", "three_phase": True},
    "CyclicLR that only rises": {**CYCLIC, "step_size_down": 0},
    "CyclicLR downwards": {**CYCLIC, "base_lr": 0.3},
    "WarmRestarts that grow": {"name": "CosineAnnealingWarmRestarts", "T_0": 2, "T_mult": 2, "eta_min": 0.01},
    "SequentialLR within SequentialLR": sequential([7], sequential([3], EXPONENTIAL, CONSTANT), STEP),
    "SequentialLR around ChainedScheduler": sequential([5], chained(CONSTANT, EXPONENTIAL), COSINE),
    "SequentialLR that switches to ChainedScheduler": sequential([5], COSINE, chained(CONSTANT, EXPONENTIAL)),
    "SequentialLR that would switch past the run": sequential([500], COSINE, chained(CONSTANT, EXPONENTIAL)),
    "SequentialLR with a milestone shorter than the warm-up": sequential([2], LINEAR, COSINE),
    "SequentialLR with two milestones at once": sequential([3, 3], LINEAR, STEP, COSINE),
    "SequentialLR to LinearLR without a length": sequential([3], COSINE, {**LINEAR, "total_iters": 0}),
    "SequentialLR to MultiplicativeLR": sequential([3], LINEAR, {"name": "MultiplicativeLR", "formula": "0.5"}),
    "SequentialLR to Fixed": sequential([3], LINEAR, {"name": "Fixed"}),
    "OneCycleLR within SequentialLR": sequential([5], LINEAR, ONE_CYCLE),
    "two OneCycleLR within SequentialLR": sequential([5], {**ONE_CYCLE, "max_lr": 0.5}, ONE_CYCLE),
    "CyclicLR within SequentialLR": sequential([5], LINEAR, CYCLIC),
    "CyclicLR first within SequentialLR": sequential([5], CYCLIC, LINEAR),
    "ChainedScheduler of warm-up and cosine": chained(LINEAR, COSINE),
    "ChainedScheduler with a cosine that does not end at 0": chained(STEP, {**COSINE, "eta_min": 0.003}),
    "ChainedScheduler with many low points": chained({"name": "CosineAnnealingLR", "T_max": 1}, EXPONENTIAL),
    "ChainedScheduler in which LambdaLR is last": chained(STEP, {"name": "LambdaLR", "formula": "0.9 ** epoch"}),
    "ChainedScheduler in which LambdaLR is first": chained({"name": "LambdaLR", "formula": "0.9 ** epoch"}, STEP),
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
    assert_follows_torch(spec_of(TRAPS[trap], interval, WARMUPS[warmup]), lr=0.1, epochs=12, steps_per_epoch=3)


@pytest.mark.parametrize("eta_min", [0.0, 1e-5, 0.05])
@pytest.mark.parametrize("T_max", [777, 9867])  # 9867: the textbook cosine is 2.2e-9 off after the second low
def test_cosine_over_many_periods(T_max: int, eta_min: float) -> None:
    spec = spec_of({"name": "CosineAnnealingLR", "T_max": T_max, "eta_min": eta_min}, "step")
    assert_follows_torch(spec, lr=0.1, epochs=40, steps_per_epoch=1000)


STEEP = {
    "WarmRestarts towards an eta_min far above the LR": (
        {"name": "CosineAnnealingWarmRestarts", "T_0": 10_000_000, "eta_min": 300.0}, 1e-9,
    ),
    "OneCycleLR from far below its peak": (
        {"name": "OneCycleLR", "max_lr": 300.0, "total_steps": 10_000_000, "div_factor": 1e11}, 0.1,
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", STEEP)
def test_the_beginning_of_a_steep_rise(case: str) -> None:
    """There the last bit of a cosine is a good part of the LR."""
    scheduler, lr = STEEP[case]
    assert_follows_torch(spec_of(scheduler, "step"), lr, epochs=1, steps_per_epoch=5000)


def test_a_long_run_is_still_torchs() -> None:
    """Rounding adds up over the calls: 100,000 of them, several schedulers at once."""
    spec = spec_of(chained({"name": "ExponentialLR", "gamma": 0.99997}, {**COSINE, "T_max": 30_000}, LINEAR), "step")
    assert_follows_torch(spec, lr=0.1, epochs=100, steps_per_epoch=1000)


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
    "a formula, in epochs and their steps": (
        {"scheduler": {"name": "LambdaLR", "formula": "1 / (1 + epoch) if step < 4 else t + total"}}, 4, 2,
        [1, 1, 0.5, 0.5, 4.5, 4.5, 4.75, 4.75],
    ),
    "a formula's share of the run goes on within a phase": (
        {"scheduler": sequential([2], {"name": "Fixed"}, {"name": "LambdaLR", "formula": "1 - t"})}, 4, 1,
        [1, 1, 0.5, 0.25],
    ),
    "points drawn by hand, joined by lines": (
        {"scheduler": {"name": "LambdaLR", "table": {"points": [[1, 1], [3, 0.5], [4, 0]]}}}, 6, 1,
        [1, 1, 0.75, 0.5, 0, 0],
    ),
    "points drawn by hand, joined by steps": (
        {"scheduler": {"name": "LambdaLR", "table": {"points": [[1, 1], [3, 0.5]], "interpolation": "step"}}}, 5, 1,
        [1, 1, 1, 0.5, 0.5],
    ),
    "points drawn by hand, joined on a logarithmic scale": (
        {"scheduler": {"name": "LambdaLR", "table": {"points": [[0, 1], [2, 0.01]], "scale": "log"}}}, 3, 1,
        [1, 0.1, 0.01],
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


# What torch really gives where people are surprised: (schedule in steps, lr, calls and what comes out).
TORCH_REALLY_GIVES = {
    "a cosine climbs again": (COSINE, 0.1, {10: 0.0, 15: 0.05, 20: 0.1}),
    "warm restarts never reach eta_min": (
        {"name": "CosineAnnealingWarmRestarts", "T_0": 10}, 0.1, {9: 0.1 * (1 + math.cos(0.9 * math.pi)) / 2, 10: 0.1},
    ),
    "one cycle ends at max_lr / 250,000": (ONE_CYCLE, 7.0, {0: 0.004, 11: 0.1, 39: 4e-7}),
    "a milestone shorter than the warm-up makes the LR jump": (
        sequential([5], {"name": "LinearLR", "start_factor": 0.1, "total_iters": 15}, COSINE), 0.1, {4: 0.034, 5: 0.1},
    ),
    "SequentialLR advances an inner ChainedScheduler by one": (
        sequential([4], chained(CONSTANT, EXPONENTIAL), CONSTANT), 0.1, {0: 0.045, 1: 0.0405, 2: 0.0729, 4: 0.05},
    ),
    "SequentialLR advances an inner SequentialLR by one": (
        sequential([5], sequential([3], EXPONENTIAL, CONSTANT), CONSTANT), 0.1, {0: 0.09, 1: 0.081, 2: 0.05, 4: 0.1},
    ),
    "a warm-up before OneCycleLR tops out at max_lr / 25": (
        sequential([4], LINEAR, {**ONE_CYCLE, "max_lr": 1.0}), 0.1, {3: 0.031, 4: 0.04},
    ),
    "CyclicLR within SequentialLR drops to its base_lr": (sequential([2], CONSTANT, CYCLIC), 0.1, {1: 0.05, 2: 0.01}),
    "a chained warm-up peaks below the LR": (
        chained({"name": "LinearLR", "start_factor": 0.1, "total_iters": 4}, COSINE), 0.1,
        {4: 0.1 * (1 + math.cos(0.4 * math.pi)) / 2},
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", TORCH_REALLY_GIVES)
def test_what_torch_really_gives(case: str) -> None:
    scheduler, lr, expected = TORCH_REALLY_GIVES[case]
    drawn = curve(spec_of(scheduler, "step"), lr, 1, 30 if scheduler != ONE_CYCLE else 40).lr
    assert drawn[list(expected)] == pytest.approx(list(expected.values()), rel=1e-9, abs=1e-16)


REFUSED = {
    "OneCycleLR shorter than the run": ({**ONE_CYCLE, "total_steps": 29}, "total_steps", "call 30"),
    "OneCycleLR whose first phase has no length": (
        {**ONE_CYCLE, "total_steps": 30, "pct_start": 1 / 30}, "pct_start", "divides by zero at call 0",
    ),
    "CyclicLR halved too often": (
        {**CYCLIC, "mode": "triangular2", "step_size_up": 1, "step_size_down": 0}, "step_size_up", "1,024 cycles",
    ),
    "CyclicLR with a power too large": ({**CYCLIC, "mode": "exp_range", "gamma": 100.0}, "gamma", "overflows"),
    "a switch to ChainedScheduler": (sequential([5], COSINE, chained(STEP)), "schedulers.1", "NotImplementedError"),
    "a switch to LinearLR of no length": (
        sequential([5], COSINE, {**LINEAR, "total_iters": 0}), "schedulers.1.total_iters", "divides by zero",
    ),
    "a formula that divides by zero": (
        {"name": "LambdaLR", "formula": "1 / (7 - epoch)"}, "formula", "epoch 7",
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", REFUSED)
def test_what_torch_would_raise_is_refused_before(case: str) -> None:
    scheduler, field, words = REFUSED[case]
    spec, epochs = spec_of(scheduler, "step"), 100 if "cycles" in words or "overflows" in words else 1
    assert_follows_torch(spec, 0.1, epochs, 30)  # torch raises too
    with pytest.raises(LabError, match=words) as caught:
        curve(spec, 0.1, epochs, 30)
    assert caught.value.field == f"scheduler.{field}"


def test_the_last_call_after_the_last_update_counts() -> None:
    """The loop calls step() once more than it uses the result; torch raises in that call too."""
    spec = spec_of({"name": "LambdaLR", "formula": "1 / (30 - epoch)"}, "step")
    with pytest.raises(LabError, match="epoch 30"):
        curve(spec, 0.1, 1, 30)
    assert len(curve(spec_of({"name": "LambdaLR", "formula": "1 / (31 - epoch)"}, "step"), 0.1, 1, 30).lr) == 30


MILESTONE_AT_ZERO = {"2.12.1": [0.05, 0.045, 0.0405, 0.03645], "2.13.0": [0.1, 0.09, 0.081, 0.0729]}


@pytest.mark.parametrize("version", MILESTONE_AT_ZERO)
def test_a_milestone_at_zero_is_right_for_the_installed_torch(version: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The one thing in which torch 2.11 to 2.15 differ; the values are those of torch 2.11's and 2.15's own code."""
    monkeypatch.setattr("lrlab.schedules.machine.version", lambda _: version)
    monkeypatch.setattr("lrlab.schedules.machine.torch_version", torch_version.__wrapped__)  # which remembers
    drawn = curve(spec_of(sequential([0], CONSTANT, EXPONENTIAL)), 0.1, 4, 1)
    assert drawn.lr.tolist() == pytest.approx(MILESTONE_AT_ZERO[version])


def test_warm_up_holds_the_momentum_that_building_has_set() -> None:
    drawn = curve(spec_of(ONE_CYCLE, "step", {"length": 4, "unit": "step"}), 0.1, 1, 44)
    assert drawn.momentum is not None
    assert drawn.momentum[:5].tolist() == [0.95] * 5
    assert drawn.momentum[4 + 11] == pytest.approx(0.85)
    assert drawn.momentum[-1] == pytest.approx(0.95)


def test_absolute_lrs_are_shared_out_among_the_groups() -> None:
    """torch takes a list of max_lr, base_lr and min_lr, one for each group."""
    cycle = spec_of(ONE_CYCLE, "step")
    assert_allclose(curve(cycle, 0.05, 1, 40, scale=0.1).lr, curve(cycle, 0.5, 1, 40).lr * 0.1, rtol=1e-12)
    plateau = spec_of({"name": "ReduceLROnPlateau", "patience": 0, "min_lr": 0.01, "factor": 0.5})
    assert curve(plateau, 0.02, 4, 1, [1.0] * 4, scale=0.2).lr.tolist() == [0.02, 0.02, 0.01, 0.005]


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


@pytest.mark.parametrize("metrics", [None, [0.5] * 4])
def test_a_plateau_without_enough_metrics_is_refused(metrics: list[float] | None) -> None:
    with pytest.raises(LabError, match="5 epochs"):
        curve(spec_of({"name": "ReduceLROnPlateau"}), 0.1, 5, 2, metrics)


def test_a_schedule_that_explodes_is_refused_without_a_warning() -> None:
    spec = spec_of({"name": "ExponentialLR", "gamma": 100}, "step")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(LabError, match="at update 3,"):
            curve(spec, 0.01, 1, 2000)
