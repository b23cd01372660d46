"""Checks of ChainedScheduler, whose schedulers all act on the LR in every call."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from lrlab.schedules import spec as specs
from lrlab.schedules.checks.model import Found, Repair, rule
from lrlab.schedules.checks.situation import Place, Situation
from lrlab.schedules.words import number

ABSOLUTE = (specs.LambdaLR, specs.CosineAnnealingWarmRestarts, specs.OneCycleLR, specs.CyclicLR)
"""They set the LR from their own counter; the others change what they find."""

Chain = Place[specs.ChainedScheduler]


@rule("trap", "one-cycle-moves-base")
def chained_peak_below_base(run: Situation) -> Iterator[Found]:
    """In ChainedScheduler the decay runs during the warm-up, so that the peak lies below the base LR."""
    for place in run.active(specs.ChainedScheduler):
        inner = place.scheduler.schedulers
        risers = [index for index, scheduler in enumerate(inner) if _rises(scheduler)]
        if not risers or len(inner) < 2 or any(isinstance(scheduler, ABSOLUTE) for scheduler in inner):
            continue
        rise = inner[risers[0]]
        length = rise.total_iters if isinstance(rise, specs.LinearLR | specs.ConstantLR) else 0
        assert run.curve is not None
        first, after = run.update(place.start), run.update(place.start + place.calls - 1) + 1
        peak, base = float(run.curve.lr[first:after].max()), run.composition.lr
        if length >= place.calls or peak >= 0.98 * base or place.way:
            continue
        others = [scheduler.name for scheduler in inner if scheduler is not rise]
        yield Found(
            place.path,
            f"{_and(others)} already {'act' if len(others) > 1 else 'acts'} during the {run.length(length)} of "
            f"{rise.name}: the highest LR is {number(peak)}, not {number(base)}.",
            _one_after_the_other(run, place, risers[0]),
            place.way,
        )


@rule("trap")
def chained_discards(run: Situation) -> Iterator[Found]:
    """LambdaLR and the cycles set the LR at every call, so that what stands before them in a chain is
    discarded."""
    for place in run.active(specs.ChainedScheduler):
        inner = place.scheduler.schedulers
        last = _last_absolute(inner)
        if not last:
            continue
        before = inner[:last]
        kept = inner[last:]
        moves = any(isinstance(one, specs.OneCycleLR | specs.CyclicLR) for top in before for _, one in specs.walk(top))
        left = place.scheduler.model_copy(update={"schedulers": kept}) if len(kept) > 1 else kept[0]
        names = _and([scheduler.name for scheduler in before])
        yield Found(
            f"{place.path}.schedulers.{last}",
            f"{inner[last].name} sets the LR from its own counter at every call: what {names} before it "
            f"{'do' if last > 1 else 'does'} to the LR is discarded.",
            None if moves else Repair(f"Leave out {names}", run.replaced(place.way, left)),
            place.way,
        )


@rule("trap")
def chained_lasts_one_call(run: Situation) -> Iterator[Found]:
    """The other side of it: what stands after LambdaLR or a cycle in a chain changes an LR that is set anew at the next
    call, so that a drop of StepLR lasts for one call."""
    for place in run.active(specs.ChainedScheduler):
        inner = place.scheduler.schedulers
        last = _last_absolute(inner)
        after = () if last is None else tuple(one for one in inner[last + 1 :] if not isinstance(one, specs.Fixed))
        if last is None or not after:
            continue
        names = _and([scheduler.name for scheduler in after])
        yield Found(
            f"{place.path}.schedulers.{last + 1}",
            f"{inner[last].name} sets the LR anew at every call: each factor of {names} after it lasts for one call "
            "and does not add up.",
            _one_formula(run, place),
            place.way,
        )


def _last_absolute(schedulers: tuple[specs.Scheduler, ...]) -> int | None:
    found = [index for index, scheduler in enumerate(schedulers) if isinstance(scheduler, ABSOLUTE)]
    return found[-1] if found else None


def _rises(scheduler: Any) -> bool:
    if isinstance(scheduler, specs.LinearLR):
        return scheduler.total_iters > 0 and scheduler.start_factor < scheduler.end_factor == 1
    return isinstance(scheduler, specs.ConstantLR) and scheduler.total_iters > 0 and scheduler.factor < 1


def _one_after_the_other(run: Situation, place: Chain, first: int) -> Repair | None:
    """A SequentialLR of both, where there are two; the second one ends when it did."""
    inner = place.scheduler.schedulers
    if len(inner) != 2:
        return None
    rise, other = inner[first], inner[1 - first]
    if isinstance(other, specs.SequentialLR | specs.ChainedScheduler):
        return None
    length = getattr(rise, "total_iters", 0)
    sequence = specs.SequentialLR(schedulers=(rise, _shortened(other, length)), milestones=(length,))
    return Repair("Run them one after the other", run.replaced(place.way, sequence))


def _shortened(scheduler: specs.Scheduler, calls: int) -> specs.Scheduler:
    """What begins `calls` later and ends when it did, where it lasts so long."""
    for field in ("T_max", "total_iters"):
        length = getattr(scheduler, field, 0)
        if length > calls:
            return scheduler.model_copy(update={field: length - calls})
    if isinstance(scheduler, specs.MultiStepLR) and scheduler.milestones[-1] > calls:
        milestones = tuple(milestone - calls for milestone in scheduler.milestones if milestone > calls)
        return scheduler.model_copy(update={"milestones": milestones})
    return scheduler


def _one_formula(run: Situation, place: Chain) -> Repair | None:
    """LambdaLR with the decay in its formula, where the chain is a formula and a StepLR or ExponentialLR."""
    if len(place.scheduler.schedulers) != 2:
        return None
    first, second = place.scheduler.schedulers
    if not isinstance(first, specs.LambdaLR) or first.formula is None:
        return None
    if isinstance(second, specs.StepLR):
        factor = f"{second.gamma!r} ** (epoch // {second.step_size})"
    elif isinstance(second, specs.ExponentialLR):
        factor = f"{second.gamma!r} ** epoch"
    else:
        return None
    body = first.formula.partition(":")[2] if first.formula.lstrip().startswith("lambda") else first.formula
    formula = specs.LambdaLR.model_construct(name="LambdaLR", formula=f"({body.strip()}) * {factor}", table=None)
    return Repair(f"Write {second.name} into the formula", run.replaced(place.way, formula))


def _and(names: Sequence[str]) -> str:
    """At most three of them."""
    if len(names) > 3:
        names = [*names[:2], f"{len(names) - 2} more"]
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


RULES = (chained_peak_below_base, chained_discards, chained_lasts_one_call)
