"""The validation metric that ReduceLROnPlateau is previewed against: an invented one, or what a run has logged."""

from __future__ import annotations

from typing import Annotated, Literal

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from lrlab.schedules.spec import ReduceLROnPlateau, ScheduleSpec

Level = Annotated[float, Field(ge=0, le=1e6, allow_inf_nan=False)]


class Synthetic(BaseModel):
    """A metric that goes from `start` towards `floor`: floor + (start - floor) x exp(-speed x epoch), with noise.

    `speed`: per epoch; 0.1 leaves 37 % of the way after ten epochs. `noise`: the standard deviation, as a share of the
    value without noise; drawn from `seed`. A loss falls (floor below start), an accuracy rises (floor above start).
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: Literal["synthetic"] = "synthetic"
    start: Level = 2.0
    floor: Level = 0.4
    speed: Annotated[float, Field(ge=0, le=10, allow_inf_nan=False)] = 0.4
    noise: Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)] = 0.02
    seed: Annotated[int, Field(ge=0, le=2**32 - 1)] = 0

    def values(self, epochs: int) -> list[float]:
        """The metric at the end of each epoch; never below 0."""
        smooth = self.floor + (self.start - self.floor) * np.exp(-self.speed * np.arange(epochs))
        draws = np.random.default_rng(self.seed).standard_normal(epochs)
        values: list[float] = np.maximum(smooth * (1 + self.noise * draws), 0.0).tolist()
        return values


class Logged(BaseModel):
    """The validation metric of a run of this lab: its loss, or with mode "max" its accuracy."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: Literal["logged"] = "logged"
    run: Annotated[str, Field(min_length=1, max_length=64)]


def example_metrics(schedule: ScheduleSpec, epochs: int) -> list[float] | None:
    """A metric for each epoch against which `schedule` can be drawn before anything is measured; None if it needs none.

    A loss that falls, or with mode "max" an accuracy that rises.
    """
    scheduler = schedule.scheduler
    if not isinstance(scheduler, ReduceLROnPlateau):
        return None
    series = Synthetic() if scheduler.mode == "min" else Synthetic(start=0.25, floor=0.9)
    return series.values(epochs)


Metric = Annotated[Synthetic | Logged, Field(discriminator="kind")]
