"""Schedules as plain Python functions of the call, for where Keras has no schedule of its own.

A nest is written as the textbook has it: one phase after another, each from its own 0, or a product. torch's nests may
do something else (see the checks), so what was written is compared with the curve.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from lrlab.schedules import machine
from lrlab.schedules import spec as specs
from lrlab.schedules.code_parts import call, expression, literal, rounded, table_function
from lrlab.schedules.composition import Composition
from lrlab.schedules.leaves import Floats, Setting, lambda_values

SETTING_LR = (
    specs.LambdaLR,
    specs.CosineAnnealingWarmRestarts,
    specs.CyclicLR,
    specs.OneCycleLR,
)
"""Schedulers that set the LR whatever it was: in a ChainedScheduler they discard what those before them did."""

CLOSE = 1e-6
"""How far a nest may be from the curve, relative to the highest LR; Keras computes in float32."""


class Functions:
    """The functions of the call that give a composition's LR; the last one in `lines` is `lr_at`."""

    def __init__(self, composition: Composition) -> None:
        self.lines: list[str] = []
        schedule = composition.schedule
        self._per_step = schedule.interval == "step"
        self._counter = "step" if self._per_step else "epoch"
        self._calls = composition.calls
        self._made = self._drawn = 0
        self._write(schedule.scheduler, 0, "lr_at")

    def _write(self, scheduler: specs.Scheduler, offset: int, name: str = "") -> str:
        """Writes the function of `scheduler`, which starts at the run's call `offset`, and returns its name."""
        if isinstance(scheduler, specs.SequentialLR):
            body = self._in_sequence(scheduler, offset)
        elif isinstance(scheduler, specs.ChainedScheduler):
            names = [self._write(factor, offset) for factor in _lasting(scheduler)]
            product = " * ".join(f"{factor}({self._counter})" for factor in names)
            powers = {1: "", 2: " / lr"}.get(len(names), f" / lr ** {len(names) - 1}")
            body = [f"return {product}{powers}"]
        else:
            body = self._single(scheduler, offset)
        if not name:
            self._made += 1
            name = f"part{self._made}"
        self.lines += ["", "", f"def {name}({self._counter}):", *(f"    {line}" for line in body)]
        return name

    def _in_sequence(self, scheduler: specs.SequentialLR, offset: int) -> list[str]:
        body = []
        starts = (0, *scheduler.milestones)
        for place, (phase, start) in enumerate(zip(scheduler.schedulers, starts, strict=True)):
            shifted = f"{self._counter} - {start}" if start else self._counter
            line = f"return {self._write(phase, offset + start)}({shifted})"
            last = place == len(scheduler.milestones)
            body += [line] if last else [f"if {self._counter} < {scheduler.milestones[place]}:", f"    {line}"]
        return body

    def _single(self, scheduler: specs.Scheduler, offset: int) -> list[str]:
        counter = self._counter
        match scheduler:
            case specs.LambdaLR(table=table) if table:
                self._drawn += 1
                name = f"drawn{self._drawn}"
                self.lines += ["", "", *table_function(name, table)]
                return [f"return lr * {name}({counter})"]
            case specs.LambdaLR():
                return [f"return lr * ({expression(scheduler, self._per_step, self._calls, offset)})"]
            case specs.MultiplicativeLR():
                # The LR of each call rests on the one before: all of them are made once.
                factor = expression(scheduler, self._per_step, self._calls, offset)
                self._made += 1
                name = f"lrs{self._made}"
                arguments = [f"range(1, {max(self._calls, 1)})", f"lambda lr, {counter}: lr * ({factor})", "initial=lr"]
                self.lines += ["", *call(f"{name} = list(itertools.accumulate", arguments)]
                self.lines[-1] += ")"
                return [f"return {name}[{counter}]"]
            case specs.CyclicLR():
                return _cyclic(scheduler, counter)
            case specs.OneCycleLR():
                return _one_cycle(scheduler, counter)
            case specs.CosineAnnealingWarmRestarts():
                return _warm_restarts(scheduler, counter)
        return [f"return {_closed_form(scheduler, counter)}"]


def _lasting(scheduler: specs.ChainedScheduler) -> Sequence[specs.Scheduler]:
    last = max((at for at, one in enumerate(scheduler.schedulers) if isinstance(one, SETTING_LR)), default=0)
    return scheduler.schedulers[last:]


def _closed_form(scheduler: specs.Scheduler, counter: str) -> str:
    """The LR at call `counter` in one line."""
    match scheduler:
        case specs.StepLR(step_size=size, gamma=gamma):
            return f"lr * {gamma!r} ** ({counter} // {size})"
        case specs.MultiStepLR(milestones=milestones, gamma=gamma):
            return f"lr * {gamma!r} ** sum({counter} >= milestone for milestone in {literal(milestones)})"
        case specs.ExponentialLR(gamma=gamma):
            return f"lr * {gamma!r} ** {counter}"
        case specs.ConstantLR(factor=factor, total_iters=length):
            return f"lr * {factor!r} if {counter} < {length} else lr" if length else f"lr * {factor!r}"
        case specs.LinearLR(start_factor=start, end_factor=end, total_iters=length):
            share = f"min({counter}, {length}) / {length}"
            return f"lr * ({start!r} + ({end!r} - {start!r}) * {share})" if length else f"lr * {start!r}"
        case specs.PolynomialLR(total_iters=length, power=power):
            return f"lr * (1 - min({counter}, {length}) / {length}) ** {power!r}" if length else "lr"
        case specs.CosineAnnealingLR(T_max=length, eta_min=low):
            return _between(low, f"{counter} / {length}")
    return "lr"


