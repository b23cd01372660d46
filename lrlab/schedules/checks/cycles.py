"""Checks of OneCycleLR and CyclicLR: their length, and what of the optimiser they overwrite."""

from __future__ import annotations

import math
from collections.abc import Iterator

from lrlab.schedules import spec as specs
from lrlab.schedules.checks.decays import COUNTING
from lrlab.schedules.checks.model import Found, Repair, rule
from lrlab.schedules.checks.situation import Situation, in_steps, near_one, shown
from lrlab.schedules.values import LR_CAP
from lrlab.schedules.words import number

SLACK = 0.01
"""So much longer than the run a cycle may be: its end hardly differs then."""


@rule("trap", *COUNTING)
def one_cycle_longer_than_run(run: Situation) -> Iterator[Found]:
    """pytorch#65417: OneCycleLR in a run shorter than total_steps covers only a part of its curve."""
    for place in run.active(specs.OneCycleLR):
        scheduler = place.scheduler
        length = scheduler.length
        if length - place.calls > SLACK * place.calls:
            field = "epochs" if scheduler.total_steps is None else "total_steps"
            yield Found(
                place.at(field),
                f"The cycle takes {run.length(length)} and {run.has(place)}: only {100 * place.calls / length:.3g} % "
                f"of it is seen, and the LR ends at {number(run.final(place))}.",
                run.set(place, total_steps=place.calls, epochs=None, steps_per_epoch=None),
                place.way,
            )


@rule("note", *COUNTING, "one-cycle-longer-than-run")
def one_cycle_per_epoch(run: Situation) -> Iterator[Found]:
    """torch's documentation wants OneCycleLR stepped after every batch (the wrong interval)."""
    scheduler, steps = run.schedule.scheduler, run.composition.steps_per_epoch
    if isinstance(scheduler, specs.OneCycleLR) and run.unit == "epoch" and steps > 1 and run.calls:
        yield Found(
            "interval",
            f"OneCycleLR is made to be called after every update; once an epoch its curve has {run.calls:,} "
            f"{'value' if run.calls == 1 else 'values'} instead of {run.left:,}.",
            in_steps(run),
        )


@rule("note", "warm-up-then-jump", "warm-up-outlasts-run")
def base_lr_without_effect(run: Situation) -> Iterator[Found]:
    """OneCycleLR and CyclicLR overwrite the optimiser's LR."""
    composition, scheduler = run.composition, run.schedule.scheduler
    if isinstance(scheduler, specs.OneCycleLR):
        first, where, peak = scheduler.max_lr / scheduler.div_factor, "max_lr / div_factor", scheduler.max_lr
    elif isinstance(scheduler, specs.CyclicLR):
        first, where, peak = scheduler.base_lr, "base_lr", scheduler.max_lr
    else:
        return
    if run.schedule.warmup or math.isclose(first, composition.lr, rel_tol=1e-3):
        return
    # An LR of a group's own is a share of the base LR: another base LR would move the group's whole curve.
    fixed = any(group.lr is not None for group in composition.groups)
    rounded = float(f"{first:.6g}")
    repair = Repair(f"Set the base LR to {number(first)}", composition.model_copy(update={"lr": rounded}))
    yield Found(
        "scheduler.max_lr" if isinstance(scheduler, specs.OneCycleLR) else "scheduler.base_lr",
        f"The base LR {number(composition.lr)} has no effect: {scheduler.name} overwrites it, starts at {where}, "
        f"{number(first)}, and goes up to max_lr {number(peak)}.",
        None if fixed or not 0 < rounded <= LR_CAP else repair,
    )


@rule("note")
def momentum_overwritten(run: Situation) -> Iterator[Found]:
    """With cycle_momentum they overwrite SGD's and RMSprop's momentum or Adam's beta1; an optimiser
    that has neither, such as Adagrad, makes torch raise."""
    for place in run.active(specs.OneCycleLR, specs.CyclicLR):
        scheduler = place.scheduler
        if scheduler.cycle_momentum:
            yield Found(
                place.at("cycle_momentum"),
                f"{scheduler.name} overwrites the optimiser's momentum (Adam's beta1), whatever it was, with "
                f"{number(scheduler.max_momentum)} at low and {number(scheduler.base_momentum)} at high LRs; Adagrad, "
                "which has none, is refused.",
                run.set(place, cycle_momentum=False),
                place.way,
            )


