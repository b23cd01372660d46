"""CyclicLR and OneCycleLR, which take the optimiser's LR out of play and may move its momentum too."""

from __future__ import annotations

import math

import numpy as np

from lrlab.schedules import spec as specs
from lrlab.schedules.cosines import STEEP, cosines
from lrlab.schedules.leaves import Absolute, Floats, Group, Setting, counts

LAST_TRIANGLE = 1024
"""The last cycle of mode "triangular2" for which torch can halve the height: 2.0 ** 1024 overflows."""


class Cyclic(Absolute[specs.CyclicLR]):
    def __init__(self, spec: specs.CyclicLR, group: Group, setting: Setting, path: str, offset: int) -> None:
        self._low, self._high = spec.base_lr * setting.scale, spec.max_lr * setting.scale
        self._drawn: tuple[int, int, Floats] | None = None
        group.lr = self._low
        down = spec.step_size_up if spec.step_size_down is None else spec.step_size_down
        self._period = float(spec.step_size_up) + float(down)
        self._rise = spec.step_size_up / self._period
        if spec.cycle_momentum:
            self._take_momentum(group, spec.base_momentum, spec.max_momentum)
        super().__init__(spec, group, setting, path, offset)
        # torch puts CyclicLR's own base_lr in place only after the step that building makes, which so finds the
        # optimiser's initial LR: another one, where something was built before.
        group.lr = self.base

    def values(self, first: int, n: int) -> Floats:
        return self._low + (self._high - self._low) * self._height(first, n)

    def momenta(self, first: int, n: int) -> Floats:
        low, high = self.spec.base_momentum, self.spec.max_momentum
        return high - (high - low) * self._height(first, n)

    def _height(self, first: int, n: int) -> Floats:
        """The share of the way from the lowest to the highest value. The LR's is the momentum's too."""
        if self._drawn is None or self._drawn[:2] != (first, n):
            self._drawn = (first, n, self._draw(first, n))
        return self._drawn[2]

    def _draw(self, first: int, n: int) -> Floats:
        place = counts(first, n)
        place /= self._period
        place += 1.0
        cycle = np.floor(place)
        place -= cycle
        height = np.where(place <= self._rise, place / self._rise, (place - 1) / (self._rise - 1))
        if self.spec.mode == "triangular2":
            if cycle[-1] > LAST_TRIANGLE:
                self.raises(
                    f'torch overflows in mode "triangular2" after {LAST_TRIANGLE:,} cycles, here from call '
                    f"{int(np.argmax(cycle > LAST_TRIANGLE)) + first:,} on; allowed: longer cycles",
                    "step_size_up",
                )
            height *= np.ldexp(1.0, (1 - cycle).astype(int))
        if self.spec.mode == "exp_range":
            height *= self._decay(first, n)
        return height

    def _decay(self, first: int, n: int) -> Floats:
        with np.errstate(over="ignore", under="ignore"):
            decay = self.spec.gamma ** counts(first, n)
        if math.isinf(decay[-1]):
            self.raises(
                f"torch overflows at call {int(np.argmax(np.isinf(decay))) + first:,}, where gamma is raised to it; "
                "allowed: a gamma of at most 1",
                "gamma",
            )
        return np.asarray(decay)


class OneCycle(Absolute[specs.OneCycleLR]):
    def __init__(self, spec: specs.OneCycleLR, group: Group, setting: Setting, path: str, offset: int) -> None:
        length, share = spec.length, spec.pct_start
        self._ends: tuple[float, ...]
        self._lrs: tuple[tuple[str, str], ...]
        self._momenta: tuple[tuple[str, str], ...]
        if spec.three_phase:
            self._ends = (float(share * length) - 1, float(2 * share * length) - 2, float(length - 1))
            self._lrs = (("initial_lr", "max_lr"), ("max_lr", "initial_lr"), ("initial_lr", "min_lr"))
            self._momenta = (("max", "base"), ("base", "max"), ("max", "max"))
        else:
            self._ends = (float(share * length) - 1, float(length - 1))
            self._lrs = (("initial_lr", "max_lr"), ("max_lr", "min_lr"))
            self._momenta = (("max", "base"), ("base", "max"))
        highest = spec.max_lr * setting.scale
        group.initial_lr = highest / spec.div_factor
        group.max_lr = highest
        group.min_lr = group.initial_lr / spec.final_div_factor
        if spec.cycle_momentum:
            self._take_momentum(group, spec.base_momentum, spec.max_momentum)
        super().__init__(spec, group, setting, path, offset)

    def values(self, first: int, n: int) -> Floats:
        # torch reads the group's values at every call: another OneCycleLR built after this one has replaced them.
        group = self.group
        ends = tuple((getattr(group, start), getattr(group, end)) for start, end in self._lrs)
        return self._annealed(first, n, ends)

    def momenta(self, first: int, n: int) -> Floats:
        group = {"max": self.group.max_momentum, "base": self.group.base_momentum}
        return self._annealed(first, n, tuple((group[start], group[end]) for start, end in self._momenta))

    def _annealed(self, first: int, n: int, levels: tuple[tuple[float, float], ...]) -> Floats:
        length = self.spec.length
        if first + n - 1 > length:
            self.raises(
                f"torch raises at call {length + 1:,}, one after total_steps {length:,}, and the run makes "
                f"{first + n - 1:,} calls; allowed: total_steps of at least {first + n - 1:,}",
                "total_steps",
            )
        values, start, at = np.empty(n), 0.0, first
        for phase, (end, (low, high)) in enumerate(zip(self._ends, levels, strict=True)):
            last = phase == len(self._ends) - 1
            stop = first + n if last else min(first + n, math.floor(end) + 1)
            if stop > at:
                if end == start:
                    self.raises(
                        f"torch divides by zero at call {at:,}: with total_steps {length:,} and pct_start "
                        f"{self.spec.pct_start:g} a phase has no length; allowed: another pct_start or more steps",
                        "pct_start",
                    )
                values[at - first : stop - first] = self._anneal(low, high, at, stop - at, start, end - start)
                at = stop
            start = end
        return values

    def _anneal(self, low: float, high: float, at: int, n: int, start: float, length: float) -> Floats:
        """From `low` to `high` over `length` calls from `start` on; the n values from call `at`."""
        if self.spec.anneal_strategy == "cos":
            heights = cosines(at - start, n, length, steep=high > STEEP * low)
            heights += 1
            heights *= (low - high) / 2.0
            heights += high
            return heights
        share = (counts(at, n) - start) / length
        return np.asarray((high - low) * share + low)
