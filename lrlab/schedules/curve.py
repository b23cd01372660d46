"""The LR of every optimiser update, in closed form and float64. What is previewed here is what trains.

torch steps its schedulers one call at a time; the functions below give the same numbers for all calls at once.
They follow torch's stepping (its `get_lr`), not its `_get_closed_form_lr`, wherever the two differ.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import singledispatch

import numpy as np
from numpy.typing import NDArray

from lrlab.errors import LabError
from lrlab.schedules.spec import (
    LR_CAP,
    ConstantLR,
    CosineAnnealingLR,
    ExponentialLR,
    Fixed,
    LinearLR,
    MultiStepLR,
    PolynomialLR,
    ScheduleSpec,
    StepLR,
    Warmup,
)

Floats = NDArray[np.float64]

MAX_UPDATES = 20_000_000


@dataclass(frozen=True)
class Curve:
    """The values used by each optimiser update; `lr[u]` is the LR that update u (from 0) applies.

    `lr`: float64, shape (epochs * steps_per_epoch,). `momentum`: the same shape, or None where the schedule
    does not move it.
    """

    lr: Floats
    steps_per_epoch: int
    momentum: Floats | None = None

    @property
    def epochs(self) -> int:
        return len(self.lr) // self.steps_per_epoch

    @property
    def step(self) -> NDArray[np.int64]:
        """The updates, counted from 0."""
        return np.arange(len(self.lr), dtype=np.int64)

    @property
    def epoch(self) -> NDArray[np.int64]:
        """The epoch (from 0) of each update."""
        return self.step // self.steps_per_epoch

    def by_epoch(self) -> dict[str, NDArray[np.int64] | Floats]:
        """One row an epoch: its number, its first update, and the LR of its first and of its last update."""
        first = np.arange(self.epochs) * self.steps_per_epoch
        return {
            "epoch": np.arange(self.epochs),
            "first update": first,
            "LR of its first update": self.lr[first],
            "LR of its last update": self.lr[first + self.steps_per_epoch - 1],
        }


def curve(
    spec: ScheduleSpec, lr: float, epochs: int, steps_per_epoch: int, metrics: Sequence[float] | None = None
) -> Curve:
    """The whole curve of `spec` on an optimiser whose LR is `lr`.

    `lr`: in (0, 1000]. `epochs`, `steps_per_epoch`: at least 1, their product at most 20,000,000.
    `metrics`: one value per epoch, for schedules that depend on what is measured; the others ignore it.
    Raises LabError where an argument is out of range or the LR leaves [0, 1000] on the way.
    """
    if not (math.isfinite(lr) and 0 < lr <= LR_CAP):
        raise LabError(f"lr: got {lr}, allowed: above 0 and at most {LR_CAP:g}", field="lr")
    for field, value in (("epochs", epochs), ("steps_per_epoch", steps_per_epoch)):
        if value < 1:
            raise LabError(f"{field}: got {value}, allowed: at least 1", field=field)
    if epochs * steps_per_epoch > MAX_UPDATES:
        raise LabError(
            f"epochs x steps_per_epoch: got {epochs * steps_per_epoch:,} updates, allowed: at most {MAX_UPDATES:,}",
            field="epochs",
        )
    warm = warmup_updates(spec.warmup, steps_per_epoch)
    total = epochs * steps_per_epoch
    with np.errstate(over="ignore", under="ignore"):
        values = _after_warmup(spec, lr, warm, total, steps_per_epoch)
    if spec.warmup:
        rise = spec.warmup.start_factor
        share = np.arange(min(warm, total)) / warm
        values = np.concatenate([lr * (rise + (1 - rise) * share), values])
    highest = values.max()
    if not highest <= LR_CAP:
        at = int(np.argmax(~(values <= LR_CAP)))
        raise LabError(f"schedule: the LR reaches {values[at]:g} at update {at}, allowed: at most {LR_CAP:g}")
    return Curve(values, steps_per_epoch)


def warmup_updates(warmup: Warmup | None, steps_per_epoch: int) -> int:
    """How many optimiser updates the warm-up takes."""
    if warmup is None:
        return 0
    return warmup.length * (steps_per_epoch if warmup.unit == "epoch" else 1)


def _after_warmup(spec: ScheduleSpec, lr: float, warm: int, total: int, steps_per_epoch: int) -> Floats:
    left = max(total - warm, 0)
    if spec.interval == "step":
        return at_calls(spec.scheduler, lr, left)
    # The scheduler waits at its own 0 for the rest of the epoch in which the warm-up ends.
    first = steps_per_epoch - warm % steps_per_epoch
    calls = 1 + max(0, -(-(left - first) // steps_per_epoch))
    repeats = np.full(calls, steps_per_epoch)
    repeats[0] = first
    return np.repeat(at_calls(spec.scheduler, lr, calls), repeats)[:left]


@singledispatch
def at_calls(scheduler: object, lr: float, n: int) -> Floats:
    """The LR after 0, 1, ... n-1 calls of `step()`, shape (n,)."""
    raise TypeError(f"no curve for {type(scheduler).__name__}")


@at_calls.register
def _(scheduler: Fixed, lr: float, n: int) -> Floats:
    return np.full(n, lr)


@at_calls.register
def _(scheduler: StepLR, lr: float, n: int) -> Floats:
    size = scheduler.step_size
    powers = lr * scheduler.gamma ** np.arange(-(-n // size), dtype=float)
    return np.repeat(powers, min(size, n))[:n]


@at_calls.register
def _(scheduler: MultiStepLR, lr: float, n: int) -> Floats:
    milestones = np.minimum(scheduler.milestones, n)
    powers = lr * scheduler.gamma ** np.arange(len(milestones) + 1, dtype=float)
    return np.repeat(powers, np.diff(milestones, prepend=0, append=n))


@at_calls.register
def _(scheduler: ExponentialLR, lr: float, n: int) -> Floats:
    return np.asarray(lr * scheduler.gamma ** np.arange(n, dtype=float))


@at_calls.register
def _(scheduler: CosineAnnealingLR, lr: float, n: int) -> Floats:
    # torch multiplies by (1 + cos a_k) / (1 + cos a_(k-1)); within one descent the product telescopes. After each
    # low point it starts anew from (1 - cos(pi/T)) / 2, which for some T differs from the cosine in floating point
    # (2e-9 for a T below 10,000, 8e-8 below 60,000), and it keeps that ratio until the next low point: so do we.
    period = scheduler.T_max
    shape = (1 + np.cos(np.pi * np.arange(n) / period)) / 2
    restart = (1 - math.cos(math.pi / period)) / 2
    for start in range(period + 1, n, 2 * period):
        closed = (1 + math.cos(math.pi * start / period)) / 2
        shape[start : start + 2 * period] *= restart / closed
    return np.asarray(scheduler.eta_min + (lr - scheduler.eta_min) * shape)


@at_calls.register
def _(scheduler: PolynomialLR, lr: float, n: int) -> Floats:
    length = scheduler.total_iters
    if length == 0:  # torch: every call is past the end, nothing ever changes
        return np.full(n, lr)
    done = np.minimum(np.arange(n), length) / length
    return np.asarray(lr * (1 - done) ** scheduler.power)


@at_calls.register
def _(scheduler: LinearLR, lr: float, n: int) -> Floats:
    start, end, length = scheduler.start_factor, scheduler.end_factor, scheduler.total_iters
    if length == 0:  # torch: call 0 applies start_factor, and no later call undoes it
        return np.full(n, lr * start)
    done = np.minimum(np.arange(n), length) / length
    return np.asarray(lr * (start + (end - start) * done))


@at_calls.register
def _(scheduler: ConstantLR, lr: float, n: int) -> Floats:
    values = np.full(n, lr * scheduler.factor)
    if scheduler.total_iters:  # torch: with 0 the factor stays for ever
        values[scheduler.total_iters :] = lr
    return values
