"""Single schedulers as torch builds and steps them on one parameter group, for many calls at once.

torch's schedulers are small machines that share a parameter group: building one already changes the LR that it finds,
and what a call of `step()` does depends on a counter. Per call each of them either sets the LR, whatever it was, or
multiplies it, or (CosineAnnealingLR) moves it along a line. The functions here give these values for a whole range of
counters as arrays, with torch's own operations in torch's own order; the order between schedulers is `machine`'s.
"""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass
from functools import lru_cache
from typing import Generic, NoReturn, TypeVar

import numpy as np
from numpy.typing import NDArray

from lrlab.errors import LabError
from lrlab.schedules import spec as specs
from lrlab.schedules.formula import parse_formula

Floats = NDArray[np.float64]

_parsed = lru_cache(maxsize=256)(parse_formula)


@dataclass
class Group:
    """What schedulers read from and write into a parameter group of the optimiser. None: not set."""

    lr: float
    initial_lr: float | None = None
    max_lr: float = 0.0
    min_lr: float = 0.0
    momentum: float | None = None
    base_momentum: float = 0.0
    max_momentum: float = 0.0


@dataclass(frozen=True)
class Setting:
    """Where a schedule runs. `total`: calls of `step()` in the run. `scale`: this group's LR over the base LR.

    Absolute LRs of which torch takes one for each group (max_lr, CyclicLR's base_lr, min_lr) are meant for the base
    LR; each group gets its share. `first_at_zero`: see `machine.FIRST_AT_ZERO`.
    """

    total: int
    interval: str = "step"
    steps_per_epoch: int = 1
    scale: float = 1.0
    first_at_zero: bool = True


S = TypeVar("S")
F = TypeVar("F", specs.LambdaLR, specs.MultiplicativeLR)


class Leaf(Generic[S]):
    """One scheduler on a group. `count` is torch's last_epoch; building makes the first, initial step.

    `inert_after`: from the counter after it on, calls change nothing.
    """

    inert_after: float = math.inf

    def __init__(self, spec: S, group: Group, setting: Setting, path: str, offset: int) -> None:
        self.spec, self.group, self.setting, self.path, self.offset = spec, group, setting, path, offset
        if group.initial_lr is None:
            group.initial_lr = group.lr
        self.base = group.initial_lr
        self.count = -1
        self.initial_step()

    def initial_step(self) -> None:
        """The step that building makes, and SequentialLR for its first scheduler."""
        self.count += 1
        self._initial()

    def undo(self) -> None:
        """What SequentialLR does to the counters of what it is given."""
        self.count -= 1

    def _initial(self) -> None:
        raise NotImplementedError

    def closed_at_zero(self) -> float | None:
        """The LR to which SequentialLR switches; None where torch has no closed form and makes a step to 0 instead."""
        return None

    def raises(self, why: str, field: str = "") -> NoReturn:
        where = f"{self.path}.{field}" if field else self.path
        raise LabError(f"{type(self.spec).__name__}: {why}", field=where)


class Absolute(Leaf[S]):
    """A scheduler that sets the LR from its counter alone."""

    moves_momentum: bool = False

    def values(self, first: int, n: int) -> Floats:
        raise NotImplementedError

    def momenta(self, first: int, n: int) -> Floats:
        raise NotImplementedError

    def _initial(self) -> None:
        self.group.lr = float(self.values(self.count, 1)[0])
        if self.moves_momentum:
            self.group.momentum = float(self.momenta(self.count, 1)[0])


class Factor(Leaf[S]):
    """A scheduler that multiplies the LR that it finds. `initially`: by what the initial step multiplies it."""

    initially: float = 1.0

    def factors(self, first: int, n: int) -> Floats:
        raise NotImplementedError

    def _initial(self) -> None:
        self.group.lr *= self.initially

    def closed_at_zero(self) -> float | None:
        return self.base


def counts(first: int, n: int) -> Floats:
    """The counters first, first + 1, ... as floats, shape (n,)."""
    return np.arange(first, first + n, dtype=float)


