"""What a schedule is: one frozen value per torch scheduler, names and parameters spelled as torch spells them.

No torch and no Streamlit here. A spec knows its legal values; what it does to the LR is in `curve`.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

LR_CAP = 1000.0
"""No learning rate may exceed this, whatever formula or factor makes it."""

Count = Annotated[int, Field(ge=1, le=10_000_000)]
Factor = Annotated[float, Field(ge=0, le=100, allow_inf_nan=False)]
Rate = Annotated[float, Field(ge=0, le=LR_CAP, allow_inf_nan=False)]


class _Spec(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", protected_namespaces=())


class Fixed(_Spec):
    """The optimiser's LR for the whole run; torch needs no scheduler for it."""

    name: Literal["Fixed"] = "Fixed"


class StepLR(_Spec):
    """LR x gamma after every `step_size` calls."""

    name: Literal["StepLR"] = "StepLR"
    step_size: Count
    gamma: Factor = 0.1


class MultiStepLR(_Spec):
    """LR x gamma at each milestone (in calls, in order; a milestone given twice multiplies twice, as in torch)."""

    name: Literal["MultiStepLR"] = "MultiStepLR"
    milestones: tuple[Annotated[int, Field(ge=0, le=10_000_000)], ...] = Field(min_length=1, max_length=1000)
    gamma: Factor = 0.1

    @field_validator("milestones")
    @classmethod
    def _in_order(cls, milestones: tuple[int, ...]) -> tuple[int, ...]:
        if list(milestones) != sorted(milestones):
            got, allowed = list(milestones), sorted(milestones)
            raise ValueError(f"got {got}, allowed: milestones in increasing order, such as {allowed}")
        return milestones


class ExponentialLR(_Spec):
    """LR x gamma at every call."""

    name: Literal["ExponentialLR"] = "ExponentialLR"
    gamma: Factor


class CosineAnnealingLR(_Spec):
    """Half a cosine from the LR to `eta_min` in `T_max` calls; after that it climbs again (torch does)."""

    name: Literal["CosineAnnealingLR"] = "CosineAnnealingLR"
    T_max: Count
    eta_min: Rate = 0.0


class PolynomialLR(_Spec):
    """LR x (1 - call / total_iters) ** power, then zero."""

    name: Literal["PolynomialLR"] = "PolynomialLR"
    total_iters: Annotated[int, Field(ge=0, le=10_000_000)] = 5
    power: Annotated[float, Field(ge=0, le=100, allow_inf_nan=False)] = 1.0


class LinearLR(_Spec):
    """LR times a factor that moves in a straight line from start_factor to end_factor in `total_iters` calls."""

    name: Literal["LinearLR"] = "LinearLR"
    start_factor: Annotated[float, Field(gt=0, le=1)] = 1 / 3
    end_factor: Annotated[float, Field(ge=0, le=1)] = 1.0
    total_iters: Annotated[int, Field(ge=0, le=10_000_000)] = 5


class ConstantLR(_Spec):
    """LR x factor until call `total_iters`, then the LR itself."""

    name: Literal["ConstantLR"] = "ConstantLR"
    factor: Annotated[float, Field(gt=0, le=1)] = 1 / 3
    total_iters: Annotated[int, Field(ge=0, le=10_000_000)] = 5


Scheduler = Annotated[
    Fixed | StepLR | MultiStepLR | ExponentialLR | CosineAnnealingLR | PolynomialLR | LinearLR | ConstantLR,
    Field(discriminator="name"),
]


class Warmup(_Spec):
    """A straight rise, update by update, from start_factor x LR to the LR before the scheduler starts at its 0."""

    length: Count
    unit: Literal["epoch", "step"] = "epoch"
    start_factor: Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)] = 0.1

    def with_unit(self, unit: Literal["epoch", "step"], steps_per_epoch: int) -> Warmup:
        """The same rise counted in `unit`; steps become whole epochs, at least one."""
        if unit == self.unit:
            return self
        ratio = steps_per_epoch if unit == "step" else 1 / steps_per_epoch
        return self.model_copy(update={"unit": unit, "length": max(1, round(self.length * ratio))})


class ScheduleSpec(_Spec):
    """A whole schedule: the scheduler, where the loop calls its `step()`, and a warm-up before it.

    `interval` "epoch": one call at the end of every epoch; "step": one call after every optimiser update.
    """

    interval: Literal["epoch", "step"] = "epoch"
    scheduler: Scheduler = Fixed()
    warmup: Warmup | None = None

    @model_validator(mode="before")
    @classmethod
    def _named(cls, value: Any) -> Any:
        if isinstance(value, dict) and "name" in value and "scheduler" not in value:
            raise ValueError('a schedule is {"interval": ..., "scheduler": {"name": ..., ...}}; the name goes inside')
        return value
