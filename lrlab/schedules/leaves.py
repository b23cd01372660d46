"""Single schedulers as torch builds and steps them on one parameter group, for many calls at once.

torch's schedulers are small machines that share a parameter group: building one already changes the LR that it finds,
and what a call of `step()` does depends on a counter. Per call each of them either sets the LR, whatever it was, or
multiplies it, or (CosineAnnealingLR) moves it along a line. The functions here give these values for a whole range of
counters as arrays, with torch's own operations in torch's own order; the order between schedulers is `machine`'s.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Generic, NoReturn, TypeVar

import numpy as np
from numpy.typing import NDArray

from lrlab.errors import LabError
from lrlab.schedules import spec as specs
from lrlab.schedules.formula import parse_formula

Floats = NDArray[np.float64]


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

    def _take_momentum(self, group: Group, lowest: float, highest: float) -> None:
        self.moves_momentum = True
        group.momentum = group.max_momentum = highest
        group.base_momentum = lowest

    def _initial(self) -> None:
        self.group.lr = float(self.values(self.count, 1)[0])
        if self.moves_momentum:
            self.group.momentum = float(self.momenta(self.count, 1)[0])


class Factor(Leaf[S]):
    """A scheduler that multiplies the LR that it finds. `initially`: by what the initial step multiplies it."""

    initially: float = 1.0

    def factors(self, first: int, n: int) -> Floats:
        raise NotImplementedError

    def apply(self, lr: float, first: int, out: Floats) -> None:
        """Fills `out` with the LR after each call where nothing else acts on it; `lr` is the LR before."""
        out[:] = self.factors(first, len(out))
        out[0] *= lr
        np.multiply.accumulate(out, out=out)

    def _initial(self) -> None:
        self.group.lr *= self.initially

    def closed_at_zero(self) -> float | None:
        return self.base


MANY = 50
"""Above so many drops NumPy's own loop over them is the faster one."""


class Drops(Factor[S]):
    """A scheduler that multiplies the LR at a few counters only."""

    def drops(self, first: int, n: int) -> tuple[NDArray[np.intp], Floats]:
        """At which of the n calls, in order, and by what."""
        raise NotImplementedError

    def factors(self, first: int, n: int) -> Floats:
        places, drops = self.drops(first, n)
        factors = np.ones(n)
        factors[places] = drops
        return factors

    def apply(self, lr: float, first: int, out: Floats) -> None:
        places, drops = self.drops(first, len(out))
        levels = np.multiply.accumulate(np.concatenate([[lr], drops]))
        if len(places) > MANY:
            out[:] = np.repeat(levels, np.diff(places, prepend=0, append=len(out)))
            return
        ends = (*places, len(out))
        for start, end, level in zip((0, *places), ends, levels, strict=True):
            out[start:end] = level


def at_counters(first: int, n: int, factors: Mapping[int, float]) -> tuple[NDArray[np.intp], Floats]:
    """`factors` by counter as `Drops.drops` gives them."""
    met = sorted((at, factor) for at, factor in factors.items() if first <= at < first + n)
    return np.array([at - first for at, _ in met], dtype=np.intp), np.array([factor for _, factor in met])


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
    formula = parse_formula(spec.formula or "")
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


class Step(Drops[specs.StepLR]):
    def drops(self, first: int, n: int) -> tuple[NDArray[np.intp], Floats]:
        size = self.spec.step_size
        places = np.arange(-first % size, n, size)
        places = places[places != -first]  # not at 0
        return places, np.full(len(places), self.spec.gamma)


class MultiStep(Drops[specs.MultiStepLR]):
    def __init__(self, spec: specs.MultiStepLR, group: Group, setting: Setting, path: str, offset: int) -> None:
        self._factors = {at: spec.gamma**times for at, times in Counter(spec.milestones).items()}
        self.initially = self._factors.get(0, 1.0)
        self.inert_after = spec.milestones[-1]
        super().__init__(spec, group, setting, path, offset)

    def drops(self, first: int, n: int) -> tuple[NDArray[np.intp], Floats]:
        return at_counters(first, n, self._factors)

    def closed_at_zero(self) -> float:
        return self.base * self.initially


class Constant(Drops[specs.ConstantLR]):
    def __init__(self, spec: specs.ConstantLR, group: Group, setting: Setting, path: str, offset: int) -> None:
        self.initially, self.inert_after = spec.factor, spec.total_iters
        # With total_iters 0 the factor stays for ever.
        self._factors = {spec.total_iters: 1.0 / spec.factor, 0: spec.factor}
        super().__init__(spec, group, setting, path, offset)

    def drops(self, first: int, n: int) -> tuple[NDArray[np.intp], Floats]:
        return at_counters(first, n, self._factors)

    def closed_at_zero(self) -> float:
        ended = self.spec.total_iters <= 0
        return self.base * (self.spec.factor + ended * (1 - self.spec.factor))


class Exponential(Factor[specs.ExponentialLR]):
    def factors(self, first: int, n: int) -> Floats:
        return np.broadcast_to(self.spec.gamma, n)


class Linear(Factor[specs.LinearLR]):
    def __init__(self, spec: specs.LinearLR, group: Group, setting: Setting, path: str, offset: int) -> None:
        self.initially, self.inert_after = spec.start_factor, spec.total_iters
        self._slope = spec.end_factor - spec.start_factor
        self._start = spec.total_iters * spec.start_factor
        super().__init__(spec, group, setting, path, offset)

    def factors(self, first: int, n: int) -> Floats:
        factors = 1.0 + self._slope / (self._start + counts(first - 1, n) * self._slope)
        if first <= 0:
            factors[-first] = self.spec.start_factor
        return factors

    def apply(self, lr: float, first: int, out: Floats) -> None:
        if first <= 0:
            super().apply(lr, first, out)
            return
        scale = lr / (self._start + (first - 1) * self._slope)
        np.multiply(counts(first, len(out)), self._slope, out=out)
        out += self._start
        out *= scale

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
        left = self._left(first - 1, n + 1)
        return np.asarray((left[1:] / left[:-1]) ** self.spec.power)

    def apply(self, lr: float, first: int, out: Floats) -> None:
        left = self._left(first, len(out))
        left /= 1.0 - (first - 1) / self.spec.total_iters
        if self.spec.power != 1:
            np.power(left, self.spec.power, out=left)
        np.multiply(left, lr, out=out)

    def _left(self, first: int, n: int) -> Floats:
        """The share of the way that is left at each counter."""
        if self.spec.total_iters == 0:
            self._divides_by_zero()
        left = counts(first, n)
        left /= self.spec.total_iters
        return np.subtract(1.0, left, out=left)

    def closed_at_zero(self) -> float:
        if self.spec.total_iters == 0:
            self._divides_by_zero()
        return self.base

    def _divides_by_zero(self) -> NoReturn:
        self.raises(
            "torch divides by zero where it starts within SequentialLR with total_iters 0; allowed: 1 or more",
            "total_iters",
        )
