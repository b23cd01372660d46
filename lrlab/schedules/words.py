"""Schedules in words: a short label for legends and tables, and sentences about a curve."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from lrlab.schedules import spec as specs
from lrlab.schedules.curve import Curve
from lrlab.schedules.table import Table

LISTED = 6
"""So many drops, peaks and cuts are listed one by one; of more, the first and the last are named."""

NESTED, FORMULA = 4, 40
"""So many of the schedulers in a nest, and characters of a formula, a label shows."""

_KEPT: Mapping[type[specs.Scheduler], tuple[str, ...]] = MappingProxyType(
    {
        specs.OneCycleLR: ("max_lr", "total_steps"),
        specs.CyclicLR: ("base_lr", "max_lr", "step_size_up"),
        specs.ReduceLROnPlateau: ("factor", "patience"),
    }
)
"""Schedulers with many parameters, of which a label leaves out those at torch's default; these are always told."""


def number(value: float) -> str:
    """`value` as a person would write it: 0.001, 1e-4, 0.05, 3.1e-6; at most 3 significant digits."""
    if value == 0:
        return "0"
    if value != value or value in (float("inf"), float("-inf")):
        return str(value)
    if 0.001 <= abs(value) < 10_000:
        return f"{value:.3g}" if abs(value) < 1000 else f"{value:.0f}"
    mantissa, exponent = f"{value:.2e}".split("e")
    return f"{mantissa.rstrip('0').rstrip('.')}e{int(exponent)}"


def label(spec: specs.ScheduleSpec) -> str:
    """The schedule in one short line, such as "StepLR(step_size=5, gamma=0.5), warm-up 3 epochs".

    Schedulers with many parameters show those that differ from torch's defaults; a nest shows names and milestones:
    "SequentialLR(LinearLR → CosineAnnealingLR at 3)".
    """
    text = _called(spec.scheduler)
    if spec.interval == "step" and not isinstance(spec.scheduler, specs.Fixed):
        text += " per step"
    if spec.warmup:
        unit = spec.warmup.unit + ("s" if spec.warmup.length != 1 else "")
        text += f", warm-up {spec.warmup.length} {unit}"
    return text


def _called(scheduler: specs.Scheduler) -> str:
    name = scheduler.name
    match scheduler:
        case specs.Fixed():
            return name
        case specs.SequentialLR():
            parts = [_held(scheduler.schedulers[0])]
            parts += [
                f"{_held(phase)} at {at}"
                for phase, at in zip(scheduler.schedulers[1:], scheduler.milestones, strict=True)
            ]
            return f"{name}({_some(parts, ' → ', NESTED)})"
        case specs.ChainedScheduler():
            return f"{name}({_some([_held(inner) for inner in scheduler.schedulers], ' × ', NESTED)})"
        case specs.LambdaLR(table=Table() as table):
            points = len(table.points)
            return f"{name}({points} point{'s' if points != 1 else ''})"
        case specs.LambdaLR() | specs.MultiplicativeLR():
            return f"{name}({_shortened(' '.join((scheduler.formula or '').split()))})"
    shown = {
        field: value for field, value in scheduler.model_dump(exclude={"name"}).items() if _tells(scheduler, field)
    }
    return f"{name}({', '.join(f'{field}={_shown(value)}' for field, value in shown.items())})"


def _held(scheduler: specs.Scheduler) -> str:
    """A scheduler within another one: its name, and of a nest how much it holds."""
    if isinstance(scheduler, specs.SequentialLR | specs.ChainedScheduler):
        return f"{scheduler.name} of {len(scheduler.schedulers)}"
    return scheduler.name


def _tells(scheduler: specs.Scheduler, field: str) -> bool:
    """Whether the value says something: always, but for a default of a scheduler with many parameters."""
    if getattr(scheduler, field) is None:
        return False
    if field == "gamma" and isinstance(scheduler, specs.CyclicLR) and scheduler.mode != "exp_range":
        return False
    if type(scheduler) not in _KEPT or field in _KEPT[type(scheduler)]:
        return True
    return bool(getattr(scheduler, field) != type(scheduler).model_fields[field].default)


def _some(parts: Sequence[str], joint: str, most: int) -> str:
    """All parts, or of more than `most` the first ones and how many are left."""
    if len(parts) <= most:
        return joint.join(parts)
    return joint.join([*parts[: most - 1], f"{len(parts) - most + 1} more"])


def _shortened(formula: str) -> str:
    return formula if len(formula) <= FORMULA else formula[: FORMULA - 3] + "..."


def _shown(value: object) -> str:
    if isinstance(value, float):
        return number(value)
    if isinstance(value, tuple):
        return f"[{_some(list(map(_shown, value)), ', ', LISTED)}]"
    return str(value)