@rule("trap", *COUNTING, "one-cycle-longer-than-run")
def third_phase_missing(run: Situation) -> Iterator[Found]:
    """With three_phase the LR rises and falls for pct_start each; somewhat above 0.5 no third phase is left."""
    for place in run.active(specs.OneCycleLR):
        scheduler = place.scheduler
        second, last = 2 * scheduler.pct_start * scheduler.length - 2, scheduler.length - 1
        if scheduler.three_phase and second >= last:
            minimum = scheduler.max_lr / scheduler.div_factor / scheduler.final_div_factor
            ends = "" if place.chained else f": the LR ends at {number(run.final(place))}, not at {number(minimum)}"
            yield Found(
                place.at("pct_start"),
                f"With three_phase the rise and the fall take pct_start {shown(scheduler.pct_start)} each and leave no "
                f"call for the third phase{ends}.",
                run.set(place, pct_start=0.3),
                place.way,
            )


@rule("trap", *COUNTING)
def cycle_longer_than_run(run: Situation) -> Iterator[Found]:
    """CyclicLR's step sizes count calls, 2,000 each unless set: in a shorter run not even one cycle is seen."""
    for place in run.active(specs.CyclicLR):
        scheduler = place.scheduler
        up = scheduler.step_size_up
        length = up + (up if scheduler.step_size_down is None else scheduler.step_size_down)
        if length <= place.calls:
            continue
        seen = f"{100 * place.calls / length:.3g} % of it is seen"
        ends = "" if place.chained else f", and the LR ends at {number(run.final(place))}"
        shorter = max(1, place.calls * up // (2 * length))
        down = None if scheduler.step_size_down is None else max(1, place.calls // 2 - shorter)
        fits = shorter + (shorter if down is None else down) <= place.calls
        yield Found(
            place.at("step_size_up"),
            f"A cycle takes {run.length(length)} and {run.has(place)}: only {seen}{ends}.",
            run.set(place, step_size_up=shorter, step_size_down=down) if fits else None,
            place.way,
        )


@rule("trap")
def cycle_upside_down(run: Situation) -> Iterator[Found]:
    """A max_lr that is not above base_lr: torch lets the cycle run the other way round, or not at all."""
    for place in run.active(specs.CyclicLR):
        low, high = place.scheduler.base_lr, place.scheduler.max_lr
        if high > low:
            continue
        if high == low:
            yield Found(
                place.at("max_lr"), f"max_lr equals base_lr {number(low)}: the LR never changes.", way=place.way
            )
        else:
            yield Found(
                place.at("max_lr"),
                f"max_lr {number(high)} lies below base_lr {number(low)}: each cycle falls first and then rises.",
                Repair(
                    "Swap max_lr and base_lr",
                    run.set(place, base_lr=high, max_lr=low).composition,
                ),
                place.way,
            )


@rule("note")
def exp_range_without_gamma(run: Situation) -> Iterator[Found]:
    """Mode "exp_range" with torch's default gamma of 1 is mode "triangular"."""
    for place in run.active(specs.CyclicLR):
        if place.scheduler.mode == "exp_range" and place.scheduler.gamma == 1:
            yield Found(
                place.at("gamma"),
                'In mode "exp_range" each cycle is lower by gamma to the power of its calls; with gamma 1 none is.',
                run.set(place, gamma=near_one(0.1 ** (1 / place.calls))),
                place.way,
            )


RULES = (
    one_cycle_longer_than_run,
    one_cycle_per_epoch,
    base_lr_without_effect,
    momentum_overwritten,
    third_phase_missing,
    cycle_longer_than_run,
    cycle_upside_down,
    exp_range_without_gamma,
)
