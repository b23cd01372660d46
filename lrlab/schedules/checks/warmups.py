"""Checks of the rise at the beginning: the schedule's own warm-up, and a LinearLR that stands for one."""

from __future__ import annotations

from collections.abc import Iterator

from lrlab.schedules import spec as specs
from lrlab.schedules.checks.model import Found, Repair, rule
from lrlab.schedules.checks.situation import Situation, fitted
from lrlab.schedules.words import number

JUMP = 1.5
"""From the warm-up to the scheduler the LR may change by this factor before it is called a jump."""

SHARE = 0.15
"""The part of the run that the repairs give to a rise."""


@rule("trap")
def warm_up_outlasts_run(run: Situation) -> Iterator[Found]:
    """A warm-up as long as the run or longer: its peak is never reached and the scheduler never begins."""
    warmup, updates = run.schedule.warmup, run.composition.updates
    if warmup is None or run.left:
        return
    assert run.curve is not None
    unit, most = warmup.unit, run.composition.epochs if warmup.unit == "epoch" else updates
    if most == 1:  # an epoch is the whole run: the warm-up has to be told in steps
        unit, most = "step", updates
    length = max(1, round(SHARE * most))
    shorter: specs.Warmup | None = warmup.model_copy(update={"length": length, "unit": unit})
    label = f"Make it {length:,} {unit}{'' if length == 1 else 's'}"
    if length >= most:
        shorter, label = None, "Leave out the warm-up"
    repaired = fitted(run, run.scheduled(warmup=shorter))
    yield Found(
        "warmup.length",
        f"The warm-up takes {run.warm:,} updates and the run has {updates:,}: the LR comes to "
        f"{number(float(run.curve.lr.max()))}, and {run.schedule.scheduler.name} never begins.",
        Repair(label, repaired) if repaired else None,
    )


@rule("trap", "milestone-at-start", "eta-min-above-lr", "one-cycle-moves-base", "milestone-at-zero", "one-step-ahead")
def warm_up_then_jump(run: Situation) -> Iterator[Found]:
    """The warm-up ends at the LR and the scheduler begins elsewhere: OneCycleLR and CyclicLR at an LR of their own, a
    second warm-up in the schedule at its bottom."""
    if run.schedule.warmup is None or not run.left:
        return
    peak, after = run.composition.lr, run.lr(0)
    if peak / JUMP <= after <= JUMP * peak:
        return
    scheduler = run.schedule.scheduler
    first = scheduler.schedulers[0] if isinstance(scheduler, specs.SequentialLR) else scheduler
    if isinstance(first, specs.LinearLR | specs.ConstantLR) and after < peak:
        why = f"{first.name} reduces it again, a second warm-up"
    elif isinstance(first, specs.OneCycleLR | specs.CyclicLR):
        why = f"{first.name} begins at an LR of its own"
    else:
        why = f"{first.name} begins there"
    repaired = fitted(run, run.scheduled(warmup=None))
    yield Found(
        "warmup",
        f"The warm-up rises to {number(peak)} and then the LR jumps to {number(after)}: {why}.",
        Repair("Leave out the warm-up", repaired) if repaired else None,
    )


@rule("trap", "milestone-cuts-warm-up", "steps-counted-as-epochs")
def rise_never_ends(run: Situation) -> Iterator[Found]:
    """A LinearLR that rises for longer than the run: the LR that it was to reach is never used."""
    for place in run.active(specs.LinearLR):
        scheduler = place.scheduler
        rising = scheduler.end_factor > scheduler.start_factor
        if not rising or not place.whole or scheduler.total_iters <= place.calls:
            continue
        ends = "" if place.chained else f": it ends at {number(run.final(place))} instead of "
        ends += "" if place.chained else number(place.base * scheduler.end_factor)
        yield Found(
            place.at("total_iters"),
            f"LinearLR rises for {run.length(scheduler.total_iters)} and {run.has(place)}{ends}.",
            run.set(place, total_iters=max(1, round(SHARE * place.calls))),
            place.way,
        )


RULES = (warm_up_outlasts_run, warm_up_then_jump, rise_never_ends)
