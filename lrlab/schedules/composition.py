"""A composition: a schedule on a base LR for a run of a given length. It is what the sliders make, keep and hand on."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from lrlab.schedules.conversion import with_interval
from lrlab.schedules.curve import MAX_UPDATES, Curve, curve, warmup_updates
from lrlab.schedules.metric import Logged, Metric, Synthetic
from lrlab.schedules.spec import (
    ReduceLROnPlateau,
    ScheduleSpec,
)
from lrlab.schedules.values import (
    LR_CAP,
    RateAboveZero,
)

MAX_GROUPS = 20


class _Value(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class ParameterGroup(_Value):
    """A parameter group of the optimiser: its LR is `multiplier` times the base LR, or `lr`; exactly one is given."""

    name: Annotated[str, Field(min_length=1, max_length=60)]
    multiplier: Annotated[float, Field(gt=0, le=1000, allow_inf_nan=False)] | None = None
    lr: RateAboveZero | None = None

    @model_validator(mode="after")
    def _one_of_both(self) -> ParameterGroup:
        if (self.multiplier is None) == (self.lr is None):
            raise ValueError("allowed: either a multiplier or an LR of its own")
        return self

    def rate(self, base: float) -> float:
        """The group's LR where the base LR is `base`."""
        return self.lr if self.lr is not None else base * (self.multiplier or 1.0)


class Composition(_Value):
    """The page's sliders as one value. The defaults are the first thing a visitor sees.

    `groups`: parameter groups with LRs of their own; without any there is one group with the base LR. `metric`: the
    validation metric that ReduceLROnPlateau is previewed against; the other schedulers ignore it.
    """

    lr: Annotated[float, Field(gt=0, le=LR_CAP, allow_inf_nan=False)] = 0.001
    epochs: Annotated[int, Field(ge=1, le=10_000)] = 20
    steps_per_epoch: Annotated[int, Field(ge=1, le=1_000_000)] = 30
    schedule: ScheduleSpec = ScheduleSpec.model_validate(
        {"scheduler": {"name": "StepLR", "step_size": 5, "gamma": 0.5}}
    )
    groups: tuple[ParameterGroup, ...] = Field(default=(), max_length=MAX_GROUPS)
    metric: Metric = Synthetic()

    @model_validator(mode="after")
    def _drawable(self) -> Composition:
        if self.updates > MAX_UPDATES:
            raise ValueError(
                f"epochs x steps_per_epoch: got {self.updates:,} updates, allowed: at most {MAX_UPDATES:,}"
            )
        rates = self.updates * len(self.groups)
        if rates > MAX_UPDATES:  # they would be minutes and gigabytes of a server that others wait for
            raise ValueError(
                f"groups: got {len(self.groups)} for {self.updates:,} updates, which are {rates:,} LRs, "
                f"allowed: at most {MAX_UPDATES:,} LRs"
            )
        names = [group.name for group in self.groups]
        if len(set(names)) < len(names):
            twice = next(name for name in names if names.count(name) > 1)
            raise ValueError(f"groups: got the name {twice!r} twice, allowed: a name for each group")
        return self

    @property
    def updates(self) -> int:
        """Optimiser updates in the whole run."""
        return self.epochs * self.steps_per_epoch

    @property
    def calls(self) -> int:
        """How often the loop calls the scheduler's `step()` in the whole run; a warm-up takes its part of them."""
        warm = warmup_updates(self.schedule.warmup, self.steps_per_epoch)
        if self.schedule.interval == "step":
            return max(self.updates - warm, 0)
        return max(self.epochs - warm // self.steps_per_epoch, 0)

    def metrics(self, logged: Sequence[float] | None = None) -> Sequence[float] | None:
        """The metric of each epoch; `logged` are the values of the run that a `Logged` metric names."""
        if not isinstance(self.schedule.scheduler, ReduceLROnPlateau):
            return None
        return logged if isinstance(self.metric, Logged) else self.metric.values(self.epochs)

    def curve(self, logged: Sequence[float] | None = None) -> Curve:
        """The base LR's curve: LabError where it leaves [0, 1000] or where torch would raise."""
        return curve(self.schedule, self.lr, self.epochs, self.steps_per_epoch, self.metrics(logged))

    def group_curves(self, logged: Sequence[float] | None = None) -> list[tuple[str, Curve]]:
        """Each parameter group's name and curve, in order; empty without groups."""
        return [(group.name, self.group_curve(group, logged)) for group in self.groups]

    def group_curve(self, group: ParameterGroup, logged: Sequence[float] | None = None) -> Curve:
        """The curve of one parameter group. Of a long run all at once may take gigabytes."""
        lr = group.rate(self.lr)
        return curve(self.schedule, lr, self.epochs, self.steps_per_epoch, self.metrics(logged), lr / self.lr)

    def with_interval(self, interval: Literal["epoch", "step"]) -> Composition:
        """The same shape with `step()` called elsewhere; see `conversion.with_interval`."""
        return self.model_copy(update={"schedule": with_interval(self.schedule, interval, self.steps_per_epoch)})
