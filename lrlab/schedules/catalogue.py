"""Every scheduler in words and ranges: what the page's controls, the help and the documentation are made from.

The texts stand in the texts_* modules. A range is what a slider covers; the spec may allow more, which can be typed.
"""

from __future__ import annotations

import math
import typing
from collections.abc import Callable, Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import Any

from lrlab.errors import LabError
from lrlab.schedules.curve import warmup_updates
from lrlab.schedules.parameter import Form, Interval, Kind, Parameter, SchedulerEntry, Source, Value, fitted
from lrlab.schedules.spec import Scheduler, Warmup
from lrlab.schedules.table import Table
from lrlab.schedules.texts_custom import COMBINE, CUSTOM, DRAWN, FORMS, TABLE
from lrlab.schedules.texts_cycle import CYCLE, MEASURED
from lrlab.schedules.texts_decay import DECAY
from lrlab.schedules.texts_run import (
    EPOCHS,
    GROUP,
    GROUPS,
    INTERVAL,
    LR,
    RUN,
    STEPS_PER_EPOCH,
    SYNTHETIC,
    WARMUP,
)

__all__ = [
    "CATALOGUE",
    "EPOCHS",
    "FORMS",
    "GROUP",
    "GROUPS",
    "INTERVAL",
    "LR",
    "RUN",
    "STEPS_PER_EPOCH",
    "SYNTHETIC",
    "TABLE",
    "WARMUP",
    "Form",
    "Interval",
    "Kind",
    "Parameter",
    "SchedulerEntry",
    "Source",
    "Value",
    "form_of",
    "parameters",
    "starting",
    "warmup_parameters",
]

BASE = 0.001
"""The base LR for which ranges are made where none is told."""

LEFT = 0.04
"""The share of the LR that a decay without an end leaves at the end of the run, as it is set at first."""

_ENTRIES = {entry.name: entry for entry in (*DECAY, *CYCLE, *CUSTOM, *MEASURED, *COMBINE)}
_UNION, _ = typing.get_args(Scheduler)
_CLASSES: Mapping[str, type[Scheduler]] = MappingProxyType(
    {specification.__name__: specification for specification in typing.get_args(_UNION)}
)


def parameters(name: str, calls: int, lr: float = BASE, form: str = "") -> tuple[Parameter, ...]:
    """The parameters of scheduler `name` with ranges and starts for a run of `calls` calls (at least 1).

    `lr`: the base LR, around which the ranges of other LRs lie. `form`: which of FORMS, by default the first one.
    Raises KeyError for a name that is not in CATALOGUE, or a form that the scheduler does not have.
    """
    own = _ENTRIES[name].parameters
    if form:
        own = {known.name: known.parameters for known in FORMS.get(name, ())}[form]
    return tuple(_fit(name, parameter, calls, lr) for parameter in own)


def starting(
    name: str,
    interval: Interval,
    epochs: int,
    steps_per_epoch: int,
    warmup: Warmup | None = None,
    lr: float = BASE,
    form: str = "",
) -> Scheduler:
    """Scheduler `name` with lengths that suit the run: a cosine that ends with it, drops at its quarters, and so on.

    With a `warmup` the lengths are those of the calls that it leaves. `lr`, `form`: see `parameters`. The schedule has
    a curve for every run, also one of a single call. Raises KeyError for an unknown name or form, and LabError (field
    "interval") where the scheduler does not take the interval: ReduceLROnPlateau takes "epoch" alone.
    """
    allowed = _ENTRIES[name].intervals
    if interval not in allowed:
        raise LabError(
            f"interval: got {interval!r} with {name}, allowed: {' or '.join(map(repr, allowed))}; its metric is "
            "measured once an epoch",
            field="interval",
        )
    warm = warmup_updates(warmup, steps_per_epoch)
    calls = epochs - warm // steps_per_epoch if interval == "epoch" else epochs * steps_per_epoch - warm
    return _CLASSES[name].model_validate(_start(name, max(calls, 1), lr, form))


def form_of(scheduler: Scheduler) -> str:
    """Which of FORMS `scheduler` has; empty where there is only one."""
    return next((form.name for form in FORMS.get(scheduler.name, ()) if getattr(scheduler, form.name) is not None), "")


