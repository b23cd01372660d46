"""The LR of every optimiser update, in float64, equal to torch's own stepping. What is previewed here is what trains.

The warm-up and the border between calls of `step()` and optimiser updates are handled here; what the calls do to the
LR is `machine`'s.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lrlab.errors import LabError
from lrlab.schedules import machine
from lrlab.schedules.beyond import CAP, ROUNDING, last_call
from lrlab.schedules.leaves import Floats, Setting
from lrlab.schedules.plateau import Decision, replay
from lrlab.schedules.spec import (
    ReduceLROnPlateau,
    ScheduleSpec,
    Warmup,
)
from lrlab.schedules.values import (
    LR_CAP,
)

MAX_UPDATES = 20_000_000

FIRST_AT_ZERO = (2, 13)
"""From this torch on SequentialLR begins with the scheduler that a milestone at 0 puts first; before, always with the
first one, which then has the first call's LR."""


@dataclass(frozen=True)
class Curve:
    """The values used by each optimiser update; `lr[u]` is the LR that update u (from 0) applies.

    `lr`: float64, shape (epochs * steps_per_epoch,). `momentum`: the same shape, or None where the schedule does not
    move it. `decisions`: of ReduceLROnPlateau, one for the end of each epoch from `first_decision` on.
    """

    lr: Floats
    steps_per_epoch: int
    momentum: Floats | None = None
    decisions: tuple[Decision, ...] = ()
    first_decision: int = 0

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
    spec: ScheduleSpec,
    lr: float,
    epochs: int,
    steps_per_epoch: int,
    metrics: Sequence[float] | None = None,
    scale: float = 1.0,
    more_epochs: int = 0,
) -> Curve:
    """The whole curve of `spec` on an optimiser whose LR is `lr`.

    `lr`: in (0, 1000]. `epochs`, `steps_per_epoch`: at least 1, their product at most 20,000,000.
    `metrics`: the validation metric of each epoch, for ReduceLROnPlateau; the others ignore it.
    `scale`: the group's LR over the base LR; absolute LRs of which torch takes one for each group are meant for the
    base LR (see `leaves.Setting`).
    `more_epochs`: beyond the planned `epochs`; the schedule goes on there as `beyond` says.
    Raises LabError where an argument is out of range, where torch would raise, or where the LR leaves [0, 1000].
    """
    if not (math.isfinite(lr) and 0 < lr <= LR_CAP):
        raise LabError(f"lr: got {lr}, allowed: above 0 and at most {LR_CAP:g}", field="lr")
    for field, value, least in (
        ("epochs", epochs, 1),
        ("steps_per_epoch", steps_per_epoch, 1),
        ("more_epochs", more_epochs, 0),
    ):
        if value < least:
            raise LabError(f"{field}: got {value}, allowed: at least {least}", field=field)
    whole = epochs + more_epochs
    total, warm = whole * steps_per_epoch, warmup_updates(spec.warmup, steps_per_epoch)
    if total > MAX_UPDATES:
        raise LabError(
            f"epochs x steps_per_epoch: got {total:,} updates, allowed: at most {MAX_UPDATES:,}",
            field="epochs",
        )
    left = max(total - warm, 0)
    by_epoch = spec.interval == "epoch"
    planned, calls = (calls_of(spec, length, steps_per_epoch) for length in (epochs, whole))
    decisions: list[Decision] = []
    with np.errstate(all="ignore"):
        if isinstance(spec.scheduler, ReduceLROnPlateau):
            decisions = replay(spec.scheduler, lr, _metrics(metrics, whole)[whole - calls :], scale)
            values, momentum = np.array([lr, *(decision.after for decision in decisions)]), None
        else:
            setting = setting_of(spec, planned, steps_per_epoch, scale)
            made = last_call(spec.scheduler, lr, setting, calls) if more_epochs else calls
            values, momentum = machine.stepped(spec.scheduler, lr, setting, made)
            values = _held(values, calls)
            momentum = None if momentum is None else _held(momentum, calls)
    if by_epoch:
        # The scheduler waits at its own 0 for the rest of the epoch in which the warm-up ends.
        waits = np.full(calls, steps_per_epoch)
        waits[:1] -= warm % steps_per_epoch
        used = np.repeat(values[:-1], waits)
        moved = None if momentum is None else np.repeat(momentum[:-1], waits)
    else:
        used, moved = values[:-1], None if momentum is None else momentum[:-1]
    if spec.warmup:
        share = np.arange(total - left) / warm
        start = spec.warmup.start_factor
        used = np.concatenate([lr * (start + (1 - start) * share), used])
        if moved is not None and momentum is not None:  # building the scheduler set it before the first update
            moved = np.concatenate([np.full(total - left, momentum[0]), moved])
    return Curve(_within_limits(used), steps_per_epoch, moved, tuple(decisions), whole - len(decisions))


def _held(values: Floats, calls: int) -> Floats:
    """`values` after 0, 1, ... calls up to `calls`, the last one kept where no more calls were made."""
    return np.concatenate([values, np.full(calls + 1 - len(values), values[-1])]) if len(values) <= calls else values


def _metrics(metrics: Sequence[float] | None, epochs: int) -> Sequence[float]:
    if metrics is None or len(metrics) < epochs:
        got = 0 if metrics is None else len(metrics)
        raise LabError(
            f"metrics: got {got} values for ReduceLROnPlateau, allowed: one for each of the {epochs} epochs",
            field="metric",
        )
    return metrics[:epochs]


def _within_limits(lr: Floats) -> Floats:
    """`lr` without the traces of rounding below 0 that torch leaves where it ends at 0."""
    highest, lowest = lr.max(), lr.min()
    if not highest <= CAP:
        at = int(np.argmax(~(lr <= CAP)))
        raise LabError(f"schedule: the LR reaches {lr[at]:g} at update {at}, allowed: at most {LR_CAP:g}")
    if lowest < -ROUNDING * highest:
        at = int(np.argmin(lr))
        raise LabError(f"schedule: the LR falls to {lr[at]:g} at update {at}, allowed: at least 0")
    return np.maximum(lr, 0.0) if lowest < 0 else lr


def warmup_updates(warmup: Warmup | None, steps_per_epoch: int) -> int:
    """How many optimiser updates the warm-up takes."""
    if warmup is None:
        return 0
    return warmup.length * (steps_per_epoch if warmup.unit == "epoch" else 1)


def calls_of(spec: ScheduleSpec, epochs: int, steps_per_epoch: int) -> int:
    """How often step() is called in a run of `epochs`, its end included; none while the warm-up lasts."""
    left = max(epochs * steps_per_epoch - warmup_updates(spec.warmup, steps_per_epoch), 0)
    return -(-left // steps_per_epoch) if spec.interval == "epoch" else left


def setting_of(spec: ScheduleSpec, calls: int, steps_per_epoch: int, scale: float = 1.0) -> Setting:
    """Where `spec` runs, planned for `calls` calls, on a group that has `scale` times the base LR."""
    return Setting(calls, spec.interval, steps_per_epoch, scale, machine.torch_version() >= FIRST_AT_ZERO)
