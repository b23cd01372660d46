"""Which of Keras's own schedules gives the same LRs as one of torch's, and with what arguments."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from lrlab.schedules import spec as specs
from lrlab.schedules.code_parts import call, literal, rounded
from lrlab.schedules.composition import Composition
from lrlab.schedules.curve import warmup_updates

COUNTED = "# decay_steps counts updates, and an epoch has steps_per_epoch of them."
BOUNDED = "# Keras changes the LR after a boundary, torch at a milestone: hence the - 1."

TINY, HUGE = 1e-30, 1e30
"""A factor beyond these is no number in float32."""


@dataclass(frozen=True)
class Own:
    """One of Keras's schedules with its arguments; without a name an LR that does not change, in `arguments`."""

    name: str
    arguments: tuple[str, ...]
    comment: str = ""

    def lines(self, variable: str) -> list[str]:
        """The assignment to `variable`."""
        comment = ["", self.comment] if self.comment else [""]
        return [*comment, *call(f"{variable} = keras.optimizers.schedules.{self.name}", self.arguments)]


def own_schedule(composition: Composition) -> Own | None:
    """Keras's schedule for what comes after the warm-up; None where none of Keras's gives the LRs of the curve."""
    if composition.calls == 0:
        return Own("", ("lr",))
    if composition.schedule.interval == "epoch":
        return _in_steps(composition, "steps_per_epoch") or _constant(composition.schedule.scheduler)
    scheduler = composition.schedule.scheduler
    return _in_steps(composition, "") or _constant(scheduler) or _smooth(composition, scheduler)


def warmed_cosine(composition: Composition) -> Own | None:
    """CosineDecay with the warm-up of its own, where both are in steps."""
    schedule, own = composition.schedule, own_schedule(composition)
    if not (schedule.warmup and own and own.name == "CosineDecay"):
        return None
    warm = warmup_updates(schedule.warmup, composition.steps_per_epoch)
    rise = (f"warmup_target={own.arguments[0]}", f"warmup_steps={warm}")
    return Own(own.name, (f"{schedule.warmup.start_factor!r} * lr", *own.arguments[1:], *rise))


def _constant(scheduler: specs.Scheduler) -> Own | None:
    match scheduler:
        case specs.Fixed() | specs.PolynomialLR(total_iters=0):
            return Own("", ("lr",))
        case specs.ConstantLR(factor=factor, total_iters=0) | specs.LinearLR(start_factor=factor, total_iters=0):
            return Own("", (f"{factor!r} * lr",))
    return None


def _in_steps(composition: Composition, unit: str) -> Own | None:
    """The schedules that change the LR at single calls, each `unit` updates long (empty: one)."""

    def updates(calls: int) -> str:
        if not unit:
            return str(calls)
        return unit if calls == 1 else f"{calls} * {unit}"

    match composition.schedule.scheduler:
        case specs.StepLR(step_size=size, gamma=gamma):
            arguments = ("lr", f"decay_steps={updates(size)}", f"decay_rate={gamma!r}", "staircase=True")
            return Own("ExponentialDecay", arguments, COUNTED if unit else "")
        case specs.ExponentialLR(gamma=gamma) if unit:
            arguments = ("lr", f"decay_steps={unit}", f"decay_rate={gamma!r}", "staircase=True")
            return Own("ExponentialDecay", arguments, COUNTED)
        case specs.ExponentialLR(gamma=gamma):
            # Over an epoch at once: float32 would feel the rounding of a gamma near 1 after some thousand updates.
            steps = composition.steps_per_epoch
            if gamma and TINY < gamma ** min(steps, 10_000) < HUGE:
                return Own("ExponentialDecay", ("lr", f"decay_steps={steps}", f"decay_rate={gamma!r} ** {steps}"))
            return Own("ExponentialDecay", ("lr", "decay_steps=1", f"decay_rate={gamma!r}"))
        case specs.ConstantLR(factor=factor, total_iters=length) if length:
            return _piecewise(composition, [f"{updates(length)} - 1"], [factor, 1.0])
        case specs.MultiStepLR(milestones=milestones, gamma=gamma) if milestones[-1]:
            counted = Counter(milestones)
            factors = [gamma ** counted.pop(0, 0)]
            for times in counted.values():
                factors.append(factors[-1] * gamma**times)
            return _piecewise(composition, [f"{updates(milestone)} - 1" for milestone in counted], factors)
        case specs.MultiStepLR(milestones=milestones, gamma=gamma):
            return Own("", (f"{gamma ** len(milestones)!r} * lr",))
    return None


def _piecewise(composition: Composition, boundaries: Sequence[str], factors: Sequence[float]) -> Own:
    values = [literal(rounded(composition.lr * factor)) for factor in factors]
    listed = (f"boundaries=[{', '.join(boundaries)}]", f"values=[{', '.join(values)}]")
    return Own("PiecewiseConstantDecay", listed, BOUNDED)


def _smooth(composition: Composition, scheduler: specs.Scheduler) -> Own | None:
    """The schedules that change the LR at every update."""
    last = composition.calls - 1
    match scheduler:
        case specs.LinearLR(start_factor=start, end_factor=end, total_iters=length):
            end_lr = f"end_learning_rate={end!r} * lr"
            return Own("PolynomialDecay", (f"{start!r} * lr", f"decay_steps={length}", end_lr, "power=1.0"))
        case specs.PolynomialLR(total_iters=length, power=power):
            return Own("PolynomialDecay", ("lr", f"decay_steps={length}", "end_learning_rate=0.0", f"power={power!r}"))
        # Where the run goes on, Keras's cosine rests at its end and torch's climbs again.
        case specs.CosineAnnealingLR(T_max=length, eta_min=low) if last <= length:
            return Own("CosineDecay", ("lr", f"decay_steps={length}", f"alpha={low!r} / lr"))
        case specs.CosineAnnealingWarmRestarts(T_0=length, T_mult=times, eta_min=low) if last < length or times == 1:
            # With longer and longer cycles Keras finds them by logarithms, which in float32 miss the restarts.
            cycles = (f"first_decay_steps={length}", "t_mul=1.0", "m_mul=1.0")
            return Own("CosineDecayRestarts", ("lr", *cycles, f"alpha={low!r} / lr"))
    return None
