"""ReduceLROnPlateau replayed on a series of metrics: every decision it takes, and why.

The same recurrence serves the preview, the question what it would have done in a logged run, and the proof after each
epoch of training that torch did what was replayed.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

from lrlab.schedules.spec import ReduceLROnPlateau


@dataclass(frozen=True)
class Decision:
    """What one call with `metric` decided.

    `limit`: the metric had to be below it (mode "min") or above it ("max") to count as better than the best so far.
    `bad`: calls in a row without a better one, this one included, before a cut sets it back. `resting`: the call fell
    into the cooldown after a cut, which counts no bad ones. `cut`: the LR was to fall; `after` equals `before` all the
    same where min_lr or eps forbade it.
    """

    metric: float
    limit: float
    better: bool
    bad: int
    resting: bool
    cut: bool
    before: float
    after: float


@dataclass
class Plateau:
    """torch's ReduceLROnPlateau on one group with the LR `lr`; `scale` is the group's LR over the base LR.

    min_lr is meant for the base LR: each group stops at its own share of it (torch takes a list of them).
    """

    spec: ReduceLROnPlateau
    lr: float
    scale: float = 1.0
    best: float = field(init=False)
    bad: int = 0
    rest: int = 0

    def __post_init__(self) -> None:
        self.best = math.inf if self.spec.mode == "min" else -math.inf

    def step(self, metric: float) -> Decision:
        """One call of `step(metric)`; NaN is never better."""
        spec, limit = self.spec, self._limit()
        better = metric < limit if spec.mode == "min" else metric > limit
        if better:
            self.best, self.bad = metric, 0
        else:
            self.bad += 1
        bad, resting = self.bad, self.rest > 0
        if resting:
            self.rest -= 1
            self.bad = 0
        before, cut = self.lr, self.bad > spec.patience
        if cut:
            lower = max(before * spec.factor, spec.min_lr * self.scale)
            if before - lower > spec.eps:
                self.lr = lower
            self.rest, self.bad = spec.cooldown, 0
        return Decision(metric, limit, better, bad, resting, cut, before, self.lr)

    def _limit(self) -> float:
        spec, best = self.spec, self.best
        if spec.threshold_mode == "abs":
            return best - spec.threshold if spec.mode == "min" else best + spec.threshold
        return best * (1.0 - spec.threshold) if spec.mode == "min" else best * (spec.threshold + 1.0)


def replay(spec: ReduceLROnPlateau, lr: float, metrics: Sequence[float], scale: float = 1.0) -> list[Decision]:
    """The decision of each call, in order; call k comes after the (k+1)-th epoch that the scheduler saw."""
    machine = Plateau(spec, lr, scale)
    return [machine.step(metric) for metric in metrics]
