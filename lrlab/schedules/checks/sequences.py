"""Checks of SequentialLR: milestones that do not suit its phases, and what its schedulers do to each other."""

from __future__ import annotations

import math
from collections.abc import Iterator
from itertools import pairwise
from typing import Any

from lrlab.errors import LabError
from lrlab.schedules import machine
from lrlab.schedules import spec as specs
from lrlab.schedules.checks.decays import COUNTING
from lrlab.schedules.checks.model import Found, Repair, rule
from lrlab.schedules.checks.nests import sequence, sequences_around
from lrlab.schedules.checks.situation import Place, Situation, nice
from lrlab.schedules.curve import FIRST_AT_ZERO
from lrlab.schedules.words import number

JUMP = 1.5
"""From one call to the next the LR may rise by this factor before it is called a jump."""

Sequence = Place[specs.SequentialLR]


@rule("trap", "one-step-ahead", *COUNTING)
def milestone_cuts_warm_up(run: Situation) -> Iterator[Found]:
    """A milestone that comes before the end of the warm-up phase makes the LR jump (0.046 to 0.1)."""
    for place in run.active(specs.LinearLR):
        scheduler = place.scheduler
        if place.whole or scheduler.end_factor <= scheduler.start_factor or scheduler.total_iters <= place.calls:
            continue
        milestone, path = _milestone_after(run, place)
        jump = ""
        if not place.chained:
            jump = f": the LR goes from {number(run.final(place))} to {number(run.lr(place.start + place.calls))} there"
        yield Found(
            path,
            f"Milestone {milestone:,} cuts the warm-up off after {place.calls:,} of its "
            f"{run.length(scheduler.total_iters)}{jump}.",
            run.set(place, total_iters=place.calls),
            place.way,
        )


@rule("trap", *COUNTING)
def phase_never_starts(run: Situation) -> Iterator[Found]:
    """A milestone that lies beyond the run."""
    for place in run.active(specs.SequentialLR):
        milestones = place.scheduler.milestones
        end = place.start + place.calls
        beyond = [index for index, phase in enumerate(run.inside(place)[1:]) if phase.start >= end]
        if not beyond:
            continue
        first = beyond[0]
        yield Found(
            place.at(f"milestones.{first}"),
            f"Milestone {milestones[first]:,} lies beyond the end, {run.has(place)}: "
            f"{_named(place.scheduler.schedulers[first + 1 :])} never begins.",
            _moved_forward(run, place, first),
            place.way,
        )


@rule("trap")
def phase_without_calls(run: Situation) -> Iterator[Found]:
    """Two milestones at the same call: the phase between them has none, and torch goes on to the next one."""
    for place in run.active(specs.SequentialLR):
        milestones = place.scheduler.milestones
        for index, (before, milestone) in enumerate(pairwise(milestones), start=1):
            if 0 < before == milestone < place.calls:
                left_out = place.scheduler.schedulers[index]
                yield Found(
                    place.at(f"milestones.{index}"),
                    f"Milestone {milestone:,} is given twice: {left_out.name} between the two has no call.",
                    _without(run, place, index, milestones.count(milestone) - 1),
                    place.way,
                )
                break


@rule("trap")
def milestone_at_zero(run: Situation) -> Iterator[Found]:
    """A milestone at 0: torch before 2.13 makes the first step with the first scheduler all the same."""
    for place in run.active(specs.SequentialLR):
        milestones = place.scheduler.milestones
        if not milestones or milestones[0] > 0:
            continue
        installed = machine.torch_version()
        new = installed >= FIRST_AT_ZERO
        names = [scheduler.name for scheduler in place.scheduler.schedulers]
        skipped = sum(milestone == 0 for milestone in milestones)
        here = f"here, in torch {'.'.join(map(str, installed))},"
        does = (
            f"{here} the run begins with {names[skipped]}, before 2.13 it began with a step of {names[0]}"
            if new
            else f"{here} the run begins with a step of {names[0]}, from 2.13 on it begins with {names[skipped]}"
        )
        yield Found(
            place.at("milestones.0"),
            f"With a milestone at 0 {names[0]} has no phase, and torch's versions differ: {does}.",
            _without(run, place, 0, skipped),
            place.way,
        )


@rule("trap", "one-cycle-moves-base", "milestone-at-zero")
def cycle_breaks_off(run: Situation) -> Iterator[Found]:
    """Where SequentialLR switches to CyclicLR the LR becomes base_lr, whatever it was."""
    for place in run.active(specs.CyclicLR):
        if place.chained or not place.start:
            continue
        before, after = run.lr(place.start - 1), run.lr(place.start)
        base = place.base
        aim = base if before <= base < JUMP * before else before
        if after * JUMP >= before and after <= JUMP * max(before, aim):
            continue
        milestone, path = _milestone_before(run, place)
        fits = 0 < nice(aim) < place.scheduler.max_lr and nice(aim) != place.scheduler.base_lr
        yield Found(
            path,
            f"At milestone {milestone:,} the LR goes from {number(before)} to {number(after)} at once: CyclicLR begins "
            "at its own base_lr, whatever the LR was.",
            run.set(place, base_lr=nice(aim)) if fits else None,
            place.way,
        )


