"""How far a schedule goes on where a run is given epochs beyond its planned end.

It goes on as torch's own scheduler does, step by step from where it stands: StepLR keeps falling, a cosine rises again.
Where that leads nowhere, it holds the LR that it had reached: OneCycleLR has an end by itself, formulas that speak of
the run's length know nothing after it, and no LR leaves its range.
"""

from __future__ import annotations

import math

import numpy as np

from lrlab.errors import LabError
from lrlab.schedules import machine
from lrlab.schedules import spec as specs
from lrlab.schedules.formula import parse_formula
from lrlab.schedules.leaves import Setting
from lrlab.schedules.values import LR_CAP

OF_THE_RUN = frozenset({"t", "total"})
"""Variables of a formula whose values come from the planned length of the run."""

ROUNDING = 1e-12
"""How far a product that should be a limit may lie beyond it, relative to the highest LR."""

CAP = LR_CAP * (1 + ROUNDING)


def last_call(scheduler: specs.Scheduler, lr: float, setting: Setting, calls: int) -> int:
    """The last of `calls` calls of step() that is made; after it the LR stays. At least the planned run's own last one.

    `setting.total` is the number of calls of the planned run, of which the one after its last update decides nothing.
    The answer for fewer `calls` is this one or all of them, whichever is less.
    """
    planned = max(setting.total - 1, 0)
    wanted = int(max(planned, min(calls, _end(scheduler, setting.total, 0, math.inf))))
    possible = _possible(scheduler, lr, setting, planned, wanted)
    values, _ = machine.stepped(scheduler, lr, setting, possible)
    beyond = values[planned + 1 :]
    outside = np.flatnonzero(~((beyond <= CAP) & (beyond >= -ROUNDING * values.max())))
    return planned + int(outside[0]) if len(outside) else possible


def _end(scheduler: specs.Scheduler, planned: int, start: int, stop: float) -> float:
    """The last call that means something to `scheduler`, which is at work at the run's calls from `start` to `stop`."""
    if isinstance(scheduler, specs.SequentialLR):
        starts = [start, *(start + milestone for milestone in scheduler.milestones)]
        stops = [*starts[1:], stop]
        ends = [
            _end(inner, planned, first, min(last, stop))
            for inner, first, last in zip(scheduler.schedulers, starts, stops, strict=True)
        ]
        return min(ends)
    if isinstance(scheduler, specs.ChainedScheduler):
        return min(_end(inner, planned, start, stop) for inner in scheduler.schedulers)
    if isinstance(scheduler, specs.OneCycleLR):
        end: float = start + scheduler.length - 1  # the call after it would leap up again, the next one raise
    elif isinstance(scheduler, specs.LambdaLR | specs.MultiplicativeLR) and scheduler.formula:
        of_the_run = parse_formula(scheduler.formula).names & OF_THE_RUN
        end = max(planned, start) - 1 if of_the_run else math.inf
    else:
        end = math.inf
    return math.inf if end >= stop - 1 else end


def _possible(scheduler: specs.Scheduler, lr: float, setting: Setting, least: int, most: int) -> int:
    """How many of `most` calls torch can make, where it can make `least`: those before the first that raises."""
    tried = most
    while least < most:
        try:
            machine.stepped(scheduler, lr, setting, tried)
            least = tried
        except LabError:
            most = tried - 1
        tried = -(-(least + most) // 2)
    return least
