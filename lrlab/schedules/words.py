"""Schedules in words: a short label for legends and tables, and sentences about a curve."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from lrlab.schedules.curve import Curve
from lrlab.schedules.spec import ScheduleSpec

LISTED = 6
"""So many drops are listed one by one; of more, the first and the last are named."""


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


def label(spec: ScheduleSpec) -> str:
    """The schedule in one short line, such as "StepLR(step_size=5, gamma=0.5), warm-up 3 epochs"."""
    values = spec.scheduler.model_dump(exclude={"name"})
    inside = ", ".join(f"{key}={_shown(value)}" for key, value in values.items())
    text = f"{spec.scheduler.name}({inside})" if inside else spec.scheduler.name
    if spec.interval == "step" and inside:
        text += " per step"
    if spec.warmup:
        unit = spec.warmup.unit + ("s" if spec.warmup.length != 1 else "")
        text += f", warm-up {spec.warmup.length} {unit}"
    return text


def _shown(value: object) -> str:
    if isinstance(value, float):
        return number(value)
    if isinstance(value, tuple):
        return f"[{', '.join(map(_shown, value))}]"
    return str(value)


def sentences(curve: Curve) -> list[str]:
    """What a person should see in `curve`, one true sentence each; updates and epochs are counted from 0.

    Start, end, highest and lowest LR with the first update that uses it, drops where the curve goes down in steps,
    a rise after a fall, and an LR that stays at 0. LRs are given to 3 significant digits.
    """
    lr, last = curve.lr, len(curve.lr) - 1
    # Products and cosines of the same LR may differ in their last bits: that is no change a person means.
    change = np.diff(lr)
    change[np.abs(change) <= 1e-12 * np.maximum(lr[1:], lr[:-1])] = 0
    if not change.any():
        return [f"The LR never changes: it is {number(lr[0])} from the first update to the last."]
    said = [
        f"The LR starts at {number(lr[0])}.",
        f"It ends at {number(lr[-1])}.",
        f"It is highest at {_at(curve, int(lr.argmax()))}: {number(lr.max())}.",
        f"It is lowest at {_at(curve, int(lr.argmin()))}: {number(lr.min())}.",
    ]
    drops = np.flatnonzero(change < 0) + 1
    if len(drops) and _in_steps(change, drops):
        said.append(_drops(curve, drops))
    rises = np.flatnonzero(change > 0) + 1
    if len(drops) and len(again := rises[rises > drops[0]]):
        said.append(f"After having fallen, it rises again at {_at(curve, int(again[0]))}.")
    if lr[-1] == 0:
        zero_from = last + 1 - int(np.argmax(lr[::-1] != 0))
        said.append(f"From {_at(curve, zero_from)} on it is 0: nothing is learnt any more.")
    return said


def _in_steps(change: NDArray[np.float64], drops: NDArray[np.int64]) -> bool:
    """Whether the LR rests after every drop (the last update excepted, after which nothing comes)."""
    return not change[drops[drops < len(change)]].any()


def _drops(curve: Curve, drops: NDArray[np.int64]) -> str:
    if len(drops) == 1:
        return f"It drops once, at {_at(curve, int(drops[0]))}."
    if len(drops) <= LISTED:
        updates, epochs = _list(drops), _list(drops // curve.steps_per_epoch)
        return f"It drops {len(drops)} times, at updates {updates} (epochs {epochs})."
    first, final = _at(curve, int(drops[0])), _at(curve, int(drops[-1]))
    return f"It drops {len(drops)} times, first at {first}, last at {final}."


def _at(curve: Curve, update: int) -> str:
    return f"update {update} (epoch {update // curve.steps_per_epoch})"


def _list(values: NDArray[np.int64]) -> str:
    return f"{', '.join(map(str, values[:-1]))} and {values[-1]}"
