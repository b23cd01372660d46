"""The same shape with `step()` called elsewhere: every length, factor per call and formula of a schedule converted."""

from __future__ import annotations

from typing import Any, Literal

from lrlab.schedules import spec as specs

LENGTHS = ("step_size", "T_max", "T_0", "total_iters", "step_size_up", "step_size_down", "total_steps")
"""The parameters that count calls of `step()`, beside milestones and the points of a table."""


def with_interval(
    schedule: specs.ScheduleSpec, interval: Literal["epoch", "step"], steps_per_epoch: int
) -> specs.ScheduleSpec:
    """`schedule` with the other interval. Lengths are rounded, at least 1; a factor per call becomes the factor per new
    call; a formula is written in the new counter. ReduceLROnPlateau stays with epochs (see ScheduleSpec)."""
    if interval == schedule.interval:
        return schedule
    ratio = steps_per_epoch if interval == "step" else 1 / steps_per_epoch
    return schedule.model_copy(update={"interval": interval, "scheduler": _scaled(schedule.scheduler, ratio)})


def _scaled(scheduler: specs.Scheduler, ratio: float) -> specs.Scheduler:
    changes: dict[str, Any] = {}
    for name in LENGTHS:
        value = getattr(scheduler, name, None)
        if value:
            changes[name] = max(1, round(value * ratio))
    if isinstance(scheduler, specs.MultiStepLR | specs.SequentialLR):
        changes["milestones"] = tuple(max(1, round(call * ratio)) if call else 0 for call in scheduler.milestones)
    if isinstance(scheduler, specs.SequentialLR | specs.ChainedScheduler):
        changes["schedulers"] = tuple(_scaled(inner, ratio) for inner in scheduler.schedulers)
    if isinstance(scheduler, specs.ExponentialLR):
        changes["gamma"] = scheduler.gamma ** (1 / ratio)
    return scheduler.model_copy(update=changes)
