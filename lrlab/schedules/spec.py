"""What a schedule is: one frozen value per torch scheduler, names and parameters spelled as torch spells them.

No torch and no Streamlit here. A spec knows its legal values; what it does to the LR is in `curve`.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from lrlab.schedules.table import Table
from lrlab.schedules.values import (
    Count,
    CountOrZero,
    Divisor,
    Factor,
    Formula,
    Limit,
    Milestones,
    Momentum,
    Number,
    Rate,
    RateAboveZero,
    Share,
    ShareAboveZero,
    Spec,
)

MAX_SCHEDULERS, MAX_DEPTH = 200, 20
"""So many schedulers a schedule may hold in all, and so deep they may be nested."""


class Fixed(Spec):
    """The optimiser's LR for the whole run. It needs no scheduler of torch; among others it is ConstantLR(factor=1)."""

    name: Literal["Fixed"] = "Fixed"


class LambdaLR(Spec):
    """Base LR x formula(call), or x the value of a table of points drawn by hand; exactly one of the two is given."""

    name: Literal["LambdaLR"] = "LambdaLR"
    formula: Formula | None = None
    table: Table | None = None

    @model_validator(mode="after")
    def _one_of_both(self) -> LambdaLR:
        if (self.formula is None) == (self.table is None):
            raise ValueError("allowed: either a formula or a table")
        return self


class MultiplicativeLR(Spec):
    """LR x formula(call) at every call; the factor multiplies what the LR is, not the base LR."""

    name: Literal["MultiplicativeLR"] = "MultiplicativeLR"
    formula: Formula


class StepLR(Spec):
    """LR x gamma after every `step_size` calls."""

    name: Literal["StepLR"] = "StepLR"
    step_size: Count
    gamma: Factor = 0.1


class MultiStepLR(Spec):
    """LR x gamma at each milestone (in calls, in order; a milestone given twice multiplies twice, as in torch)."""

    name: Literal["MultiStepLR"] = "MultiStepLR"
    milestones: Milestones = Field(min_length=1, max_length=1000)
    gamma: Factor = 0.1


class ExponentialLR(Spec):
    """LR x gamma at every call."""

    name: Literal["ExponentialLR"] = "ExponentialLR"
    gamma: Factor


class CosineAnnealingLR(Spec):
    """Half a cosine from the LR to `eta_min` in `T_max` calls; after that it climbs again (torch does)."""

    name: Literal["CosineAnnealingLR"] = "CosineAnnealingLR"
    T_max: Count
    eta_min: Rate = 0.0


class CosineAnnealingWarmRestarts(Spec):
    """Half a cosine in `T_0` calls, then from the base LR again, each cycle `T_mult` times as long as the last."""

    name: Literal["CosineAnnealingWarmRestarts"] = "CosineAnnealingWarmRestarts"
    T_0: Count
    T_mult: Annotated[int, Field(ge=1, le=1000), Number] = 1
    eta_min: Rate = 0.0


class PolynomialLR(Spec):
    """LR x (1 - call / total_iters) ** power, then zero."""

    name: Literal["PolynomialLR"] = "PolynomialLR"
    total_iters: CountOrZero = 5
    power: Factor = 1.0


class LinearLR(Spec):
    """LR times a factor that moves in a straight line from start_factor to end_factor in `total_iters` calls."""

    name: Literal["LinearLR"] = "LinearLR"
    start_factor: ShareAboveZero = 1 / 3
    end_factor: Share = 1.0
    total_iters: CountOrZero = 5


class ConstantLR(Spec):
    """LR x factor until call `total_iters`, then the LR itself."""

    name: Literal["ConstantLR"] = "ConstantLR"
    factor: ShareAboveZero = 1 / 3
    total_iters: CountOrZero = 5


class CyclicLR(Spec):
    """Up from base_lr to max_lr in step_size_up calls and down in step_size_down (None: as many), again and again.

    It takes the optimiser's LR out of play and, with cycle_momentum, moves the momentum (Adam's beta1) against the LR.
    """

    name: Literal["CyclicLR"] = "CyclicLR"
    base_lr: Rate
    max_lr: Rate
    step_size_up: Count = 2000
    step_size_down: CountOrZero | None = None
    mode: Literal["triangular", "triangular2", "exp_range"] = "triangular"
    gamma: Factor = 1.0
    cycle_momentum: bool = True
    base_momentum: Momentum = 0.8
    max_momentum: Momentum = 0.9


class OneCycleLR(Spec):
    """Up from max_lr / div_factor to max_lr, then down to that / final_div_factor, in `total_steps` calls.

    The length is given by total_steps, or by epochs and steps_per_epoch. It takes the optimiser's LR out of play and,
    with cycle_momentum, moves the momentum (Adam's beta1) against the LR.
    """

    name: Literal["OneCycleLR"] = "OneCycleLR"
    max_lr: RateAboveZero
    total_steps: Count | None = None
    epochs: Count | None = None
    steps_per_epoch: Count | None = None
    pct_start: Share = 0.3
    anneal_strategy: Literal["cos", "linear"] = "cos"
    cycle_momentum: bool = True
    base_momentum: Momentum = 0.85
    max_momentum: Momentum = 0.95
    div_factor: Divisor = 25.0
    final_div_factor: Divisor = 1e4
    three_phase: bool = False

    @model_validator(mode="after")
    def _length(self) -> OneCycleLR:
        if self.total_steps is None and (self.epochs is None or self.steps_per_epoch is None):
            raise ValueError("allowed: total_steps, or both epochs and steps_per_epoch")
        return self

    @property
    def length(self) -> int:
        """The calls that the cycle takes."""
        return self.total_steps or (self.epochs or 0) * (self.steps_per_epoch or 0)