def warmup_parameters(unit: Interval, epochs: int, steps_per_epoch: int) -> tuple[Parameter, ...]:
    """WARMUP with ranges and starts for a warm-up counted in `unit`: at most the whole run, at first 15 % of it."""
    most = epochs if unit == "epoch" else epochs * steps_per_epoch
    length, choice, factor = WARMUP
    start = min(max(1, round(0.15 * most)), most)
    length = replace(length, start=start, max=max(2, most), unit="epochs" if unit == "epoch" else "steps")
    return length, replace(choice, start=unit), factor


def _start(name: str, calls: int, lr: float, form: str = "") -> dict[str, Any]:
    """What is not set at first stays with the spec's default."""
    own = parameters(name, calls, lr, form)
    values: dict[str, Any] = {parameter.name: parameter.start for parameter in own if not parameter.optional}
    if name == "SequentialLR":
        (switch,) = values["milestones"]
        rise = {"name": "LinearLR", "start_factor": 0.1, "end_factor": 1.0, "total_iters": switch}
        values["schedulers"] = [rise, _start("CosineAnnealingLR", max(calls - switch, 1), lr)]
    if name == "ChainedScheduler":
        values["schedulers"] = [_start("ConstantLR", calls, lr), _start("ExponentialLR", calls, lr)]
    return {"name": name, **values}


def _fit(name: str, parameter: Parameter, calls: int, lr: float) -> Parameter:
    special = _SPECIAL.get((name, parameter.name))
    if special:
        return special(parameter, calls)
    return fitted(parameter, calls, lr)


def _fit_gamma(gamma: Parameter, calls: int, left: float = LEFT, most: float = 10.0) -> Parameter:
    """The range of a factor applied at every call: from a millionth left at the end of the run to `most` times the LR;
    `left` of it at first."""
    low, start, high = (share ** (1 / calls) for share in (1e-6, left, most))
    step = 10.0 ** math.floor(math.log10((high - low) / 200))
    digits = max(0, -round(math.log10(step)))
    return replace(
        gamma,
        min=round(math.floor(low / step) * step, digits),
        max=round(math.ceil(high / step) * step, digits),
        start=round(start, digits),
        step=step,
    )


def _fit_height(gamma: Parameter, calls: int) -> Parameter:
    """A tenth of the first height is left at the end."""
    return _fit_gamma(gamma, calls, 0.1, 1.0)


def _fit_first_cycle(length: Parameter, calls: int) -> Parameter:
    """Three cycles, each twice as long as the one before, that do not end before the run."""
    return replace(fitted(length, calls, 1.0), start=math.ceil(calls / 7))


def _fit_total(length: Parameter, calls: int) -> Parameter:
    """torch raises in a run that is longer than the cycle."""
    return replace(fitted(length, calls, 1.0), min=calls, max=2 * calls)


def _fit_formula(formula: Parameter, calls: int) -> Parameter:
    return replace(formula, start=f"{_gamma(calls)} ** epoch")


def _fit_factor(formula: Parameter, calls: int) -> Parameter:
    return replace(formula, start=str(_gamma(calls)))


def _gamma(calls: int) -> Value:
    return _fit_gamma(_ENTRIES["ExponentialLR"].parameters[0], calls).start


def _fit_table(table: Parameter, calls: int) -> Parameter:
    """Whole calls where the run is long enough for them to differ."""
    places = [share * calls for share, _ in DRAWN]
    if calls >= 10:
        places = [float(round(place)) for place in places]
    points = tuple((place, height) for place, (_, height) in zip(places, DRAWN, strict=True))
    return replace(table, start=Table(points=points))


_SPECIAL: Mapping[tuple[str, str], Callable[[Parameter, int], Parameter]] = MappingProxyType(
    {
        ("ExponentialLR", "gamma"): _fit_gamma,
        ("CosineAnnealingWarmRestarts", "T_0"): _fit_first_cycle,
        ("OneCycleLR", "total_steps"): _fit_total,
        ("CyclicLR", "gamma"): _fit_height,
        ("LambdaLR", "formula"): _fit_formula,
        ("LambdaLR", "table"): _fit_table,
        ("MultiplicativeLR", "formula"): _fit_factor,
    }
)

CATALOGUE: Mapping[str, SchedulerEntry] = MappingProxyType(
    {name: replace(entry, parameters=parameters(name, 20)) for name, entry in _ENTRIES.items()}
)
"""Every scheduler by its name, in the order in which a person meets them; ranges are those of a 20-call run."""