@rule("trap", "milestone-cuts-warm-up", "one-cycle-moves-base", "cycle-breaks-off", "milestone-at-zero", *COUNTING)
def jump_at_milestone(run: Situation) -> Iterator[Found]:
    """SequentialLR switches to a scheduler's own beginning, mostly the base LR: after a decay the LR jumps up."""
    for place in run.active(specs.SequentialLR):
        if place.chained:
            continue
        worst: tuple[float, Place[Any], float, float] | None = None
        phases = run.inside(place)
        for outgoing, incoming in pairwise(phases):
            if not incoming.calls or not incoming.start or type(outgoing.scheduler) is type(incoming.scheduler):
                continue  # the same class again is a restart that was asked for
            before, after = run.lr(incoming.start - 1), run.lr(incoming.start)
            if after <= JUMP * before or _goes_on_to(run, outgoing, after):
                continue
            ratio = after / before if before else math.inf
            if worst is None or ratio > worst[0]:
                worst = ratio, incoming, before, after
        if worst:
            _, incoming, before, after = worst
            milestone, path = _milestone_before(run, incoming)
            yield Found(
                path,
                f"At milestone {milestone:,} the LR jumps from {number(before)} up to {number(after)}: "
                f"{incoming.scheduler.name} begins at its own start, not where the LR was.",
                _held(run, incoming, before),
                incoming.way,
            )


def _milestone_before(run: Situation, place: Place[Any]) -> tuple[int, str]:
    """The milestone at which `place` begins, and its path."""
    around = next(around for around in sequences_around(run, place) if around.start < place.start)
    index = place.way[len(around.way)] - 1
    return around.scheduler.milestones[index], around.at(f"milestones.{index}")


def _milestone_after(run: Situation, place: Place[Any]) -> tuple[int, str]:
    """The milestone that ends `place`, and its path."""
    end = place.start + place.calls
    around = next(around for around in sequences_around(run, place) if around.start + around.calls > end)
    index = place.way[len(around.way)]
    return around.scheduler.milestones[index], around.at(f"milestones.{index}")


def _named(schedulers: tuple[specs.Scheduler, ...]) -> str:
    others = len(schedulers) - 1
    return schedulers[0].name + (f", as {others} after it," if others else "")


def _moved_forward(run: Situation, place: Sequence, first: int) -> Repair | None:
    """The milestones from the `first` one on, spread over what is left of the run."""
    milestones, calls = place.scheduler.milestones, place.calls
    before = milestones[first - 1] if first else 0
    count = len(milestones) - first
    spread = tuple(before + (calls - before) * (index + 1) // (count + 1) for index in range(count))
    moved = (*milestones[:first], *spread)
    if spread[0] <= before or len(set(spread)) < count:
        return None
    word = "milestone" if count == 1 else "milestones"
    label = f"Move the {word} to {', '.join(f'{milestone:,}' for milestone in spread[:4])}"
    repair = Repair(label, run.set(place, milestones=moved).composition)
    return repair if run.drawable(repair.composition) else None


def _without(run: Situation, place: Sequence, phase: int, count: int = 1) -> Repair:
    """The sequence without `count` phases from `phase` on, whose milestones coincide."""
    schedulers, milestones = list(place.scheduler.schedulers), list(place.scheduler.milestones)
    first, before = schedulers[phase], max(phase - 1, 0)
    del schedulers[phase : phase + count], milestones[before : before + count]
    others = f" and {count - 1} more" if count > 1 else ""
    return Repair(f"Leave out {first.name}{others}", run.replaced(place.way, sequence(schedulers, milestones)))


def _held(run: Situation, place: Place[Any], lr: float) -> Repair | None:
    """The phase begun at `lr`, where its class can: a factor on the base LR."""
    scheduler = place.scheduler
    if not 1e-12 * place.base < lr < place.base:  # a CyclicLR from 0 leaves a base LR of 0
        return None
    factor = nice(lr / place.base)
    if isinstance(scheduler, specs.Fixed):
        hold = specs.ConstantLR(factor=factor, total_iters=place.calls)
        return Repair(f"Hold the LR at {number(lr)}", run.replaced(place.way, hold))
    if isinstance(scheduler, specs.LinearLR) and scheduler.end_factor < factor:
        return run.set(place, start_factor=factor)
    return None


def _goes_on_to(run: Situation, place: Place[Any], lr: float) -> bool:
    """Whether the scheduler itself would have come to about `lr` in the call that the milestone takes."""
    scheduler = place.scheduler
    if isinstance(scheduler, specs.LinearLR):
        share = min(place.calls / scheduler.total_iters, 1.0) if scheduler.total_iters else 0.0
        factor = scheduler.start_factor + (scheduler.end_factor - scheduler.start_factor) * share
        return lr <= JUMP * factor * place.base
    if isinstance(scheduler, specs.ConstantLR):
        return 0 < scheduler.total_iters <= place.calls and lr <= JUMP * place.base
    if isinstance(scheduler, specs.LambdaLR | specs.MultiplicativeLR | specs.OneCycleLR | specs.CyclicLR):
        outer, phase = run.schedule.scheduler, place.way[0]
        if not isinstance(outer, specs.SequentialLR) or len(place.way) > 1:
            return False
        shortened = sequence(list(outer.schedulers[: phase + 1]), list(outer.milestones[:phase]))
        try:
            goes_on = run.scheduled(scheduler=shortened).curve()
        except LabError:
            return False
        return lr <= JUMP * float(goes_on.lr[run.update(place.start + place.calls)])
    return False


RULES = (
    milestone_cuts_warm_up,
    phase_never_starts,
    phase_without_calls,
    milestone_at_zero,
    cycle_breaks_off,
    jump_at_milestone,
)
