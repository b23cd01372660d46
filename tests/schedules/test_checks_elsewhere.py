"""The same traps in other surroundings, one check for one cause, logged metrics, and whatever else may come."""

from __future__ import annotations

import os
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from lrlab.errors import LabError
from lrlab.schedules import Composition, check, machine
from lrlab.schedules.checks import MAX_CHECKS
from tests.schedules import strategies
from tests.schedules.check_cases import CASES
from tests.schedules.composing import (
    FIXED,
    STEPS,
    chain,
    composed,
    constant,
    cosine,
    cyclic,
    exponential,
    formula,
    linear,
    metric,
    multi,
    one_cycle,
    plateau,
    poly,
    restarts,
    sequence,
    step,
    table,
    warmup,
)
from tests.schedules.test_checks import differences, found_in, names

EXAMPLES = 2000 if os.environ.get("LRLAB_LONG") == "1" else 100
PHASE = "its phase has 5 epochs"
ELSEWHERE: dict[str, tuple[Composition, str, str, str]] = {
    "a phase that is shorter than its StepLR": (
        composed(sequence([step(10), cosine(15)], 5)), "step-never-decays", "scheduler.schedulers.0.step_size", PHASE,
    ),
    "what a warm-up leaves": (
        composed(cosine(20), warmup=warmup(5)), "decay-longer-than-run", "scheduler.T_max",
        "the warm-up leaves 15 epochs",
    ),
    "a cosine that climbs in the second phase": (
        composed(sequence([FIXED, cosine(4)], 10)), "cosine-climbs", "scheduler.schedulers.1.T_max", "from epoch 14 on",
    ),
    "a cosine that climbs after a warm-up": (
        composed(cosine(10), warmup=warmup(3)), "cosine-climbs", "scheduler.T_max", "from epoch 13 on",
    ),
    "LinearLR to zero": (composed(linear(15, 1, 0)), "lr-zero", "scheduler.total_iters", "30 of 120 updates"),
    "a cosine whose last epoch is its low point": (composed(cosine(19)), "lr-zero", "scheduler.T_max", "update 114"),
    "a formula that begins at 0": (
        composed(formula("epoch / 20")), "lr-zero", "scheduler.formula", "first in update 0",
    ),
    "a plateau with factor 0": (
        composed(plateau(patience=2, factor=0.0), metric=metric(1, 1)), "lr-zero", "scheduler.factor", "epoch 4",
    ),
    "StepLR that vanishes": (composed(step(1, 0.1)), "lr-vanishes", "scheduler.step_size", "65 %"),
    "ConstantLR without a length": (composed(constant(0)), "total-iters-zero", "scheduler.total_iters", "at 0.01"),
    "PolynomialLR without a length": (composed(poly(0)), "total-iters-zero", "scheduler.total_iters", "never changes"),
    "a polynomial longer than the run": (
        composed(poly(40)), "decay-longer-than-run", "scheduler.total_iters", "ends at 0.0525",
    ),
    "torch's default CyclicLR once an epoch": (
        composed(cyclic(2000)), "cycle-longer-than-run", "scheduler.step_size_up", "4,000 epochs",
    ),
    "CyclicLR overwrites too": (
        composed(cyclic(5, base_lr=0.01)), "base-lr-without-effect", "scheduler.base_lr", "starts at base_lr, 0.01",
    ),
    "CyclicLR moves the momentum too": (
        composed(cyclic(5, cycle_momentum=True)), "momentum-overwritten", "scheduler.cycle_momentum",
        "0.9 at low and 0.8",
    ),
    "a OneCycleLR in steps, stepped once an epoch": (
        composed(one_cycle(120)), "steps-counted-as-epochs", "interval", "total_steps is 120 epochs",
    ),
    "a Keras-like StepLR": (composed(step(40)), "steps-counted-as-epochs", "interval", "step_size is 40 epochs"),
    "drops in steps": (
        composed(multi(60, 90)), "steps-counted-as-epochs", "interval", "The first milestone is 60 epochs",
    ),
    "a sequence in steps": (
        composed(sequence([linear(40), cosine(80)], 40)), "steps-counted-as-epochs", "interval",
        "milestone is 40 epochs",
    ),
    "points in steps": (
        composed(table((0, 1), (100, 0.1))), "steps-counted-as-epochs", "interval", "last point is at 100 epochs",
    ),
    "a cosine in epochs, stepped every update": (
        composed(cosine(20), interval="step"), "epochs-counted-as-steps", "interval",
        "one round is over after 20 steps",
    ),
    "drops in epochs, stepped every update": (
        composed(multi(10, 15), interval="step"), "epochs-counted-as-steps", "interval", "all drops are made after 15",
    ),
    "a sequence in epochs, stepped every update": (
        composed(sequence([linear(3), cosine(17)], 3), interval="step"), "epochs-counted-as-steps", "interval",
        "20 steps",
    ),
    "CyclicLR in epochs, stepped every update": (
        composed(cyclic(4), interval="step"), "epochs-counted-as-steps", "interval", "after 8 steps of 120",
    ),
    "two warm-ups": (
        composed(sequence([linear(3), cosine(14)], 3), warmup=warmup(3)), "warm-up-then-jump", "warmup",
        "jumps to 0.01: LinearLR reduces it again, a second warm-up",
    ),
    "a warm-up before CyclicLR": (
        composed(cyclic(4, base_lr=0.01), warmup=warmup(4)), "warm-up-then-jump", "warmup", "CyclicLR begins at an LR",
    ),
    "a warm-up that is the whole run of one epoch": (
        composed(cosine(1), epochs=1, warmup=warmup(1)), "warm-up-outlasts-run", "warmup.length", "6 updates",
    ),
    "phases that come after a OneCycleLR": (
        composed(sequence([one_cycle(10), FIXED], 10)), "one-cycle-moves-base", "scheduler.schedulers.0.div_factor",
        "0.04",
    ),
    "a chain that a sequence begins with": (
        composed(sequence([chain(linear(3), exponential(0.9)), cosine(10)], 10)), "one-step-ahead",
        "scheduler.schedulers.0", "starts at 0.009 instead of 0.01",
    ),
    "a straight fall after a decay": (
        composed(sequence([step(4), linear(10, 1, 0)], 10)), "jump-at-milestone", "scheduler.milestones.0", "up to 0.1",
    ),
    "torch's own example of a chain": (
        composed(chain(constant(5), exponential(0.9))), "chained-peak-below-base", "scheduler", "0.059, not 0.1",
    ),
    "a decay lost after warm restarts": (
        composed(chain(restarts(5), step(4))), "chained-lasts-one-call", "scheduler.schedulers.1", "StepLR",
    ),
    "a mode that waits for a loss to rise": (
        composed(plateau(patience=2, mode="max"), metric=metric(2, 0.4)), "plateau-wrong-mode", "scheduler.mode",
        'mode "max" waits for a metric that rises, but this one falls from 2 to 0.401, as a loss does',
    ),
    "a nest in the middle of a chain": (
        composed(sequence([linear(3), chain(cosine(5), exponential(0.9))], 3)), "switch-to-nested",
        "scheduler.schedulers.1", "ChainedScheduler",
    ),
    "a gamma of CyclicLR that explodes": (
        composed(cyclic(5, mode="exp_range", gamma=50.0), epochs=400), "cycle-overflows", "scheduler.gamma",
        "overflows",
    ),
    "a cosine below 0": (
        composed(chain(cosine(2), cosine(3, 0.02))), "lr-out-of-range", "scheduler", "falls to -",
    ),
}  # fmt: skip


