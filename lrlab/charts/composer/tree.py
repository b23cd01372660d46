"""Edits of schedulers that hold others: pure functions from one scheduler to the next.

`at` is the way to a scheduler: the places in `schedulers`, from the outermost one on. `calls` are the calls of `step()`
that the whole schedule makes.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import accumulate, pairwise
from typing import Any, Literal, TypeVar, cast

from lrlab.errors import LabError
from lrlab.schedules import (
    CATALOGUE,
    ChainedScheduler,
    LinearLR,
    ReduceLROnPlateau,
    Scheduler,
    SequentialLR,
    starting,
)

Path = tuple[int, ...]
Interval = Literal["epoch", "step"]
Several = SequentialLR | ChainedScheduler
S = TypeVar("S", bound=SequentialLR | ChainedScheduler)

SEVERAL = ("SequentialLR", "ChainedScheduler")
RISE = 0.15
"""The share of the calls that a warm-up gets at first."""


def inside(scheduler: Scheduler, at: Path) -> Scheduler:
    """The scheduler at `at`; LabError where there is none."""
    for place in at:
        if not isinstance(scheduler, Several) or not 0 <= place < len(scheduler.schedulers):
            raise LabError(f"scheduler: there is none at {list(at)}", field="scheduler")
        scheduler = scheduler.schedulers[place]
    return scheduler


def several(scheduler: Scheduler, at: Path) -> Several:
    """The scheduler at `at`, which holds others; LabError where it does not."""
    found = inside(scheduler, at)
    if not isinstance(found, Several):
        raise LabError(f"scheduler: {found.name} holds no others", field="scheduler")
    return found


def replaced(scheduler: Scheduler, at: Path, change: Callable[[Scheduler], Scheduler]) -> Scheduler:
    """`scheduler` with the one at `at` changed."""
    if not at:
        return change(scheduler)
    outer = several(scheduler, ())
    inner = list(outer.schedulers)
    inside(outer, at[:1])
    inner[at[0]] = replaced(inner[at[0]], at[1:], change)
    return _remade(outer, schedulers=inner)


def spans(scheduler: Scheduler, calls: int) -> list[tuple[int, int]]:
    """First and last call (exclusive) of each scheduler in `scheduler`, which is at work for `calls` calls."""
    if isinstance(scheduler, SequentialLR):
        edges = [0, *(min(milestone, calls) for milestone in scheduler.milestones), calls]
        return list(pairwise(edges))
    return [(0, calls) for _ in getattr(scheduler, "schedulers", ())]


def calls_at(scheduler: Scheduler, at: Path, calls: int) -> int:
    """The calls for which the scheduler at `at` is at work, at least 1."""
    inside(scheduler, at)
    for depth, place in enumerate(at):
        start, end = spans(inside(scheduler, at[:depth]), calls)[place]
        calls = end - start
    return max(calls, 1)


def begun(name: str, interval: Interval, calls: int, lr: float, form: str = "") -> Scheduler:
    """Scheduler `name` with values that suit `calls` calls."""
    if name not in CATALOGUE:
        raise LabError(f"scheduler: {name[:60]!r} is unknown, allowed: {', '.join(CATALOGUE)}", field="scheduler.name")
    epochs, steps = (calls, 1) if interval == "epoch" else (1, calls)
    return starting(name, interval, epochs, steps, lr=lr, form=form)


def chosen(scheduler: Scheduler, name: str, interval: Interval, calls: int, lr: float) -> Scheduler:
    """What `scheduler`, at work for `calls` calls, becomes when `name` is chosen in its place.

    SequentialLR and ChainedScheduler keep what was composed: as their first scheduler, or all of those it held.
    """
    if name not in SEVERAL or isinstance(scheduler, ReduceLROnPlateau) or scheduler.name == name:
        return begun(name, interval, calls, lr)
    if isinstance(scheduler, Several):
        inner = scheduler.schedulers
        if name == "ChainedScheduler":
            return ChainedScheduler(schedulers=inner)
        even = [round(calls * place / len(inner)) for place in range(1, len(inner))]
        return SequentialLR(schedulers=inner, milestones=tuple(max(1, milestone) for milestone in even))
    if name == "ChainedScheduler":
        return ChainedScheduler(schedulers=(scheduler, _rise(calls)))
    switch = _own_end(scheduler, calls)
    rest = begun("CosineAnnealingLR", interval, max(calls - switch, 1), lr)
    return SequentialLR(schedulers=(scheduler, rest), milestones=(switch,))


def added(scheduler: Several, interval: Interval, calls: int, lr: float) -> Several:
    """One scheduler more, at the end: a cosine for the second half of the last phase, or in a chain a warm-up."""
    if isinstance(scheduler, ChainedScheduler):
        return _remade(scheduler, schedulers=[*scheduler.schedulers, _rise(calls)])
    start, end = spans(scheduler, calls)[-1]
    switch = max((start + end) // 2, start, 1)
    phase = begun("CosineAnnealingLR", interval, max(end - switch, 1), lr)
    return _remade(scheduler, schedulers=[*scheduler.schedulers, phase], milestones=[*scheduler.milestones, switch])


def without(scheduler: Several, place: int) -> Several:
    """One scheduler less; the next one takes over its time, or where it was the last the one before."""
    inside(scheduler, (place,))
    if len(scheduler.schedulers) == 1:
        raise LabError(f"scheduler: {scheduler.name} holds at least one scheduler", field="scheduler")
    inner = [kept for index, kept in enumerate(scheduler.schedulers) if index != place]
    if isinstance(scheduler, ChainedScheduler):
        return _remade(scheduler, schedulers=inner)
    gone = min(place, len(scheduler.milestones) - 1)
    milestones = [kept for index, kept in enumerate(scheduler.milestones) if index != gone]
    return _remade(scheduler, schedulers=inner, milestones=milestones)


def moved(scheduler: Several, place: int, by: int, calls: int) -> Several:
    """The scheduler at `place` changes with its neighbour; in a SequentialLR each keeps how long it lasts."""
    order = list(range(len(scheduler.schedulers)))
    if not (0 <= place < len(order) and 0 <= place + by < len(order)):
        raise LabError(f"scheduler: nothing to move from place {place} by {by}", field="scheduler")
    order[place], order[place + by] = order[place + by], order[place]
    inner = [scheduler.schedulers[index] for index in order]
    if isinstance(scheduler, ChainedScheduler):
        return _remade(scheduler, schedulers=inner)
    lengths = [end - start for start, end in spans(scheduler, calls)]
    milestones = list(accumulate(lengths[index] for index in order[:-1]))
    return _remade(scheduler, schedulers=inner, milestones=milestones)


def _rise(calls: int) -> LinearLR:
    return LinearLR(start_factor=0.1, end_factor=1.0, total_iters=max(1, round(RISE * calls)))


def _own_end(scheduler: Scheduler, calls: int) -> int:
    """The call at which the scheduler has done what it does, where that lies within the run; else half of the calls."""
    own = getattr(scheduler, "total_iters", 0) or getattr(scheduler, "T_max", 0)
    return own if 0 < own < calls else max(1, calls // 2)


def _remade(scheduler: S, **values: Any) -> S:
    return cast(S, type(scheduler).model_validate({**dict(scheduler), **values}))
