"""A composition for which each check fires, what it says there, and a good schedule of the same kind.

`torch` tells the same of the LRs that torch's own objects give: the claim that a sentence makes, from the oracle.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from lrlab.schedules import Composition
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
    named,
    one_cycle,
    plateau,
    poly,
    restarts,
    sequence,
    step,
    table,
    warmup,
)


def near(value: float, expected: float) -> bool:
    """Within the three digits that a sentence gives."""
    return math.isclose(value, expected, rel_tol=5e-3)


def changes(lr: np.ndarray) -> int:
    return int(np.count_nonzero(np.diff(lr)))


@dataclass(frozen=True)
class Case:
    """`path`, `says` (parts of the sentence) and `label` (of the repair, None where there is none) are what is shown.
    `differs`: the settings that the repair changes; None where it rebuilds a nest. `torch`: of the LR of each update.
    """

    composition: Composition
    path: str
    says: tuple[str, ...]
    label: str | None
    silent: Composition
    differs: tuple[str, ...] | None = ()
    torch: Callable[[np.ndarray], bool] | None = None


CASES: dict[str, Case] = {
    "one-cycle-shorter-than-run": Case(
        composed(one_cycle(100), interval="step"), "scheduler.total_steps", ("call 101", "100", "120 calls"),
        "Set total_steps to 120", composed(one_cycle(120), interval="step"), ("scheduler.total_steps",),
    ),
    "one-cycle-divides-by-zero": Case(
        composed(one_cycle(2, pct_start=0.5), epochs=2), "scheduler.pct_start", ("total_steps 2", "pct_start 0.5"),
        "Set pct_start to 0.3", composed(one_cycle(20, pct_start=0.5)), ("scheduler.pct_start",),
    ),
    "switch-to-nested": Case(
        composed(sequence([linear(3), sequence([FIXED, linear(7, 1, 0)], 10)], 3)), "scheduler.schedulers.1",
        ("NotImplementedError", "switches to a SequentialLR"), "Flatten it into the outer one",
        composed(sequence([linear(3), FIXED, linear(7, 1, 0)], 3, 13)), None,
    ),
    "no-length-in-sequence": Case(
        composed(sequence([linear(3), poly(0)], 3)), "scheduler.schedulers.1.total_iters", ("divides by zero", "0"),
        "Set total_iters to 17", composed(sequence([linear(3), poly(17)], 3)), ("scheduler.schedulers.1.total_iters",),
    ),
    "cycle-overflows": Case(
        composed(cyclic(1, mode="triangular2"), epochs=350, interval="step"), "scheduler.step_size_up",
        ("overflows", "1,024 cycles", "call 2,048"), "Set step_size_up to 3",
        composed(cyclic(30, mode="triangular2"), interval="step"), ("scheduler.step_size_up",),
    ),
    "metric-missing": Case(
        composed(plateau(), metric={"kind": "logged", "run": "gone"}), "metric", ("0 values", "20 epochs"),
        "Use an invented metric", composed(plateau(patience=2)),
        ("metric.kind", "metric.run", "metric.start", "metric.floor", "metric.speed", "metric.noise", "metric.seed"),
    ),
    "lr-out-of-range": Case(
        composed(step(1, 10.0)), "scheduler.gamma", ("reaches 10000", "at most 1000"), "Set gamma to 0.1",
        composed(step(5)), ("scheduler.gamma",), lambda lr: lr.max() > 1000,
    ),
    "without-curve": Case(
        composed(formula("1 / (10 - epoch)")), "scheduler.formula", ("epoch 10",), None,
        composed(formula("1 / (1 + epoch)")),
    ),
    "one-call-only": Case(
        composed(cosine(1), epochs=1), "interval", ("once, after the last update", "CosineAnnealingLR"),
        "Count steps, in the same shape", composed(cosine(6), epochs=1, interval="step"),
        ("interval", "scheduler.T_max"), lambda lr: changes(lr) == 0,
    ),
    "steps-counted-as-epochs": Case(
        composed(cosine(120)), "interval", ("T_max is 120 epochs", "20 epochs", "into the 120"), "Count steps",
        composed(cosine(20)), ("interval",), lambda lr: lr[-1] > 0.09,
    ),
    "epochs-counted-as-steps": Case(
        composed(poly(20), interval="step"), "interval",
        ("total_iters is 20 steps", "after 20 steps of 120", "20 epochs"), "Count epochs", composed(poly(120),
        interval="step"), ("interval",), lambda lr: not lr[20:].any(),
    ),
    "warm-up-outlasts-run": Case(
        composed(cosine(20), warmup=warmup(30)), "warmup.length", ("180 updates", "120", "comes to 0.0695"),
        "Make it 3 epochs", composed(cosine(17), warmup=warmup(3)), ("warmup.length",),
        lambda lr: near(lr.max(), 0.0695) and changes(lr) == 119,
    ),
    "warm-up-then-jump": Case(
        composed(one_cycle(102), warmup=warmup(3), interval="step"), "warmup", ("rises to 0.1", "jumps to 0.04"),
        "Leave out the warm-up", composed(one_cycle(120), interval="step"),
        ("warmup", "scheduler.total_steps"), lambda lr: near(lr[17], 0.095) and near(lr[18], 0.04),
    ),
    "rise-never-ends": Case(
        composed(linear(30)), "scheduler.total_iters", ("30 epochs", "20 epochs", "ends at 0.067 instead of 0.1"),
        "Set total_iters to 3", composed(linear(5)), ("scheduler.total_iters",), lambda lr: near(lr.max(), 0.067),
    ),
    "one-step-ahead": Case(
        composed(sequence([sequence([linear(4), FIXED], 4), linear(10, 1, 0)], 10)), "scheduler.schedulers.0",
        ("one call too many", "milestone 4 comes a call early", "pytorch#196243"), "Flatten it into the outer one",
        composed(sequence([linear(4), FIXED, linear(10, 1, 0)], 4, 10)), None,
        lambda lr: near(lr[2 * STEPS], 0.055) and near(lr[3 * STEPS], 0.1),
    ),
    "one-cycle-moves-base": Case(
        composed(sequence([linear(18), one_cycle(102)], 18), interval="step"), "scheduler.schedulers.1.div_factor",
        ("0.04", "instead of the base LR 0.1"), "Set div_factor to 10",
        composed(sequence([linear(18), one_cycle(102, div_factor=10)], 18), interval="step"),
        ("scheduler.schedulers.1.div_factor",), lambda lr: near(lr[0], 0.004) and near(lr[18], 0.04),
    ),
    "milestone-cuts-warm-up": Case(
        composed(sequence([linear(5), cosine(18)], 2)), "scheduler.milestones.0",
        ("Milestone 2", "2 of its 5 epochs", "from 0.028 to 0.1"), "Set total_iters to 2",
        composed(sequence([linear(2), cosine(18)], 2)), ("scheduler.schedulers.0.total_iters",),
        lambda lr: near(lr[2 * STEPS - 1], 0.028) and near(lr[2 * STEPS], 0.1),
    ),
    "phase-never-starts": Case(
        composed(sequence([linear(3), FIXED, poly(5)], 3, 30)), "scheduler.milestones.1",
        ("Milestone 30", "20 epochs", "PolynomialLR never begins"), "Move the milestone to 11",
        composed(sequence([linear(3), FIXED, poly(5)], 3, 15)), ("scheduler.milestones.1",),
        lambda lr: near(lr[-1], 0.1),
    ),
    "phase-without-calls": Case(
        composed(sequence([linear(3), step(2), cosine(17)], 3, 3)), "scheduler.milestones.1",
        ("Milestone 3", "StepLR", "no call"), "Leave out StepLR", composed(sequence([linear(3), cosine(17)], 3)), None,
        lambda lr: near(lr[-1], 0.1 * (1 + math.cos(math.pi * 16 / 17)) / 2),
    ),
    "milestone-at-zero": Case(
        composed(sequence([linear(4), cosine(20)], 0)), "scheduler.milestones.0", ("LinearLR has no phase", "2.13"),
        "Leave out LinearLR", composed(sequence([linear(4), cosine(16)], 4)), None,
    ),
    "cycle-breaks-off": Case(
        composed(sequence([linear(4), cyclic(4, base_lr=0.01)], 4)), "scheduler.milestones.0",
        ("milestone 4", "from 0.0775 to 0.01", "base_lr"), "Set base_lr to 0.1",
        composed(sequence([linear(4), cyclic(4)], 4)), ("scheduler.schedulers.1.base_lr",),
        lambda lr: near(lr[4 * STEPS - 1], 0.0775) and near(lr[4 * STEPS], 0.01),
    ),
    "jump-at-milestone": Case(
        composed(sequence([step(4), FIXED], 10)), "scheduler.milestones.0", ("milestone 10", "from 0.025 up to 0.1"),
        "Hold the LR at 0.025", composed(sequence([linear(3), FIXED], 3)), None,
        lambda lr: near(lr[10 * STEPS - 1], 0.025) and near(lr[10 * STEPS], 0.1),
    ),
    "chained-peak-below-base": Case(
        composed(chain(linear(5), cosine(20))), "scheduler",
        ("CosineAnnealingLR", "5 epochs of LinearLR", "0.0854, not 0.1"), "Run them one after the other",
        composed(sequence([linear(5), cosine(15)], 5)), None,
        lambda lr: near(lr.max(), 0.0854),
    ),
    "chained-discards": Case(
        composed(chain(step(5), formula("0.9 ** epoch"))), "scheduler.schedulers.1", ("LambdaLR", "StepLR before it"),
        "Leave out StepLR", composed(chain(step(5), exponential(0.9))), None,
        lambda lr: np.allclose(lr[::STEPS], 0.1 * 0.9 ** np.arange(20), rtol=1e-12),
    ),
    "chained-lasts-one-call": Case(
        composed(chain(formula("0.9 ** epoch"), step(5))), "scheduler.schedulers.1", ("LambdaLR", "StepLR after it"),
        "Write StepLR into the formula", composed(formula("0.9 ** epoch * 0.5 ** (epoch // 5)")), None,
        lambda lr: near(lr[5 * STEPS], 0.05 * 0.9**5) and near(lr[6 * STEPS], 0.1 * 0.9**6),
    ),
    "step-never-decays": Case(
        composed(step(30)), "scheduler.step_size", ("30 epochs", "the run has 20 epochs"), "Set step_size to 5",
        composed(step(19)), ("scheduler.step_size",), lambda lr: changes(lr) == 0,
    ),
    "milestones-never-reached": Case(
        composed(multi(20, 30)), "scheduler.milestones", ("first milestone is 20", "20 epochs"),
        "Set milestones to 10, 15", composed(multi(10, 15)), ("scheduler.milestones.0", "scheduler.milestones.1"),
        lambda lr: changes(lr) == 0,
    ),
    "milestone-beyond-run": Case(
        composed(multi(10, 20)), "scheduler.milestones", ("20 epochs", "of 2 milestones 20 is never"),
        "Set milestones to 10", composed(multi(10, 19)), None, lambda lr: changes(lr) == 1,
    ),
    "milestone-twice": Case(
        composed(multi(10, 10)), "scheduler.milestones", ("Milestone 10", "2 times", "0.01"), "Set milestones to 10",
        composed(multi(10, 11)), None, lambda lr: changes(lr) == 1 and near(lr[-1], 0.001),
    ),
    "milestone-at-start": Case(
        composed(multi(0, 10)), "scheduler.milestones", ("milestone at 0", "0.1 x the LR"), "Set milestones to 10",
        composed(multi(1, 10)), None, lambda lr: near(lr[0], 0.01),
    ),
    "gamma-changes-nothing": Case(
        composed(step(5, 1.0)), "scheduler.gamma", ("gamma is 1",), "Set gamma to 0.1", composed(step(5)),
        ("scheduler.gamma",), lambda lr: changes(lr) == 0,
    ),
    "gamma-raises": Case(
        composed(step(5, 2.0)), "scheduler.gamma", ("gamma 2", "to 0.8"), "Set gamma to 0.5", composed(step(5)),
        ("scheduler.gamma",), lambda lr: near(lr[-1], 0.8),
    ),
    "exponential-vanishes": Case(
        composed(exponential(0.8), interval="step"), "scheduler.gamma", ("0.8 at every step", "62 steps", "48 %"),
        "Set gamma to 0.9635 (0.8 per epoch)", composed(exponential(0.97), interval="step"), ("scheduler.gamma",),
        lambda lr: lr[62] < 1e-7 < lr[61],
    ),
    "exponential-hardly-moves": Case(
        composed(exponential(0.998)), "scheduler.gamma", ("96.3 %", "at every step", "78.8 %"), "Count steps",
        composed(exponential(0.85)), ("interval",), lambda lr: near(lr[-1], 0.0963),
    ),
    "total-iters-zero": Case(
        composed(linear(0)), "scheduler.total_iters", ("total_iters is 0", "0.01"), "Set total_iters to 3",
        composed(linear(3)), ("scheduler.total_iters",), lambda lr: changes(lr) == 0 and near(lr[0], 0.01),
    ),
    "decay-longer-than-run": Case(
        composed(cosine(40)), "scheduler.T_max", ("40 epochs", "20 epochs", "ends at 0.0539", "eta_min 0"),
        "Set T_max to 20", composed(cosine(20)), ("scheduler.T_max",), lambda lr: near(lr[-1], 0.0539),
    ),
    "constant-never-ends": Case(
        composed(constant(30)), "scheduler.total_iters", ("30 epochs", "20 epochs", "0.01"), "Set total_iters to 5",
        composed(constant(5)), ("scheduler.total_iters",), lambda lr: changes(lr) == 0 and near(lr[0], 0.01),
    ),
    "cosine-climbs": Case(
        composed(cosine(10)), "scheduler.T_max", ("10 epochs", "20 epochs", "from epoch 10 on", "up to 0.0976"),
        "Set T_max to 20", composed(cosine(20)), ("scheduler.T_max",),
        lambda lr: lr[10 * STEPS] < 1e-12 and near(lr[-1], 0.0976),
    ),
    "eta-min-above-lr": Case(
        composed(cosine(20, 0.5)), "scheduler.eta_min", ("0.5", "0.1", "raises"), "Set eta_min to 0",
        composed(cosine(20, 0.05)), ("scheduler.eta_min",), lambda lr: lr[-1] > 0.49,
    ),
    "group-below-eta-min": Case(
        composed(cosine(20, 1e-3), groups=[{"name": "head", "multiplier": 1}, {"name": "body", "lr": 1e-4}]),
        "groups.1", ("'body'", "1e-4", "eta_min 0.001"), "Set eta_min to 0",
        composed(cosine(20, 1e-5), groups=[{"name": "head", "multiplier": 1}, {"name": "body", "lr": 1e-4}]),
        ("scheduler.eta_min",),
    ),
    "restarts-cut-off": Case(
        composed(restarts(8)), "scheduler.T_0", ("4 of the last cycle's 8 epochs", "0.0691"), "Set T_0 to 10",
        composed(restarts(10)), ("scheduler.T_0",), lambda lr: near(lr[-1], 0.0691),
    ),
    "restarts-never-low": Case(
        composed(restarts(5)), "scheduler.T_0", ("5 epochs", "eta_min 0", "0.00955"), "Count steps, in the same shape",
        composed(restarts(30), interval="step"), ("interval", "scheduler.T_0"), lambda lr: near(lr.min(), 0.00955),
    ),
    "one-cycle-longer-than-run": Case(
        composed(one_cycle(200), interval="step"), "scheduler.total_steps",
        ("200 steps", "120 steps", "60 %", "0.611"), "Set total_steps to 120",
        composed(one_cycle(120), interval="step"), ("scheduler.total_steps",), lambda lr: near(lr[-1], 0.611),
    ),
    "one-cycle-per-epoch": Case(
        composed(one_cycle(20)), "interval", ("20 values", "120"), "Count steps, in the same shape",
        composed(one_cycle(120), interval="step"), ("interval", "scheduler.total_steps"),
        lambda lr: len(np.unique(lr)) <= 20,
    ),
    "base-lr-without-effect": Case(
        composed(one_cycle(120), interval="step"), "scheduler.max_lr", ("base LR 0.1", "0.04", "max_lr 1"),
        "Set the base LR to 0.04", composed(one_cycle(120), lr=0.04, interval="step"), ("lr",),
        lambda lr: near(lr[0], 0.04) and near(lr.max(), 1.0),
    ),
    "momentum-overwritten": Case(
        composed(one_cycle(120), interval="step"), "scheduler.cycle_momentum", ("beta1", "0.95", "0.85", "Adagrad"),
        "Set cycle_momentum to False", composed(one_cycle(120, cycle_momentum=False), interval="step"),
        ("scheduler.cycle_momentum",),
    ),
    "third-phase-missing": Case(
        composed(one_cycle(120, three_phase=True, pct_start=0.6), interval="step"), "scheduler.pct_start",
        ("pct_start 0.6", "0.268", "4e-6"), "Set pct_start to 0.3",
        composed(one_cycle(120, three_phase=True, pct_start=0.4), interval="step"), ("scheduler.pct_start",),
        lambda lr: near(lr[-1], 0.268),
    ),
    "cycle-longer-than-run": Case(
        composed(cyclic(2000), interval="step"), "scheduler.step_size_up", ("4,000 steps", "120 steps", "3 %", "0.106"),
        "Set step_size_up to 30", composed(cyclic(30), interval="step"), ("scheduler.step_size_up",),
        lambda lr: near(lr.max(), 0.106),
    ),
    "cycle-upside-down": Case(
        composed(cyclic(5, base_lr=0.2, max_lr=0.1)), "scheduler.max_lr", ("max_lr 0.1", "base_lr 0.2"),
        "Swap max_lr and base_lr", composed(cyclic(5)), ("scheduler.base_lr", "scheduler.max_lr"),
        lambda lr: lr[0] > lr[5 * STEPS],
    ),
    "exp-range-without-gamma": Case(
        composed(cyclic(5, mode="exp_range")), "scheduler.gamma", ("exp_range", "gamma 1"), "Set gamma to 0.891",
        composed(cyclic(5, mode="exp_range", gamma=0.9)), ("scheduler.gamma",),
        lambda lr: near(lr[5 * STEPS], 0.2) and near(lr[15 * STEPS], 0.2),
    ),
    "plateau-wrong-mode": Case(
        composed(plateau(patience=2), metric=metric(0.1, 0.9)), "scheduler.mode",
        ('mode "min"', "rises from 0.1 to 0.9", "6 times"), "Set mode to max",
        composed(plateau(patience=2, mode="max"), metric=metric(0.1, 0.9)), ("scheduler.mode",),
        lambda lr: near(lr[-1], 0.1 * 0.1**6),
    ),
    "plateau-never-cuts": Case(
        composed(plateau(patience=18), metric=metric(1.0, 1.0)), "scheduler.patience",
        ("patience 18", "bad epoch 19", "20 epochs"), "Set patience to 4",
        composed(plateau(patience=17), metric=metric(1.0, 1.0)), ("scheduler.patience",),
        lambda lr: changes(lr) == 0,
    ),
    "plateau-min-lr-above-lr": Case(
        composed(plateau(patience=2, min_lr=0.2), metric=metric(1.0, 1.0)), "scheduler.min_lr", ("0.2", "0.1"),
        "Set min_lr to 0", composed(plateau(patience=2, min_lr=1e-9), metric=metric(1.0, 1.0)), ("scheduler.min_lr",),
        lambda lr: changes(lr) == 0,
    ),
    "plateau-cut-ignored": Case(
        composed(plateau(patience=2), lr=1e-8, metric=metric(1.0, 1.0)), "scheduler.eps", ("9e-9", "1e-8"),
        "Set eps to 0", composed(plateau(patience=2), lr=1e-6, metric=metric(1.0, 1.0)), ("scheduler.eps",),
        lambda lr: changes(lr) == 0,
    ),
    "plateau-cuts-end": Case(
        composed(plateau(patience=0), lr=1e-5, metric=metric(1.0, 1.0)), "scheduler.eps",
        ("From 1e-8", "16", "eps 1e-8"), None, composed(plateau(patience=4), lr=0.1, metric=metric(1.0, 1.0)), (),
        lambda lr: changes(lr) == 3 and near(lr[-1], 1e-8),
    ),
    "plateau-min-lr-reached": Case(
        composed(plateau(patience=2, min_lr=0.01), metric=metric(1.0, 1.0)), "scheduler.min_lr",
        ("min_lr 0.01", "from epoch 6 on", "5 cuts"), None,
        composed(plateau(patience=8, min_lr=1e-4), metric=metric(1.0, 1.0)), (),
        lambda lr: changes(lr) == 1 and near(lr[-1], 0.01),
    ),
    "plateau-hardly-cuts": Case(
        composed(plateau(patience=2, factor=0.98), metric=metric(1.0, 1.0)), "scheduler.factor",
        ("0.98", "6 cuts", "88.6 %"), "Set factor to 0.5",
        composed(plateau(patience=2, factor=0.5), metric=metric(1.0, 1.0)), ("scheduler.factor",),
        lambda lr: near(lr[-1], 0.0886),
    ),
    "formula-without-variable": Case(
        composed(formula("0.5")), "scheduler.formula", ("epoch, step, t and total", "0.05"), None,
        composed(formula("0.5 ** epoch")), (), lambda lr: changes(lr) == 0 and near(lr[0], 0.05),
    ),
    "multiplicative-cumulates": Case(
        composed(named("MultiplicativeLR", formula="0.65 ** epoch")), "scheduler.formula", ("2.84e-37", "2.79e-5"),
        "Make it LambdaLR", composed(named("MultiplicativeLR", formula="0.9 if epoch < 10 else 0.8")), None,
        lambda lr: near(lr[-1], 2.84e-37),
    ),
    "table-longer-than-run": Case(
        composed(table((0, 1), (10, 0.5), (25, 0.1))), "scheduler.table", ("20 epochs", "1 of 3 points", "epoch 25"),
        "Scale the points to the run", composed(table((0, 1), (10, 0.5), (20, 0.1))),
        ("scheduler.table.points.1.0", "scheduler.table.points.2.0"), lambda lr: lr[-1] > 0.02,
    ),
    "lr-zero": Case(
        composed(poly(10)), "scheduler.total_iters", ("60 of 120 updates", "update 60 (epoch 10)"),
        "Set total_iters to 20", composed(poly(20)), ("scheduler.total_iters",),
        lambda lr: not lr[60:].any() and bool(lr[:60].all()),
    ),
    "lr-vanishes": Case(
        composed(multi(5, 10, 15, gamma=1e-3)), "scheduler.gamma", ("25 %", "update 90", "0.1"), "Set gamma to 0.1",
        composed(multi(5, 10, 15)), ("scheduler.gamma",), lambda lr: lr[90] < 1e-7 < lr[89],
    ),
    "group-out-of-range": Case(
        composed(step(5), lr=2.0, groups=[{"name": "head", "multiplier": 1}, {"name": "body", "multiplier": 600}]),
        "groups.1", ("'body'", "1200", "at most 1000"), None,
        composed(step(5), lr=2.0, groups=[{"name": "head", "multiplier": 1}, {"name": "body", "multiplier": 400}]),
    ),
    "groups-share-cycle": Case(
        composed(
            one_cycle(120), interval="step",
            groups=[{"name": "head", "multiplier": 1}, {"name": "body", "multiplier": 0.1}],
        ),
        "scheduler.max_lr", ("max_lr 1", "'head' 1", "'body' 0.1"), None,
        composed(one_cycle(120), interval="step", groups=[{"name": "all", "multiplier": 1}]),
    ),
}  # fmt: skip