@pytest.mark.parametrize("trap", ELSEWHERE)
def test_the_same_trap_elsewhere(trap: str) -> None:
    composition, name, path, part = ELSEWHERE[trap]
    found = found_in(composition, name)
    assert found.path == path
    assert part in found.sentence
    if found.repair:
        assert (name, path) not in {(other.name, other.path) for other in check(found.repair.composition)}


# One check for one cause

CAUSES: dict[str, tuple[Composition, set[str]]] = {
    "per-step lengths": (composed(cosine(120)), {"steps-counted-as-epochs"}),
    "per-epoch lengths": (composed(poly(20), interval="step"), {"epochs-counted-as-steps"}),
    "a cut warm-up is a jump": (composed(sequence([linear(5), cosine(18)], 2)), {"milestone-cuts-warm-up"}),
    "a step ahead cuts the warm-up": (composed(sequence([sequence([linear(3), FIXED], 3)])), {"one-step-ahead"}),
    "a short polynomial is zero, not longer": (composed(poly(5)), {"lr-zero"}),
    "rising and never low": (composed(cosine(10, 0.5)), {"eta-min-above-lr"}),
    "one call": (composed(restarts(3), epochs=1), {"one-call-only"}),
    "min_lr above the LR also ignores cuts": (
        composed(plateau(patience=2, min_lr=0.2), metric=metric(1, 1)), {"plateau-min-lr-above-lr"},
    ),
    "a wrong mode also vanishes": (composed(plateau(patience=0), metric=metric(0.1, 0.9)), {"plateau-wrong-mode"}),
}  # fmt: skip


