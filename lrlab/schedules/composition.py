"""A composition: a schedule on a base LR for a run of a given length. It is what the sliders make, keep and hand on."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from lrlab.schedules.curve import MAX_UPDATES, Curve, curve
from lrlab.schedules.spec import LR_CAP, ExponentialLR, MultiStepLR, ScheduleSpec

CALL_LENGTHS = ("step_size", "T_max", "total_iters")
"""The parameters that count calls of `step()`, beside MultiStepLR's milestones."""


class Composition(BaseModel):
    """The page's sliders as one value. The defaults are the first thing a visitor sees."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    lr: Annotated[float, Field(gt=0, le=LR_CAP, allow_inf_nan=False)] = 0.001
    epochs: Annotated[int, Field(ge=1, le=10_000)] = 20
    steps_per_epoch: Annotated[int, Field(ge=1, le=1_000_000)] = 30
    schedule: ScheduleSpec = ScheduleSpec.model_validate(
        {"scheduler": {"name": "StepLR", "step_size": 5, "gamma": 0.5}}
    )

    @model_validator(mode="after")
    def _drawable(self) -> Composition:
        if self.updates > MAX_UPDATES:
            raise ValueError(
                f"epochs x steps_per_epoch: got {self.updates:,} updates, allowed: at most {MAX_UPDATES:,}"
            )
        return self

    @property
    def updates(self) -> int:
        """Optimiser updates in the whole run."""
        return self.epochs * self.steps_per_epoch

    @property
    def calls(self) -> int:
        """How often the loop calls the scheduler's `step()` in the whole run."""
        return self.updates if self.schedule.interval == "step" else self.epochs

    def curve(self) -> Curve:
        """The LR of every update; LabError where it leaves [0, 1000]."""
        return curve(self.schedule, self.lr, self.epochs, self.steps_per_epoch)

    def with_interval(self, interval: Literal["epoch", "step"]) -> Composition:
        """The same shape with `step()` called elsewhere.

        Lengths are converted (rounded, at least 1), and ExponentialLR's gamma becomes the factor per new call.
        """
        if interval == self.schedule.interval:
            return self
        ratio = self.steps_per_epoch if interval == "step" else 1 / self.steps_per_epoch
        scheduler = self.schedule.scheduler
        changes: dict[str, object] = {}
        for name in CALL_LENGTHS:
            if hasattr(scheduler, name):
                changes[name] = max(1, round(getattr(scheduler, name) * ratio))
        if isinstance(scheduler, MultiStepLR):
            changes["milestones"] = tuple(max(1, round(call * ratio)) for call in scheduler.milestones)
        if isinstance(scheduler, ExponentialLR):
            changes["gamma"] = scheduler.gamma ** (1 / ratio)
        schedule = self.schedule.model_copy(
            update={"interval": interval, "scheduler": scheduler.model_copy(update=changes)}
        )
        return self.model_copy(update={"schedule": schedule})
