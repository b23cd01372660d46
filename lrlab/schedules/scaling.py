"""The same schedule on another LR: every LR in it multiplied, so that the curve keeps its shape."""

from __future__ import annotations

from typing import Any

from pydantic import ValidationError

from lrlab.errors import LabError, from_validation
from lrlab.schedules import spec as specs
from lrlab.schedules.composition import Composition, ParameterGroup
from lrlab.schedules.values import LR_CAP

RATES = ("eta_min", "base_lr", "max_lr", "min_lr")
"""The parameters that are LRs by themselves; everything else is a factor on what the optimiser holds."""


def with_peak(composition: Composition, lr: float) -> Composition:
    """`composition` with `lr` as the highest LR that its schedule reaches, its shape kept.

    The base LR, and the LRs that a schedule or a group names itself, are multiplied by one factor. Of a plain decay the
    highest is the base LR; of OneCycleLR it is max_lr. The metric of a plateau plays no part: cuts only lower the LR.
    LabError where an LR would leave its range.
    """
    if not 0 < lr <= LR_CAP:
        raise LabError(f"lr: got {lr:g}, allowed: above 0 and at most {LR_CAP:g}", field="lr")
    plateau = isinstance(composition.schedule.scheduler, specs.ReduceLROnPlateau)
    peak = composition.lr if plateau else float(composition.curve().lr.max())
    if peak == 0:
        raise LabError("schedule: its LR is 0 throughout, so it has no highest one to set", field="schedule")
    factor = lr / peak
    # Where the base LR is the highest it becomes just the number that was asked for.
    base = lr if peak == composition.lr else composition.lr * factor
    try:
        return Composition.model_validate(
            {
                **dict(composition),
                "lr": base,
                "schedule": _scaled_spec(composition.schedule, factor, {peak: lr}),
                "groups": tuple(_scaled_group(group, factor) for group in composition.groups),
            }
        )
    except ValidationError as error:
        raise from_validation(error) from error


def _scaled_spec(schedule: specs.ScheduleSpec, factor: float, exact: dict[float, float]) -> specs.ScheduleSpec:
    document = schedule.model_dump() | {"scheduler": _scaled(schedule.scheduler, factor, exact).model_dump()}
    return specs.ScheduleSpec.model_validate(document)


def _scaled(scheduler: specs.Scheduler, factor: float, exact: dict[float, float]) -> specs.Scheduler:
    """`exact`: what certain LRs become to the last digit. The values are not checked."""
    changes: dict[str, Any] = {}
    for name in RATES:
        value = getattr(scheduler, name, None)
        if value:
            changes[name] = exact.get(value, value * factor)
    if isinstance(scheduler, specs.SequentialLR | specs.ChainedScheduler):
        changes["schedulers"] = tuple(_scaled(inner, factor, exact) for inner in scheduler.schedulers)
    return scheduler.model_copy(update=changes)


def _scaled_group(group: ParameterGroup, factor: float) -> ParameterGroup:
    return group if group.lr is None else group.model_copy(update={"lr": group.lr * factor})