def lambda_values(
    spec: specs.LambdaLR | specs.MultiplicativeLR, first: int, n: int, setting: Setting, offset: int
) -> Floats:
    """What the function of `spec` gives at the counters first, first + 1, ..., shape (n,); LabError where it may not.

    `offset`: the run's call at which the counter is 0; the share `t` of the run counts from the run's beginning.
    """
    count = counts(first, n)
    if isinstance(spec, specs.LambdaLR) and spec.table:
        return spec.table(count)
    formula = _parsed(spec.formula or "")
    variables: dict[str, Floats | float] = {"epoch": count, "total": float(setting.total)}
    if "step" in formula.names:
        variables["step"] = count * setting.steps_per_epoch if setting.interval == "epoch" else count
    if "t" in formula.names:
        variables["t"] = np.clip((count + offset) / max(setting.total, 1), 0.0, 1.0)
    return formula(variables)


class _Function(Leaf[F]):
    """Shared by the two classes that take a function of the counter."""

    def _values(self, first: int, n: int) -> Floats:
        try:
            return lambda_values(self.spec, first, n, self.setting, self.offset)
        except LabError as error:
            raise LabError(str(error), field=f"{self.path}.formula") from error


class Lambda(_Function[specs.LambdaLR], Absolute[specs.LambdaLR]):
    def values(self, first: int, n: int) -> Floats:
        return self.base * self._values(first, n)


class Multiplicative(_Function[specs.MultiplicativeLR], Factor[specs.MultiplicativeLR]):
    def factors(self, first: int, n: int) -> Floats:
        return self._values(first, n)

    def closed_at_zero(self) -> None:
        return None


class Step(Factor[specs.StepLR]):
    def factors(self, first: int, n: int) -> Floats:
        factors, size = np.ones(n), self.spec.step_size
        factors[-first % size :: size] = self.spec.gamma
        if first <= 0 < first + n:
            factors[-first] = 1.0
        return factors


class MultiStep(Factor[specs.MultiStepLR]):
    def __init__(self, spec: specs.MultiStepLR, group: Group, setting: Setting, path: str, offset: int) -> None:
        self._drops = {at: spec.gamma**times for at, times in Counter(spec.milestones).items()}
        self.initially = self._drops.get(0, 1.0)
        self.inert_after = spec.milestones[-1]
        super().__init__(spec, group, setting, path, offset)

    def factors(self, first: int, n: int) -> Floats:
        factors = np.ones(n)
        for at, factor in self._drops.items():
            if first <= at < first + n:
                factors[at - first] = factor
        return factors

    def closed_at_zero(self) -> float:
        return self.base * self.initially


class Exponential(Factor[specs.ExponentialLR]):
    def factors(self, first: int, n: int) -> Floats:
        return np.full(n, self.spec.gamma)


class Constant(Factor[specs.ConstantLR]):
    def __init__(self, spec: specs.ConstantLR, group: Group, setting: Setting, path: str, offset: int) -> None:
        self.initially, self.inert_after = spec.factor, spec.total_iters
        super().__init__(spec, group, setting, path, offset)

    def factors(self, first: int, n: int) -> Floats:
        factors, end = np.ones(n), self.spec.total_iters
        if first <= end < first + n:
            factors[end - first] = 1.0 / self.spec.factor
        if first <= 0 < first + n:
            factors[-first] = self.spec.factor
        return factors

    def closed_at_zero(self) -> float:
        ended = self.spec.total_iters <= 0
        return self.base * (self.spec.factor + ended * (1 - self.spec.factor))


class Linear(Factor[specs.LinearLR]):
    def __init__(self, spec: specs.LinearLR, group: Group, setting: Setting, path: str, offset: int) -> None:
        self.initially, self.inert_after = spec.start_factor, spec.total_iters
        super().__init__(spec, group, setting, path, offset)

    def factors(self, first: int, n: int) -> Floats:
        start, end, length = self.spec.start_factor, self.spec.end_factor, self.spec.total_iters
        factors, last = np.ones(n), min(first + n, length + 1)
        moving = counts(first, max(last - first, 0))
        factors[: len(moving)] = 1.0 + (end - start) / (length * start + (moving - 1) * (end - start))
        if first <= 0 < first + n:
            factors[-first] = start
        return factors

    def closed_at_zero(self) -> float:
        if self.spec.total_iters == 0:
            self.raises(
                "torch divides by zero where SequentialLR switches to it with total_iters 0; allowed: 1 or more",
                "total_iters",
            )
        return self.base * self.spec.start_factor