@pytest.mark.parametrize("cause", CAUSES)
def test_one_cause_is_told_once(cause: str) -> None:
    composition, expected = CAUSES[cause]
    assert names(composition) == expected


def test_the_gravest_comes_first_and_there_are_not_too_many() -> None:
    phases = [step(30, 1.0), *[step(30)] * 12, one_cycle(9)]
    many = composed(sequence(phases, *range(1, 14)), warmup=warmup(2))
    found = check(many)
    ranks = [["refused", "trap", "note"].index(one.severity) for one in found]
    assert ranks == sorted(ranks)
    assert set(ranks) == {1, 2}
    assert len(found) <= MAX_CHECKS
    assert sum(one.name == "step-never-decays" for one in found) == 2


# Logged metrics

NEGATIVE = [-1.0, -0.99995, *[-0.9999] * 18]
"""Below 0 and getting worse, by less than the relative threshold."""


def logged_plateau(**more: Any) -> Composition:
    return composed(plateau(**{"patience": 2, **more}), metric={"kind": "logged", "run": "a-run"})


def test_a_negative_metric() -> None:
    found = found_in(logged_plateau(), "plateau-negative-metric", NEGATIVE)
    assert found.path == "scheduler.threshold_mode"
    assert "down to -1:" in found.sentence
    assert "here 2 times" in found.sentence
    assert found.repair
    assert found.repair.label == "Set threshold_mode to abs"
    assert differences(logged_plateau(), found.repair.composition) == {"scheduler.threshold_mode"}
    assert "plateau-negative-metric" not in names(found.repair.composition, NEGATIVE)
    assert "plateau-negative-metric" not in names(logged_plateau(), [-value for value in NEGATIVE])


def test_a_metric_that_is_nan() -> None:
    values = [1.0, 0.9, float("nan"), 0.8, float("nan"), *[0.7] * 15]
    found = found_in(logged_plateau(), "plateau-metric-nan", values)
    assert (found.path, found.severity, found.repair) == ("metric", "note", None)
    assert "NaN in 2 of 20 epochs" in found.sentence
    assert "plateau-metric-nan" not in names(logged_plateau(), [1.0] * 20)


def test_a_log_that_is_shorter_than_the_run() -> None:
    found = found_in(logged_plateau(), "metric-missing", [1.0] * 12)
    assert "got 12 values" in found.sentence
    assert found.repair
    assert found.repair.label == "Set the epochs to 12"
    assert differences(logged_plateau(), found.repair.composition) == {"epochs"}
    assert "metric-missing" not in names(found.repair.composition, [1.0] * 12)


# Versions, and what is handed in