class ReduceLROnPlateau(Spec):
    """LR x factor once the validation metric has been no better for more than `patience` calls in a row."""

    name: Literal["ReduceLROnPlateau"] = "ReduceLROnPlateau"
    mode: Literal["min", "max"] = "min"
    factor: Annotated[float, Field(ge=0, lt=1), Number] = 0.1
    patience: CountOrZero = 10
    threshold: Limit = 1e-4
    threshold_mode: Literal["rel", "abs"] = "rel"
    cooldown: CountOrZero = 0
    min_lr: Rate = 0.0
    eps: Limit = 1e-8


class SequentialLR(Spec):
    """One scheduler after another: the next one begins at its own 0 at each milestone (in calls, in order)."""

    name: Literal["SequentialLR"] = "SequentialLR"
    schedulers: tuple[Scheduler, ...] = Field(min_length=1, max_length=MAX_SCHEDULERS)
    milestones: Milestones = ()

    @model_validator(mode="after")
    def _one_milestone_between_two(self) -> SequentialLR:
        if len(self.milestones) != len(self.schedulers) - 1:
            raise ValueError(
                f"got {len(self.schedulers)} schedulers and {len(self.milestones)} milestones, "
                f"allowed: one milestone between every two schedulers, here {len(self.schedulers) - 1}"
            )
        _without_plateau(self)
        return self


class ChainedScheduler(Spec):
    """Several schedulers at once: each call steps all of them in order, so that their factors multiply."""

    name: Literal["ChainedScheduler"] = "ChainedScheduler"
    schedulers: tuple[Scheduler, ...] = Field(min_length=1, max_length=MAX_SCHEDULERS)

    @model_validator(mode="after")
    def _no_plateau(self) -> ChainedScheduler:
        _without_plateau(self)
        return self


def _without_plateau(parent: SequentialLR | ChainedScheduler) -> None:
    if any(isinstance(scheduler, ReduceLROnPlateau) for scheduler in parent.schedulers):
        raise ValueError(
            f"torch's {parent.name} takes no ReduceLROnPlateau, whose step() wants a metric; "
            "allowed: ReduceLROnPlateau alone, with the warm-up of the schedule before it where one is wanted"
        )


Scheduler = Annotated[
    Fixed
    | StepLR
    | MultiStepLR
    | ExponentialLR
    | CosineAnnealingLR
    | CosineAnnealingWarmRestarts
    | PolynomialLR
    | LinearLR
    | ConstantLR
    | OneCycleLR
    | CyclicLR
    | ReduceLROnPlateau
    | LambdaLR
    | MultiplicativeLR
    | SequentialLR
    | ChainedScheduler,
    Field(discriminator="name"),
]
SequentialLR.model_rebuild()
ChainedScheduler.model_rebuild()


def walk(scheduler: Scheduler, path: tuple[int, ...] = ()) -> Iterator[tuple[tuple[int, ...], Scheduler]]:
    """`scheduler` and everything in it, outer ones first, each with the way to it: the places in `schedulers`."""
    yield path, scheduler
    if isinstance(scheduler, SequentialLR | ChainedScheduler):
        for place, inner in enumerate(scheduler.schedulers):
            yield from walk(inner, (*path, place))


class Warmup(Spec):
    """A straight rise, update by update, from start_factor x LR to the LR before the scheduler starts at its 0."""

    length: Count
    unit: Literal["epoch", "step"] = "epoch"
    start_factor: Share = 0.1

    def with_unit(self, unit: Literal["epoch", "step"], steps_per_epoch: int) -> Warmup:
        """The same rise counted in `unit`; steps become whole epochs, at least one."""
        if unit == self.unit:
            return self
        ratio = steps_per_epoch if unit == "step" else 1 / steps_per_epoch
        return self.model_copy(update={"unit": unit, "length": max(1, round(self.length * ratio))})


class ScheduleSpec(Spec):
    """A whole schedule: the scheduler, where the loop calls its `step()`, and a warm-up before it.

    `interval` "epoch": one call at the end of every epoch; "step": one call after every optimiser update.
    """

    interval: Literal["epoch", "step"] = "epoch"
    scheduler: Scheduler = Fixed()
    warmup: Warmup | None = None

    @model_validator(mode="before")
    @classmethod
    def _shaped(cls, value: Any) -> Any:
        if isinstance(value, dict):
            if "name" in value and "scheduler" not in value:
                raise ValueError(
                    'a schedule is {"interval": ..., "scheduler": {"name": ..., ...}}; the name goes inside'
                )
            _bounded(value.get("scheduler"))
        return value

    @model_validator(mode="after")
    def _plateau_per_epoch(self) -> ScheduleSpec:
        if isinstance(self.scheduler, ReduceLROnPlateau) and self.interval == "step":
            raise ValueError(
                "interval: got 'step' with ReduceLROnPlateau, allowed: 'epoch'; its metric is measured once an epoch"
            )
        return self


def _bounded(scheduler: Any) -> None:
    """Refuses what is nested too deep or too much before it is read: reading is recursive."""
    count, level = 0, [scheduler]
    for _ in range(MAX_DEPTH + 1):
        count += len(level)
        if count > MAX_SCHEDULERS:
            raise ValueError(f"got more than {MAX_SCHEDULERS} schedulers, allowed: at most {MAX_SCHEDULERS}")
        inner = [entry.get("schedulers") for entry in level if isinstance(entry, dict)]
        level = [entry for entries in inner if isinstance(entries, list | tuple) for entry in entries]
        if not level:
            return
    raise ValueError(f"got schedulers nested more than {MAX_DEPTH} deep, allowed: at most {MAX_DEPTH}")
