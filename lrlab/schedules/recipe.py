"""What a recipe is: a schedule that people know by a name of its own, and its expansion into torch's schedulers.

A recipe has values of its own and no curve of its own: for a run of a given length and base LR it becomes an ordinary
ScheduleSpec. Wherever torch's classes give the shape exactly they are used, else a short formula of LambdaLR.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from pydantic import BaseModel, ConfigDict, ValidationError

from lrlab.errors import LabError, from_validation
from lrlab.schedules.parameter import Interval, Parameter, Source, Value, fitted
from lrlab.schedules.spec import (
    LambdaLR,
    Scheduler,
    ScheduleSpec,
    Warmup,
)
from lrlab.schedules.values import (
    LR_CAP,
)


@dataclass(frozen=True)
class Run:
    """The run that a recipe is fitted to. `lr`: the base LR, in (0, 1000]; the two lengths are at least 1."""

    epochs: int
    steps_per_epoch: int
    lr: float

    def __post_init__(self) -> None:
        for field, value in (("epochs", self.epochs), ("steps_per_epoch", self.steps_per_epoch)):
            if value < 1:
                raise LabError(f"{field}: got {value}, allowed: at least 1", field=field)
        if not 0 < self.lr <= LR_CAP:
            raise LabError(f"lr: got {self.lr}, allowed: above 0 and at most {LR_CAP:g}", field="lr")

    @property
    def updates(self) -> int:
        """Optimiser updates in the whole run."""
        return self.epochs * self.steps_per_epoch

    def calls(self, interval: Interval) -> int:
        """Calls of `scheduler.step()` in the whole run."""
        return self.epochs if interval == "epoch" else self.updates


class Settings(BaseModel):
    """A recipe's values with what is legal for them; a subclass knows the schedule that they become."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    def schedule(self, run: Run) -> ScheduleSpec:
        """Raises LabError, or pydantic's ValidationError, where the values do not fit each other."""
        raise NotImplementedError


@dataclass(frozen=True)
class Recipe:
    """One recipe: what it is, where it comes from, its values, and the schedule that they become.

    `name`: lower case with hyphens. `formula`: LaTeX; eta_0 is the base LR, k counts updates (epochs where `interval`
    is "epoch") from 0, N of them in the run. `origin`: the library or the kind of text that people know it from.
    `parameters`: with ranges and starts for 20 epochs of 30 steps at LR 0.001; for any other run see `fitted`.
    `interval`: what its lengths count, and where the schedule's `step()` is called.
    """

    name: str
    title: str
    line: str
    formula: str
    when: str
    origin: str
    source: tuple[Source, ...]
    parameters: tuple[Parameter, ...]
    settings: type[Settings]
    interval: Interval = "step"

    def fitted(self, epochs: int, steps_per_epoch: int, lr: float) -> tuple[Parameter, ...]:
        """The parameters with ranges and starts for a run. Raises LabError where the run is out of range."""
        run = Run(epochs, steps_per_epoch, lr)
        return tuple(fitted(parameter, run.calls(self.interval), lr) for parameter in self.parameters)

    def expand(self, values: Mapping[str, Value | None], epochs: int, steps_per_epoch: int, lr: float) -> ScheduleSpec:
        """The schedule that `values` become in a run of `epochs` x `steps_per_epoch` updates at base LR `lr`.

        A value that is not given has its start for the run. Every legal set of values has a schedule in every run,
        be it longer or shorter than the lengths among them. Raises LabError, its `field` the value at fault.
        """
        run = Run(epochs, steps_per_epoch, lr)
        given = dict(values)
        for parameter in self.parameters:
            if parameter.name not in given and not parameter.optional:
                given[parameter.name] = fitted(parameter, run.calls(self.interval), lr).start
        try:
            return self.settings.model_validate(given).schedule(run)
        except ValidationError as error:
            raise from_validation(error) from error


def warmed(run: Run, length: int, start_factor: float) -> tuple[Warmup | None, int]:
    """A warm-up of `length` updates (0: none), and the updates that it leaves, at least 1 for what follows to be legal.

    The schedulers that come after it start at their own 0.
    """
    warmup = Warmup(length=length, unit="step", start_factor=start_factor) if length else None
    return warmup, max(run.updates - length, 1)


def per_step(scheduler: Scheduler, warmup: Warmup | None = None) -> ScheduleSpec:
    return ScheduleSpec(interval="step", scheduler=scheduler, warmup=warmup)


def formula(text: str) -> LambdaLR:
    return LambdaLR(formula=text)


def tidy(value: float) -> float:
    """`value` to 15 digits: what arithmetic leaves behind them (1 - 0.7 is 0.30000000000000004) nobody means."""
    return float(f"{value:.15g}")


def written(value: float) -> str:
    """`value` as it stands in a formula, tidy."""
    return f"{value:.15g}"


def above_floor(floor: float, shape: str) -> str:
    """A formula from 1 down to `floor`, of one from 1 down to 0."""
    return f"{written(floor)} + {written(1 - floor)} * {shape}" if floor else shape
