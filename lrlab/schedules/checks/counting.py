"""Checks of the interval: a whole schedule whose lengths count in the other unit than the loop does."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from lrlab.schedules import spec as specs
from lrlab.schedules.checks.decays import VANISHED, is_falling
from lrlab.schedules.checks.model import Found, Repair, rule
from lrlab.schedules.checks.situation import Situation, in_steps

TWICE, FOUR = 2, 4
"""Lengths of twice the run's epochs and more may be steps; a shape that is over within a quarter of the run's steps,
and is no longer than its epochs, may be told in epochs."""


@rule("trap")
def one_call_only(run: Situation) -> Iterator[Found]:
    """A run of one epoch, or a single step: the only call of step() comes after the last update."""
    if run.calls == 1 and not isinstance(run.schedule.scheduler, specs.Fixed):
        yield Found(
            "interval",
            f"step() is called once, after the last update, so that {run.schedule.scheduler.name} never moves the LR.",
            in_steps(run),
        )


@rule("trap", "one-call-only")
def steps_counted_as_epochs(run: Situation) -> Iterator[Found]:
    """Per-step lengths used once an epoch (Keras counts steps, torch counts calls)."""
    if run.unit == "step" or run.composition.steps_per_epoch == 1 or not run.calls:
        return
    reach = _reach(run.schedule.scheduler)
    if reach is None:
        return
    what, first, end = reach
    if first < TWICE * run.calls or not _least(run.schedule.scheduler, run.left) <= end <= run.left:
        return
    composition = run.scheduled(interval="step")
    yield Found(
        "interval",
        f"{what} {run.length(first)} and {run.has(run.places[0])}; as a number of steps it would fit into the "
        f"{run.left:,} that there are.",
        Repair("Count steps", composition) if run.drawable(composition) else None,
    )


@rule("trap")
def epochs_counted_as_steps(run: Situation) -> Iterator[Found]:
    """The reverse: lengths in epochs while the loop calls step() after every update."""
    steps = run.composition.steps_per_epoch
    epochs = -(-run.left // steps)
    if run.unit == "epoch" or steps == 1 or epochs < 2:
        return
    scheduler = run.schedule.scheduler
    reach = _reach(scheduler)
    if reach is None or not _is_over(scheduler, run.calls):
        return
    what, first, end = reach
    if end > epochs or FOUR * end > run.calls:
        return
    composition = run.scheduled(interval="epoch")
    yield Found(
        "interval",
        f"{what} {run.length(first)}: {_over(scheduler)} after {run.length(end)} of {run.calls:,}, where "
        f"{'the warm-up leaves' if run.warm else 'the run has'} {epochs:,} epochs.",
        Repair("Count epochs", composition) if run.drawable(composition) else None,
    )


def _reach(scheduler: Any) -> tuple[str, int, int] | None:
    """What sets a scheduler's pace, as a sentence begins; the first call at which something happens; the call at which
    its shape, or the first round of it, is over. None where it has no such lengths."""
    match scheduler:
        case specs.StepLR():
            return "step_size is", scheduler.step_size, scheduler.step_size
        case specs.MultiStepLR():
            return "The first milestone is", scheduler.milestones[0], scheduler.milestones[-1]
        case specs.CosineAnnealingLR():
            return "T_max is", scheduler.T_max, scheduler.T_max
        case specs.CosineAnnealingWarmRestarts():
            return "T_0 is", scheduler.T_0, scheduler.T_0
        case specs.PolynomialLR() | specs.LinearLR() | specs.ConstantLR():
            return "total_iters is", scheduler.total_iters, scheduler.total_iters
        case specs.OneCycleLR():
            return "total_steps is", scheduler.length, scheduler.length
        case specs.CyclicLR():
            up = scheduler.step_size_up
            return "step_size_up is", up, up + (up if scheduler.step_size_down is None else scheduler.step_size_down)
        case specs.LambdaLR() if scheduler.table:
            last = int(scheduler.table.points[-1][0])
            return "The table's last point is at", last, last
        case specs.SequentialLR():
            last_phase = _reach(scheduler.schedulers[-1])
            if last_phase is None or not scheduler.milestones:
                return last_phase
            return "The first milestone is", scheduler.milestones[0], scheduler.milestones[-1] + last_phase[2]
    return None


def _least(scheduler: Any, steps: int) -> float:
    """What at least would be reached in so many steps for them to make sense of it."""
    match scheduler:
        case specs.OneCycleLR():
            return steps
        case specs.CosineAnnealingLR() | specs.PolynomialLR():
            return steps / 2
        case specs.LinearLR():
            return steps / 2 if is_falling(scheduler) else steps / 50
        case specs.ConstantLR():
            return steps / 50
        case specs.SequentialLR():
            return _least(scheduler.schedulers[-1], steps)
    return steps / 10


def _is_over(scheduler: Any, calls: int) -> bool:
    """Whether what comes after its shape cannot be meant: nothing, or the same over and over."""
    match scheduler:
        case specs.StepLR():
            return 0 < scheduler.gamma < 1 and bool(scheduler.gamma ** (calls // scheduler.step_size) < VANISHED)
        case specs.MultiStepLR():
            return scheduler.gamma < 1
        case specs.CosineAnnealingWarmRestarts():
            return scheduler.T_mult == 1
        case specs.PolynomialLR() | specs.LinearLR():
            return scheduler.total_iters > 0 and is_falling(scheduler)
        case specs.CosineAnnealingLR() | specs.CyclicLR():
            return True
        case specs.LambdaLR():
            return scheduler.table is not None and len(scheduler.table.points) > 1
        case specs.SequentialLR():
            return _is_over(scheduler.schedulers[-1], max(calls - (scheduler.milestones or (0,))[-1], 0))
    return False


def _over(scheduler: Any) -> str:
    match scheduler:
        case specs.StepLR():
            return "the first drop comes"
        case specs.MultiStepLR():
            return "all drops are made"
        case specs.CosineAnnealingLR() | specs.CosineAnnealingWarmRestarts() | specs.CyclicLR():
            return "one round is over"
    return "its end is reached"


RULES = (one_call_only, steps_counted_as_epochs, epochs_counted_as_steps)