def _between(low: float, share: str) -> str:
    """Half a cosine from the LR down to `low`."""
    if low == 0:
        return f"lr * (1 + math.cos(math.pi * {share})) / 2"
    return f"{low!r} + (lr - {low!r}) * (1 + math.cos(math.pi * {share})) / 2"


def _warm_restarts(scheduler: specs.CosineAnnealingWarmRestarts, counter: str) -> list[str]:
    first, times = scheduler.T_0, scheduler.T_mult
    if times == 1:
        return [f"return {_between(scheduler.eta_min, f'({counter} % {first}) / {first}')}"]
    return [
        f"start, length = 0, {first}",
        f"while {counter} >= start + length:",
        f"    start, length = start + length, {times} * length",
        f"return {_between(scheduler.eta_min, f'({counter} - start) / length')}",
    ]


def _cyclic(scheduler: specs.CyclicLR, counter: str) -> list[str]:
    up = scheduler.step_size_up
    down = up if scheduler.step_size_down is None else scheduler.step_size_down
    falling = f" if within <= {up} else ({up + down} - within) / {down}" if down else ""
    height = {"triangular": "height", "triangular2": "height / 2**cycle"}
    times = height.get(scheduler.mode, f"height * {scheduler.gamma!r} ** {counter}")
    low, high = scheduler.base_lr, scheduler.max_lr
    return [
        f"cycle, within = divmod({counter}, {up + down})",
        f"height = within / {up}{falling}",
        f"return {low!r} + ({high!r} - {low!r}) * {times}",
    ]


def _one_cycle(scheduler: specs.OneCycleLR, counter: str) -> list[str]:
    length, share, high = scheduler.length, scheduler.pct_start, scheduler.max_lr
    first = high / scheduler.div_factor
    last = first / scheduler.final_div_factor
    ends, levels = [share * length - 1, length - 1], [first, high, last]
    if scheduler.three_phase:
        ends, levels = [share * length - 1, 2 * share * length - 2, length - 1], [first, high, first, last]
    phases = [
        f"({start!r}, {end!r}, {rounded(before)!r}, {rounded(after)!r})"
        for start, end, before, after in zip([0, *ends], ends, levels, levels[1:], strict=False)
    ]
    anneal = "before + (after - before) * share"
    if scheduler.anneal_strategy == "cos":
        anneal = "after + (before - after) / 2 * (1 + math.cos(math.pi * share))"
    return [
        "# From one call to another, from one LR to another.",
        "phases = [",
        *(f"    {phase}," for phase in phases),
        "]",
        f"start, end, before, after = next((phase for phase in phases if {counter} <= phase[1]), phases[-1])",
        f"share = ({counter} - start) / (end - start)",
        f"return {anneal}",
    ]


def is_textbook(composition: Composition, used: Floats) -> bool:
    """Whether the curve, whose LR of every call is `used`, is what `Functions` have written."""
    schedule = composition.schedule
    if not isinstance(schedule.scheduler, specs.SequentialLR | specs.ChainedScheduler):
        return True
    setting = Setting(composition.calls, schedule.interval, composition.steps_per_epoch)
    with np.errstate(all="ignore"):
        expected = _textbook(schedule.scheduler, composition.lr, setting, 0, len(used))
    return bool(np.abs(expected - used).max(initial=0.0) <= CLOSE * used.max(initial=0.0))


def _textbook(scheduler: specs.Scheduler, lr: float, setting: Setting, offset: int, n: int) -> Floats:
    """The LR after 0 to n - 1 calls of `scheduler`, as `Functions` write it, shape (n,)."""
    if n <= 0:
        return np.empty(0)
    if isinstance(scheduler, specs.ChainedScheduler):
        factors = [_textbook(one, lr, setting, offset, n) / lr for one in _lasting(scheduler)]
        return np.asarray(lr * np.prod(factors, axis=0))
    if isinstance(scheduler, specs.SequentialLR):
        ends = [min(milestone, n) for milestone in scheduler.milestones]
        phases = zip(scheduler.schedulers, (0, *ends), (*ends, n), strict=True)
        return np.concatenate(
            [_textbook(phase, lr, setting, offset + start, end - start) for phase, start, end in phases]
        )
    if isinstance(scheduler, specs.LambdaLR):
        return lr * lambda_values(scheduler, 0, n, setting, offset)
    if isinstance(scheduler, specs.MultiplicativeLR):
        return lr * np.cumprod([1.0, *lambda_values(scheduler, 1, n - 1, setting, offset)])
    values, _ = machine.stepped(scheduler, lr, replace(setting, total=n - 1))
    return values
