"""Checks of CosineAnnealingLR and CosineAnnealingWarmRestarts."""

from __future__ import annotations

import math
from collections.abc import Iterator

from lrlab.schedules import spec as specs
from lrlab.schedules.checks.decays import COUNTING
from lrlab.schedules.checks.model import Found, rule
from lrlab.schedules.checks.situation import Place, Situation, in_steps
from lrlab.schedules.words import number

HIGH, LOW = 0.1, 0.05
"""A last cycle that ends above the first is cut off; a whole cycle that ends above the second never gets low. Both are
shares of the height between eta_min and the LR."""


@rule("trap", *COUNTING, "eta-min-above-lr")
def cosine_climbs(run: Situation) -> Iterator[Found]:
    """Past T_max CosineAnnealingLR climbs again."""
    for place in run.active(specs.CosineAnnealingLR):
        low = place.scheduler.T_max
        if low < place.calls - 1:
            again = f"from {run.when(place.start + low)} on the cosine climbs again"
            if not place.chained:
                first, after = run.update(place.start + low), run.update(place.start + place.calls - 1) + 1
                assert run.curve is not None
                again += f", and the LR comes up to {number(float(run.curve.lr[first:after].max()))}"
            yield Found(
                place.at("T_max"),
                f"T_max is {run.length(low)} and {run.has(place)}: {again}.",
                run.set(place, T_max=place.calls),
                place.way,
            )


@rule("trap", "one-cycle-moves-base")
def eta_min_above_lr(run: Situation) -> Iterator[Found]:
    """An eta_min that is not below the LR turns the cosine round: torch does not complain."""
    for place in run.active(specs.CosineAnnealingLR, specs.CosineAnnealingWarmRestarts):
        low = place.scheduler.eta_min
        if low > place.base or (low == place.base > 0 and not place.chained):
            what = "it raises the LR" if low > place.base else "it never moves the LR"
            yield Found(
                place.at("eta_min"),
                f"eta_min {number(low)} is not below {number(place.base)}, the LR that the cosine starts from: {what}.",
                run.set(place, eta_min=0.0),
                place.way,
            )


@rule("trap", "eta-min-above-lr")
def group_below_eta_min(run: Situation) -> Iterator[Found]:
    """torch takes one eta_min for all parameter groups: one whose LR lies below it rises while the others fall."""
    if not run.composition.groups:
        return
    rates = [group.rate(run.composition.lr) for group in run.composition.groups]
    for place in run.active(specs.CosineAnnealingLR, specs.CosineAnnealingWarmRestarts):
        low = place.scheduler.eta_min
        if place.base != run.composition.lr or place.chained:
            continue
        for index, (group, rate) in enumerate(zip(run.composition.groups, rates, strict=True)):
            if rate < low:
                yield Found(
                    f"groups.{index}",
                    f"The LR of group {group.name!r}, {number(rate)}, lies below eta_min {number(low)}, which torch "
                    "takes for all groups: it rises where the others fall.",
                    run.set(place, eta_min=0.0),
                    place.way,
                )
                break


@rule("trap", *COUNTING, "eta-min-above-lr")
def restarts_cut_off(run: Situation) -> Iterator[Found]:
    """The run ends in the middle of a cycle, where the LR is high and the model at its worst."""
    for place in run.active(specs.CosineAnnealingWarmRestarts):
        done, length = _last_cycle(place.scheduler.T_0, place.scheduler.T_mult, place.calls)
        if done == length or _height(done - 1, length) <= HIGH or place.chained:
            continue
        first = _fitting(place)
        ends = "run" if place.whole else "phase"
        yield Found(
            place.at("T_0"),
            f"The {ends} ends after {done:,} of the last cycle's {run.length(length)}, where the LR is still "
            f"{number(run.final(place))}.",
            run.set(place, T_0=first) if first else None,
            place.way,
        )


@rule("note", *COUNTING, "eta-min-above-lr", "restarts-cut-off", "one-cycle-moves-base")
def restarts_never_low(run: Situation) -> Iterator[Found]:
    """pytorch#47560: on whole calls a warm restart comes before eta_min; in a short cycle the LR stays far above it."""
    for place in run.active(specs.CosineAnnealingWarmRestarts):
        times = place.scheduler.T_mult
        done, length = _last_cycle(place.scheduler.T_0, times, place.calls)
        if _height(length - 1, length) <= LOW or place.chained:
            continue
        lowest = _height(done - 1, length)
        if place.calls > done:  # the cycle before it is complete
            lowest = min(lowest, _height(length // times - 1, length // times))
        longer = length * run.composition.steps_per_epoch
        eta_min = place.scheduler.eta_min
        low = eta_min + (place.base - eta_min) * lowest
        yield Found(
            place.at("T_0"),
            f"A cycle of {run.length(length)} never reaches eta_min {number(eta_min)}: the lowest LR is "
            f"{number(low)}, and the call after it is the restart.",
            in_steps(run) if _height(longer - 1, longer) <= LOW else None,
            place.way,
        )


def _height(count: int, length: int) -> float:
    """The share of the height that a cosine of that length has left."""
    return (1 + math.cos(math.pi * count / length)) / 2


def _last_cycle(length: int, times: int, calls: int) -> tuple[int, int]:
    """How many calls of the last cycle there are in `calls`, and its length."""
    if times == 1:
        return (calls - 1) % length + 1, length
    start = 0
    while start + length < calls:
        start, length = start + length, length * times
    return calls - start, length


def _fitting(place: Place[specs.CosineAnnealingWarmRestarts]) -> int | None:
    """The T_0 nearest to the present one with which whole cycles fill the run, short of a few calls."""
    times, calls, found = place.scheduler.T_mult, place.calls, []
    cycles = {1}  # lengths of the run in units of T_0 that are whole cycles
    if times == 1:
        present = round(calls / place.scheduler.T_0)
        cycles |= set(range(max(1, present - 3), present + 4))
    while times > 1 and max(cycles) * times + 1 <= calls:
        cycles.add(max(cycles) * times + 1)
    for units in cycles:
        first = -(-calls // units)
        done, length = _last_cycle(first, times, calls)
        if first != place.scheduler.T_0 and _height(done - 1, length) <= HIGH:
            found.append(first)
    return min(found, key=lambda first: abs(math.log(first / place.scheduler.T_0))) if found else None


RULES = (cosine_climbs, eta_min_above_lr, group_below_eta_min, restarts_cut_off, restarts_never_low)
