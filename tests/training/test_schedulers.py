"""The driver gives every update the LR of the preview, with torch's own schedulers; a difference is found."""

from __future__ import annotations

import dataclasses
import io
import itertools
import warnings
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose

from lrlab.errors import LabError
from lrlab.schedules import CATALOGUE, Curve, ScheduleSpec, curve
from lrlab.training import schedulers
from lrlab.training.schedulers import Driver, check, momentum_of

EPOCHS, STEPS = 9, 4

SCHEDULERS: dict[str, dict[str, Any]] = {
    "Fixed": {},
    "StepLR": {"step_size": 2, "gamma": 0.5},
    "MultiStepLR": {"milestones": [1, 3, 3, 20], "gamma": 0.3},
    "ExponentialLR": {"gamma": 0.9},
    "CosineAnnealingLR": {"T_max": 5, "eta_min": 0.001},
    "PolynomialLR": {"total_iters": 6, "power": 2.0},
    "LinearLR": {"start_factor": 0.25, "end_factor": 0.75, "total_iters": 6},
    "ConstantLR": {"factor": 0.5, "total_iters": 3},
    "CosineAnnealingWarmRestarts": {"T_0": 3, "T_mult": 2, "eta_min": 0.001},
    "CyclicLR": {"base_lr": 0.01, "max_lr": 0.2, "step_size_up": 4, "mode": "triangular2"},
    "OneCycleLR": {"max_lr": 0.2, "total_steps": 40},
    "LambdaLR": {"formula": "0.65 ** epoch + t / 10"},
    "MultiplicativeLR": {"formula": "0.9 if step < 8 else 0.99"},
    "ReduceLROnPlateau": {"patience": 1, "factor": 0.5, "cooldown": 1},
    "SequentialLR": {
        "milestones": [3],
        "schedulers": [
            {"name": "LinearLR", "start_factor": 0.1, "total_iters": 3},
            {"name": "LambdaLR", "table": {"points": [[0, 1], [4, 0.2]]}},
        ],
    },
    "ChainedScheduler": {
        "schedulers": [
            {"name": "SequentialLR", "milestones": [2],
             "schedulers": [{"name": "Fixed"}, {"name": "ExponentialLR", "gamma": 0.9}]},
            {"name": "ConstantLR", "factor": 0.5, "total_iters": 3},
        ],
    },
}  # fmt: skip
METRICS = [2.0, 1.0, 1.5, 1.2, 0.9, 0.95, 1.0, 1.1, 1.2]
"""What is measured at the end of each epoch, as a loss."""
WARMUPS: dict[str, Any] = {
    "no warm-up": None,
    "ends with an epoch": {"length": 2, "unit": "epoch", "start_factor": 0.1},
    "ends inside an epoch": {"length": 6, "unit": "step", "start_factor": 0.0},
    "one update": {"length": 1, "unit": "step", "start_factor": 0.5},
    "outlasts the run": {"length": 50, "unit": "step", "start_factor": 0.1},
}
CASES = [
    case
    for case in itertools.product(SCHEDULERS, ("epoch", "step"), WARMUPS)
    if case[:2] != ("ReduceLROnPlateau", "step")
]


def spec_of(name: str, interval: str, warmup: str) -> ScheduleSpec:
    scheduler = {"name": name, **SCHEDULERS[name]}
    return ScheduleSpec.model_validate({"interval": interval, "scheduler": scheduler, "warmup": WARMUPS[warmup]})


def optimizer_of(*lrs: float) -> torch.optim.Optimizer:
    groups = [{"params": [torch.zeros(1, requires_grad=True)], "lr": lr} for lr in lrs]
    return torch.optim.SGD(groups, lr=lrs[0], momentum=0.5)


