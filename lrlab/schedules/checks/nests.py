"""Checks of schedulers within schedulers: what SequentialLR does to those that hold others or rewrite its base LR."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

from lrlab.errors import LabError
from lrlab.schedules import spec as specs
from lrlab.schedules.checks.model import Found, Repair, rule
from lrlab.schedules.checks.situation import Place, Situation
from lrlab.schedules.curve import curve
from lrlab.schedules.words import number


@rule("trap", "milestone-at-zero")
def one_step_ahead(run: Situation) -> Iterator[Found]:
    """pytorch#196243: SequentialLR steps a SequentialLR or ChainedScheduler that it begins with once too
    often."""
    for place in run.active(specs.SequentialLR):
        first = place.scheduler.schedulers[0]
        way = (*place.way, 0)
        if isinstance(first, specs.SequentialLR):
            stop = (*place.scheduler.milestones, place.calls)[0]
            early = next((milestone for milestone in first.milestones if 0 < milestone < stop), 0)
            switched = f": its milestone {early:,} comes a call early" if early and not place.way else ""
            flat = flattened(place.scheduler)
            yield Found(
                f"{place.path}.schedulers.0",
                f"torch makes one call too many of a SequentialLR that another one begins with{switched} "
                "(pytorch#196243).",
                Repair("Flatten it into the outer one", run.replaced(place.way, flat)),
                way,
            )
        elif isinstance(first, specs.ChainedScheduler) and not place.chained and place.start == 0:
            alone = _first_lr(first, run.composition.lr)
            if alone is not None and not math.isclose(alone, run.lr(0), rel_tol=1e-9):
                yield Found(
                    f"{place.path}.schedulers.0",
                    "torch makes one call too many of a ChainedScheduler that a SequentialLR begins with "
                    f"(pytorch#196243): the run starts at {number(run.lr(0))} instead of {number(alone)}.",
                    way=way,
                )


@rule("trap")
def one_cycle_moves_base(run: Situation) -> Iterator[Found]:
    """OneCycleLR rewrites initial_lr when it is built, which SequentialLR then starts from: a warm-up
    before it tops out at max_lr / 25."""
    for place in run.active(specs.OneCycleLR):
        scheduler, base = place.scheduler, run.composition.lr
        start = scheduler.max_lr / scheduler.div_factor
        around = [one for one in sequences_around(run, place) if len(one.scheduler.schedulers) > 1]
        if not around or math.isclose(start, base, rel_tol=1e-3):
            continue
        divisor = float(f"{scheduler.max_lr / base:.6g}")
        yield Found(
            place.at("div_factor"),
            f"OneCycleLR replaces the LR that SequentialLR starts its schedulers from: they work on max_lr / "
            f"div_factor, {number(start)}, instead of the base LR {number(base)}.",
            run.set(place, div_factor=divisor) if 1 <= divisor <= 1e12 else None,
            around[-1].way,  # all that it holds works on the other base
        )


def flattened(outer: specs.SequentialLR) -> specs.Scheduler:
    """One SequentialLR of what `outer` and the SequentialLRs in it hold; their phases without a call are gone."""
    edges = (0, *outer.milestones, None)
    found: list[specs.Scheduler] = []
    starts: list[int] = []
    for scheduler, start, stop in zip(outer.schedulers, edges, edges[1:], strict=False):
        assert start is not None
        parts: tuple[specs.Scheduler, ...] = (scheduler,)
        offsets: tuple[int, ...] = (0,)
        if isinstance(scheduler, specs.SequentialLR):
            flat = flattened(scheduler)
            if isinstance(flat, specs.SequentialLR):
                parts, offsets = flat.schedulers, (0, *flat.milestones)
            else:
                parts = (flat,)
        for part, offset in zip(parts, offsets, strict=True):
            if offset == 0 or stop is None or start + offset < stop:
                found.append(part)
                starts.append(start + offset)
    return sequence(found, starts[1:])


def sequence(schedulers: list[Any], milestones: list[int]) -> specs.Scheduler:
    """SequentialLR of these; the scheduler itself where there is one."""
    if len(schedulers) == 1:
        only: specs.Scheduler = schedulers[0]
        return only
    return specs.SequentialLR(schedulers=tuple(schedulers), milestones=tuple(milestones))


def sequences_around(run: Situation, place: Place[Any]) -> list[Place[specs.SequentialLR]]:
    """The SequentialLRs that hold `place`, the nearest one first."""
    return [around for around in run.around(place) if isinstance(around.scheduler, specs.SequentialLR)]


def _first_lr(scheduler: specs.Scheduler, lr: float) -> float | None:
    try:
        return float(curve(specs.ScheduleSpec(scheduler=scheduler), lr, 1, 1).lr[0])
    except LabError:
        return None


RULES = (one_step_ahead, one_cycle_moves_base)