class Polynomial(Factor[specs.PolynomialLR]):
    def __init__(self, spec: specs.PolynomialLR, group: Group, setting: Setting, path: str, offset: int) -> None:
        self.inert_after = spec.total_iters
        super().__init__(spec, group, setting, path, offset)

    def factors(self, first: int, n: int) -> Floats:
        length = self.spec.total_iters
        factors, last = np.ones(n), min(first + n, length + 1)
        if length == 0 and last > first:
            self._divides_by_zero()
        if last > first:
            left = 1.0 - counts(first - 1, last - first + 1) / length
            factors[: last - first] = (left[1:] / left[:-1]) ** self.spec.power
        return factors

    def closed_at_zero(self) -> float:
        if self.spec.total_iters == 0:
            self._divides_by_zero()
        return self.base

    def _divides_by_zero(self) -> NoReturn:
        self.raises(
            "torch divides by zero where it starts within SequentialLR with total_iters 0; allowed: 1 or more",
            "total_iters",
        )


class Cosine(Leaf[specs.CosineAnnealingLR]):
    """The one scheduler that moves the LR along a line: r x (LR - eta_min) + eta_min, and LR + a after a low point."""

    def _initial(self) -> None:
        pass

    def closed_at_zero(self) -> float:
        low = self.spec.eta_min
        return low + (self.base - low) * (1 + math.cos(0.0)) / 2

    def heights(self, first: int, n: int) -> Floats:
        """1 + cos(pi k / T_max). Near a low point the last bit of the cosine is most of the sum, so it is C's there,
        as torch's is; NumPy's may differ in it."""
        angles = np.pi * counts(first, n) / self.spec.T_max
        heights = 1 + np.cos(angles)
        for place in np.flatnonzero(heights < 1e-5):
            heights[place] = 1 + math.cos(angles[place])
        return heights

    def is_restart(self, first: int, n: int) -> NDArray[np.bool_]:
        """Whether a call is the first after a low point."""
        period = 2 * self.spec.T_max
        restarts = np.zeros(n, dtype=bool)
        restarts[(self.spec.T_max + 1 - first) % period :: period] = True
        return restarts

    @property
    def restart(self) -> float:
        """What is added to the LR in the first call after a low point."""
        return (self.base - self.spec.eta_min) * (1 - math.cos(math.pi / self.spec.T_max)) / 2

    def lines(self, first: int, n: int) -> tuple[Floats, Floats, Floats]:
        """r, m and a of each call: the LR becomes r x (LR - m) + m + a."""
        heights, restarts = self.heights(first - 1, n + 1), self.is_restart(first, n)
        with np.errstate(divide="ignore", invalid="ignore"):
            ratios = np.where(restarts, 1.0, heights[1:] / heights[:-1])
        return ratios, np.where(restarts, 0.0, self.spec.eta_min), np.where(restarts, self.restart, 0.0)


class WarmRestarts(Absolute[specs.CosineAnnealingWarmRestarts]):
    def values(self, first: int, n: int) -> Floats:
        low = self.spec.eta_min
        return low + (self.base - low) * (1 + np.cos(self._angles(first, n))) / 2

    def _angles(self, first: int, n: int) -> Floats:
        length, times = self.spec.T_0, self.spec.T_mult
        if times == 1:
            return np.pi * np.mod(counts(first, n), length) / length
        angles, start, end = np.empty(n), 0, first + n
        while start < end:
            low, high = max(start, first), min(start + length, end)
            if high > low:
                angles[low - first : high - first] = np.pi * counts(low - start, high - low) / length
            start, length = start + length, length * times
        return angles