def sentences(curve: Curve) -> list[str]:
    """What a person should see in `curve`, one true sentence each; updates and epochs are counted from 0.

    Start, end, highest and lowest LR with the first update that uses it; peaks where it goes up and down several times;
    drops where it goes down in steps, or ReduceLROnPlateau's cuts; a rise after a fall; an LR that stays at 0; the
    momentum where the schedule moves it. LRs are given to 3 significant digits.
    """
    lr = curve.lr
    # Products and cosines of the same LR may differ in their last bits: that is no change a person means.
    change = np.diff(lr)
    change[np.abs(change) <= 1e-12 * np.maximum(lr[1:], lr[:-1])] = 0
    if change.any():
        said = [
            f"The LR starts at {number(lr[0])}.",
            f"It ends at {number(lr[-1])}.",
            f"It is highest at {_at(curve, int(lr.argmax()))}: {number(lr.max())}.",
            f"It is lowest at {_at(curve, int(lr.argmin()))}: {number(lr.min())}.",
            *_turns(curve, change),
        ]
    else:
        said = [f"The LR never changes: it is {number(lr[0])} from the first update to the last."]
    if curve.decisions:
        said += _cuts(curve)
    if lr[-1] == 0 and change.any():
        zero_from = len(lr) - int(np.argmax(lr[::-1] != 0))
        said.append(f"From {_at(curve, zero_from)} on it is 0: nothing is learnt any more.")
    if curve.momentum is not None:
        said.append(_momentum(curve.momentum))
    return said


def _turns(curve: Curve, change: NDArray[np.float64]) -> list[str]:
    """Several peaks; or drops and a rise after a fall."""
    drops = np.flatnonzero(change < 0) + 1
    moves = np.flatnonzero(change)
    falls = change[moves] < 0
    turned = np.flatnonzero(falls[:-1] & ~falls[1:])  # the last fall before each rise
    if len(turned) > 1:
        peaks = moves[np.flatnonzero(~falls[:-1] & falls[1:])] + 1
        if falls[0]:
            peaks = np.concatenate([[0], peaks])
        return [f"It has {len(peaks)} peaks, {_listed(curve, peaks)}."]
    said = []
    if len(drops) and not curve.decisions and _in_steps(change, drops):
        said.append(f"It drops {_when(curve, drops)}.")
    if len(turned):
        said.append(f"After having fallen, it rises again at {_at(curve, int(moves[turned[0] + 1]) + 1)}.")
    return said


def _in_steps(change: NDArray[np.float64], drops: NDArray[np.int64]) -> bool:
    """Whether the LR rests after every drop (the last update excepted, after which nothing comes)."""
    return not change[drops[drops < len(change)]].any()


def _cuts(curve: Curve) -> list[str]:
    """What ReduceLROnPlateau did; the cut at the end of the last epoch is one too, though no update uses it."""
    cuts = [(epoch, each) for epoch, each in enumerate(curve.decisions, curve.first_decision) if each.cut]
    if not cuts:
        return ["There is no cut: the metric never goes long enough without getting better."]
    bad = cuts[0][1].bad
    waited = f"{bad} epochs in a row without a better metric" if bad > 1 else "1 epoch without a better metric"
    made = [epoch for epoch, each in cuts if each.after < each.before]
    said = []
    if len(made) == 1:
        said.append(f"It is cut once, at the end of epoch {made[0]}, after {waited}.")
    elif made:
        when = f"epochs {_list(made)}" if len(made) <= LISTED else f"epoch {made[0]} first and of epoch {made[-1]} last"
        said.append(f"It is cut {len(made)} times, at the end of {when}, each time after {waited}.")
    if made and made[-1] == curve.epochs - 1:
        said.append("The last cut comes after the last update.")
    without = len(cuts) - len(made)
    if without:
        several = f"{without} more cuts" if made and without > 1 else f"{without} cuts" if without > 1 else "One cut"
        said.append(f"{several} changed nothing: min_lr or eps forbade it.")
    return said


def _momentum(momentum: NDArray[np.float64]) -> str:
    highest, lowest = momentum.max(), momentum.min()
    if highest == lowest:
        return f"Momentum is set to {number(highest)}."
    return f"Momentum moves between {number(highest)} and {number(lowest)}."


def _when(curve: Curve, updates: NDArray[np.int64]) -> str:
    if len(updates) == 1:
        return f"once, at {_at(curve, int(updates[0]))}"
    return f"{len(updates)} times, {_listed(curve, updates)}"


def _listed(curve: Curve, updates: NDArray[np.int64]) -> str:
    if len(updates) <= LISTED:
        return f"at updates {_list(updates)} (epochs {_list(updates // curve.steps_per_epoch)})"
    return f"first at {_at(curve, int(updates[0]))}, last at {_at(curve, int(updates[-1]))}"


def _at(curve: Curve, update: int) -> str:
    return f"update {update} (epoch {update // curve.steps_per_epoch})"


def _list(values: Sequence[int] | NDArray[np.int64]) -> str:
    return f"{', '.join(map(str, values[:-1]))} and {values[-1]}"
