"""Checks of the curve as a whole, whatever scheduler made it, and of the parameter groups."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from lrlab.errors import LabError
from lrlab.schedules import spec as specs
from lrlab.schedules.checks.decays import COUNTING, LEFT, VANISHED
from lrlab.schedules.checks.model import Found, Repair, rule
from lrlab.schedules.checks.situation import Place, Situation, near_one
from lrlab.schedules.values import LR_CAP
from lrlab.schedules.words import number

NOTHING, LITTLE = 0.01, 0.1
"""So large a part of the updates has to have LR 0, or an LR that is next to nothing, before it is worth a word."""


@rule("trap", *COUNTING, "cosine-climbs", "eta-min-above-lr", "restarts-cut-off")
def lr_zero(run: Situation) -> Iterator[Found]:
    """An LR of 0: PolynomialLR and LinearLR that arrive before the end, a cosine whose last call is its low point."""
    assert run.curve is not None
    lr = run.curve.lr
    zeros = np.flatnonzero(lr == 0)
    if len(zeros) <= max(1.0, NOTHING * len(lr)):
        return
    first = int(zeros[0])
    part = f"{len(zeros):,} of {len(lr):,} updates"
    place, repair = _arrived(run)
    yield Found(
        place or "scheduler",
        f"The LR is 0 in {part}, first in update {first:,} (epoch {first // run.curve.steps_per_epoch:,}): nothing is "
        "learnt there.",
        repair,
    )


@rule(
    "trap", *COUNTING, "lr-zero", "exponential-vanishes", "multiplicative-cumulates", "plateau-wrong-mode",
    "cosine-climbs",
)  # fmt: skip
def lr_vanishes(run: Situation) -> Iterator[Found]:
    """An LR that is not 0 but a millionth of the highest one: the rest of the run trains nothing."""
    assert run.curve is not None
    lr = run.curve.lr
    highest = float(lr.max())
    low = np.flatnonzero(lr < VANISHED * highest)
    if len(low) <= max(1.0, LITTLE * len(lr)):
        return
    first = int(low[0])
    path, repair = _gentler(run)
    yield Found(
        path,
        f"In {100 * len(low) / len(lr):.0f} % of the updates, first in update {first:,}, the LR is below a millionth "
        f"of the highest one, {number(highest)}: next to nothing is learnt there.",
        repair,
    )


@rule("refused")
def group_out_of_range(run: Situation) -> Iterator[Found]:
    """A parameter group whose LR goes above 1000 while that of the base LR does not: its curve cannot be drawn."""
    assert run.curve is not None
    composition, highest = run.composition, float(run.curve.lr.max())
    for index, group in enumerate(composition.groups):
        times = group.rate(composition.lr) / composition.lr
        if highest * times <= 0.999 * LR_CAP:
            continue
        try:
            composition.group_curve(group, run.logged)
        except LabError as error:
            yield Found(f"groups.{index}", f"Group {group.name!r}: {error}")


@rule("note")
def groups_share_cycle(run: Situation) -> Iterator[Found]:
    """OneCycleLR and CyclicLR set LRs that torch takes as one for all groups or as a list; one for all would undo what
    the groups were made for."""
    groups = run.composition.groups
    rates = [group.rate(run.composition.lr) for group in groups]
    if len(set(rates)) < 2:
        return
    for place in run.active(specs.OneCycleLR, specs.CyclicLR):
        peaks = [number(place.scheduler.max_lr * rate / run.composition.lr) for rate in rates]
        shown = ", ".join(f"{group.name!r} {peak}" for group, peak in zip(groups[:3], peaks, strict=False))
        yield Found(
            place.at("max_lr"),
            f"max_lr {number(place.scheduler.max_lr)} is meant for the base LR and each group gets its share ({shown}"
            f"{', ...' if len(groups) > 3 else ''}); torch takes them as a list, one number would make all the same.",
            way=place.way,
        )


def _arrived(run: Situation) -> tuple[str | None, Repair | None]:
    """The parameter that brings the LR to 0 before the end, and what would bring it there at the end."""
    for place in run.places:
        scheduler: Any = place.scheduler
        match scheduler:
            case specs.CosineAnnealingLR() if scheduler.eta_min == 0 and 0 < scheduler.T_max < place.calls:
                return place.at("T_max"), run.set(place, T_max=place.calls)
            case specs.PolynomialLR() | specs.LinearLR() if 0 < scheduler.total_iters < place.calls:
                if getattr(scheduler, "end_factor", 0.0) == 0 and getattr(scheduler, "power", 1.0) > 0:
                    return place.at("total_iters"), run.set(place, total_iters=place.calls)
            case specs.StepLR() | specs.MultiStepLR() | specs.ExponentialLR() if place.calls and scheduler.gamma == 0:
                gamma = near_one(LEFT ** (1 / place.calls)) if isinstance(scheduler, specs.ExponentialLR) else 0.1
                return place.at("gamma"), run.set(place, gamma=gamma)
            case specs.ReduceLROnPlateau() if scheduler.factor == 0:
                return place.at("factor"), run.set(place, factor=0.1)
            case specs.LambdaLR() | specs.MultiplicativeLR():
                return place.at("table" if getattr(scheduler, "table", None) else "formula"), None
    return None, None


def _gentler(run: Situation) -> tuple[str, Repair | None]:
    """The drops that make the LR vanish, with at most three of them left, or a gamma of 0.1."""
    for place in run.active(specs.StepLR, specs.MultiStepLR):
        scheduler: Any = place.scheduler
        if not 0 < scheduler.gamma < 1:
            continue
        if isinstance(scheduler, specs.StepLR) and scheduler.gamma**3 >= VANISHED and place.calls > 4:
            size = -(-place.calls // 4)
            if size > scheduler.step_size:
                return place.at("step_size"), run.set(place, step_size=size)
        gentle = _gentle(place)
        if gentle > scheduler.gamma:
            return place.at("gamma"), run.set(place, gamma=gentle)
    return "scheduler", None


def _gentle(place: Place[Any]) -> float:
    """A gamma that leaves a thousandth after all drops."""
    scheduler = place.scheduler
    if isinstance(scheduler, specs.StepLR):
        drops = (place.calls - 1) // scheduler.step_size
    else:
        drops = sum(milestone < place.calls for milestone in scheduler.milestones)
    return near_one(1e-3 ** (1 / max(drops, 1)))


RULES = (lr_zero, lr_vanishes, group_out_of_range, groups_share_cycle)