def driven(
    driver: Driver,
    optimizer: torch.optim.Optimizer,
    updates: range,
    factors: Mapping[int, float] | None = None,
    metrics: Sequence[float] = METRICS,
) -> np.ndarray:
    """The LR of each group at each of `updates`, shape (updates, groups), as a loop meets them.

    `factors`: what a person multiplies the LR by, from that update on. `metrics`: what is measured after each epoch.
    """
    used = []
    for update in updates:
        if factors and update in factors:
            driver.factor = factors[update]
        used.append([group["lr"] for group in optimizer.param_groups])
        optimizer.step()
        driver.after_update()
        if (update + 1) % STEPS == 0:
            driver.after_epoch(metrics[update // STEPS % len(metrics)])
    return np.array(used)


def test_every_scheduler_of_the_catalogue_is_tried() -> None:
    assert set(SCHEDULERS) == set(CATALOGUE)


@pytest.mark.parametrize(("name", "interval", "warmup"), CASES)
def test_each_group_follows_the_curve_of_its_own_lr(name: str, interval: str, warmup: str) -> None:
    spec, lrs = spec_of(name, interval, warmup), (0.1, 0.02)
    optimizer = optimizer_of(*lrs)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        used = driven(Driver(spec, optimizer, EPOCHS, STEPS), optimizer, range(EPOCHS * STEPS))
    for group, lr in enumerate(lrs):
        drawn = curve(spec, lr, EPOCHS, STEPS, METRICS, lr / lrs[0])
        assert_allclose(used[:, group], drawn.lr, rtol=1e-9, atol=1e-13)


@pytest.mark.parametrize(("name", "interval", "warmup"), CASES)
def test_a_factor_multiplies_the_schedule_and_nothing_else(name: str, interval: str, warmup: str) -> None:
    """Also of those that compute each LR from the one before, such as a cosine: they never see the factor."""
    spec, lrs, factors = spec_of(name, interval, warmup), (0.1, 0.02), {0: 3.0, 5: 0.25, 6: 0.1, 8: 1.7, 30: 1.0}
    optimizer = optimizer_of(*lrs)
    used = driven(Driver(spec, optimizer, EPOCHS, STEPS), optimizer, range(EPOCHS * STEPS), factors)
    factor = np.repeat(list(factors.values()), np.diff([*factors, EPOCHS * STEPS]))
    for group, lr in enumerate(lrs):
        drawn = curve(spec, lr, EPOCHS, STEPS, METRICS, lr / lrs[0])
        assert_allclose(used[:, group], factor * drawn.lr, rtol=1e-9, atol=1e-13)
    plain = optimizer_of(*lrs)
    untouched = driven(Driver(spec, plain, EPOCHS, STEPS), plain, range(EPOCHS * STEPS))
    assert (used[30:] == untouched[30:]).all()


MORE = 5


@pytest.mark.parametrize(("name", "interval", "warmup"), CASES)
def test_beyond_its_end_each_group_follows_the_curve(name: str, interval: str, warmup: str) -> None:
    """A run that is given more epochs at its end has the same LRs as one that knew of them from the start."""
    spec, lrs, end = spec_of(name, interval, warmup), (0.1, 0.02), EPOCHS * STEPS
    optimizer = optimizer_of(*lrs)
    first = Driver(spec, optimizer, EPOCHS, STEPS)
    used = driven(first, optimizer, range(end))
    saved = optimizer.state_dict(), first.state_dict()
    again = optimizer_of(*lrs)
    second = Driver(spec, again, EPOCHS, STEPS, more_epochs=MORE)
    again.load_state_dict(saved[0])
    second.load_state_dict(saved[1])
    used = np.concatenate([used, driven(second, again, range(end, end + MORE * STEPS))])
    for group, lr in enumerate(lrs):
        drawn = curve(spec, lr, EPOCHS, STEPS, METRICS + METRICS[:MORE], lr / lrs[0], more_epochs=MORE)
        assert_allclose(used[:, group], drawn.lr, rtol=1e-9, atol=1e-13)
        planned = curve(spec, lr, EPOCHS, STEPS, METRICS, lr / lrs[0])
        assert (drawn.lr[:end] == planned.lr).all()
    check(spec, lrs[0], EPOCHS, STEPS, more_epochs=MORE)


BEYOND: dict[str, tuple[dict[str, Any], list[float]]] = {
    "StepLR keeps falling": (
        {"scheduler": {"name": "StepLR", "step_size": 1, "gamma": 0.5}}, [0.25, 0.125, 0.0625],
    ),
    "a cosine rises again": (
        {"scheduler": {"name": "CosineAnnealingLR", "T_max": 2}}, [0.0, 0.5, 1.0],
    ),
    "OneCycleLR holds the LR of its last update": (
        {"interval": "step",
         "scheduler": {"name": "OneCycleLR", "max_lr": 1.0, "total_steps": 4, "pct_start": 0.5, "div_factor": 2.0,
                       "final_div_factor": 5.0, "anneal_strategy": "linear"}},
        [0.1] * 6,
    ),
    "OneCycleLR that is longer than the run goes on to its own end": (
        {"interval": "step",
         "scheduler": {"name": "OneCycleLR", "max_lr": 1.0, "total_steps": 6, "pct_start": 0.5, "div_factor": 2.0,
                       "final_div_factor": 5.0, "anneal_strategy": "linear"}},
        [0.4, 0.1, 0.1, 0.1, 0.1, 0.1],
    ),
    "a formula of the run's share holds its last value": (
        {"interval": "step", "scheduler": {"name": "LambdaLR", "formula": "1 - t"}}, [0.25] * 6,
    ),
    "a formula of the epoch goes on": (
        {"scheduler": {"name": "LambdaLR", "formula": "1 / (1 + epoch)"}}, [1 / 3, 1 / 4, 1 / 5],
    ),
    "and stops where it would be negative": (
        {"scheduler": {"name": "LambdaLR", "formula": "1 - epoch / 3"}}, [1 / 3, 0.0, 0.0],
    ),
    "an LR that grows stops at the highest that is allowed": (
        {"scheduler": {"name": "ExponentialLR", "gamma": 10.0}}, [100.0, 1000.0, 1000.0],
    ),
    "a phase of the share that was over at the end changes nothing": (
        {"scheduler": {"name": "SequentialLR", "milestones": [1], "schedulers": [
            {"name": "LambdaLR", "formula": "1 - t"}, {"name": "ExponentialLR", "gamma": 0.5}]}},
        [0.5, 0.25, 0.125],
    ),
    "a phase that starts beyond the end comes": (
        {"scheduler": {"name": "SequentialLR", "milestones": [3], "schedulers": [
            {"name": "Fixed"}, {"name": "ConstantLR", "factor": 0.5, "total_iters": 9}]}},
        [1.0, 0.5, 0.5],
    ),
    "a warm-up that outlasted the run ends": (
        {"interval": "step", "scheduler": {"name": "ExponentialLR", "gamma": 0.5},
         "warmup": {"length": 6, "unit": "step", "start_factor": 0.0}},
        [4 / 6, 5 / 6, 1.0, 0.5, 0.25, 0.125],
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", BEYOND)
def test_what_comes_beyond_the_end_by_hand(case: str) -> None:
    """Two epochs of two updates were planned, three more were asked for; the LR of each call (or update) of those."""
    document, expected = BEYOND[case]
    spec = ScheduleSpec.model_validate(document)
    drawn = curve(spec, 1.0, 2, 2, more_epochs=3)
    wanted = np.repeat(expected, 6 // len(expected))
    assert_allclose(drawn.lr[4:], wanted, rtol=1e-12, atol=1e-15)
    check(spec, 1.0, 2, 2, more_epochs=3)


BY_HAND = {
    "the warm-up ends inside the first epoch, whose end brings the first call": (
        {"scheduler": {"name": "StepLR", "step_size": 1, "gamma": 0.5},
         "warmup": {"length": 2, "unit": "step", "start_factor": 0.5}},
        [0.5, 0.75, 1, 1, 0.5, 0.5, 0.5, 0.5, 0.25],
    ),
    "the warm-up ends with the first epoch, the second waits at the scheduler's 0": (
        {"scheduler": {"name": "StepLR", "step_size": 1, "gamma": 0.5},
         "warmup": {"length": 1, "unit": "epoch", "start_factor": 0.0}},
        [0, 0.25, 0.5, 0.75, 1, 1, 1, 1, 0.5],
    ),
    "after the warm-up a scheduler that starts below the LR starts there": (
        {"interval": "step", "scheduler": {"name": "ConstantLR", "factor": 0.25, "total_iters": 2},
         "warmup": {"length": 2, "unit": "step", "start_factor": 0.0}},
        [0, 0.5, 0.25, 0.25, 1, 1, 1, 1, 1],
    ),
    "one call after every update": (
        {"interval": "step", "scheduler": {"name": "LinearLR", "start_factor": 1, "end_factor": 0, "total_iters": 4}},
        [1, 0.75, 0.5, 0.25, 0, 0, 0, 0, 0],
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", BY_HAND)
def test_values_worked_by_hand(case: str) -> None:
    document, expected = BY_HAND[case]
    optimizer = optimizer_of(1.0)
    driver = Driver(ScheduleSpec.model_validate(document), optimizer, EPOCHS, STEPS)
    assert_allclose(driven(driver, optimizer, range(9))[:, 0], expected, rtol=1e-12)


@pytest.mark.parametrize("at", [3, 6, 7, 17], ids=lambda update: f"resumed at update {update}")
@pytest.mark.parametrize(
    ("name", "interval"), [(name, "epoch" if name == "ReduceLROnPlateau" else "step") for name in SCHEDULERS]
)
def test_a_restored_driver_goes_on_where_it_was(name: str, interval: str, at: int) -> None:
    spec = spec_of(name, interval, "ends inside an epoch")
    optimizer = optimizer_of(0.1, 0.02)
    driver = Driver(spec, optimizer, EPOCHS, STEPS)
    driven(driver, optimizer, range(at))
    driver.factor = 0.3
    kept = io.BytesIO()
    torch.save((optimizer.state_dict(), driver.state_dict()), kept)
    rest = driven(driver, optimizer, range(at, EPOCHS * STEPS))
    saved = torch.load(io.BytesIO(kept.getvalue()), weights_only=True)

    other = optimizer_of(0.1, 0.02)
    restored = Driver(spec, other, EPOCHS, STEPS)
    other.load_state_dict(saved[0])
    restored.load_state_dict(saved[1])
    assert (driven(restored, other, range(at, EPOCHS * STEPS)) == rest).all()


@pytest.mark.parametrize(("name", "interval", "warmup"), CASES)
def test_check_passes_what_is_right(name: str, interval: str, warmup: str) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        check(spec_of(name, interval, warmup), 0.1, EPOCHS, STEPS)


def test_the_accuracy_feeds_a_plateau_of_mode_max() -> None:
    spec = ScheduleSpec.model_validate(
        {"scheduler": {"name": "ReduceLROnPlateau", "mode": "max", "patience": 0, "factor": 0.5}}
    )
    optimizer = optimizer_of(1.0)
    accuracies = [1 - loss / 3 for loss in METRICS]
    used = driven(Driver(spec, optimizer, EPOCHS, STEPS), optimizer, range(EPOCHS * STEPS), metrics=accuracies)
    assert used[:, 0].tolist() == curve(spec, 1.0, EPOCHS, STEPS, accuracies).lr.tolist()
    assert used[-1, 0] == 0.5**5  # worse than the best after epochs 2, 3, 5, 6 and 7


def test_a_plateau_that_does_not_follow_the_replay_ends_the_run(monkeypatch: pytest.MonkeyPatch) -> None:
    spec, optimizer = spec_of("ReduceLROnPlateau", "epoch", "no warm-up"), optimizer_of(0.1)
    driver = Driver(spec, optimizer, EPOCHS, STEPS)
    monkeypatch.setattr(driver._scheduler, "patience", 0)
    with pytest.raises(LabError, match=r"metric of 1\.5 .* the LR to 0\.05, .* to 0\.1$"):
        driven(driver, optimizer, range(EPOCHS * STEPS))


def test_adams_momentum_is_its_first_beta() -> None:
    optimizer = torch.optim.Adam([torch.zeros(1, requires_grad=True)], lr=0.01)
    driver = Driver(spec_of("OneCycleLR", "step", "no warm-up"), optimizer, EPOCHS, STEPS)
    (group,) = optimizer.param_groups
    moved = []
    for _ in range(EPOCHS * STEPS):
        moved.append(momentum_of(group))
        optimizer.step()
        driver.after_update()
    assert_allclose(moved, curve(spec_of("OneCycleLR", "step", "no warm-up"), 0.01, EPOCHS, STEPS).momentum, rtol=1e-9)


def bend_preview(monkeypatch: pytest.MonkeyPatch, update: int, value: float) -> None:
    def bent(*arguments: Any, **named: Any) -> Curve:
        drawn = curve(*arguments, **named)
        lr = drawn.lr.copy()
        lr[update] = value
        return dataclasses.replace(drawn, lr=lr)

    monkeypatch.setattr(schedulers, "curve", bent)


@pytest.mark.parametrize(("off_by", "found"), [(1e-10, False), (1e-8, True), (-1e-8, True), (0.5, True)])
def test_check_finds_a_difference_above_its_tolerance(
    monkeypatch: pytest.MonkeyPatch, off_by: float, found: bool
) -> None:
    spec = spec_of("StepLR", "epoch", "no warm-up")  # 0.1 in epochs 0 and 1, then 0.05
    bend_preview(monkeypatch, 9, 0.05 * (1 + off_by))
    if not found:
        check(spec, 0.1, EPOCHS, STEPS)
        return
    with pytest.raises(LabError, match=r"update 9 \(epoch 2\) the LR 0\.05, the preview 0\.0") as caught:
        check(spec, 0.1, EPOCHS, STEPS)
    assert caught.value.field == "schedule"


def test_check_finds_a_scheduler_that_is_called_too_early(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Driver, "after_epoch", lambda driver, *_: driver._scheduler.step())
    with pytest.raises(LabError, match=r"update 4 \(epoch 1\)"):  # amid the warm-up
        check(spec_of("ExponentialLR", "epoch", "ends with an epoch"), 0.1, EPOCHS, STEPS)


def test_check_tells_how_far_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(schedulers, "REPORT_EVERY", 2 * STEPS)
    told: list[tuple[int, int]] = []
    check(spec_of("StepLR", "step", "no warm-up"), 0.1, 6, STEPS, lambda done, total: told.append((done, total)))
    assert told == [(8, 24), (16, 24)]