@pytest.mark.parametrize(
    ("version", "sentence"),
    [
        ((2, 12), "here, in torch 2.12, the run begins with a step of LinearLR, from 2.13 on it begins with"),
        ((2, 13), "here, in torch 2.13, the run begins with CosineAnnealingLR, before 2.13 it began with"),
    ],
)  # fmt: skip
def test_a_milestone_at_zero_in_each_torch(
    version: tuple[int, int], sentence: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(machine, "torch_version", lambda: version)
    assert sentence in found_in(CASES["milestone-at-zero"].composition, "milestone-at-zero").sentence


@pytest.mark.parametrize("name", CASES)
def test_a_known_curve_makes_no_difference(name: str) -> None:
    composition = CASES[name].composition
    try:
        drawn = composition.curve()
    except LabError:
        drawn = None
    assert check(composition, drawn) == check(composition)


def test_a_repair_follows_the_warm_up_that_it_leaves_out() -> None:
    found = found_in(composed(one_cycle(102), warmup=warmup(3), interval="step"), "warm-up-then-jump")
    assert found.repair
    schedule = found.repair.composition.schedule
    assert schedule.warmup is None
    assert schedule.scheduler.model_dump()["total_steps"] == 20 * STEPS


def test_groups_with_an_lr_of_their_own_keep_the_base_lr() -> None:
    groups = [{"name": "a", "multiplier": 1}, {"name": "b", "lr": 0.02}]
    found = found_in(composed(one_cycle(120), interval="step", groups=groups), "base-lr-without-effect")
    assert found.repair is None


@pytest.mark.parametrize("name", ["chained-discards", "phase-without-calls"])
def test_leaving_out_what_has_no_effect_keeps_the_curve(name: str) -> None:
    composition = CASES[name].composition
    repair = found_in(composition, name).repair
    assert repair
    np.testing.assert_allclose(repair.composition.curve().lr, composition.curve().lr, rtol=1e-12)


def test_a_cycle_from_zero_leaves_a_base_lr_of_zero() -> None:
    cycle = {"name": "CyclicLR", "base_lr": 0.0, "max_lr": 0.0, "step_size_up": 1, "cycle_momentum": False}
    again = {**cycle, "base_lr": 1.0, "step_size_up": 2}
    schedulers = [cycle, {"name": "Fixed"}, {"name": "Fixed"}, again]
    jump = {"name": "SequentialLR", "schedulers": schedulers, "milestones": [0, 0, 1]}
    found = {one.name for one in check(composed(jump, 1.0, 1, 2, interval="step"))}
    assert found == {"cycle-longer-than-run", "cycle-upside-down", "milestone-at-zero"}


# Whatever comes

schedulers = st.one_of(
    strategies.leaves,
    strategies.leaves,
    strategies.nested,
    strategies.sequential,
    strategies.chained,
    strategies.plateau.map(lambda values: {"name": "ReduceLROnPlateau", **values}),
)
groups = st.lists(st.floats(1e-3, 100), max_size=3).map(
    lambda times: [{"name": str(place), "multiplier": one} for place, one in enumerate(times)]
)


@settings(
    max_examples=EXAMPLES, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large]
)
@given(
    scheduler=schedulers,
    interval=st.sampled_from(["epoch", "step"]),
    warm=st.one_of(st.none(), st.none(), strategies.warmups),
    lr=strategies.rates_above_zero,
    epochs=st.integers(1, 40),
    steps=st.integers(1, 40),
    groups=groups,
    series=st.builds(metric, st.floats(0, 3), st.floats(0, 3)),
)
def test_whatever_comes(
    scheduler: Any, interval: str, warm: Any, lr: float, epochs: int, steps: int, groups: Any, series: Any
) -> None:
    """No schedule makes it fail; every repair is legal, keeps the curve, and repairing comes to an end."""
    interval = "epoch" if scheduler["name"] == "ReduceLROnPlateau" else interval
    try:
        composition = composed(
            scheduler, lr, epochs, steps, interval=interval, warmup=warm, groups=groups, metric=series
        )
    except ValidationError:
        return  # a random spec that is refused before it is one
    for _ in range(60):
        found, drawable = check(composition), has_curve(composition)
        assert all(one.sentence.strip() and "\n" not in one.sentence for one in found)
        assert drawable or [one.severity for one in found] == ["refused"]
        repairs = [one.repair.composition for one in found if one.repair]
        for repaired in repairs:
            assert repaired != composition
            assert Composition.model_validate_json(repaired.model_dump_json()) == repaired
            assert has_curve(repaired) or not drawable
        if not repairs:
            return
        composition = repairs[0]
    raise AssertionError(f"repairing {composition!r} never ends")


def has_curve(composition: Composition) -> bool:
    try:
        composition.curve()
    except LabError:
        return False
    return True
