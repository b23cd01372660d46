"""Schedules that are counted in the other interval, for the tests of the conversion."""

from __future__ import annotations

from typing import Any

from lrlab.schedules import ScheduleSpec
from lrlab.schedules.conversion import with_interval

WARM = {"name": "LinearLR", "start_factor": 0.1, "end_factor": 1.0, "total_iters": 3}
ONE_CYCLE = {"name": "OneCycleLR", "max_lr": 0.1}
CYCLIC = {"name": "CyclicLR", "base_lr": 0.01, "max_lr": 0.1}


def spec_of(interval: str, scheduler: dict[str, Any], **others: Any) -> ScheduleSpec:
    return ScheduleSpec.model_validate({"interval": interval, "scheduler": scheduler, **others})


def converted(scheduler: dict[str, Any], interval: Any, steps_per_epoch: int) -> dict[str, Any]:
    """`scheduler`, counted in the other interval before, in `interval`."""
    other = "step" if interval == "epoch" else "epoch"
    return with_interval(spec_of(other, scheduler), interval, steps_per_epoch).scheduler.model_dump(exclude_none=True)
