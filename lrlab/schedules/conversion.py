"""The same shape with `step()` called elsewhere: every length, factor per call and formula of a schedule converted."""

from __future__ import annotations

import math
from fractions import Fraction
from typing import Any, Literal

from pydantic import ValidationError

from lrlab.errors import LabError, from_validation
from lrlab.schedules import spec as specs
from lrlab.schedules.formula_rewriting import Rewriting, raised, root

LENGTHS = ("step_size", "T_max", "T_0", "total_iters")
"""The parameters that count calls of `step()` and are rounded each by itself."""


def with_interval(
    schedule: specs.ScheduleSpec, interval: Literal["epoch", "step"], steps_per_epoch: int
) -> specs.ScheduleSpec:
    """`schedule` with the other interval; the same object where it has that interval already.

    Lengths are rounded, at least 1; a factor per call becomes the factor per new call; a formula is written in the new
    counter, in the person's own spelling. Converted back, all of them are what they were, up to rounding. What happens
    within one epoch cannot be told in calls that come once an epoch, and moves to its border.
    Raises LabError (field "interval") for ReduceLROnPlateau, which needs "epoch", and where a value leaves what the
    scheduler takes, such as a length of more than 10,000,000 steps.
    """
    if interval == schedule.interval:
        return schedule
    ratio = Fraction(steps_per_epoch) if interval == "step" else Fraction(1, steps_per_epoch)
    if isinstance(schedule.scheduler, specs.ReduceLROnPlateau):
        raise LabError(
            f"interval: got {interval!r} with ReduceLROnPlateau, allowed: 'epoch'; its metric is measured once an "
            "epoch",
            field="interval",
        )
    try:
        scheduler = _scaled(schedule.scheduler, ratio) if ratio != 1 else schedule.scheduler
        document = {**schedule.model_dump(), "interval": interval, "scheduler": scheduler.model_dump()}
        return specs.ScheduleSpec.model_validate(document)
    except (ValidationError, LabError) as error:
        reason = from_validation(error) if isinstance(error, ValidationError) else error
        raise LabError(
            f"interval: counted in {interval}s the schedule is not legal: {reason}", field="interval"
        ) from error


def _scaled(scheduler: specs.Scheduler, ratio: Fraction) -> specs.Scheduler:
    """`ratio`: new calls in the time of an old one. The values are not checked."""
    changes: dict[str, Any] = {}
    for name in LENGTHS:
        value = getattr(scheduler, name, None)
        if value:
            changes[name] = _length(value, ratio)
    match scheduler:
        case specs.MultiStepLR() | specs.SequentialLR():
            changes["milestones"] = tuple(_length(call, ratio) if call else 0 for call in scheduler.milestones)
        case specs.ExponentialLR():
            changes["gamma"] = _factor(scheduler.gamma, 1 / ratio)
        case specs.CyclicLR():
            changes |= _cycle(scheduler, ratio) | {"gamma": _factor(scheduler.gamma, 1 / ratio)}
        case specs.StepLR() if scheduler.step_size * ratio < 1:
            # Several drops come with one call: it makes them all.
            changes["gamma"] = _factor(scheduler.gamma, 1 / (scheduler.step_size * ratio))
        case specs.OneCycleLR():
            # Rounded up: torch raises in a run that goes on after the cycle.
            changes |= {"total_steps": math.ceil(scheduler.length * ratio), "epochs": None, "steps_per_epoch": None}
        case specs.LambdaLR():
            if scheduler.formula:
                changes["formula"] = _shared(ratio).of(scheduler.formula)
            if scheduler.table:
                points = tuple((float(f"{call * float(ratio):.12g}"), y) for call, y in scheduler.table.points)
                changes["table"] = scheduler.table.model_copy(update={"points": points})
        case specs.MultiplicativeLR():
            changes["formula"] = _multiplied(scheduler.formula, ratio)
    if isinstance(scheduler, specs.SequentialLR | specs.ChainedScheduler):
        changes["schedulers"] = tuple(_scaled(inner, ratio) for inner in scheduler.schedulers)
    return scheduler.model_copy(update=changes)


def _length(calls: int, ratio: Fraction) -> int:
    return max(1, math.floor(calls * ratio + Fraction(1, 2)))


def _cycle(scheduler: specs.CyclicLR, ratio: Fraction) -> dict[str, int | None]:
    """The cycle is rounded as a whole: over many cycles, two roundings would run away from the old ones."""
    up, down = scheduler.step_size_up, scheduler.step_size_down
    whole = _length(up + (up if down is None else down), ratio)
    rise = min(_length(up, ratio), whole)
    if down is None and whole in (1, 2 * rise):
        return {"step_size_up": rise, "step_size_down": None}
    return {"step_size_up": rise, "step_size_down": whole - rise}


def _factor(factor: float, exponent: Fraction) -> float:
    try:
        value = factor ** float(exponent)
    except OverflowError:
        return math.inf
    # The digits of a factor that came from another interval come back as they were typed.
    return float(f"{value:.12g}") if exponent > 1 else value


def _shared(ratio: Fraction) -> Rewriting:
    """LambdaLR's formula; `step` and `t` are the same in both intervals.

    Per step, the epochs pass in fractions; only what is compared for equality is still the number of the epoch.
    """
    steps = int(max(ratio, 1 / ratio))
    to_step, to_epoch = ({name: f"{name} {sign} {steps}" for name in ("epoch", "total")} for sign in "/*")
    whole = {"epoch": f"floor(epoch / {steps})"}
    if ratio > 1:
        return Rewriting(to_step, _inverse(to_epoch), whole)
    return Rewriting(to_epoch, _inverse(to_step) | _inverse(whole), {})


def _inverse(expressions: dict[str, str]) -> dict[str, str]:
    return {expression: name for name, expression in expressions.items()}


def _multiplied(formula: str, ratio: Fraction) -> str:
    """MultiplicativeLR's formula: the factors of all new calls in the time of an old one make the old one's factor.

    Per step, each call has the epoch's factor to the power 1 / steps, and the borders of epochs keep their LR exactly.
    Per epoch, the call has the factor of the epoch's middle step to the power of its steps.
    """
    steps = int(max(ratio, 1 / ratio))
    middle = f"{(steps - 1) / 2:.15g}"
    to_step = {
        "epoch": f"ceil(epoch / {steps})",
        "step": f"ceil(step / {steps}) * {steps}",
        "total": f"total / {steps}",
    }
    to_epoch = {
        "epoch": f"max(epoch * {steps} - {middle}, 0)",
        "step": f"max(step - {middle}, 0)",
        "total": f"total * {steps}",
    }
    if ratio > 1:
        rewriting, power, before = Rewriting(to_step, _inverse(to_epoch), {}), f"(1 / {steps})", f"{steps}"
    else:
        rewriting, power, before = Rewriting(to_epoch, _inverse(to_step), {}), f"{steps}", f"1 / {steps}"
    base = root(formula, before)
    return raised(rewriting.of(formula), power) if base is None else rewriting.of(base)
